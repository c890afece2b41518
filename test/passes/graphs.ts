/** Graphs as text, and comparisons of what graphs compute, for the tests of the passes. */
import { expect } from "vitest";
import { evaluateGraph, type Graph, type GraphValues, graphNodes, parseGraph, printGraph } from "../../src/ir/index.ts";
import { nodeFlops } from "../../src/passes/index.ts";
import { randomValues } from "../ir/random-graph.ts";

/** The graph of some lines of IR text. */
export function graphOf(lines: string): Graph {
  return parseGraph(`graph test {\n${lines}\n}\n`);
}

/** The text of a graph without origins and names. */
export function textOf(graph: Graph): string {
  return printGraph(graph, { comments: false });
}

/** Checks that both graphs compute the same from random values, up to `relative` of the largest magnitude in an output. */
export function expectSameValues(after: Graph, before: Graph, relative = 1e-12, values?: GraphValues) {
  const given = values ?? randomValues(before, 11);
  const want = evaluateGraph(before, given);
  const got = evaluateGraph(after, given);
  expect(Object.keys(got)).toEqual(Object.keys(want));
  for (const [name, tensor] of Object.entries(want)) {
    const other = got[name]!;
    expect(other.type, name).toEqual(tensor.type);
    const magnitude = tensor.data.reduce((most, x) => (Number.isFinite(x) ? Math.max(most, Math.abs(x)) : most), 1);
    for (let i = 0; i < tensor.data.length; i++) {
      const [x, y] = [other.data[i]!, tensor.data[i]!];
      if (Object.is(x, y) || x === y) continue;
      expect(Math.abs(x - y), `${name}[${i}]: ${x} instead of ${y}`).toBeLessThanOrEqual(relative * magnitude);
    }
  }
}

/** Floating-point operations of a whole graph. */
export function flopsOf(graph: Graph): number {
  return graphNodes(graph).reduce((sum, node) => sum + nodeFlops(node), 0);
}

/** Elements of the largest value that is neither a source nor a view of something else. */
export function largestValue(graph: Graph): number {
  const views = new Set(["reshape", "transpose", "broadcast", "slice", "reverse"]);
  return graphNodes(graph)
    .filter((node) => node.operands.length > 0 && !views.has(node.op))
    .reduce(
      (most, node) =>
        Math.max(
          most,
          node.type.shape.reduce((a, b) => a * b, 1),
        ),
      0,
    );
}

/** How many nodes of each operation a graph has. */
export function operationCounts(graph: Graph): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { op } of graphNodes(graph)) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}
