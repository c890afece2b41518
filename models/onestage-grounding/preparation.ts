/** From pictures and phrases to what the network takes, and back to boxes of the picture. */
import { DemoInputError } from "../../src/demo.ts";
import { encodeText, readVocabulary, type Vocabulary, wordPieces } from "../bert/wordpiece.ts";
import { imageNet, type Normalisation, type Picture, planesOf } from "../shared/pictures.ts";
import { vocabularyWords } from "../shared/refworld/phrases.ts";
import { type Letterbox, letterbox } from "../shared/resizing.ts";

/** What a preset of the model takes. */
export interface InputForm {
  /** Width and height of the letterboxed picture in pixels. */
  readonly side: number;
  /** Word pieces with [CLS] and [SEP]. */
  readonly length: number;
  readonly normalisation: Normalisation;
}

const paperForm: InputForm = { side: 256, length: 20, normalisation: imageNet };
const tinyForm: InputForm = {
  side: 64,
  length: 12,
  normalisation: { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
};

/** The form of a preset: `tiny` has its own, all others the paper's. */
export function inputForm(preset: string): InputForm {
  return preset === "tiny" ? tinyForm : paperForm;
}

/** The words of the synthetic world, for want of BERT's `vocab.txt`. */
export function smallVocabulary(): Vocabulary {
  return readVocabulary(vocabularyWords.join("\n"));
}

/** An array with its shape, as programs take it. */
interface Input<Data> {
  readonly shape: readonly number[];
  readonly data: Data;
}

/** Inputs of `predict` and `ground` for one picture, and how it was letterboxed. */
export interface PreparedInputs {
  readonly image: Input<Float32Array<ArrayBuffer>>;
  readonly input_ids: Input<Int32Array<ArrayBuffer>>;
  readonly attention_mask: Input<Uint8Array<ArrayBuffer>>;
  readonly box: Letterbox;
  /** Words of the phrase that the vocabulary does not know. */
  readonly unknown: readonly string[];
}

/**
 * A picture and a phrase as a batch of one.
 *
 * @throws DemoInputError when the phrase is empty or too long
 */
export function prepare(picture: Picture, phrase: string, vocabulary: Vocabulary, form: InputForm): PreparedInputs {
  const { ids, mask } = encodePhrase(vocabulary, phrase, form.length);
  const box = letterbox(picture, form.side);
  const { shape, data } = planesOf(box.picture, form.normalisation);
  return {
    image: { shape: [1, ...shape], data },
    input_ids: { shape: [1, form.length], data: ids },
    attention_mask: { shape: [1, form.length], data: mask },
    box,
    unknown: unknownWords(vocabulary, phrase),
  };
}

function encodePhrase(
  vocabulary: Vocabulary,
  phrase: string,
  length: number,
): { readonly ids: Int32Array<ArrayBuffer>; readonly mask: Uint8Array<ArrayBuffer> } {
  const found = wordPieces(vocabulary, phrase).length;
  if (found === 0) {
    throw new DemoInputError([
      'the phrase is empty; say which thing is meant: --phrase "square above the green square"',
    ]);
  }
  if (found + 2 > length) {
    throw new DemoInputError([
      `the phrase has ${found} word pieces and the network takes ${length - 2}; make it shorter`,
    ]);
  }
  const { ids, mask } = encodeText(vocabulary, phrase, length);
  return { ids: Int32Array.from(ids), mask: Uint8Array.from(mask) };
}

/** Words that become [UNK], each once. */
function unknownWords(vocabulary: Vocabulary, phrase: string): readonly string[] {
  const unknown = vocabulary.special["[UNK]"];
  const words = phrase.split(/\s+/).filter((word) => wordPieces(vocabulary, word).includes(unknown));
  return [...new Set(words)];
}
