/** From a picture and a phrase to JRNet's inputs. */
import { DemoInputError } from "../../src/demo.ts";
import { encodeText, readVocabulary, WordPieceError, wordPieces } from "../bert/wordpiece.ts";
import { imageNet, type Normalisation, type Picture, planesOf } from "../shared/pictures.ts";
import { vocabularyWords } from "../shared/refworld/phrases.ts";
import { resizeSmooth } from "../shared/resizing.ts";

/** What a preset of jrnet.weft wants. */
export interface InputForm {
  /** Width and height of its images in pixels. */
  readonly side: number;
  /** Places for words. */
  readonly words: number;
  /** Numbers in a word vector. */
  readonly word: number;
  readonly normalisation: Normalisation;
  /** Whether words come as numbers of the synthetic world's vocabulary rather than as vectors. */
  readonly numbered: boolean;
}

const forms: Readonly<Record<string, InputForm>> = {
  paper: { side: 320, words: 30, word: 300, normalisation: imageNet, numbered: false },
  resnet50: { side: 448, words: 20, word: 300, normalisation: imageNet, numbered: false },
  tiny: {
    side: 64,
    words: 12,
    word: 32,
    normalisation: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
    numbered: true,
  },
};

/** @throws DemoInputError for a preset that jrnet.weft does not have */
export function inputForm(preset: string): InputForm {
  const form = forms[preset];
  if (form !== undefined) return form;
  throw new DemoInputError([`JRNet has no preset ${preset}; there are ${Object.keys(forms).join(", ")}`]);
}

/** f32[3, side, side]: the whole picture, stretched to a square as torchvision does it, normalised. */
export function prepareImage(picture: Picture, { side, normalisation }: InputForm): Float32Array<ArrayBuffer> {
  const isFitting = picture.width === side && picture.height === side;
  return Float32Array.from(planesOf(isFitting ? picture : resizeSmooth(picture, side, side), normalisation).data);
}

/** The picture without its colours, as three of ten training pictures are shown (luma of ITU-R BT.601). */
export function greyed(picture: Picture): Picture {
  const rgb = new Uint8Array(picture.rgb.length);
  for (let place = 0; place < rgb.length; place += 3) {
    const [red, green, blue] = picture.rgb.subarray(place, place + 3) as unknown as [number, number, number];
    rgb.fill(Math.round(0.299 * red + 0.587 * green + 0.114 * blue), place, place + 3);
  }
  return { ...picture, rgb };
}

/** The words of a phrase: lower-case, divided at everything that is no letter, digit or underscore; pieces with digits are left out. */
export function phraseWords(phrase: string): readonly string[] {
  return phrase
    .toLowerCase()
    .split(/[^\p{L}\p{N}_]+/u)
    .filter((piece) => /^\p{L}+$/u.test(piece));
}

/** The words of a phrase that fit, and how many more there were. */
export interface FittedWords {
  readonly words: readonly string[];
  readonly left: number;
}

/**
 * The first `most` words, as the published code takes them.
 *
 * @throws DemoInputError for a phrase without words
 */
export function fittedWords(phrase: string, most: number): FittedWords {
  const words = phraseWords(phrase);
  if (words.length === 0) {
    throw new DemoInputError([`"${phrase}" has no words; say which thing is meant, such as "the left man"`]);
  }
  return { words: words.slice(0, most), left: Math.max(words.length - most, 0) };
}

const worldVocabulary = readVocabulary(vocabularyWords.join("\n"));

/**
 * i32[words]: numbers of the words of the synthetic world, between its marks for beginning and end, 0 for padding.
 *
 * @throws DemoInputError for a phrase without words, with words the world does not have, or with too many of them
 */
export function worldNumbers(phrase: string, { words }: InputForm): Int32Array<ArrayBuffer> {
  const { words: spoken } = fittedWords(phrase, Number.POSITIVE_INFINITY);
  const unknown = spoken.filter((word) => wordPieces(worldVocabulary, word).includes(worldVocabulary.special["[UNK]"]));
  if (unknown.length > 0) {
    const known = vocabularyWords.filter((word) => !word.startsWith("["));
    throw new DemoInputError([
      `the preset tiny does not know ${unknown.map((word) => `"${word}"`).join(", ")}; its words are ${known.join(", ")}`,
    ]);
  }
  try {
    return Int32Array.from(encodeText(worldVocabulary, spoken.join(" "), words).ids);
  } catch (error) {
    if (error instanceof WordPieceError) throw new DemoInputError([error.message]);
    throw error;
  }
}
