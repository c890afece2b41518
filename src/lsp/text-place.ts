/** Lines of a text, as editors count them. */

/** The line that contains an offset, without its end. */
export function lineAround(text: string, offset: number): { readonly start: number; readonly end: number } {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  const newline = text.indexOf("\n", offset);
  return { start, end: newline < 0 ? text.length : newline };
}

/** The characters that can stand in a name. */
const nameCharacter = /[\p{L}\p{N}\p{M}_]/u;

/** Where the name begins that ends at, or is being written at, an offset. */
export function startOfWord(text: string, offset: number): number {
  let start = offset;
  while (start > 0) {
    // Letters beyond the basic plane take two units.
    const wide = start > 1 && /[\uDC00-\uDFFF]/.test(text[start - 1] as string) ? 2 : 1;
    if (!nameCharacter.test(text.slice(start - wide, start))) break;
    start -= wide;
  }
  return start;
}
