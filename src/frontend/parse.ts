/**
 * Text to syntax tree, with recovery: a declaration at a time, and inside one, a statement that cannot be read is reported,
 * blanked out and the rest read again, so that several mistakes are found in one run.
 */
import * as ohm from "ohm-js";
import { type Diagnostic, errorAt, sortDiagnostics } from "./diagnostic.ts";
import { grammarText } from "./grammar.ts";
import { shiftTree } from "./shift-tree.ts";
import { prepareSource, type SourceText } from "./source-text.ts";
import { syntaxError } from "./syntax-error.ts";
import type { Declaration, ImportDeclaration, SourceFile } from "./syntax-tree.ts";
import { treeBuilder } from "./tree-builder.ts";
import { RefusedSyntax } from "./tree-tools.ts";

/** Longest source text, in UTF-16 units. */
export const longestSource = 4 * 1024 * 1024;
/** Deepest nesting of brackets. */
export const deepestNesting = 80;
/** Mistakes reported in one declaration before the rest of it is given up. */
const mostMistakes = 20;

export interface ParseResult {
  readonly file: SourceFile;
  readonly source: SourceText;
  readonly diagnostics: readonly Diagnostic[];
  /** Every name in the text that could not be read: nothing should be said about their absence later. */
  readonly skippedNames: ReadonlySet<string>;
}

const grammar = ohm.grammar(grammarText);
const buildTree = treeBuilder(grammar);

const declarationStart = /^(use|fn|module|model|preset|extern)(?![\p{L}\p{N}_])/u;
const statementStart =
  /^(?:(?:use|fn|module|model|preset|extern|entry|param|buffer|sub|let|return|for|if|require)(?![\p{L}\p{N}_])|[\p{L}_][\p{L}\p{N}_]*\s*(?:\[[^\]\n]*\]\s*)?\+?=(?!=))/u;

/** Ranges of the text that hold one declaration each, found by keywords outside of brackets. */
function declarationRanges(text: string): { start: number; end: number }[] {
  const lines: { start: number; words: string; depth: number }[] = [];
  let depth = 0;
  let balanced = true;
  for (let start = 0; start <= text.length; ) {
    const newline = text.indexOf("\n", start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, end);
    lines.push({ start, words: line, depth });
    for (const character of line) {
      if ("([{".includes(character)) depth++;
      else if (")]}".includes(character)) depth--;
    }
    if (depth < 0) balanced = false;
    start = end + 1;
  }
  if (depth !== 0) balanced = false;
  // With unbalanced brackets depth means nothing: trust the layout, in which declarations are not indented.
  const starts = lines
    .filter(
      (line) =>
        (balanced ? line.depth === 0 : true) && declarationStart.test(balanced ? line.words.trimStart() : line.words),
    )
    .map((line) => line.start);
  const first = starts[0] ?? text.length;
  const ranges = starts.map((start, i) => ({ start, end: starts[i + 1] ?? text.length }));
  return text.slice(0, first).trim() === "" ? ranges : [{ start: 0, end: first }, ...ranges];
}

/** Offset just after the bracket block that opens first at or after `start`, or the end of the text. */
function endOfBlock(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    if (text[i] === "{") depth++;
    else if (text[i] === "}" && --depth <= 0) return depth < 0 ? i : i + 1;
  }
  return text.length;
}

/** The statement, or the whole block it heads, in which reading stopped at `failure`. */
function brokenRange(text: string, failure: number, includeLine: boolean): { start: number; end: number } {
  let start = 0;
  let end = text.length;
  for (let lineStart = 0; lineStart < text.length; ) {
    const newline = text.indexOf("\n", lineStart);
    const lineEnd = newline < 0 ? text.length : newline;
    const indent = text.slice(lineStart, lineEnd).search(/\S/);
    if (indent >= 0) {
      const first = lineStart + indent;
      const words = text.slice(first, lineEnd);
      const isStart = statementStart.test(words);
      if (includeLine ? first <= failure : first < failure) {
        if (isStart) start = first;
      } else if (isStart || words.startsWith("}")) {
        end = first;
        break;
      }
    }
    lineStart = lineEnd + 1;
  }
  const head = text.slice(start, Math.min(end, text.length));
  // A broken header takes its block along: the braces inside would otherwise close the wrong thing.
  const opens = (head.match(/\{/g)?.length ?? 0) - (head.match(/\}/g)?.length ?? 0);
  return { start, end: opens > 0 || /^(fn|entry|module|model|for)\b/.test(head) ? endOfBlock(text, start) : end };
}

function blank(text: string, start: number, end: number): string {
  return text.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, " ") + text.slice(end);
}

/** Whether the grammar takes the whole text for a name. */
export function readsAsName(text: string): boolean {
  return grammar.match(text, "name").succeeded();
}

type Item = Declaration | ImportDeclaration;

/** Parses one range of the file; reports and skips what cannot be read. */
function parseRange(
  source: SourceText,
  range: { start: number; end: number },
  skipped: Set<string>,
  report: (d: Diagnostic) => void,
): Item | undefined {
  const placement = {
    span: (start: number, end: number) => source.span(range.start + start, range.start + end),
    docAbove: (offset: number) => source.docAbove(range.start + offset),
  };
  let text = source.blanked.slice(range.start, range.end);
  const skip = (start: number, end: number) => {
    for (const name of text.slice(start, end).match(/[\p{L}_](?:[\p{L}\p{N}_]|\p{M})*/gu) ?? [])
      skipped.add(name.normalize("NFC"));
    text = blank(text, start, end);
  };
  const giveUp = () => {
    skip(0, text.length);
    return undefined;
  };
  let lastFailure = -1;
  for (let mistakes = 0; text.trim() !== ""; ) {
    try {
      const match = grammar.match(text, "Item");
      if (match.succeeded()) return buildTree(match, placement) as Item;
      const failed = match as ohm.FailedMatchResult;
      const failure = failed.getRightmostFailurePosition();
      if (failure === lastFailure || ++mistakes > mostMistakes) return giveUp();
      report(
        syntaxError(
          { ...source, blanked: source.blanked.slice(0, range.start) + text },
          range.start + failure,
          failed.getExpectedText(),
        ),
      );
      let broken = brokenRange(text, failure, false);
      if (text.slice(broken.start, broken.end).trim() === "") broken = brokenRange(text, failure, true);
      if (broken.start <= text.search(/\S/)) return giveUp();
      skip(broken.start, broken.end);
      lastFailure = failure;
    } catch (error) {
      if (error instanceof RefusedSyntax) {
        report(error.diagnostic);
      } else if (error instanceof RangeError) {
        // The matcher recurses; input nested by other means than brackets can exhaust the stack of a small thread.
        report(errorAt(placement.span(0, 1), "limit/nesting", "this declaration is nested too deeply to be read"));
      } else {
        throw error;
      }
      return giveUp();
    }
  }
  return undefined;
}

/**
 * Parses one file.
 *
 * @param path  how the file is called in messages and spans
 * @param text  its text; a byte-order mark is skipped, line ends may be of any kind
 */
export function parse(path: string, text: string): ParseResult {
  const key = `${path}\n${text}`;
  const known = parsedBefore.get(key);
  if (known !== undefined) return known;
  const result = parseAnew(path, text);
  if (parsedBefore.size >= mostRemembered) parsedBefore.clear();
  parsedBefore.set(key, result);
  return result;
}

/**
 * Results by path and text. Trees are never changed, and a library file is asked for again with every program that uses it;
 * parsing is most of what checking costs.
 */
const parsedBefore = new Map<string, ParseResult>();
const mostRemembered = 128;

/**
 * Declarations of the last text of each path that were read without a mistake. In a file that is being edited, all but one are
 * the same as before, at most on other lines.
 */
const declarationsBefore = new Map<string, Map<string, Item>>();

/** All that the tree of a declaration depends on besides where it stands: its text, and the documentation in and above it. */
function declarationKey(source: SourceText, { start, end }: { start: number; end: number }): string {
  const blanked = source.blanked.slice(start, end).trimEnd();
  const text = source.text.slice(start, start + blanked.length);
  const first = start + Math.max(0, blanked.search(/\S/));
  const above = source.docAbove(first) ?? "";
  return text.includes("//") ? `${above}\0${blanked}\0${text}` : `${above}\0${blanked}`;
}

/** A declaration read before, at the place where the same text stands now. */
function movedTo(source: SourceText, range: { start: number; end: number }, known: Item): Item {
  const offset = source.blanked.slice(range.start, range.end).search(/\S/);
  const place = source.span(range.start + offset, range.start + offset);
  const characters = place.start - known.span.start;
  const lines = place.line - known.span.line;
  return characters === 0 && lines === 0 ? known : shiftTree(known, { characters, lines });
}

function parseAnew(path: string, text: string): ParseResult {
  const empty = (source: SourceText): SourceFile => ({
    kind: "file",
    path,
    imports: [],
    declarations: [],
    span: source.span(0, 0),
  });
  if (text.length > longestSource) {
    const source = prepareSource(path, "");
    const megabytes = (text.length / 1024 / 1024).toFixed(1);
    const diagnostic = errorAt(
      source.span(0, 0),
      "limit/size",
      `this file has ${megabytes} MiB of text; 4 MiB is the most`,
    );
    return { file: empty(source), source, diagnostics: [diagnostic], skippedNames: new Set() };
  }
  const source = prepareSource(path, text.startsWith("\u{FEFF}") ? ` ${text.slice(1)}` : text);
  const diagnostics: Diagnostic[] = [];
  const skippedNames = new Set<string>();
  if (source.deepest.depth > deepestNesting) {
    const { offset } = source.deepest;
    const title = `brackets are nested ${source.deepest.depth} deep; ${deepestNesting} is the most`;
    return {
      file: empty(source),
      source,
      diagnostics: [
        errorAt(source.span(offset, offset + 1), "limit/nesting", title, { help: ["Give parts names with `let`."] }),
      ],
      skippedNames,
    };
  }
  const items: Item[] = [];
  const before = declarationsBefore.get(path) ?? new Map<string, Item>();
  const now = new Map<string, Item>();
  for (const range of declarationRanges(source.blanked)) {
    const key = declarationKey(source, range);
    const known = before.get(key);
    let item: Item | undefined;
    if (known === undefined) {
      const skippedBefore = skippedNames.size;
      const reported = diagnostics.length;
      item = parseRange(source, range, skippedNames, (diagnostic) => diagnostics.push(diagnostic));
      if (diagnostics.length > reported || skippedNames.size > skippedBefore) {
        if (item !== undefined) items.push(item);
        continue;
      }
    } else {
      item = movedTo(source, range, known);
    }
    if (item === undefined) continue;
    items.push(item);
    now.set(key, item);
  }
  if (declarationsBefore.size >= mostRemembered) declarationsBefore.clear();
  declarationsBefore.set(path, now);
  const file: SourceFile = {
    kind: "file",
    path,
    imports: items.filter((item) => item.kind === "import"),
    declarations: items.filter((item) => item.kind !== "import"),
    span: source.span(0, text.length),
  };
  return { file, source, diagnostics: sortDiagnostics(diagnostics), skippedNames };
}
