/** Sums over products of a contraction, taken from a weighted sum that exists. */
import { describe, expect, it } from "vitest";
import { graphNodes } from "../../src/ir/index.ts";
import { defaultContext, reuseWeightedSums } from "../../src/passes/index.ts";
import { expectSameValues, graphOf } from "./graphs.ts";

/** Weights p [4, 9], values v [9, 3], their sum y [4, 3], and what its gradient g gives the weights, d [4, 9]. */
const given = `%0: f32[4, 9] = input "p"
  %1: f32[9, 3] = input "v"
  %2: f32[4, 3] = input "g"
  %3: bool[9] = input "m"
  %4: bool[4, 9] = broadcast %3 shape=[4, 9] axes=[1]
  %5: f32 = constant values=[0]
  %6: f32 = constant values=[1]
  %7: f32 = constant values=[2]
  %8: f32[4, 9] = select %4, %6, %5
  %9: f32[4, 9] = contract "i c, j c -> i j" %2, %1`;

/** Whether the output `s` no longer needs d, and that it is what it was. */
function isReused(lines: string): boolean {
  const before = graphOf(`${given}\n  ${lines}\n  return s = %30, y = %31`);
  const { graph } = reuseWeightedSums.run(before, defaultContext);
  expectSameValues(graph, before, 1e-6);
  return !graphNodes(graph).some(({ attributes }) => attributes.spec === "i c, j c -> i j");
}

describe("reused weighted sums", () => {
  const plain = '%31: f32[4, 3] = contract "i j, j c -> i c" %0, %1';
  const dot = '%30: f32[4] = contract "i j, i j -> i" %9, %0';

  it.each([
    ["a contraction", [plain, dot]],
    ["a sum of products", [plain, "%20: f32[4, 9] = mul %0, %9", '%30: f32[4] = sum "a b -> a" %20']],
    ["a sum in other indices", ['%31: f32[3, 4] = contract "b a, a k -> k b" %0, %1', dot]],
    [
      "weights under a mask of data",
      [
        "%20: f32[4, 9] = select %4, %0, %5",
        '%31: f32[4, 3] = contract "i j, j c -> i c" %20, %1',
        "%21: f32[4, 9] = mul %9, %8",
        '%30: f32[4] = contract "i j, i j -> i" %21, %0',
      ],
    ],
    [
      "weights times a number",
      [
        "%20: f32[4, 9] = mul %0, %7",
        '%31: f32[4, 3] = contract "i j, j c -> i c" %20, %1',
        "%21: f32[4, 9] = neg %9",
        '%30: f32[4] = contract "i j, i j -> i" %21, %0',
      ],
    ],
    [
      "weights in a range",
      [
        '%31: f32[4, 3] = contract "i j, j c -> i c" %0, %1 where="j <= i"',
        '%30: f32[4] = contract "i j, i j -> i" %9, %0 where="j <= i"',
      ],
    ],
  ])("%s", (_, lines) => {
    expect(isReused(lines.join("\n  "))).toBe(true);
  });

  it.each([
    ["other weights", [plain, '%30: f32[4] = contract "i j, i j -> i" %9, %8']],
    [
      "weights of which some are masked",
      [plain, "%20: f32[4, 9] = mul %9, %8", '%30: f32[4] = contract "i j, i j -> i" %20, %0'],
    ],
    ["another range", [`${plain} where="j <= i"`, dot]],
    [
      "a sum over the other index",
      [plain, '%20: f32[9] = contract "i j, i j -> j" %9, %0', '%30: f32 = sum "j -> " %20'],
    ],
  ])("but not for %s", (_, lines) => {
    expect(isReused(lines.join("\n  "))).toBe(false);
  });
});
