/** One declaration: from the text of a range to its tree, with what could not be read reported and blanked out. */
import * as ohm from "ohm-js";
import { type Diagnostic, errorAt } from "./diagnostic.ts";
import { grammarText } from "./grammar.ts";
import type { SourceText } from "./source-text.ts";
import { syntaxError } from "./syntax-error.ts";
import type { Declaration, ImportDeclaration } from "./syntax-tree.ts";
import { treeBuilder } from "./tree-builder.ts";
import { RefusedSyntax } from "./tree-tools.ts";

/** A stretch of text, `[start, end)`. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** Mistakes reported in one declaration before the rest of it is given up. */
const mostMistakes = 20;

const grammar = ohm.grammar(grammarText);
const buildTree = treeBuilder(grammar);

const declarationStart = /^(use|fn|module|model|preset|extern)(?![\p{L}\p{N}_])/u;
const statementStart =
  /^(?:(?:use|fn|module|model|preset|extern|entry|param|buffer|sub|let|return|for|if|require)(?![\p{L}\p{N}_])|[\p{L}_][\p{L}\p{N}_]*\s*(?:\[[^\]\n]*\]\s*)?\+?=(?!=))/u;

/** Ranges of the text that hold one declaration each, found by keywords outside of brackets. */
export function declarationRanges(text: string): TextRange[] {
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
function brokenRange(text: string, failure: number, includeLine: boolean): TextRange {
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

/** A text with blanks from `start` to `end`; its lines stay. */
export function blank(text: string, start: number, end: number): string {
  return text.slice(0, start) + text.slice(start, end).replace(/[^\n]/g, " ") + text.slice(end);
}

/** Whether the grammar takes the whole text for a name. */
export function readsAsName(text: string): boolean {
  return grammar.match(text, "name").succeeded();
}

export type Item = Declaration | ImportDeclaration;

/** What came of reading a range. */
export interface RangeReading {
  /** Absent when nothing of it could be read. */
  readonly item?: Item;
  readonly diagnostics: readonly Diagnostic[];
  /** What could not be read, by offsets in the file. */
  readonly unread: readonly TextRange[];
}

/**
 * Reads one range of the file; reports and skips what cannot be read.
 *
 * @param written  text of the range without comments, or what is left of it once parts known from before are taken out
 */
export function parseRange(source: SourceText, range: TextRange, written: string): RangeReading {
  const diagnostics: Diagnostic[] = [];
  const unread: TextRange[] = [];
  const placement = {
    span: (start: number, end: number) => source.span(range.start + start, range.start + end),
    docAbove: (offset: number) => source.docAbove(range.start + offset),
  };
  let text = written;
  const skip = (start: number, end: number) => {
    unread.push({ start: range.start + start, end: range.start + end });
    text = blank(text, start, end);
  };
  const giveUp = () => {
    skip(0, text.length);
    return { diagnostics, unread };
  };
  let lastFailure = -1;
  for (let mistakes = 0; text.trim() !== ""; ) {
    try {
      const match = grammar.match(text, "Item");
      if (match.succeeded()) return { item: buildTree(match, placement) as Item, diagnostics, unread };
      const failed = match as ohm.FailedMatchResult;
      const failure = failed.getRightmostFailurePosition();
      if (failure === lastFailure || ++mistakes > mostMistakes) return giveUp();
      diagnostics.push(
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
        diagnostics.push(error.diagnostic);
      } else if (error instanceof RangeError) {
        // The matcher recurses; input nested by other means than brackets can exhaust the stack of a small thread.
        diagnostics.push(
          errorAt(placement.span(0, 1), "limit/nesting", "this declaration is nested too deeply to be read"),
        );
      } else {
        throw error;
      }
      return giveUp();
    }
  }
  return { diagnostics, unread };
}
