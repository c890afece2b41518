/** Words for what the parser could not read: where, what would have fitted, and the slips that people make most. */
import { type Diagnostic, errorAt } from "./diagnostic.ts";
import type { SourceText } from "./source-text.ts";

/** Names of terminals that help nobody, because they can stand almost anywhere. */
const uninteresting = new Set([
  '"<"',
  '">"',
  '"≠"',
  '"≥"',
  '"≤"',
  '"<="',
  '">="',
  '"=="',
  '"!="',
  '"and"',
  '"or"',
  '"+"',
  '"-"',
  '"//"',
  '"%"',
  '"^"',
  '"@"',
  '"."',
  '"*"',
  '"/"',
  '";"',
  '":"',
  '"then"',
  '"where"',
]);

/** The parts of ohm's "expected …" text that are worth showing, at most five. */
function expectations(text: string): string[] {
  const parts = text.match(/(?:not )?(?:"(?:[^"\\]|\\.)*"|an? [a-z]+)/g) ?? [];
  const positive = [...new Set(parts.filter((part) => !part.startsWith("not ")))];
  const interesting = positive.filter((part) => !uninteresting.has(part));
  const closing = interesting.filter((part) => /^"[)\]}]"$/.test(part));
  // What closes a bracket says more than all that could still come before it.
  const chosen = closing.length > 0 ? [...closing, ...interesting.filter((part) => part === '","')] : interesting;
  return (chosen.length > 0 ? chosen : positive.slice(0, 3)).map((part) =>
    part.startsWith('"') ? `\`${part.slice(1, -1)}\`` : part,
  );
}

function join(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} or ${parts[parts.length - 1]}`;
}

const words =
  /^(use|fn|module|model|entry|preset|param|buffer|sub|let|return|for|if|then|else|require|extern|where|and|or|not|true|false|sum|mean|max|min|prod|any|all|argmax|argmin|logsumexp)$/u;

interface Slip {
  /** Looked for in the text before (`before`) and from (`at`) the failure. */
  readonly applies: (at: string, before: string, line: string) => boolean;
  readonly title?: string;
  readonly help: string;
}

/** Most telling first. `line` is the source line of the failure, comments blanked. */
const slips: readonly Slip[] = [
  {
    applies: (at) => at.startsWith("&&") || at.startsWith("||"),
    title: "conditions are joined with words",
    help: "Write `and`, `or`.",
  },
  { applies: (at) => /^![^=]/.test(at), title: "negation is a word", help: "Write `not`." },
  {
    applies: (at, before, line) =>
      /^=[^=]/.test(at) && /\b(if|require)\b|:\s*[^,\]]*$/.test(line.slice(0, before.length)),
    title: "`=` gives a name, it does not compare",
    help: "Write `==` to compare.",
  },
  {
    applies: (at, before) => at.startsWith("*") && before.endsWith("*"),
    title: "powers are written with `^`",
    help: "Write `x^2`.",
  },
  {
    applies: (_at, before) => /\S \/\/ .*$/u.test(before),
    help: "For a comment after code, put two blanks before `//`; with one blank it is integer division.",
  },
  {
    applies: (at) => /^\d+[\p{L}_]/u.test(at),
    title: "a name cannot start with a digit",
    help: "A product needs its sign: write `2*x`, not `2x`.",
  },
  {
    applies: (at, before) => /^(<|>|==|!=|<=|>=|≤|≥|≠)/.test(at) && /[<>=≤≥≠][^<>=]*$/.test(before),
    title: "comparisons do not chain",
    help: "Write `a < b and b < c`.",
  },
];

/**
 * The diagnostic for a failure at `offset`, which is where no reading of the text could go on. `expected` is ohm's own
 * list. A failure at the start of a line is shown at the end of what precedes it, where the missing piece belongs.
 */
export function syntaxError(source: SourceText, offset: number, expected: string): Diagnostic {
  const text = source.blanked;
  const token =
    /^(?:[\p{L}_][\p{L}\p{N}_]*|\d[\d.]*|[<>=!+]=|->|\*\*|&&|\|\||\S)/u.exec(text.slice(offset, offset + 80))?.[0] ??
    "";
  let end = offset;
  while (end > 0 && /\s/.test(text[end - 1] as string)) end--;
  const atLineStart = token === "" || text.slice(end, offset).includes("\n");
  // At the start of a line the slip is on the line before.
  const place = atLineStart ? end : offset;
  const lineStart = text.lastIndexOf("\n", place - 1) + 1;
  const newline = text.indexOf("\n", place);
  const line = text.slice(lineStart, newline < 0 ? text.length : newline);
  const before = text.slice(lineStart, place);
  const wanted = expectations(expected);
  const hint = slips.find((slip) => slip.applies(text.slice(offset, offset + 80), before, line));
  const help = hint === undefined ? [] : [hint.help];
  if (atLineStart && hint?.title === undefined) {
    const span = source.span(Math.max(0, end - 1), Math.max(1, end));
    const what = token === "" ? "the file ends too early" : "this is not complete";
    const list = wanted.slice(0, 5);
    return errorAt(span, "syntax/incomplete", what, {
      label: list.length > 0 ? `after this should come ${join(list)}` : "more should follow here",
      help,
    });
  }
  const span = source.span(offset, offset + Math.max(1, token.length));
  if (words.test(token) && wanted.includes("a name")) {
    return errorAt(span, "syntax/reserved", `\`${token}\` is a word of the language and cannot be a name`, {
      label: "choose another name",
      help,
    });
  }
  const list = wanted.slice(0, 5);
  return errorAt(span, "syntax/unexpected", hint?.title ?? `\`${token}\` does not fit here`, {
    label: hint?.title === undefined && list.length > 0 ? `expected ${join(list)}` : "",
    help,
  });
}
