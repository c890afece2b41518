/** The generator of RefWorld: every sample is a function of its seed and its number. */

/** Draws that go on along one stream. */
export interface Draws {
  /** A whole number from 0 to 2³² - 1. */
  readonly bits: () => number;
  /** A number from 0 to before 1. */
  readonly uniform: () => number;
  /** A whole number from 0 to `count` - 1. */
  readonly below: (count: number) => number;
  /** A number from N(0, 1) (Box & Muller 1958). */
  readonly normal: () => number;
}

/** The draws of sample `index` of the set with this seed. */
export function drawsOf(seed: number, index: number): Draws {
  return drawsFrom((Math.imul(seed, 0x9e3779b1) + Math.imul(index, 0x85ebca6b)) >>> 0);
}

/** A counter of 32 bits, mixed by two rounds of multiplication ("mulberry32", T. Ettinger, public domain). */
export function drawsFrom(state: number): Draws {
  let s = state >>> 0;
  const bits = () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), s | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  const uniform = () => bits() / 2 ** 32;
  return {
    bits,
    uniform,
    below: (count) => Math.floor(uniform() * count),
    normal: () => {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      return radius * Math.cos(2 * Math.PI * uniform());
    },
  };
}
