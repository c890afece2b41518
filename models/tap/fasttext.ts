/**
 * Word vectors of FastText from its binary files (Bojanowski, Grave, Joulin & Mikolov 2017): a word is the mean of its own row, if it has
 * one, and the rows of its character n-grams, so that unknown words have vectors too. Pure: the caller reads the bytes, in pieces, since
 * `wiki.en.bin` is larger than a buffer may be.
 */

/** Bytes `start` to before `end` of the file. */
export type ReadBytes = (start: number, end: number) => Uint8Array;

export interface WordVectors {
  /** Numbers of a vector. */
  readonly length: number;
  /** f32[length]. */
  readonly vectorOf: (word: string) => Float32Array;
}

/** A file that holds no word vectors, or not of this kind; the message says what to do. */
export class FastTextError extends Error {
  override readonly name = "FastTextError";
}

const magic = 793712314;
const newestVersion = 12;

/** Bytes of the file that are read at once while the words are. */
const chunkBytes = 1 << 22;

/** Numbers and words one after another, read ahead in chunks. */
class Cursor {
  private bytes: Uint8Array = new Uint8Array(0);
  private start = 0;
  constructor(
    private readonly read: ReadBytes,
    private readonly fileBytes: number,
    public position = 0,
  ) {}

  /** `count` bytes from here on; they are not taken off. */
  private ahead(count: number): DataView {
    if (this.position + count > this.fileBytes) {
      throw new FastTextError("the FastText file ends early; fetch it again");
    }
    if (this.position < this.start || this.position + count > this.start + this.bytes.length) {
      this.start = this.position;
      this.bytes = this.read(this.position, Math.min(this.position + Math.max(count, chunkBytes), this.fileBytes));
    }
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + this.position - this.start, count);
  }

  i32(): number {
    const value = this.ahead(4).getInt32(0, true);
    this.position += 4;
    return value;
  }

  /** Whole numbers of 64 bits that fit a number exactly. */
  i64(): number {
    const value = Number(this.ahead(8).getBigInt64(0, true));
    this.position += 8;
    return value;
  }

  byte(): number {
    const value = this.ahead(1).getUint8(0);
    this.position += 1;
    return value;
  }

  /** Text up to a byte 0. */
  text(): string {
    const bytes: number[] = [];
    for (let byte = this.byte(); byte !== 0; byte = this.byte()) {
      if (bytes.length > 1 << 16) throw new FastTextError("the FastText file is damaged: a word has no end");
      bytes.push(byte);
    }
    return new TextDecoder().decode(Uint8Array.from(bytes));
  }
}

/**
 * Reads the head and the words of a `.bin` file; vectors are read when they are asked for.
 *
 * @param fileBytes length of the file
 * @throws FastTextError when it is no such file, damaged, or quantised (`.ftz`)
 */
export function readFastText(read: ReadBytes, fileBytes: number): WordVectors {
  const cursor = new Cursor(read, fileBytes);
  if (fileBytes < 8 || cursor.i32() !== magic) {
    throw new FastTextError("this is no binary file of FastText; give a .bin such as wiki.en.bin, not a .vec");
  }
  const version = cursor.i32();
  if (version > newestVersion) throw new FastTextError(`version ${version} of FastText's files is not known`);
  // Arguments: dim ws epoch minCount neg wordNgrams loss model bucket minn maxn lrUpdateRate, then t, a double.
  const settings = Array.from({ length: 12 }, () => cursor.i32()) as readonly number[];
  const [length, buckets, shortest, longest] = [0, 8, 9, 10].map((k) => settings[k] as number) as [
    number,
    number,
    number,
    number,
  ];
  cursor.position += 8;
  if (length < 1 || longest < shortest)
    throw new FastTextError("the FastText file is damaged: its settings make no sense");
  const entries = cursor.i32();
  const words = cursor.i32();
  cursor.position += 4 + 8; // labels, tokens
  const pruned = cursor.i64();
  if (pruned >= 0) throw new FastTextError("the FastText file is pruned; give the full .bin");
  const rowOf = new Map<string, number>();
  for (let entry = 0; entry < entries; entry++) {
    const word = cursor.text();
    cursor.position += 8; // how often it was seen
    if (cursor.byte() === 0) rowOf.set(word, entry);
  }
  if (cursor.byte() !== 0) throw new FastTextError("the FastText file is quantised; give the full .bin");
  const rows = cursor.i64();
  const columns = cursor.i64();
  const first = cursor.position;
  if (columns !== length || rows !== words + buckets || first + 4 * rows * columns > fileBytes) {
    throw new FastTextError("the FastText file ends early or is damaged; fetch it again");
  }
  return {
    length,
    vectorOf: (word) => {
      const own = rowOf.get(word);
      const ngrams =
        buckets === 0 ? [] : ngramsOf(word, shortest, longest).map((ngram) => words + (hash(ngram) % buckets));
      const used = own === undefined ? ngrams : [own, ...ngrams];
      const sum = new Float32Array(length);
      for (const row of used) {
        const start = first + 4 * length * row;
        const bytes = read(start, start + 4 * length);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        for (let c = 0; c < length; c++) sum[c] = (sum[c] as number) + view.getFloat32(4 * c, true);
      }
      return sum.map((value) => value / Math.max(used.length, 1));
    },
  };
}

/** Pieces of `<word>` of `shortest` to `longest` characters; the brackets alone are none. */
export function ngramsOf(word: string, shortest: number, longest: number): readonly string[] {
  const characters = [...`<${word}>`];
  return characters.flatMap((_, start) =>
    Array.from({ length: Math.max(longest - shortest + 1, 0) }, (_, k) => shortest + k)
      .filter((n) => start + n <= characters.length && !(n === 1 && (start === 0 || start + n === characters.length)))
      .map((n) => characters.slice(start, start + n).join("")),
  );
}

/** FNV-1a of the UTF-8 bytes, each widened with its sign, as FastText's C++ does. */
function hash(text: string): number {
  let h = 2166136261;
  for (const byte of new TextEncoder().encode(text)) h = Math.imul(h ^ ((byte << 24) >> 24), 16777619);
  return h >>> 0;
}

/** The vector of a token: the mean over its words, as the reference does for tokens of several. f32[length]; 0 for no words. */
export function tokenVector(vectors: WordVectors, token: string): Float32Array {
  const words = token.split(/\s+/).filter((word) => word !== "");
  const sum = new Float32Array(vectors.length);
  for (const word of words) {
    vectors.vectorOf(word).forEach((value, c) => {
      sum[c] = (sum[c] as number) + value / words.length;
    });
  }
  return sum;
}
