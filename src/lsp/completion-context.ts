/** What is being written at a place, judged by the text before it alone, because the text is rarely complete there. */
import { startOfWord } from "./text-place.ts";

export type CompletionContext =
  /** `use std/n‸` */
  | { readonly kind: "import-path"; readonly written: string }
  /** `use std/nn: Lin‸` */
  | { readonly kind: "import-names"; readonly path: string; readonly taken: readonly string[] }
  /** `encoder.layer[l].‸`; names from left to right, without what stands in brackets. */
  | { readonly kind: "member"; readonly path: readonly string[] }
  /** `sub norm: Lay‸`, `preset tiny of ‸` */
  | { readonly kind: "module"; readonly modelsOnly: boolean }
  /** After the colon of a declaration: `x: f‸`, `idx<‸` is an expression. */
  | { readonly kind: "type" }
  /** In a preset: names of the model's parameters. */
  | { readonly kind: "setting" }
  /** At the beginning of a line outside of all braces. */
  | { readonly kind: "declaration" }
  /** At the beginning of a line inside braces. */
  | { readonly kind: "statement" }
  /** `as "…"` and other texts in quotes, comments, new names: nothing to offer. */
  | { readonly kind: "nothing" }
  | { readonly kind: "expression" };

export interface CompletionPlace {
  readonly context: CompletionContext;
  /** Where the word begins that is being written. */
  readonly start: number;
  /** The callee and the labels already given, when the place is directly inside the parentheses of a call. */
  readonly call?: EnclosingCall;
}

export interface EnclosingCall {
  /** Names of the callee from left to right: `["layer", "masked"]` of `layer[l].masked(`. */
  readonly callee: readonly string[];
  readonly labels: readonly string[];
  /** Which argument is being written, from 0. */
  readonly argument: number;
  /** True where an argument begins, so that a label can stand. */
  readonly isAtStart: boolean;
}

/** Longest stretch of text that is looked at before a place. */
const farthest = 20_000;

/** Text before an offset with comments and the insides of strings as blanks. */
function quietTextBefore(text: string, offset: number): { readonly quiet: string; readonly inside: boolean } {
  const from = Math.max(0, offset - farthest);
  let inside = false;
  const quiet = text
    .slice(from, offset)
    .replace(/"""[\s\S]*?(?:"""|$)|"(?:\\.|[^"\\\n])*"?|\/\/[^\n]*/g, (found, at: number) => {
      const reachesEnd = at + found.length === offset - from;
      const isComment = found.startsWith("//");
      if (isComment && !isCommentStart(text, from + at)) return found;
      if (reachesEnd && (isComment || !/^"(?:[^"\\]|\\.)*"$|^"""[\s\S]*"""$/.test(found))) inside = true;
      return found.replace(/[^\n]/g, " ");
    });
  return { quiet, inside };
}

/** `a // b` divides; see source-text.ts of the frontend for the rule. */
function isCommentStart(text: string, offset: number): boolean {
  const before = /([^\s])([ \t]*)$/.exec(text.slice(text.lastIndexOf("\n", offset - 1) + 1, offset));
  return before === null || (before[2] ?? "").length >= 2 || "{}([,;=+-*/%^<>:|".includes(before[1] as string);
}

/** Brackets that are open at the end of a text, outermost first. */
function openBrackets(quiet: string): { readonly bracket: string; readonly at: number }[] {
  const open: { readonly bracket: string; readonly at: number }[] = [];
  for (let i = 0; i < quiet.length; i++) {
    const character = quiet[i] as string;
    if ("([{".includes(character)) open.push({ bracket: character, at: i });
    else if (")]}".includes(character)) open.pop();
  }
  return open;
}

const chain = /((?:[\p{L}\p{M}\p{N}_]+(?:\[[^\]\n]*\])?\s*\.\s*)*[\p{L}\p{M}\p{N}_]+)(?:\[[^\]\n]*\])?$/u;

/** `layer[l].norm` at the end of a text as its names. */
function chainAt(text: string): readonly string[] | undefined {
  const found = chain.exec(text)?.[1];
  return found
    ?.replace(/\[[^\]\n]*\]/g, "")
    .split(".")
    .map((each) => each.trim());
}

export function completionPlace(text: string, offset: number): CompletionPlace {
  const start = startOfWord(text, offset);
  const { quiet, inside } = quietTextBefore(text, start);
  const lineStart = quiet.lastIndexOf("\n") + 1;
  const line = quiet.slice(lineStart);
  const brackets = openBrackets(quiet);
  const call = enclosingCall(quiet, brackets);
  return {
    context: inside ? { kind: "nothing" } : contextOf(quiet, line, brackets),
    start,
    ...(call === undefined ? {} : { call }),
  };
}

function contextOf(
  quiet: string,
  line: string,
  brackets: readonly { readonly bracket: string; readonly at: number }[],
): CompletionContext {
  const imports = /^\s*use\s+([\p{L}\p{N}_./-]*)(:?)(.*)$/u.exec(line);
  if (imports !== null) {
    const [, path = "", colon, names = ""] = imports;
    if (colon === "") return { kind: "import-path", written: path };
    return {
      kind: "import-names",
      path,
      taken: names
        .split(",")
        .map((each) => each.trim())
        .filter((each) => each !== ""),
    };
  }
  if (/\.\s*$/.test(line) && !/\.\.\s*$/.test(line) && !/\d\.$/.test(line)) {
    const path = chainAt(line.replace(/\.\s*$/, ""));
    return path === undefined ? { kind: "nothing" } : { kind: "member", path };
  }
  if (/^\s*sub\s+[^:]*:\s*$/.test(line)) return { kind: "module", modelsOnly: false };
  if (/^\s*preset\s+\S+\s+of\s+$/.test(line)) return { kind: "module", modelsOnly: true };
  if (/^\s*(?:param|buffer)\s+[^:]*:\s*$/.test(line) || /->\s*\(?\s*$/.test(line)) return { kind: "type" };
  if (/\b(?:fn|module|model|entry|param|buffer|sub|preset|let|for)\s+$/.test(line)) return { kind: "nothing" };
  const innermost = brackets.at(-1);
  if (innermost?.bracket === "(" && isHeader(quiet.slice(0, innermost.at))) {
    const written =
      quiet
        .slice(innermost.at + 1)
        .split(",")
        .at(-1) ?? "";
    if (/:\s*$/.test(written)) return { kind: "type" };
    return /^\s*$/.test(written) ? { kind: "nothing" } : { kind: "expression" };
  }
  if (innermost?.bracket === "{" && /\bpreset\s+\S+(?:\s+of\s+\S+)?\s*$/.test(quiet.slice(0, innermost.at))) {
    const written =
      quiet
        .slice(innermost.at + 1)
        .split(/[,\n]/)
        .at(-1) ?? "";
    return written.includes("=") ? { kind: "expression" } : { kind: "setting" };
  }
  const isLineStart = /^\s*$/.test(line) || /[{;]\s*$/.test(line);
  if (isLineStart && innermost === undefined) return { kind: "declaration" };
  return isLineStart && innermost?.bracket === "{" ? { kind: "statement" } : { kind: "expression" };
}

/** Whether a text ends with the header of a declaration, up to its parameters. */
function isHeader(text: string): boolean {
  return /\b(?:fn|entry|module|model)\s+[\p{L}\p{N}\p{M}_]+\s*(?:<[^<>]*>)?\s*$/u.test(text.slice(-400));
}

function enclosingCall(
  quiet: string,
  brackets: readonly { readonly bracket: string; readonly at: number }[],
): EnclosingCall | undefined {
  const innermost = brackets.at(-1);
  if (innermost?.bracket !== "(" || isHeader(quiet.slice(0, innermost.at))) return undefined;
  const callee = chainAt(quiet.slice(Math.max(0, innermost.at - 300), innermost.at));
  if (callee === undefined) return undefined;
  const parts = topLevelParts(quiet.slice(innermost.at + 1));
  const labels = parts.slice(0, -1).flatMap((part) => /^\s*([\p{L}\p{N}\p{M}_]+)\s*:/u.exec(part)?.[1] ?? []);
  return { callee, labels, argument: parts.length - 1, isAtStart: /^\s*$/.test(parts.at(-1) ?? "") };
}

/** Splits at commas that stand in no bracket. */
function topLevelParts(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if ("([{".includes(text[i] as string)) depth++;
    else if (")]}".includes(text[i] as string)) depth--;
    else if (text[i] === "," && depth === 0) {
      parts.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return [...parts, text.slice(from)];
}
