/** Error bounds hold for an emulated f32 device in any order of summation, and are not so wide as to say nothing. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compareWithin,
  evaluateWithBounds,
  graphHash,
  parseGraph,
  printGraph,
  ReferenceTooLarge,
  tensorOf,
  tensorType,
} from "../../src/ir/index.ts";
import { emulate, type SummationOrder } from "./f32-emulation.ts";
import { randomGraphs } from "./random-graph.ts";
import { graphOf, valuesFor } from "./text-evaluation.ts";

const orders: readonly SummationOrder[] = ["rising", "shuffled", "pairwise"];

describe("bounds hold on random graphs", () => {
  it.each([
    ["continuous", false],
    ["with jumps", true],
  ])("%s", (_title, discontinuous) => {
    let elements = 0;
    let unbounded = 0;
    let compared = 0;
    let largest = 0;
    fc.assert(
      fc.property(randomGraphs({ discontinuous, maximumInstructions: 10 }), fc.nat(), ({ graph, values }, seed) => {
        const bounded = evaluateWithBounds(graph, values);
        for (const order of orders) {
          const emulated = emulate(graph, values, order, seed);
          for (const [name, { value, bound }] of Object.entries(bounded)) {
            const worst = compareWithin(emulated[name]?.data ?? [], value, bound, 1);
            if (worst === undefined) continue;
            if (worst.ratio > 1)
              throw new Error(`${order}: ${JSON.stringify(worst)} in ${name} of\n${printGraph(graph)}`);
            largest = Math.max(largest, worst.ratio);
            compared++;
          }
        }
        for (const { bound } of Object.values(bounded)) {
          elements += bound.data.length;
          unbounded += bound.data.filter((e) => e === Number.POSITIVE_INFINITY).length;
        }
      }),
      { numRuns: 400 },
    );
    expect(compared).toBeGreaterThan(1000);
    // Bounds that hold by being infinite, or by being far too wide, would prove nothing.
    expect(unbounded / elements).toBeLessThan(discontinuous ? 0.1 : 0.02);
    expect(largest).toBeGreaterThan(0.3);
  });
});

function boundsOf(types: readonly string[], line: string, lists: readonly (readonly number[])[]): number[] {
  const graph = graphOf(types, line);
  return Array.from(evaluateWithBounds(graph, valuesFor(graph, lists)).r?.bound.data ?? []);
}

const ulp = 2 ** -23;

describe("single operations", () => {
  it.each<[string, string[], string, number[][], number[]]>([
    ["exact data moves exactly", ["f32[2]"], "f32[2] = reverse %x axes=[0]", [[1, 2]], [0, 0]],
    [
      "0.1 is no f32",
      ["f32"],
      "f32[2] = broadcast %x shape=[2] axes=[]",
      [[0.1]],
      [0.1 - Math.fround(0.1), 0.1 - Math.fround(0.1)].map(Math.abs),
    ],
    ["a sum of two rounds once", ["f32", "f32"], "f32 = add %x, %y", [[1], [2]], [3 * ulp]],
    ["maximum rounds nothing", ["f32[3]"], 'f32 = maximum "i -> " %x', [[1, 5, 2]], [0]],
    [
      "a dot product of 3 rounds 4 times on the sum of sizes",
      ["f32[3]", "f32[3]"],
      'f32 = contract "i, i -> " %x, %y',
      [
        [1, -2, 3],
        [1, 1, 1],
      ],
      [4 * (6 * ulp + 2 ** -126)],
    ],
    [
      "whole numbers are exact",
      ["i32[3]", "i32[3]"],
      'i32 = contract "i, i -> " %x, %y',
      [
        [1, 2, 3],
        [4, 5, 6],
      ],
      [0],
    ],
    ["a position with an exact tie is sure", ["f32[3]"], 'idx<3> = argmax "i -> " %x', [[1, 5, 5]], [0]],
    [
      "a position with an unsure tie is not",
      ["f32[2]"],
      'idx<2> = argmax "i -> " %x',
      [[0.1, 0.1]],
      [Number.POSITIVE_INFINITY],
    ],
    ["a number below the normal ones may vanish", ["f32"], "f32 = neg %x", [[2 ** -130]], [2 ** -130]],
    ["overflow can be anything", ["f32", "f32"], "f32 = mul %x, %y", [[1e30], [1e30]], [Number.POSITIVE_INFINITY]],
    ["a comparison within the error is open", ["f32", "f32"], "bool = lt %x, %y", [[0.1], [0.1]], [1]],
    ["a comparison beyond it is not", ["f32", "f32"], "bool = lt %x, %y", [[0.1], [0.2]], [0]],
    [
      "a quotient by what may be zero can be anything",
      ["f32", "f32"],
      "f32 = div %x, %y",
      [[1], [1e-60]],
      [Number.POSITIVE_INFINITY],
    ],
  ])("%s", (_title, types, line, lists, wanted) => {
    const found = boundsOf(types, line, lists);
    found.forEach((bound, i) => {
      const want = wanted[i] as number;
      if (Number.isFinite(want)) expect(Math.abs(bound - want)).toBeLessThanOrEqual(1e-6 * want);
      else expect(bound).toBe(want);
    });
    expect(found.length).toBe(wanted.length);
  });

  it("cancellation is seen: (1 + 1e-4) - 1 keeps the error of the sum", () => {
    const graph = parseGraph(`graph f {
  %0: f32 = input "x"
  %1: f32 = constant values=[1]
  %2: f32 = add %0, %1
  %3: f32 = sub %2, %1
  return y = %3
}`);
    const { y } = evaluateWithBounds(graph, {
      inputs: { x: tensorOf(tensorType("f32", []), [2 ** -13]) },
      parameters: {},
    });
    expect(y?.bound.data[0]).toBeGreaterThan(ulp);
    expect(y?.bound.data[0]).toBeLessThan(2 * ulp);
  });

  it("an order is open as far as an error reaches, not only between neighbours", () => {
    const graph = parseGraph(`graph f {
  %x: f32[5] = input "x"
  %y: f32[5] = input "y"
  %s: f32[5] = sub %x, %y
  %r: idx<5>[5] = argsort %s axis=0
  return r = %r
}`);
    // The last element is 3 give or take 120, the difference of two numbers near 1e9; the others are exact.
    const x = tensorOf(tensorType("f32", [5]), [1, 2, -200, 2, 1e9 + 64]);
    const y = tensorOf(tensorType("f32", [5]), [0, 0, 0, 0, 1e9 + 61]);
    const { r } = evaluateWithBounds(graph, { inputs: { x, y }, parameters: {} });
    const open = Number.POSITIVE_INFINITY;
    expect(Array.from(r?.value.data ?? [])).toEqual([2, 0, 1, 3, 4]);
    expect(Array.from(r?.bound.data ?? [])).toEqual([0, open, open, open, open]);
    expect(boundsOf(["f32[4]"], "idx<4>[4] = argsort %x axis=0", [[3, 1, 2, 1]])).toEqual([0, 0, 0, 0]);
  });

  it("take a budget", () => {
    const graph = graphOf(["f32[64, 64]", "f32[64, 64]"], 'f32[64, 64] = contract "i k, k j -> i j" %x, %y');
    expect(() => evaluateWithBounds(graph, { inputs: {}, parameters: {} }, { maximumOperations: 1e6 })).toThrow(
      ReferenceTooLarge,
    );
  });
});

describe("comparing", () => {
  const value = tensorOf(tensorType("f32", [3]), [1, 2, 3]);
  const bound = tensorOf(tensorType("f32", [3]), [0.1, 0, Number.POSITIVE_INFINITY]);

  it("names the worst element in bounds", () => {
    expect(compareWithin([1.3, 2, 99], value, bound, 1)).toEqual({
      index: 0,
      got: 1.3,
      want: 1,
      bound: 0.1,
      ratio: expect.closeTo(3, 10),
    });
    expect(compareWithin([1.3, 2, 99], value, bound, 4)?.ratio).toBeCloseTo(0.75, 10);
  });

  it("allows nothing where the bound is 0, and never NaN for a number", () => {
    expect(compareWithin([1, 2.0000001, 3], value, bound, 4)).toMatchObject({
      index: 1,
      ratio: Number.POSITIVE_INFINITY,
    });
    expect(compareWithin([Number.NaN, 2, 3], value, bound, 4)).toMatchObject({
      index: 0,
      ratio: Number.POSITIVE_INFINITY,
    });
  });

  it("wants as many elements", () => {
    expect(() => compareWithin([1], value, bound, 1)).toThrow(RangeError);
  });
});

describe("graph hashes", () => {
  it("follow what is computed and nothing else", () => {
    const graph = graphOf(["f32[2]"], "f32[2] = exp %x ; a.weft:1:2+3@4 soft");
    const other = graphOf(["f32[2]"], "f32[2] = exp %x");
    expect(graphHash(graph)).toBe(graphHash(other));
    expect(graphHash(graph)).toMatch(/^[0-9a-f]{16}$/);
    expect(graphHash(graphOf(["f32[2]"], "f32[2] = neg %x"))).not.toBe(graphHash(graph));
    expect(graphHash(graphOf(["f32[3]"], "f32[3] = exp %x"))).not.toBe(graphHash(graph));
  });
});
