import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  consecutivePlaces,
  cutBatch,
  drawnPlaces,
  orderedExamples,
  shuffledExamples,
  stepSeed,
  textWindows,
} from "../../src/train/index.ts";

describe("the order of examples", () => {
  it("takes each once in every round, in another order each time", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 25 }),
        fc.nat(1000),
        (count, size, seed) => {
          const order = shuffledExamples(count, seed);
          const rounds = 3;
          const flat = Array.from({ length: Math.ceil((rounds * count) / size) }, (_, k) => order(k, size)).flat();
          for (let round = 0; round < rounds; round++) {
            const own = flat.slice(round * count, (round + 1) * count);
            expect([...own].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, k) => k));
          }
        },
      ),
      { numRuns: 50 },
    );
    const order = shuffledExamples(50, 1);
    expect(order(0, 50)).not.toEqual(order(1, 50));
    expect(order(0, 50)).not.toEqual(shuffledExamples(50, 2)(0, 50));
  });

  it("is the same wherever one begins", () => {
    const whole = shuffledExamples(17, 5);
    const batches = [0, 1, 2, 3, 4, 5].map((k) => whole(k, 4));
    expect(shuffledExamples(17, 5)(5, 4)).toEqual(batches[5]);
    expect(drawnPlaces(1000, 5)(3, 4)).toEqual(drawnPlaces(1000, 5)(3, 4));
    expect(drawnPlaces(1000, 5)(3, 4)).not.toEqual(drawnPlaces(1000, 5)(4, 4));
  });

  it("reaches every place of a text, and none beyond", () => {
    const seen = new Set(Array.from({ length: 300 }, (_, k) => drawnPlaces(10, 1)(k, 4)).flat());
    expect([...seen].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("goes on from the beginning after the last", () => {
    expect(orderedExamples(5)(1, 3)).toEqual([3, 4, 0]);
    // Windows of 4 that begin at 0 to 8: three lie one after another.
    expect([0, 1].flatMap((k) => consecutivePlaces(9, 4)(k, 2))).toEqual([0, 4, 8, 0]);
  });

  it("gives every batch another seed", () => {
    expect(new Set(Array.from({ length: 100 }, (_, k) => stepSeed(3, k))).size).toBe(100);
  });
});

describe("batches", () => {
  it("are cut from tables", () => {
    const fields = new Map([
      ["x", { shape: [2], data: Float32Array.of(0, 1, 10, 11, 20, 21) }],
      ["t", { shape: [], data: Int32Array.of(5, 6, 7) }],
    ]);
    expect(cutBatch({ examples: 3, fields }, [2, 0])).toEqual({
      x: { shape: [2, 2], data: Float32Array.of(20, 21, 0, 1) },
      t: { shape: [2], data: Int32Array.of(7, 5) },
    });
  });

  it("of a text have the next byte as target", () => {
    const text = new TextEncoder().encode("abcdef");
    const { tokens, targets, mask } = textWindows(text, 3, [0, 2]);
    expect(String.fromCharCode(...(tokens?.data ?? []))).toBe("abccde");
    expect(String.fromCharCode(...(targets?.data ?? []))).toBe("bcddef");
    expect(mask?.shape).toEqual([2, 3]);
    expect([...(mask?.data ?? [])]).toEqual([1, 1, 1, 1, 1, 1]);
  });
});
