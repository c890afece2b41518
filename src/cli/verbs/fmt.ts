/** `weft fmt FILE…`: canonical layout, written in place; `--check` only tells which files differ. */
import { writeFileSync } from "node:fs";
import { type Diagnostic, format } from "../../frontend/index.ts";
import { exitStatus, InputProblems } from "../exit-status.ts";
import { reportDiagnostics } from "../failure.ts";
import { printPlural } from "../quantities.ts";
import { readSourceText } from "../source-files.ts";
import type { Terminal } from "../terminal.ts";
import type { Verb } from "../verb.ts";

interface FileReport {
  readonly file: string;
  /** `unreadable` has mistakes or is no file; `changed` differs from the canonical layout, and was written unless checking. */
  readonly state: "unchanged" | "changed" | "unreadable";
  readonly diagnostics: readonly Diagnostic[];
  readonly problems: readonly string[];
}

export const fmtVerb: Verb = {
  name: "fmt",
  describe: (command) => {
    command
      .summary("write source files in the canonical layout")
      .argument("<files...>", ".weft files")
      .option("--check", "change nothing; exit with status 1 when a file would change");
  },
  execute: async (files, options, terminal) => {
    const checks = options.check === true;
    const reports = files.map((file) => formatFile(file, checks, terminal));
    const changed = reports.filter(({ state }) => state === "changed");
    const unreadable = reports.some(({ state }) => state === "unreadable");
    if (terminal.json) terminal.printJson({ ok: !unreadable && (!checks || changed.length === 0), files: reports });
    else {
      for (const { file } of changed) terminal.print(checks ? `${file}: would change` : `${file}: formatted`);
      if (changed.length === 0 && !unreadable) terminal.note(`${printPlural(files.length, "file")} unchanged`);
    }
    return unreadable || (checks && changed.length > 0) ? exitStatus.inputErrors : exitStatus.done;
  },
};

function formatFile(file: string, checks: boolean, terminal: Terminal): FileReport {
  try {
    const text = readSourceText(file);
    const { text: formatted, diagnostics } = format(file, text);
    reportDiagnostics(diagnostics, new Map([[file, text]]), terminal);
    if (formatted === undefined) return { file, state: "unreadable", diagnostics, problems: [] };
    const state = formatted === text ? "unchanged" : "changed";
    if (state === "changed" && !checks) write(file, formatted);
    return { file, state, diagnostics, problems: [] };
  } catch (error) {
    if (!(error instanceof InputProblems)) throw error;
    for (const problem of error.problems) terminal.note(`error: ${problem}`);
    return { file, state: "unreadable", diagnostics: [], problems: error.problems };
  }
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new InputProblems([`${file} cannot be written: ${(error as Error).message}`]);
  }
}
