/**
 * Diagnostics as text, 100 columns wide: a headline, the source lines with what matters underlined, facts, repairs.
 *
 * ```
 * error[size/mismatch] index `j` is given two lengths
 *
 *   attention.weft:4:36
 *    4 │   let Y[i, c] = sum[j] A[i, j] * V[j, c]
 *      │                             ─      ─ here `j` walks S
 *      │                             here `j` walks L
 *   Nothing says L = S.
 *   help: Same length meant? State it: `require L == S`, or use one name for both.
 * ```
 */
import type { Diagnostic, Label } from "./diagnostic.ts";
import { lineStarts } from "./source-text.ts";

/** What a piece of the output is, for those who colour it. */
export type DiagnosticPart = "severity" | "code" | "title" | "place" | "primary" | "secondary" | "help" | "plain";

export interface RenderOptions {
  /** Columns; 100 unless given. */
  readonly width?: number;
  /** Wraps a piece of text in colour; the text is left alone unless given. */
  readonly paint?: (part: DiagnosticPart, text: string) => string;
}

/** Control characters could drive a terminal; combining marks take no column of their own. */
function printable(text: string): string {
  return text.replace(/\t/g, " ").replace(/\p{Cc}/gu, "\u{FFFD}");
}

function columns(text: string): number {
  return [...text.replace(/\p{M}/gu, "")].length;
}

/** Breaks at blanks; the first line starts with `head`, the others with `indent`. */
function wrap(text: string, width: number, head: string, indent: string): string[] {
  const lines: string[] = [];
  let line = head;
  let isEmpty = true;
  for (const word of text.split(" ")) {
    if (!isEmpty && columns(line) + 1 + columns(word) > width) {
      lines.push(line);
      line = indent + word;
    } else {
      line += isEmpty ? word : ` ${word}`;
    }
    isEmpty = false;
  }
  return [...lines, line];
}

interface Mark {
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly isPrimary: boolean;
}

/** A source line cut to the width, keeping the marks in view; marks are moved along. */
function cut(line: string, marks: readonly Mark[], width: number): { text: string; marks: readonly Mark[] } {
  if (line.length <= width) return { text: line, marks };
  const first = Math.min(...marks.map((mark) => mark.from));
  const start = Math.max(0, Math.min(first - 20, line.length - width));
  const end = Math.min(line.length, start + width - 2);
  const head = start > 0 ? "…" : "";
  const shift = start - head.length;
  const moved = marks.map((mark) => ({
    ...mark,
    from: Math.max(head.length, Math.min(mark.from, end) - shift),
    to: Math.max(head.length + 1, Math.min(mark.to, end) - shift),
  }));
  return { text: head + line.slice(start, end) + (end < line.length ? "…" : ""), marks: moved };
}

/** Underlines and labels below a line: the rightmost label beside its underline, the others on lines of their own. */
function underline(
  text: string,
  marks: readonly Mark[],
  paint: NonNullable<RenderOptions["paint"]>,
  width: number,
): string[] {
  const column = (offset: number) => columns(text.slice(0, offset));
  const placed = marks
    .map((mark) => {
      const start = column(mark.from);
      return {
        start,
        end: Math.max(start + 1, column(mark.to)),
        text: mark.text,
        role: mark.isPrimary ? ("primary" as const) : ("secondary" as const),
      };
    })
    .sort((a, b) => a.start - b.start || b.end - a.end);
  let row = "";
  let position = 0;
  for (const mark of placed) {
    const start = Math.max(position, mark.start);
    if (mark.end <= start) continue;
    row +=
      " ".repeat(start - position) + paint(mark.role, (mark.role === "primary" ? "━" : "─").repeat(mark.end - start));
    position = mark.end;
  }
  const rows: string[] = [];
  const last = placed[placed.length - 1];
  const beside =
    last !== undefined && last.end === position && last.text !== "" && position + 1 + columns(last.text) <= width;
  rows.push(beside && last ? `${row} ${paint(last.role, last.text)}` : row);
  for (const mark of [...placed].reverse()) {
    if (mark.text === "" || (beside && mark === last)) continue;
    const indent = Math.max(0, Math.min(mark.start, width - columns(mark.text)));
    for (const line of wrap(mark.text, width - indent, "", "")) rows.push(" ".repeat(indent) + paint(mark.role, line));
  }
  return rows;
}

/** The marked lines of one file, under a heading with the place. */
function excerpt(
  source: string | undefined,
  labels: readonly { label: Label; isPrimary: boolean }[],
  gutter: number,
  paint: NonNullable<RenderOptions["paint"]>,
  width: number,
): string[] {
  const [head] = labels as [{ label: Label }, ...unknown[]];
  const { span } = head.label;
  const output = [`  ${paint("place", printable(`${span.file}:${span.line}:${span.column}`))}`];
  if (source === undefined || source === "") return output;
  const starts = lineStarts(source);
  const byLine = new Map<number, Mark[]>();
  for (const { label, isPrimary } of labels) {
    const start = starts[label.span.line - 1] ?? 0;
    const end = (starts[label.span.line] ?? source.length + 1) - 1;
    const from = label.span.start - start;
    // A span over several lines is marked on its first.
    const to = Math.max(from + 1, Math.min(label.span.end, end) - start);
    const marks = byLine.get(label.span.line) ?? [];
    byLine.set(label.span.line, [...marks, { from, to, text: printable(label.text), isPrimary }]);
  }
  const room = width - gutter - 5;
  let previous: number | undefined;
  for (const [line, marks] of [...byLine].sort(([a], [b]) => a - b)) {
    if (previous !== undefined && line > previous + 1) output.push(`  ${" ".repeat(gutter)} ┆`);
    previous = line;
    const start = starts[line - 1] ?? 0;
    const end = (starts[line] ?? source.length + 1) - 1;
    const shown = cut(printable(source.slice(start, end).replace(/\r$/, "")), marks, room);
    output.push(`  ${String(line).padStart(gutter)} │ ${shown.text}`);
    for (const row of underline(shown.text, shown.marks, paint, room)) output.push(`  ${" ".repeat(gutter)} │ ${row}`);
  }
  return output;
}

/**
 * One diagnostic as text, ending in a newline.
 *
 * @param sources  text of each file by path; a file that is missing is named without its lines
 */
export function renderDiagnostic(
  diagnostic: Diagnostic,
  sources: ReadonlyMap<string, string>,
  options: RenderOptions = {},
): string {
  const width = options.width ?? 100;
  const paint = options.paint ?? ((_part: DiagnosticPart, text: string) => text);
  const labels = [
    { label: diagnostic.primary, isPrimary: true },
    ...diagnostic.secondary.map((label) => ({ label, isPrimary: false })),
  ];
  const gutter = String(Math.max(...labels.map(({ label }) => label.span.line))).length + 1;
  const headline = `${paint("severity", diagnostic.severity)}${paint("code", `[${diagnostic.code}]`)} ${paint("title", printable(diagnostic.title))}`;
  const output = [headline, ""];
  for (const file of new Set(labels.map(({ label }) => label.span.file))) {
    const own = labels.filter(({ label }) => label.span.file === file);
    output.push(...excerpt(sources.get(file), own, gutter, paint, width));
  }
  for (const note of diagnostic.notes) output.push(...wrap(printable(note), width, "  ", "    "));
  for (const help of diagnostic.help) {
    output.push(...wrap(printable(help), width, "  help: ", "        ").map((line) => paint("help", line)));
  }
  return `${output.map((line) => line.trimEnd()).join("\n")}\n`;
}

/** Several diagnostics, a blank line between them. */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  options: RenderOptions = {},
): string {
  return diagnostics.map((diagnostic) => renderDiagnostic(diagnostic, sources, options)).join("\n");
}
