/**
 * The canonical layout of a source text: indentation, blanks around tokens, blank lines. The author keeps where lines end, and
 * whether a product or sum inside a line is written tight (`2*c + 1`), because both carry meaning for readers.
 *
 * Works on tokens, so that comments and spellings survive; the syntax tree only tells where statements begin and which `-` is a
 * sign. Formatting again changes nothing, and the tree of the result is the tree of the text.
 */
import type { Diagnostic } from "./diagnostic.ts";
import { type Token, tokensOf } from "./format-tokens.ts";
import { parse } from "./parse.ts";
import { type FunctionDeclaration, reducers, type SourceFile } from "./syntax-tree.ts";

export interface FormatResult {
  /** Absent when the text has mistakes that keep it from being read. */
  readonly text?: string;
  readonly diagnostics: readonly Diagnostic[];
}

/** Formats one file. */
export function format(path: string, text: string): FormatResult {
  const { file, source, diagnostics } = parse(path, text);
  if (diagnostics.some(({ severity }) => severity === "error")) return { diagnostics };
  return { text: layOut(tokensOf(source), landmarksOf(file)), diagnostics };
}

/** What the tree knows and tokens do not. */
interface Landmarks {
  /** Offsets at which declarations, members, statements, settings and fields begin. */
  readonly starts: ReadonlySet<number>;
  /** Offsets of minus signs that belong to one operand. */
  readonly signs: ReadonlySet<number>;
}

const startingKinds = new Set([
  ...["import", "function", "module", "preset", "extern", "tensor", "sub", "setting", "field"],
  ...["let", "placed", "assign", "accumulate", "return", "for", "if", "require"],
]);

function landmarksOf(file: SourceFile): Landmarks {
  const starts = new Set<number>();
  const signs = new Set<number>();
  const equations = new Set<object>();
  const pending: unknown[] = [file];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (typeof part !== "object" || part === null) continue;
    const { kind, span, operator, equation, body } = part as Omit<Partial<FunctionDeclaration>, "kind"> & {
      kind?: string;
      operator?: string;
    };
    // `fn f(x: f32) -> f32 = expr` is kept as one `return`, which nobody has written.
    for (const statement of equation === true ? (body ?? []) : []) equations.add(statement);
    if (kind !== undefined && span !== undefined) {
      if (startingKinds.has(kind) && !equations.has(part)) starts.add(span.start);
      if (kind === "unary" && operator === "-") signs.add(span.start);
    }
    for (const child of Object.values(part)) if (typeof child === "object" && child !== null) pending.push(child);
  }
  return { starts, signs };
}

/** An open bracket: where the lines inside begin, and where a line beginning with its end does. */
interface Bracket {
  readonly text: string;
  readonly inside: number;
  readonly outside: number;
  /** True for `sum[…]`, after which the body begins. */
  readonly ofReducer: boolean;
}

const step = 2;

function layOut(tokens: readonly Token[], landmarks: Landmarks): string {
  const lines: string[] = [];
  const brackets: Bracket[] = [];
  let line = "";
  let indent = 0;
  let afterReducer = false;
  tokens.forEach((token, i) => {
    const previous = tokens[i - 1];
    const innermost = brackets[brackets.length - 1];
    const inBlock = innermost === undefined || innermost.text === "{";
    // A separator at the end of a line, or before a closing brace, separates nothing.
    const next = tokens[i + 1];
    const isIdle =
      token.text === ";" &&
      token.kind === "symbol" &&
      inBlock &&
      (next === undefined || next.linesBefore > 0 || next.text === "}" || next.kind === "comment");
    if (isIdle) return;
    const startsLine = previous === undefined || token.linesBefore > 0;
    const closed = token.kind === "close" ? brackets.pop() : undefined;
    if (startsLine) {
      if (previous !== undefined) lines.push(line);
      const wantsGap = token.linesBefore > 1 && token.kind !== "close" && previous?.text !== "{";
      if (previous !== undefined && wantsGap) lines.push("");
      const block = innermost?.inside ?? 0;
      const continues =
        inBlock &&
        token.kind !== "comment" &&
        closed === undefined &&
        !landmarks.starts.has(token.start) &&
        !(token.text === "else" && previous?.text === "}");
      // A result type on a line of its own stands apart from the body below.
      const further = token.text === "->" ? 2 * step : step;
      indent = closed?.outside ?? (continues ? block + further : block);
      line = " ".repeat(indent) + token.text;
    } else {
      // The first values of a recurrence stand apart from its equation.
      const isInitial = token.text === "where" && inBlock;
      const blank = isInitial ? "  " : needsBlank(previous as Token, token, tokens, i, landmarks, afterReducer);
      line += blank + token.text;
    }
    if (token.kind === "open") {
      // A block is indented from what it belongs to, even where the head of it went over several lines.
      const outside = token.text === "{" && inBlock ? (innermost?.inside ?? 0) : indent;
      const ofReducer =
        token.text === "[" && previous?.kind === "word" && (reducers as readonly string[]).includes(previous.text);
      brackets.push({ text: token.text, inside: outside + step, outside, ofReducer });
    }
    afterReducer = closed?.ofReducer === true;
  });
  if (tokens.length > 0) lines.push(line);
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

/** Words after which an operand or a bracket stands apart. */
const keywords = new Set([
  ...[
    "let",
    "return",
    "for",
    "if",
    "then",
    "else",
    "require",
    "where",
    "and",
    "or",
    "not",
    "use",
    "fn",
    "module",
    "model",
  ],
  ...["entry", "param", "buffer", "sub", "preset", "extern"],
]);

const tightOperators = new Set(["+", "-", "*", "/", "//", "%"]);

/** What stands between two tokens of one line. */
function needsBlank(
  before: Token,
  token: Token,
  tokens: readonly Token[],
  position: number,
  landmarks: Landmarks,
  afterReducer: boolean,
): "" | " " | "  " {
  if (token.kind === "comment") return "  ";
  if (token.text === "{" || before.text === "{" || token.text === "}") return " ";
  if (before.text === "}") return token.text === ")" || token.text === "," ? "" : " ";
  if (before.kind === "open" || token.kind === "close") return "";
  if (token.text === "," || token.text === ";") return "";
  if (before.text === "," || before.text === ";") return " ";
  if (token.text === ".." || before.text === "..") return "";
  if ((token.text === "." && token.kind === "symbol") || (before.text === "." && before.kind === "symbol")) return "";
  if (token.text === ":" && token.kind === "symbol") return "";
  if (before.text === ":" && before.kind === "symbol") return " ";
  if (token.kind === "angle" || before.kind === "angle") return angleBlank(before, token);
  if (before.text === "@") return "";
  if (token.text === "^" || before.text === "^") return "";
  if (landmarks.signs.has(before.start) && before.text === "-") return "";
  if (token.kind === "open") return opensApart(before, tokens, position, afterReducer) ? " " : "";
  const isSign = landmarks.signs.has(token.start) && token.text === "-";
  if (token.kind === "symbol" && tightOperators.has(token.text) && !isSign) return isTight(tokens, position) ? "" : " ";
  if (before.kind === "symbol" && tightOperators.has(before.text)) return isTight(tokens, position - 1) ? "" : " ";
  return " ";
}

function angleBlank(before: Token, token: Token): "" | " " {
  if (before.text === "<" || token.text === ">" || token.kind === "angle") return "";
  // After the end of a list of sizes: `<L>(…)`, `idx<V>[n]`, but `idx<V> = …`.
  return token.kind === "open" ? "" : " ";
}

/** Whether an operator between two operands is written without blanks on both sides. */
function isTight(tokens: readonly Token[], position: number): boolean {
  const [operator, after] = [tokens[position], tokens[position + 1]];
  return operator !== undefined && after !== undefined && !operator.spaced && !after.spaced;
}

/** Whether a bracket begins something of its own instead of applying to what stands before it. */
function opensApart(before: Token, tokens: readonly Token[], position: number, afterReducer: boolean): boolean {
  if (afterReducer) return true;
  if (before.kind === "close") return false;
  if (before.kind !== "word") return !(tightOperators.has(before.text) && isTight(tokens, position - 1));
  if (keywords.has(before.text)) return true;
  return before.text === "in" && tokens[position - 3]?.text === "for";
}
