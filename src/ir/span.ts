/** Places in source texts. Every node of every graph carries the spans it came from. */

/** A half-open range `[start, end)` of UTF-16 offsets in one file, with the 1-based position of its start. */
export interface Span {
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly column: number;
}

/** The places a node came from, in source order without repetition. A fused or rewritten node has several. */
export type Origins = readonly Span[];

function compareSpans(a: Span, b: Span): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.start - b.start || a.end - b.end;
}

/** Union of origin lists, sorted and without duplicates. */
export function mergeOrigins(...lists: readonly Origins[]): Origins {
  const nonEmpty = lists.filter((list) => list.length > 0);
  if (nonEmpty.length === 0) return [];
  if (nonEmpty.length === 1) return nonEmpty[0] as Origins;
  const sorted = nonEmpty.flat().sort(compareSpans);
  return sorted.filter((span, i) => i === 0 || compareSpans(sorted[i - 1] as Span, span) !== 0);
}

/** `performer.weft:41:7` */
export function printSpan(span: Span): string {
  return `${span.file}:${span.line}:${span.column}`;
}
