/** `weft check FILE…`: parses, checks names, sizes and types; no GPU. */
import { checkSource, hasErrors } from "../../compile.ts";
import { type Diagnostic, type EntryInfo, listEntries, sortDiagnostics } from "../../frontend/index.ts";
import { bugIn, isIrFile, loadEntry } from "../compilation.ts";
import { exitStatus, InputProblems } from "../exit-status.ts";
import { countErrors, reportDiagnostics } from "../failure.ts";
import { readCompileOptions } from "../options.ts";
import { printPlural } from "../quantities.ts";
import { readSourceText, sourceReader } from "../source-files.ts";
import type { Terminal } from "../terminal.ts";
import type { Verb } from "../verb.ts";

interface FileReport {
  readonly file: string;
  readonly ok: boolean;
  readonly entries: readonly { readonly name: string; readonly kind: EntryInfo["kind"]; readonly model?: string }[];
  readonly diagnostics: readonly Diagnostic[];
  /** What is wrong with the file as such. */
  readonly problems: readonly string[];
}

export const checkVerb: Verb = {
  name: "check",
  describe: (command) => {
    command.summary("check names, sizes and types").argument("<files...>", ".weft or .ir files");
  },
  execute: async (files, _options, terminal) => {
    const reports = files.map((file) => checkFile(file, terminal));
    const ok = reports.every((report) => report.ok);
    if (terminal.json) {
      terminal.printJson({ ok, files: reports });
    } else {
      for (const report of reports) terminal.print(summaryOf(report));
    }
    return ok ? exitStatus.done : exitStatus.inputErrors;
  },
};

function checkFile(file: string, terminal: Terminal): FileReport {
  try {
    return isIrFile(file) ? checkIr(file, terminal) : checkText(file, terminal);
  } catch (error) {
    if (!(error instanceof InputProblems)) throw error;
    for (const problem of error.problems) terminal.note(`error: ${problem}`);
    return { file, ok: false, entries: [], diagnostics: [], problems: error.problems };
  }
}

function checkIr(file: string, terminal: Terminal): FileReport {
  const { graph } = loadEntry(file, readCompileOptions({}), undefined, terminal);
  return { file, ok: true, entries: [{ name: graph.name, kind: "function" }], diagnostics: [], problems: [] };
}

function checkText(file: string, terminal: Terminal): FileReport {
  const text = readSourceText(file);
  let program: ReturnType<typeof checkSource>;
  try {
    program = checkSource(file, sourceReader(file));
  } catch (error) {
    throw error instanceof InputProblems ? error : bugIn("checking", new Map([[file, text]]), error);
  }
  const diagnostics = sortDiagnostics(program.diagnostics);
  reportDiagnostics(diagnostics, program.sources, terminal);
  const ok = !hasErrors(diagnostics);
  const entries = ok ? listEntries(program).map(({ name, kind, model }) => ({ name, kind, model })) : [];
  return { file, ok, entries, diagnostics, problems: [] };
}

function summaryOf({ file, ok, entries, diagnostics, problems }: FileReport): string {
  if (!ok)
    return `${file}: ${diagnostics.length > 0 ? countErrors(diagnostics) : printPlural(problems.length, "error")}`;
  const names = entries.map(({ name, model }) => (model === undefined ? name : `${model}.${name}`));
  return `${file}: ok${names.length === 0 ? "" : ` (${names.join(", ")})`}`;
}
