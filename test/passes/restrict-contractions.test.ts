/** Ranges that contractions get from masks inside of their factors. */
import { describe, expect, it } from "vitest";
import { defaultContext, restrictContractions } from "../../src/passes/index.ts";
import { expectSameValues, flopsOf, graphOf } from "./graphs.ts";

/** x and y [6, 5], v [5, 3], and a mask of ones where j <= i. */
const given = `%0: f32[6, 5] = input "x"
  %1: f32[6, 5] = input "y"
  %2: f32[5, 3] = input "v"
  %3: idx<5>[5] = iota size=5
  %4: idx<6>[6] = iota size=6
  %5: idx<5>[6, 5] = broadcast %3 shape=[6, 5] axes=[1]
  %6: idx<6>[6, 5] = broadcast %4 shape=[6, 5] axes=[0]
  %7: bool[6, 5] = le %5, %6
  %8: f32 = constant values=[1]
  %9: f32 = constant values=[0]
  %10: f32[6, 5] = select %7, %8, %9
  %11: f32[6, 5] = mul %0, %10
  %12: f32[6, 5] = mul %10, %1`;

/** The range of `sum_j w_ij v_jc` after the pass, where w is the last of the lines. */
function rangeOf(lines: string): string | undefined {
  const before = graphOf(`${given}\n${lines}`);
  const { graph } = restrictContractions.run(before, defaultContext);
  expectSameValues(graph, before);
  if (graph !== before) expect(flopsOf(graph)).toBeLessThan(flopsOf(before));
  return graph.outputs[0]?.node.attributes.where as string | undefined;
}

const sum = '%20: f32[6, 3] = contract "i j, j c -> i c" %19, %2\n  return z = %20';

describe("restricted contractions", () => {
  it.each([
    ["a product", "%19: f32[6, 5] = mul %11, %1", "j <= i"],
    ["a quotient", "%13: f32[6, 5] = exp %1\n  %19: f32[6, 5] = div %11, %13", "j <= i"],
    ["a sum of products", "%13: f32[6, 5] = mul %12, %0\n  %19: f32[6, 5] = add %11, %13", "j <= i"],
    ["a sum in which one is not masked", "%19: f32[6, 5] = add %11, %1", undefined],
    ["a divisor", "%13: f32[6, 5] = exp %11\n  %19: f32[6, 5] = div %1, %13", undefined],
    ["a function that is 1 at 0", "%19: f32[6, 5] = exp %11", undefined],
  ])("%s", (_, lines, where) => {
    expect(rangeOf(`${lines}\n  ${sum}`)).toBe(where);
  });

  it("follow a mask through changes of order, and say nothing twice", () => {
    const lines = `%13: f32[5, 6] = transpose %11 permutation=[1, 0]
  %20: f32[3, 6] = contract "j i, j c -> c i" %13, %2
  return z = %20`;
    expect(rangeOf(lines)).toBe("j <= i");
    const known = sum.replace("%19, %2", '%11, %2 where="j <= i"');
    expect(rangeOf(known)).toBe("j <= i");
  });

  it("leave conditions on what is not summed to the values", () => {
    expect(rangeOf('%20: f32[6, 5, 3] = contract "i j, j c -> i j c" %11, %2\n  return z = %20')).toBeUndefined();
  });
});
