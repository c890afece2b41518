/** The memory plan, checked by someone who knows nothing of how it is made. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Lifetime, planMemory } from "../../src/passes/index.ts";

const lifetimes = fc.array(
  fc
    .record({ bytes: fc.integer({ min: 1, max: 5000 }), from: fc.nat({ max: 30 }), length: fc.nat({ max: 10 }) })
    .map(({ bytes, from, length }): Lifetime => ({ bytes, from, to: from + length })),
  { maxLength: 60 },
);

test("nothing alive at the same time overlaps, offsets are aligned, buffers keep their limit", () => {
  fc.assert(
    fc.property(lifetimes, (lives) => {
      const limits = { alignment: 256, maxBufferBytes: 16_384 };
      const plan = planMemory(lives, limits);
      plan.placements.forEach((a, i) => {
        expect(a.offset % 256).toBe(0);
        expect(a.offset + (lives[i] as Lifetime).bytes).toBeLessThanOrEqual(plan.arenas[a.arena] as number);
        expect(plan.arenas[a.arena]).toBeLessThanOrEqual(limits.maxBufferBytes);
        plan.placements.forEach((b, j) => {
          if (i >= j || a.arena !== b.arena) return;
          const [x, y] = [lives[i] as Lifetime, lives[j] as Lifetime];
          if (x.from > y.to || y.from > x.to) return;
          expect(a.offset + x.bytes <= b.offset || b.offset + y.bytes <= a.offset).toBe(true);
        });
      });
      expect(plan.arenas.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThanOrEqual(plan.lowerBound);
    }),
    { numRuns: 300 },
  );
});

test("a chain needs two buffers' worth, a tensor that outlives it one more", () => {
  const chain = Array.from({ length: 10 }, (_, i): Lifetime => ({ bytes: 1024, from: i, to: i + 1 }));
  const plan = planMemory([...chain, { bytes: 512, from: 0, to: 10 }], { alignment: 256, maxBufferBytes: 2 ** 30 });
  expect(plan.arenas).toEqual([2560]);
  expect(plan.lowerBound).toBe(2560);
});

test("where the largest first wastes room, another order is found", () => {
  // The largest lies at the bottom, so the long-lived one comes above it, and three of its size no longer fit below the bound.
  const lives: Lifetime[] = [
    { bytes: 4096, from: 5, to: 6 },
    { bytes: 3072, from: 0, to: 20 },
    { bytes: 3072, from: 8, to: 12 },
    { bytes: 3072, from: 10, to: 12 },
    { bytes: 3072, from: 12, to: 20 },
  ];
  const plan = planMemory(lives, { alignment: 256, maxBufferBytes: 2 ** 30 });
  expect(plan.lowerBound).toBe(12_288);
  expect(plan.arenas).toEqual([12_288]);
});

test("thousands of tensors are placed, most of them alive at once", () => {
  const count = 3000;
  // As in training: what comes first is needed last.
  const lives = Array.from(
    { length: count },
    (_, i): Lifetime => ({ bytes: 256 * (1 + (i % 7)), from: i, to: 2 * count - i }),
  );
  const plan = planMemory(lives, { alignment: 256, maxBufferBytes: 2 ** 40 });
  expect(plan.arenas).toEqual([plan.lowerBound]);
});
