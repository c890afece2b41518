/** The text that TAP reads: question, OCR words and object labels as one row of word pieces. */
import { type Vocabulary, wordPieces } from "../bert/wordpiece.ts";
import type { Sizes } from "./sizes.ts";

/** Input that the network cannot take; the message says what to do. */
export class TapInputError extends Error {
  override readonly name = "TapInputError";
}

/** An OCR token or an answer as the reference writes it: lower case, no `,` and `?`, a blank before `'s`, no blanks around. */
export function cleaned(text: string): string {
  return text.toLowerCase().replace(/[,?]/g, "").replaceAll("'s", " 's").trim();
}

export interface TextRow {
  /** i32[question + OCR words + object labels], each block padded with 0 at its end. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** Word pieces of OCR words and of object labels that had no place; the reference leaves them out as well. */
  readonly left: readonly [ocrWords: number, objectWords: number];
}

/**
 * Every block is `[CLS] pieces [SEP]`, where the second and third have `[SEP]` in place of `[CLS]`; a block that is too long is cut and
 * loses its end.
 *
 * @throws TapInputError when the question is empty or does not fit: it is the user's and is not cut
 */
export function textRow(
  vocabulary: Vocabulary,
  question: string,
  ocrWords: readonly string[],
  objectNames: readonly string[],
  { blocks }: Pick<Sizes, "blocks">,
): TextRow {
  const asked = wordPieces(vocabulary, question);
  if (asked.length === 0) throw new TapInputError("the question is empty; ask one");
  if (asked.length + 2 > blocks[0]) {
    throw new TapInputError(
      `the question has ${asked.length} word pieces, and the network reads ${blocks[0] - 2}; ask a shorter one`,
    );
  }
  const pieces = [asked, ...[ocrWords, objectNames].map((words) => wordPieces(vocabulary, words.join(" ")))];
  const { special } = vocabulary;
  const rows = pieces.map((each, block) => {
    const row = new Int32Array(blocks[block] as number).fill(special["[PAD]"]);
    const whole = [special[block === 0 ? "[CLS]" : "[SEP]"], ...each, special["[SEP]"]];
    row.set(whole.slice(0, row.length));
    return row;
  });
  const left = (block: 1 | 2) => Math.max((pieces[block] as readonly number[]).length - (blocks[block] - 1), 0);
  return { ids: Int32Array.from(rows.flatMap((row) => [...row])), left: [left(1), left(2)] };
}
