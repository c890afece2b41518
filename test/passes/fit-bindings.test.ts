import { expect, it } from "vitest";
import { graphNodes, parseGraph, verifyGraph } from "../../src/ir/index.ts";
import { withPartialSums } from "../../src/passes/index.ts";
import { expectSameValues } from "./graphs.ts";

it.each<[string, string, string, string, string, number]>([
  ["its indices in another order", '"g o c b u, g c -> b g o u"', "[2, 3, 8, 4, 2]", "[2, 8]", "[4, 2, 3, 2]", 64],
  ["its indices in the same order", '"b g c u, g c -> b g u"', "[2, 3, 8, 2]", "[3, 8]", "[2, 3, 2]", 32],
])("divides a long sum that keeps %s", (_, spec, x, w, y, bytes) => {
  const graph = parseGraph(`graph test {
  %0: f32${x} = input "x"
  %1: f32${w} = input "w"
  %2: f32${y} = contract ${spec} %0, %1
  return y = %2
}`);
  const after = withPartialSums(graph, bytes);
  expect(graphNodes(after).map(({ op }) => op)).toContain("sum");
  expect(verifyGraph(after, { origins: false })).toEqual([]);
  expectSameValues(after, graph);
});

it("leaves windows alone, which repeat what is bound but once", () => {
  const graph = parseGraph(`graph test {
  %0: f32[2, 64] = input "x"
  %1: f32[2, 60, 5] = window "c, u + i -> c u i" %0 shape=[2, 60, 5]
  %2: f32[5, 2] = input "w"
  %3: f32[60] = contract "c u i, i c -> u" %1, %2
  return y = %3
}`);
  expect(withPartialSums(graph, 512)).toBe(graph);
});
