/**
 * A source text prepared for parsing: comments found and blanked out, doc comments kept aside, bracket depth measured,
 * and offsets turned into lines and columns.
 *
 * `//` is integer division or a comment. It is a comment at the start of a line, after two or more blanks or a tab, and
 * after anything that cannot end an operand; otherwise it divides. So `d // H` and `(2*N)//2` divide, and
 * `sub layer: Layer(d)[n]  // parameters are layer.0…` is remarked upon.
 */
import type { Span } from "../ir/index.ts";

export interface Comment {
  readonly span: Span;
  /** Without the slashes and one leading blank. */
  readonly text: string;
  readonly isDoc: boolean;
}

export interface SourceText {
  readonly path: string;
  readonly text: string;
  /** Same length as `text`, with comments replaced by blanks. */
  readonly blanked: string;
  readonly comments: readonly Comment[];
  readonly span: (start: number, end: number) => Span;
  /** The doc comment whose last line stands directly above the line of `offset`. */
  readonly docAbove: (offset: number) => string | undefined;
  /** Greatest nesting of brackets and where it is reached. */
  readonly deepest: { readonly depth: number; readonly offset: number };
}

/** Offsets at which lines start. */
export function lineStarts(text: string): number[] {
  const starts = [0];
  for (let i = 0; i < text.length; i++) if (text[i] === "\n") starts.push(i + 1);
  return starts;
}

/** Zero-based line that contains the offset. */
function lineOf(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] as number) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Whether a `//` at `offset` starts a comment; see the top of this file. */
function startsComment(text: string, offset: number): boolean {
  let before = offset - 1;
  while (before >= 0 && (text[before] === " " || text[before] === "\t")) before--;
  const gap = text.slice(before + 1, offset);
  const character = text[before];
  if (character === undefined || character === "\n" || character === "\r") return true;
  return gap.length >= 2 || gap.includes("\t") || "{}([,;=+-*/%^<>:|".includes(character);
}

/** Finds the end of a string literal that starts at `offset`; a plain one ends with its line at the latest. */
function endOfString(text: string, offset: number): number {
  if (text.startsWith('"""', offset)) {
    const end = text.indexOf('"""', offset + 3);
    return end < 0 ? text.length : end + 3;
  }
  let i = offset + 1;
  while (i < text.length && text[i] !== '"' && text[i] !== "\n") i += text[i] === "\\" ? 2 : 1;
  return Math.min(i + 1, text.length);
}

/** Scans a text once, in linear time. */
export function prepareSource(path: string, text: string): SourceText {
  const starts = lineStarts(text);
  const span = (start: number, end: number): Span => {
    const line = lineOf(starts, start);
    return { file: path, start, end, line: line + 1, column: start - (starts[line] as number) + 1 };
  };
  const comments: Comment[] = [];
  const docs = new Map<number, string>();
  const pieces: string[] = [];
  let copied = 0;
  let depth = 0;
  let deepest = { depth: 0, offset: 0 };
  let i = 0;
  while (i < text.length) {
    const character = text[i] as string;
    if (character === '"') {
      i = endOfString(text, i);
    } else if (character === "/" && text[i + 1] === "/" && startsComment(text, i)) {
      const newline = text.indexOf("\n", i);
      const end = newline < 0 ? text.length : newline;
      const isDoc = text[i + 2] === "/" && text[i + 3] !== "/";
      const words = text
        .slice(i + (isDoc ? 3 : 2), end)
        .replace(/\r$/, "")
        .replace(/^ /, "");
      comments.push({ span: span(i, end), text: words, isDoc });
      if (isDoc) docs.set(lineOf(starts, i), words);
      pieces.push(text.slice(copied, i), " ".repeat(end - i));
      copied = end;
      i = end;
    } else {
      if ("([{".includes(character)) {
        depth++;
        if (depth > deepest.depth) deepest = { depth, offset: i };
      } else if (")]}".includes(character)) {
        depth = Math.max(0, depth - 1);
      }
      i += character === "/" && text[i + 1] === "/" ? 2 : 1;
    }
  }
  pieces.push(text.slice(copied));
  const docAbove = (offset: number): string | undefined => {
    const lines: string[] = [];
    for (let line = lineOf(starts, offset) - 1; docs.has(line); line--) lines.unshift(docs.get(line) as string);
    return lines.length === 0 ? undefined : lines.join("\n");
  };
  return { path, text, blanked: pieces.join(""), comments, span, docAbove, deepest };
}
