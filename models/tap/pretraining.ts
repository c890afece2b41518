/** What a batch of pre-training is asked: masked words, texts of other pictures, and relations (TAP, section 3.2). Deterministic from a seed. */
import type { Vocabulary } from "../bert/wordpiece.ts";
import type { Dice } from "../shared/dice.ts";
import type { Sizes } from "./sizes.ts";

const selected = 0.15;
const [becomesMask, becomesOther] = [0.8, 0.1];

export interface MaskedText {
  readonly ids: Int32Array;
  /** The word that was there where it is to be told, -1 elsewhere. */
  readonly labels: Int32Array;
}

/**
 * Chooses every word with probability 0.15: of the chosen, 80 % become [MASK], 10 % a word from `firstWord` on, 10 % stay.
 *
 * @param firstWord first id that may stand in for another; the 1000 ids before the published words are special or unused
 */
export function masked(ids: Int32Array, vocabulary: Vocabulary, dice: Dice, firstWord = 1000): MaskedText {
  const { special, pieces } = vocabulary;
  const fixed = [special["[PAD]"], special["[CLS]"], special["[SEP]"]];
  const labels = new Int32Array(ids.length).fill(-1);
  const shown = ids.map((id, i) => {
    if (fixed.includes(id) || !dice.chance(selected)) return id;
    labels[i] = id;
    const draw = dice.between(0, 1);
    if (draw < becomesMask) return special["[MASK]"];
    return draw < becomesMask + becomesOther ? firstWord + dice.below(pieces.length - firstWord) : id;
  });
  return { ids: shown, labels };
}

/** Probabilities that the block of a sample is replaced: question, OCR words, object labels. The release replaces OCR words only. */
export type Pollution = readonly [question: number, ocrWords: number, objectWords: number];

/** Replaces blocks of samples, words and labels, by those of another sample of the batch, drawn uniformly. */
export function polluted(
  batch: readonly MaskedText[],
  { blocks }: Pick<Sizes, "blocks">,
  dice: Dice,
  chances: Pollution = [0, 0.5, 0],
): { readonly texts: readonly MaskedText[]; readonly polluted: readonly boolean[] } {
  const results = batch.map(({ ids, labels }, b) => {
    const text = { ids: ids.slice(), labels: labels.slice() };
    let changed = false;
    let start = 0;
    blocks.forEach((length, block) => {
      if (batch.length > 1 && dice.chance(chances[block] as number)) {
        const other = batch[(b + 1 + dice.below(batch.length - 1)) % batch.length] as MaskedText;
        text.ids.set(other.ids.subarray(start, start + length), start);
        text.labels.set(other.labels.subarray(start, start + length), start);
        changed = true;
      }
      start += length;
    });
    return { text, changed };
  });
  return { texts: results.map(({ text }) => text), polluted: results.map(({ changed }) => changed) };
}
