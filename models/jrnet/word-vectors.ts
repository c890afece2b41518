/** Word vectors from a file in the text form of GloVe (Pennington, Socher & Manning 2014): a word and its numbers on each line. */
import { DemoInputError } from "../../src/demo.ts";

const [lineEnd, blank] = [10, 32];

/**
 * The vectors of some words. Lines are looked through without being decoded, so that the file may be large.
 *
 * @param name  of the file, for messages
 * @param width numbers that a vector must have
 * @returns vectors by word; words that the file does not have are missing
 * @throws DemoInputError for a line of another width or with something that is no number, and where no word is found
 */
export function readWordVectors(
  name: string,
  bytes: Uint8Array,
  words: readonly string[],
  width: number,
): ReadonlyMap<string, Float32Array> {
  const wanted = new Set(words);
  const longest = Math.max(...words.map((word) => Buffer.byteLength(word)));
  const found = new Map<string, Float32Array>();
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let number = 0;
  for (let start = 0; start < text.length && found.size < wanted.size; ) {
    number++;
    const next = text.indexOf(lineEnd, start);
    const end = next < 0 ? text.length : next;
    const gap = text.subarray(start, Math.min(start + longest + 1, end)).indexOf(blank);
    const word = gap < 0 ? "" : text.toString("utf8", start, start + gap);
    if (wanted.has(word) && !found.has(word)) {
      found.set(word, vectorOf(text.toString("utf8", start + gap + 1, end).trim(), `${name}, line ${number}`, width));
    }
    start = end + 1;
  }
  if (found.size > 0) return found;
  throw new DemoInputError([
    `${name} has none of the words ${[...wanted].join(", ")}; it must hold a word and ${width} numbers on each line, as the files of GloVe do`,
  ]);
}

function vectorOf(text: string, place: string, width: number): Float32Array {
  const numbers = text.split(/\s+/).map(Number);
  if (numbers.length !== width) {
    throw new DemoInputError([`${place}: ${numbers.length} numbers, the network takes vectors of ${width}`]);
  }
  if (numbers.some((each) => !Number.isFinite(each))) {
    throw new DemoInputError([`${place}: not all of its vector are numbers`]);
  }
  return Float32Array.from(numbers);
}

/** f32[places, width], rows of zeros for words without vector and for padding; and which places hold a word. */
export function vectorRows(
  words: readonly string[],
  vectors: ReadonlyMap<string, Float32Array>,
  places: number,
  width: number,
): { readonly x: Float32Array<ArrayBuffer>; readonly isWord: Uint8Array<ArrayBuffer> } {
  const x = new Float32Array(places * width);
  words.forEach((word, place) => {
    x.set(vectors.get(word) ?? [], place * width);
  });
  return { x, isWord: Uint8Array.from({ length: places }, (_, place) => (place < words.length ? 1 : 0)) };
}
