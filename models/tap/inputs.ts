/** From detections and a question to the inputs of tap.weft. */
import type { HostTensor } from "../../src/runtime/index.ts";
import type { Vocabulary } from "../bert/wordpiece.ts";
import { answerIndex } from "./answers.ts";
import { phoc, phocLength } from "./phoc.ts";
import type { Box } from "./relations.ts";
import type { Sizes } from "./sizes.ts";
import { cleaned, TapInputError, textRow } from "./text.ts";

/** A detected object. */
export interface SceneObject {
  readonly name: string;
  readonly box: Box;
  /** The detector's fc6 vector of the region, f32[region]. */
  readonly fc6: Float32Array;
}

/** A word that was read in the picture. */
export interface SceneToken {
  readonly text: string;
  readonly box: Box;
  readonly fc6: Float32Array;
  /** Its FastText vector, f32[fasttext]. */
  readonly word: Float32Array;
}

/** The network's inputs for one picture and question, with what did not fit. */
export interface SceneInputs {
  readonly inputs: Readonly<Record<string, HostTensor>>;
  /** One line for each thing that the network does not see because it has no place for more. */
  readonly notes: readonly string[];
}

/**
 * Inputs of the entry `answer`, `prev` for the first step. As in the reference the first objects and tokens are kept where there are more
 * than the network has places for; `notes` says so.
 *
 * @throws TapInputError for a question that does not fit, boxes outside of the picture and vectors of another length
 */
export function sceneInputs(
  question: string,
  objects: readonly SceneObject[],
  tokens: readonly SceneToken[],
  vocabulary: Vocabulary,
  sizes: Sizes,
): SceneInputs {
  const seen = objects.slice(0, sizes.objects);
  const read = tokens.slice(0, sizes.tokens);
  seen.forEach(({ name, box, fc6 }, m) => {
    checkBox(`object ${m} (${name})`, box);
    checkLength(`the feature of object ${m} (${name})`, fc6, sizes.region);
  });
  read.forEach(({ text, box, fc6, word }, n) => {
    checkBox(`OCR token ${n} ("${text}")`, box);
    checkLength(`the feature of OCR token ${n} ("${text}")`, fc6, sizes.region);
    checkLength(`the word vector of OCR token ${n} ("${text}")`, word, sizes.fasttext);
  });
  const words = read.map(({ text }) => cleaned(text));
  const names = seen.map(({ name }) => name);
  const { ids, left } = textRow(vocabulary, question, words, names, sizes);
  const scalar = (value: number): HostTensor => ({ shape: [], data: Int32Array.of(value) });
  const vector = (data: Int32Array<ArrayBuffer>): HostTensor => ({ shape: [data.length], data });
  const prev = new Int32Array(sizes.steps);
  prev[0] = answerIndex.start;
  const notes = [
    [objects.length - seen.length, "objects beyond the first", sizes.objects],
    [tokens.length - read.length, "OCR tokens beyond the first", sizes.tokens],
    [left[0], "word pieces of OCR tokens beyond the first", sizes.blocks[1] - 2],
    [left[1], "word pieces of object labels beyond the first", sizes.blocks[2] - 2],
  ] as const;
  return {
    inputs: {
      txt: vector(ids),
      obj_fc6: rows(seen, ({ fc6 }) => fc6, sizes.objects, sizes.region),
      obj_box: rows(seen, ({ box }) => box, sizes.objects, 4),
      obj_num: scalar(seen.length),
      ocr_fasttext: rows(read, ({ word }) => word, sizes.tokens, sizes.fasttext),
      ocr_phoc: rows(words, phoc, sizes.tokens, phocLength),
      ocr_fc6: rows(read, ({ fc6 }) => fc6, sizes.tokens, sizes.region),
      ocr_box: rows(read, ({ box }) => box, sizes.tokens, 4),
      ocr_num: scalar(read.length),
      prev: vector(prev),
    },
    notes: notes.flatMap(([count, what, most]) => (count > 0 ? [`${count} ${what} ${most} are not seen`] : [])),
  };
}

/** Vectors one below the other, then rows of zeros. */
function rows<T>(
  things: readonly T[],
  vectorOf: (thing: T) => ArrayLike<number>,
  count: number,
  width: number,
): HostTensor {
  const data = new Float32Array(count * width);
  things.forEach((thing, k) => {
    data.set(vectorOf(thing), k * width);
  });
  return { shape: [count, width], data };
}

function checkBox(what: string, box: Box): void {
  const [x1, y1, x2, y2] = box;
  const inside = box.length === 4 && box.every((value) => value >= 0 && value <= 1);
  if (inside && x1 < x2 && y1 < y2) return;
  throw new TapInputError(
    `${what} has the box [${box.join(", ")}]; give x1 < x2 and y1 < y2 as fractions of the picture from 0 to 1`,
  );
}

function checkLength(what: string, vector: Float32Array, length: number): void {
  if (vector.length !== length) {
    throw new TapInputError(`${what} has ${vector.length} numbers, and the network takes ${length}`);
  }
  if (!vector.every(Number.isFinite)) throw new TapInputError(`${what} has a value that is not a finite number`);
}
