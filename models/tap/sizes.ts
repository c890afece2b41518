/** The sizes of TAP's inputs at each preset of tap.weft, for the host's side. */

export interface Sizes {
  /** Places of the three blocks of the text: question, OCR words, object labels. */
  readonly blocks: readonly [question: number, ocrWords: number, objectWords: number];
  /** Most objects and OCR tokens of a picture. */
  readonly objects: number;
  readonly tokens: number;
  /** Numbers of a region's feature and of a word's vector. */
  readonly region: number;
  readonly fasttext: number;
  /** Longest answer with its end, in steps. */
  readonly steps: number;
  /** Answers of the fixed vocabulary. */
  readonly answers: number;
}

/** By preset. */
export const sizesOf = {
  paper: {
    blocks: [20, 100, 50],
    objects: 100,
    tokens: 100,
    region: 2048,
    fasttext: 300,
    steps: 12,
    answers: 5000,
  },
  tiny: { blocks: [12, 8, 8], objects: 6, tokens: 6, region: 64, fasttext: 32, steps: 4, answers: 18 },
} as const satisfies Readonly<Record<string, Sizes>>;
