/** Random choices from a named stream. */
import { type RandomStream, randomStream } from "../../src/ir/index.ts";

/** Choices that go on along one stream. */
export interface Dice {
  /** A number between two bounds. */
  readonly between: (low: number, high: number) => number;
  /** A whole number from 0 to `count` - 1. */
  readonly below: (count: number) => number;
  /** True with this probability. */
  readonly chance: (probability: number) => boolean;
  /** One of the given things. */
  readonly pick: <T>(things: readonly T[]) => T;
  /** `count` different ones of the given things, in the order in which they stand. */
  readonly some: <T>(things: readonly T[], count: number) => readonly T[];
  /** The stream itself. */
  readonly stream: RandomStream;
}

/** Choices that depend on the seed and the path only. */
export function diceOf(seed: number, path: string): Dice {
  const stream = randomStream(seed, path);
  const next = () => stream.uniform(1)[0] as number;
  const below = (count: number) => Math.floor(next() * count);
  return {
    between: (low, high) => low + (high - low) * next(),
    below,
    chance: (probability) => next() < probability,
    pick: <T>(things: readonly T[]) => {
      if (things.length === 0) throw new RangeError("nothing to choose from");
      return things[below(things.length)] as T;
    },
    some: <T>(things: readonly T[], count: number) => {
      const places = things.map((_, i) => i);
      const chosen = Array.from(
        { length: Math.min(count, things.length) },
        () => places.splice(below(places.length), 1)[0],
      );
      return things.filter((_, i) => chosen.includes(i));
    },
    stream,
  };
}
