import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchSequences } from "../../src/inspect/index.ts";

/** Length of the longest common subsequence, by the textbook table. */
function longestCommon(a: readonly number[], b: readonly number[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const x of a) {
    const next = [0];
    for (const [j, y] of b.entries()) {
      next.push(x === y ? (row[j] as number) + 1 : Math.max(row[j + 1] as number, next[j] as number));
    }
    row = next;
  }
  return row[b.length] as number;
}

describe("matching sequences", () => {
  it("finds a longest common subsequence", () => {
    const sequence = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 30 });
    fc.assert(
      fc.property(sequence, sequence, (a, b) => {
        const matches = matchSequences(a, b);
        for (const [x, y] of matches) expect(a[x]).toBe(b[y]);
        for (let i = 1; i < matches.length; i++) {
          expect(matches[i]![0]).toBeGreaterThan(matches[i - 1]![0]);
          expect(matches[i]![1]).toBeGreaterThan(matches[i - 1]![1]);
        }
        expect(matches).toHaveLength(longestCommon(a, b));
      }),
      { numRuns: 3000 },
    );
  });

  it("reads sequences with nothing in common four times as often when they are twice as long", () => {
    const [short, long] = [readsOf(200), readsOf(400)];
    expect(long / short).toBeLessThan(4.1);
    expect(long).toBeLessThan(4 * 400 * 400);
  });
});

/** How often elements are read to match two sequences of this length that have none in common. */
function readsOf(length: number): number {
  let reads = 0;
  const counted = (values: readonly number[]) =>
    new Proxy(values, {
      get: (target, key) => {
        if (typeof key === "string" && /^\d+$/.test(key)) reads++;
        return Reflect.get(target, key);
      },
    });
  const a = Array.from({ length }, (_, i) => i);
  expect(matchSequences(counted(a), counted(a.map((x) => x + 10_000)))).toEqual([]);
  return reads;
}
