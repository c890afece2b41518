/**
 * Renaming, refused where it would change what anything means: the new texts are read and checked before they are proposed, and
 * every name in them must mean what it meant before.
 */
import { type Diagnostic, isName } from "../frontend/index.ts";
import type { Span } from "../ir/index.ts";
import { applyChanges, type Changes, offsetAfter, type TextChange } from "./edits.ts";
import { isLibraryPath, type NameAt, nameAt, occurrencesOf } from "./find-names.ts";
import type { NameSymbol, Occurrence } from "./name-symbol.ts";
import type { ProgramView, Workspace } from "./workspace.ts";

/** Something that cannot be done, with the sentence that says why. */
export interface Refusal {
  readonly refused: string;
}

/** What would be renamed at an offset: its extent and present name. */
export function renameableAt(
  workspace: Workspace,
  path: string,
  offset: number,
): { readonly span: Span; readonly name: string } | Refusal {
  const found = nameAt(workspace, path, offset);
  if (found === undefined) return { refused: "There is no name here." };
  const { symbol, span } = found.occurrence;
  const refused = reasonAgainst(workspace, symbol);
  return refused === undefined ? { span, name: symbol.name } : { refused };
}

function reasonAgainst(workspace: Workspace, { node, name, span }: NameSymbol): string | undefined {
  if (span === undefined) return `\`${name}\` belongs to the language.`;
  if (isLibraryPath(span.file) && !workspace.openPaths().includes(span.file))
    return `\`${name}\` belongs to the library (${span.file}); open that file to change it.`;
  if (node.kind === "function" && node.of !== undefined && name === "forward")
    return "`forward` is what calling an instance means; under another name such calls would mean nothing.";
  return undefined;
}

/** The changes that give what stands at an offset another name. */
export function renameAt(
  workspace: Workspace,
  path: string,
  offset: number,
  wanted: string,
): { readonly changes: Changes } | Refusal {
  const found = nameAt(workspace, path, offset);
  if (found === undefined) return { refused: "There is no name here." };
  const name = wanted.normalize("NFC");
  const { symbol } = found.occurrence;
  const refused = reasonAgainst(workspace, symbol);
  if (refused !== undefined) return { refused };
  if (!isName(name))
    return { refused: `\`${wanted}\` cannot be a name: letters, digits and \`_\`, and no word of the language.` };
  if (name === symbol.name) return { changes: new Map() };
  const occurrences = occurrencesOf(workspace, found);
  const outside = [...occurrences.keys()].find(
    (each) => isLibraryPath(each) && !isLibraryPath(symbol.span?.file ?? "") && !workspace.openPaths().includes(each),
  );
  if (outside !== undefined) return { refused: `the library file ${outside} uses \`${symbol.name}\`` };
  const changes = changesFor(occurrences, name);
  const against = whatChanges(workspace, found, changes, name);
  return against === undefined ? { changes } : { refused: against };
}

function changesFor(occurrences: ReadonlyMap<string, readonly Occurrence[]>, name: string): Changes {
  return new Map(
    [...occurrences].map(([path, list]) => [
      path,
      list.map(
        ({ span, symbol, role }): TextChange => ({
          start: span.start,
          end: span.end,
          text: role === "declaration" ? `${name}${keptPath(symbol)}` : name,
        }),
      ),
    ]),
  );
}

/** Checkpoints know parameters by their path: a part without one of its own keeps its old name there. */
function keptPath({ node, name }: NameSymbol): string {
  const isPart = node.kind === "tensor" || node.kind === "sub";
  return isPart && node.member.path === undefined ? ` as "${name}"` : "";
}

/** Says what would mean something else after the changes; undefined when nothing would. */
function whatChanges(workspace: Workspace, found: NameAt, changes: Changes, name: string): string | undefined {
  const texts = new Map<string, string>();
  for (const [path, list] of changes) {
    const text = workspace.text(path);
    if (text !== undefined) texts.set(path, applyChanges(text, list));
  }
  const affected = new Set([found.names.file.path, ...changes.keys(), ...workspace.openPaths()]);
  for (const path of affected) {
    const before = workspace.quickView(path);
    if (before === undefined || ![...before.program.sources.keys()].some((each) => changes.has(each))) continue;
    const after = workspace.viewWith(path, texts);
    if (after === undefined) continue;
    const difference = differenceOf(path, before, after, changes, name) ?? newError(before, after);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function differenceOf(
  path: string,
  before: ProgramView,
  after: ProgramView,
  changes: Changes,
  name: string,
): string | undefined {
  const old = before.names.of(path)?.occurrences ?? [];
  const now = new Map(after.names.of(path)?.occurrences.map((each) => [each.span.start, each]));
  const moved = (span: Span) => offsetAfter(span.start, changes.get(span.file) ?? []);
  for (const each of old) {
    const other = now.get(moved(each.span));
    const { span } = each.symbol;
    const target = other?.symbol.span;
    const same =
      span === undefined || target === undefined
        ? other !== undefined && span === target && each.symbol.name === other.symbol.name
        : span.file === target.file && moved(span) === target.start;
    if (!same)
      return `\`${name}\` is taken: on line ${each.span.line} of ${fileName(path)} \`${each.symbol.name}\` would mean something else.`;
  }
  return old.length === now.size
    ? undefined
    : `\`${name}\` is taken: something in ${fileName(path)} would mean something else.`;
}

const fileName = (path: string): string => path.split("/").at(-1) ?? path;

/** An error that the texts did not have before. */
function newError(before: ProgramView, after: ProgramView): string | undefined {
  const count = (diagnostics: readonly Diagnostic[], code: string) =>
    diagnostics.filter((each) => each.code === code).length;
  const [old, now] = [before.program.diagnostics, after.program.diagnostics];
  const fresh = now.find(({ code }) => count(now, code) > count(old, code));
  return fresh === undefined ? undefined : `It would be a mistake: ${fresh.title}.`;
}
