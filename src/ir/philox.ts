/**
 * Random numbers that are the same everywhere: the counter-based generator Philox4x32-10 of Salmon, Moraes, Dror and Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3" (SC 2011). A stream is named by a seed and a path, so that a parameter's values
 * depend neither on the other parameters nor on the order in which they are drawn.
 */
import { hash64 } from "./hash.ts";

/** Four 32-bit words. */
export type Words4 = readonly [number, number, number, number];

const rounds = 10;
const multipliers = [0xd2511f53, 0xcd9e8d57] as const;
/** Added to the key in each round: the golden ratio and sqrt(3) - 1 in 32 bits. */
const weyl = [0x9e3779b9, 0xbb67ae85] as const;

/** High word of the 64-bit product of two words. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle % 65536);
  // `middle` needs 33 bits, so it is divided, not shifted; what is left fits.
  return (Math.imul(aHigh, bHigh) + Math.floor(middle / 65536) + Math.floor(cross / 65536)) >>> 0;
}

/** Writes one block: four random words from a 128-bit counter and a 64-bit key, low words first. */
function writeBlock(
  block: Uint32Array,
  counter0: number,
  counter1: number,
  counter2: number,
  counter3: number,
  key0: number,
  key1: number,
) {
  let c0 = counter0;
  let c1 = counter1;
  let c2 = counter2;
  let c3 = counter3;
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < rounds; round++) {
    const high0 = multiplyHigh(multipliers[0], c0);
    const low0 = Math.imul(multipliers[0], c0) >>> 0;
    const high1 = multiplyHigh(multipliers[1], c2);
    const low1 = Math.imul(multipliers[1], c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + weyl[0]) >>> 0;
    k1 = (k1 + weyl[1]) >>> 0;
  }
  block[0] = c0;
  block[1] = c1;
  block[2] = c2;
  block[3] = c3;
}

/** One block of Philox4x32-10 from its counter and key, low words first. */
export function philox(counter: Words4, key: readonly [number, number]): Words4 {
  const block = new Uint32Array(4);
  writeBlock(block, ...counter, ...key);
  return [block[0] as number, block[1] as number, block[2] as number, block[3] as number];
}

/** An endless sequence of random numbers; each call goes on where the last one stopped. */
export interface RandomStream {
  /**
   * Uniform numbers strictly between 0 and 1: odd multiples of 2^-24, hence exact in f32 and symmetric about 1/2.
   */
  readonly uniform: (count: number) => Float64Array;
  /**
   * Standard normal numbers by the transform of Box and Muller (1958), of magnitude at most 5.8. Not rounded to f32; before
   * that, engines may differ in the last bit, because ECMAScript leaves `Math.log` and `Math.cos` a little open.
   */
  readonly normal: (count: number) => Float64Array;
}

/**
 * The stream of a seed and a path. The key is the seed, the counter's high half the FNV-1a hash of the path, its low half the
 * position in the stream.
 *
 * @param seed a whole number from 0 to 2^53 - 1
 * @param path any text, usually a parameter's path
 * @throws RangeError for another seed
 */
export function randomStream(seed: number, path: string): RandomStream {
  if (!Number.isSafeInteger(seed) || seed < 0) throw new RangeError(`a seed is a whole number from 0, not ${seed}`);
  const key = [seed >>> 0, Math.floor(seed / 2 ** 32)] as const;
  const hash = hash64(path);
  const stream = [Number(hash & 0xffffffffn), Number(hash >> 32n)] as const;
  let blocks = 0;
  const words = new Uint32Array(4);
  let used = 4;
  const next = () => {
    if (used === 4) {
      writeBlock(words, blocks >>> 0, Math.floor(blocks / 2 ** 32), stream[0], stream[1], key[0], key[1]);
      blocks++;
      used = 0;
    }
    return (((words[used++] as number) >>> 8) | 1) / 2 ** 24;
  };
  const uniform = (count: number) => {
    const values = new Float64Array(count);
    for (let i = 0; i < count; i++) values[i] = next();
    return values;
  };
  const normal = (count: number) => {
    const values = new Float64Array(count);
    for (let i = 0; i < count; i += 2) {
      const radius = Math.sqrt(-2 * Math.log(next()));
      const angle = 2 * Math.PI * next();
      values[i] = radius * Math.cos(angle);
      if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
    }
    return values;
  };
  return { uniform, normal };
}
