/** Changes of texts, before an editor makes them. */

/** `[start, end)` of a text, in UTF-16 units, becomes `text`. */
export interface TextChange {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Changes by path; those of one file do not overlap. */
export type Changes = ReadonlyMap<string, readonly TextChange[]>;

/** The text after all changes. */
export function applyChanges(text: string, changes: readonly TextChange[]): string {
  const sorted = [...changes].sort((a, b) => a.start - b.start || a.end - b.end);
  let result = "";
  let copied = 0;
  for (const { start, end, text: added } of sorted) {
    result += text.slice(copied, start) + added;
    copied = end;
  }
  return result + text.slice(copied);
}

/** Where an offset lies after the changes; one inside of what is replaced goes to its beginning. */
export function offsetAfter(offset: number, changes: readonly TextChange[]): number {
  let moved = offset;
  for (const { start, end, text } of changes) {
    if (end <= offset && (start < offset || end < offset)) moved += text.length - (end - start);
    else if (start < offset) moved -= offset - start;
  }
  return moved;
}

/** The one change that turns a text into another, between what they have in common at both ends. */
export function changeBetween(before: string, after: string): TextChange | undefined {
  if (before === after) return undefined;
  const shortest = Math.min(before.length, after.length);
  let start = 0;
  while (start < shortest && before[start] === after[start]) start++;
  let behind = 0;
  while (behind < shortest - start && before.at(-1 - behind) === after.at(-1 - behind)) behind++;
  return { start, end: before.length - behind, text: after.slice(start, after.length - behind) };
}
