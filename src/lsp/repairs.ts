/** Changes that mend a mistake, from what its diagnostic proposes and from what the library offers. */
import { type Diagnostic, parse } from "../frontend/index.ts";
import type { TextChange } from "./edits.ts";
import { nodesAt } from "./syntax-path.ts";
import { lineAround } from "./text-place.ts";
import type { ProgramView, Workspace } from "./workspace.ts";

export interface Repair {
  readonly title: string;
  /** Code and place of the diagnostic that it mends. */
  readonly diagnostic: Diagnostic;
  readonly changes: readonly TextChange[];
  /** True where there is little doubt that it is what was meant. */
  readonly isPreferred: boolean;
}

/** Repairs of the mistakes that touch a stretch of a file. */
export function repairsAt(workspace: Workspace, path: string, start: number, end: number): readonly Repair[] {
  const view = workspace.quickView(path);
  if (view === undefined) return [];
  return view.program.diagnostics.flatMap((diagnostic) => {
    const { span } = diagnostic.primary;
    if (span.file !== path || span.end < start || span.start > end) return [];
    return [...fromHelp(view, diagnostic), ...missingImports(workspace, view, path, diagnostic)];
  });
}

/** The sentences of the checker that name a change outright. */
function fromHelp(view: ProgramView, diagnostic: Diagnostic): Repair[] {
  const { span } = diagnostic.primary;
  return diagnostic.help.flatMap((help): Repair[] => {
    const meant = /^Did you mean `([^`]+)`\?$/.exec(help)?.[1];
    if (meant !== undefined) {
      const changes = [{ start: span.start, end: span.end, text: meant }];
      return [{ title: `Write \`${meant}\``, diagnostic, changes, isPreferred: true }];
    }
    const required = /`(require [^`]+)`/.exec(help)?.[1];
    const change = required === undefined ? undefined : statementBefore(view, span.start, required);
    if (required !== undefined && change !== undefined)
      return [{ title: `State \`${required}\``, diagnostic, changes: [change], isPreferred: false }];
    const conversion = /^Convert (?:it|them): `([a-z0-9]+)\(…\)`\.$/.exec(help)?.[1];
    if (conversion !== undefined) {
      const changes = [
        { start: span.start, end: span.start, text: `${conversion}(` },
        { start: span.end, end: span.end, text: ")" },
      ];
      return [{ title: `Convert to ${conversion}`, diagnostic, changes, isPreferred: false }];
    }
    const imported = /`use ([^`:]+): ([^`]+)`/.exec(help);
    if (imported !== null) {
      const [, from = "", name = ""] = imported;
      return [importRepair(view, from, name, diagnostic)];
    }
    return [];
  });
}

/** A line of its own before the statement around an offset, indented as that is. */
function statementBefore({ program, text }: ProgramView, offset: number, statement: string): TextChange | undefined {
  const [file] = program.files;
  const nodes = file === undefined ? [] : nodesAt(file, offset);
  const around = nodes.find(({ kind }) => statementKinds.has(kind));
  if (around === undefined) return undefined;
  const line = lineAround(text, around.span.start);
  const indent = /^[ \t]*/.exec(text.slice(line.start, line.end))?.[0] ?? "";
  return { start: line.start, end: line.start, text: `${indent}${statement}\n` };
}

const statementKinds = new Set(["let", "placed", "assign", "accumulate", "return", "for", "if", "sub", "tensor"]);

const unknownName = /^there is no (?:function |module )?`([^`]+)`$/;

/** `use` of library files, and of files beside this one, that declare an unknown name. */
function missingImports(workspace: Workspace, view: ProgramView, path: string, diagnostic: Diagnostic): Repair[] {
  const name = unknownName.exec(diagnostic.title)?.[1];
  if (name === undefined || diagnostic.help.some((help) => help.includes("`use "))) return [];
  return workspace.libraryFiles().flatMap((file): Repair[] => {
    const source = workspace.text(file);
    if (file === path || source === undefined || !source.includes(name)) return [];
    const declares = parse(file, source).file.declarations.some(
      (each) => each.kind !== "preset" && each.name.name === name,
    );
    return declares ? [importRepair(view, file.replace(/\.weft$/, ""), name, diagnostic)] : [];
  });
}

function importRepair({ program, text }: ProgramView, from: string, name: string, diagnostic: Diagnostic): Repair {
  const title = `Add \`use ${from}: ${name}\``;
  const imports = program.files[0]?.imports ?? [];
  const same = imports.find((each) => each.path === from);
  const last = same?.names.at(-1);
  if (last !== undefined)
    return {
      title,
      diagnostic,
      changes: [{ start: last.span.end, end: last.span.end, text: `, ${name}` }],
      isPreferred: false,
    };
  const after = imports.at(-1)?.span.end;
  const change =
    after === undefined
      ? { start: startOfCode(text), end: startOfCode(text), text: `use ${from}: ${name}\n\n` }
      : { start: after, end: after, text: `\nuse ${from}: ${name}` };
  return { title, diagnostic, changes: [change], isPreferred: false };
}

/** Behind the comments that open a file, when an empty line ends them. */
function startOfCode(text: string): number {
  return /^(?:\uFEFF?(?:\/\/[^\n]*\n)+\s*\n)?/.exec(text)?.[0].length ?? 0;
}
