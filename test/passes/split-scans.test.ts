import { expect, test } from "vitest";
import { evaluateGraph, parseGraph, verifyGraph } from "../../src/ir/index.ts";
import { defaultContext, splitScans } from "../../src/passes/index.ts";
import { valuesOf } from "../codegen/on-device.ts";

const text = (op: string, attributes: string, shape: string) => `graph scan {
  %0: f32${shape} = input "x"
  %1: f32${shape} = ${op} %0 ${attributes}
  return y = %1
}`;

test.each([
  ["cumulative_sum", "axis=1", "[2, 4096]"],
  ["cumulative_sum", "axis=0 exclusive=true reverse=true", "[3000, 2]"],
  ["cumulative_maximum", "axis=1 reverse=true", "[1, 2048]"],
])("%s %s of %s", (op, attributes, shape) => {
  const graph = parseGraph(text(op, attributes, shape));
  const { graph: after, rewrites } = splitScans.run(graph, defaultContext);
  expect(rewrites.map((rewrite) => rewrite.rule)).toEqual(["scan of parts"]);
  expect(verifyGraph(after, { origins: false })).toEqual([]);
  const values = valuesOf(graph);
  const before = evaluateGraph(graph, values).y;
  const got = evaluateGraph(after, values).y;
  // Both in float64; only the association of a few thousand terms below 1 differs.
  const differences = Array.from(got?.data ?? [], (x, i) => Math.abs(x - (before?.data[i] ?? 0)));
  expect(Math.max(...differences)).toBeLessThan(4096 * 4096 * 2 ** -52);
});

test.each([
  ["axis=1", "[2, 4096]"],
  ["axis=0 reverse=true", "[3000, 2]"],
  ["axis=1 reverse=true", "[1, 2048, 1]"],
])("linear_recurrence %s of %s", (attributes, shape) => {
  const graph = parseGraph(`graph scan {
  %0: f32${shape} = input "a"
  %1: f32${shape} = input "b"
  %2: f32${shape} = linear_recurrence %0, %1 ${attributes}
  return y = %2
}`);
  const { graph: after, rewrites } = splitScans.run(graph, defaultContext);
  expect(rewrites.map((rewrite) => rewrite.rule)).toEqual(["scan of parts"]);
  expect(verifyGraph(after, { origins: false })).toEqual([]);
  // Factors up to 1 in size: what the parts leave is carried on, and does not grow.
  const values = valuesOf(graph);
  const largest = Math.max(...(values.inputs.a?.data ?? []).map(Math.abs));
  values.inputs.a?.data.forEach((x, i, data) => {
    data[i] = x / largest;
  });
  const before = evaluateGraph(graph, values).y;
  const got = evaluateGraph(after, values).y;
  const differences = Array.from(got?.data ?? [], (x, i) => Math.abs(x - (before?.data[i] ?? 0)));
  expect(Math.max(...(before?.data ?? []).map(Math.abs))).toBeGreaterThan(1);
  expect(Math.max(...differences)).toBeLessThan(4096 * 4096 * 2 ** -52);
});

test.each([
  ["short lines", "axis=1", "[2, 1024]"],
  ["many lines", "axis=1", "[512, 4096]"],
  ["no divisor", "axis=1", "[1, 4099]"],
])("%s stay whole", (_, attributes, shape) => {
  const graph = parseGraph(text("cumulative_sum", attributes, shape));
  expect(splitScans.run(graph, defaultContext).graph).toBe(graph);
});
