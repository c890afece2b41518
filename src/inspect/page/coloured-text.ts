/** Lines of text as coloured pieces. */
import { type TokenLanguage, tokenise } from "../tokens.ts";
import { element } from "./elements.ts";

/**
 * The pieces of one line.
 *
 * @param classesAt  further classes of a piece, given its place in the line and its text
 */
export function colouredLine(
  line: string,
  language: TokenLanguage,
  classesAt?: (offset: number, text: string) => string,
): HTMLElement[] {
  let offset = 0;
  return tokenise(line, language).map(({ kind, text }) => {
    const start = offset;
    offset += text.length;
    return element("span", { class: `${kind} ${classesAt?.(start, text) ?? ""}`, "data-at": start }, text);
  });
}

/** The place in the line that an event hit; undefined beside the text. */
export function offsetOf(event: Event): number | undefined {
  const piece = (event.target as Element).closest<HTMLElement>("[data-at]");
  return piece === null ? undefined : Number(piece.dataset.at);
}

/** A bar whose length shows a share between 0 and 1. */
export function bar(share: number, title: string): HTMLElement {
  const made = element("span", { class: "bar", title });
  made.style.setProperty("--share", String(Math.max(0, Math.min(1, share))));
  return made;
}
