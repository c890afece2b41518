/** The text of a file as tokens with the layout around them, for the formatter: comments are tokens, and nothing is lost. */
import type { SourceText } from "./source-text.ts";

/** What a token is, as far as the blanks around it depend on it. */
export type TokenKind =
  | "word"
  | "number"
  | "string"
  | "comment"
  | "open"
  | "close"
  /** `<` and `>` around sizes. */
  | "angle"
  /** Path of a `use`. */
  | "path"
  | "symbol";

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
  /** Line ends between the token before and this one. */
  readonly linesBefore: number;
  /** True when blanks or a line end stand before it. */
  readonly spaced: boolean;
}

const symbols = /^(?:->|\+=|==|!=|<=|>=|\/\/|\.\.|[^\s])/u;
const word = /^[\p{L}_](?:[\p{L}\p{N}_\u{2080}-\u{2089}]|[\u{0300}-\u{036F}])*/u;
const number = /^\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/;
const importPath = /^[^\s:]+/;

/** Reads a text that parses; `source` is its prepared form. */
export function tokensOf(source: SourceText): Token[] {
  const { text, blanked } = source;
  const comments = new Map(source.comments.map((comment) => [comment.span.start, comment.span.end]));
  const tokens: Token[] = [];
  const angles: number[] = [];
  let depth = 0;
  let linesBefore = 0;
  let spaced = true;
  let at = text.startsWith("\u{FEFF}") ? 1 : 0;
  const push = (kind: TokenKind, end: number) => {
    tokens.push({ kind, text: text.slice(at, end).trimEnd(), start: at, end, linesBefore, spaced });
    at = end;
    linesBefore = 0;
    spaced = false;
  };
  while (at < text.length) {
    const commentEnd = comments.get(at);
    if (commentEnd !== undefined) {
      push("comment", commentEnd);
      continue;
    }
    const character = text[at] as string;
    if (/\s/u.test(character)) {
      if (character === "\n") linesBefore++;
      spaced = true;
      at++;
      continue;
    }
    const previous = tokens[tokens.length - 1];
    const rest = blanked.slice(at, at + 4096);
    if (character === '"') {
      push("string", endOfString(text, at));
    } else if (previous?.text === "use" && previous.kind === "word" && depth === 0 && isImport(tokens)) {
      push("path", at + (importPath.exec(rest)?.[0].length ?? 1));
    } else if ("([{".includes(character)) {
      depth++;
      push("open", at + 1);
    } else if (")]}".includes(character)) {
      depth--;
      push("close", at + 1);
    } else if (word.test(rest)) {
      push("word", at + (word.exec(rest) as RegExpExecArray)[0].length);
    } else if (number.test(rest)) {
      push("number", at + (number.exec(rest) as RegExpExecArray)[0].length);
    } else if (character === "<" && opensAngle(tokens)) {
      angles.push(depth);
      push("angle", at + 1);
    } else if (character === ">" && angles.length > 0 && angles[angles.length - 1] === depth) {
      angles.pop();
      push("angle", at + 1);
    } else {
      push("symbol", at + (symbols.exec(rest) as RegExpExecArray)[0].length);
    }
  }
  return tokens;
}

/** `fn name<`, `entry name<` and `idx<` open a list of sizes; any other `<` compares. */
function opensAngle(tokens: readonly Token[]): boolean {
  const [before, name] = tokens.slice(-2);
  if (name === undefined) return before?.text === "idx";
  return name.text === "idx" || before?.text === "fn" || before?.text === "entry";
}

/** Whether the last token, `use`, begins an import. */
function isImport(tokens: readonly Token[]): boolean {
  const last = tokens[tokens.length - 1] as Token;
  return tokens.length === 1 || last.linesBefore > 0;
}

/** Long strings run over lines; plain ones have escapes. */
function endOfString(text: string, start: number): number {
  if (text.startsWith('"""', start)) return text.indexOf('"""', start + 3) + 3;
  let end = start + 1;
  while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  return end + 1;
}
