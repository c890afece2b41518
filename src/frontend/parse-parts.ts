/**
 * Reading a declaration again after an edit inside of it: members of a module, and statements of a function, whose text did not change are
 * blanked out before the rest is read, and put back into the tree.
 *
 * Parts are told by the words that begin them, which nothing else begins with: what stands around a part reads the same without it. The
 * parts on either side of what is new stay, because a mistake there is noticed, and told, at their words.
 */
import { blank, type Item, type TextRange } from "./parse-range.ts";
import { shiftTree } from "./shift-tree.ts";
import type { SourceText } from "./source-text.ts";
import type { FunctionDeclaration, Member, ModuleDeclaration, Statement } from "./syntax-tree.ts";

/** A declaration as it was read, with its text without comments and the offset of that. */
export interface ReadItem {
  readonly item: Item;
  readonly text: string;
  readonly start: number;
}

/** What is left to read of a declaration, and what was taken out. */
export interface KnownParts {
  readonly text: string;
  readonly members: readonly Member[];
  readonly statements: readonly Statement[];
}

const memberStart = /^(?:fn|entry|param|buffer|sub|let|require|preset)(?![\p{L}\p{N}_])/u;
const statementStart = /^(?:let|return|for|if|require)(?![\p{L}\p{N}_])/u;

/**
 * Takes out of a declaration's text what was read before; nothing, where that was of another kind.
 *
 * @param range  where the text stands in the source
 */
export function takeKnownParts(source: SourceText, range: TextRange, before: ReadItem): KnownParts {
  const { item } = before;
  const written = source.blanked.slice(range.start, range.end);
  if (item.kind === "function") {
    const taken = takeParts(source, range.start, written, partRanges(written, 1, statementStart), before, item.body);
    return { text: taken.text, members: [], statements: taken.parts };
  }
  if (item.kind !== "module") return { text: written, members: [], statements: [] };
  const members = takeParts(source, range.start, written, partRanges(written, 1, memberStart), before, item.members);
  // Bodies of functions that were moved whole are left alone: to look at them would copy them.
  const others = item.members.filter((member) => !members.from.has(member));
  const bodies = others.flatMap((member) => (member.kind === "function" ? member.body : []));
  const statementRanges = partRanges(members.text, 2, statementStart);
  const statements = takeParts(source, range.start, members.text, statementRanges, before, bodies);
  return { text: statements.text, members: members.parts, statements: statements.parts };
}

/** A declaration with the parts that were taken out of its text. */
export function putBack(item: FunctionDeclaration | ModuleDeclaration, { members, statements }: KnownParts): Item {
  if (item.kind === "function") return withStatements(item, statements);
  const read = item.members.map((member) => (member.kind === "function" ? withStatements(member, statements) : member));
  return { ...item, members: inOrder([...read, ...members]) };
}

function withStatements(item: FunctionDeclaration, statements: readonly Statement[]): FunctionDeclaration {
  const { start, end } = item.span;
  const own = statements.filter(({ span }) => span.start >= start && span.end <= end);
  return own.length === 0 ? item : { ...item, body: inOrder([...item.body, ...own]) };
}

const inOrder = <T extends Member | Statement>(parts: readonly T[]): readonly T[] =>
  [...parts].sort((a, b) => a.span.start - b.span.start);

/** Blanks out the known parts among some ranges of a text that begins at `origin`, and moves their trees to where they stand now. */
function takeParts<T extends Member | Statement>(
  source: SourceText,
  origin: number,
  written: string,
  ranges: readonly TextRange[],
  before: ReadItem,
  parts: readonly T[],
): { readonly text: string; readonly parts: readonly T[]; readonly from: ReadonlySet<T> } {
  const byText = new Map(parts.map((part) => [textBefore(before, part), part]));
  const known = ranges.map(({ start, end }) => {
    const part = byText.get(written.slice(start, end));
    return part !== undefined && standsAlike(source, origin + start, part) ? part : undefined;
  });
  const isKnown = (k: number) => {
    const range = ranges[k];
    return range === undefined || known[k] !== undefined || written.slice(range.start, range.end) === "}";
  };
  const [taken, from] = [[] as T[], new Set<T>()];
  let text = written;
  ranges.forEach(({ start, end }, k) => {
    const part = known[k];
    if (part === undefined || !isKnown(k - 1) || !isKnown(k + 1)) return;
    const place = source.span(origin + start, origin + end);
    const shift = { characters: place.start - part.span.start, lines: place.line - part.span.line };
    taken.push(shift.characters === 0 && shift.lines === 0 ? part : shiftTree(part, shift));
    from.add(part);
    text = blank(text, start, end);
  });
  return { text, parts: taken, from };
}

function textBefore({ text, start }: ReadItem, { span }: Member | Statement): string {
  return text.slice(span.start - start, span.end - start);
}

/** Trees move by whole lines, and carry the documentation above them. */
function standsAlike(source: SourceText, offset: number, part: Member | Statement): boolean {
  if (source.span(offset, offset).column !== part.span.column) return false;
  return !("doc" in part) || source.docAbove(offset) === part.doc;
}

/** Where parts stand in a text, at a depth of brackets: from a word that begins one, or a closing brace, to the end of what is before the next. */
function partRanges(text: string, wantedDepth: number, partStart: RegExp): readonly TextRange[] {
  const starts: number[] = [];
  let depth = 0;
  for (let lineStart = 0; lineStart <= text.length; ) {
    const newline = text.indexOf("\n", lineStart);
    const lineEnd = newline < 0 ? text.length : newline;
    const line = text.slice(lineStart, lineEnd);
    const indent = line.search(/\S/);
    if (depth === wantedDepth && indent >= 0 && (line[indent] === "}" || partStart.test(line.slice(indent))))
      starts.push(lineStart + indent);
    for (const character of line) {
      if ("([{".includes(character)) depth++;
      else if (")]}".includes(character)) depth--;
    }
    lineStart = lineEnd + 1;
  }
  return starts.map((start, k) => {
    const next = starts[k + 1] ?? text.length;
    return { start, end: start + text.slice(start, next).trimEnd().length };
  });
}
