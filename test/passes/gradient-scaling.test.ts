/** What the passes make of gradients: the order of FAVOR+ backwards, and convolutions that stay convolutions. */
import { describe, expect, it } from "vitest";
import { elementCount, type Graph, graphNodes, operationOf } from "../../src/ir/index.ts";
import { differentiate, nodeFlops, runPipeline } from "../../src/passes/index.ts";
import { graphOf } from "../frontend/elaborate-text.ts";

const favor = (range: string) => `fn loss<L, m, e>(Qp: f32[L, m], Kp: f32[L, m], V: f32[L, e], W: f32[L, e]) -> f32 {
  let A[i, j] = sum[r] Qp[i, r] * Kp[j, r]
  let Y[i, c] = (sum[j${range}] A[i, j] * V[j, c]) / (sum[j${range}] A[i, j])
  return sum[i, c] W[i, c] * Y[i, c]
}`;

function optimisedGradient(text: string, settings: Readonly<Record<string, number>>, by: readonly string[]): Graph {
  return runPipeline(differentiate(graphOf(text, { settings }), { by })).graph;
}

const flopsOf = (graph: Graph) => graphNodes(graph).reduce((sum, node) => sum + nodeFlops(node), 0);

/** Elements of the largest value that a kernel of its own computes. */
const largestHead = (graph: Graph) =>
  Math.max(
    ...graphNodes(graph)
      .filter((node) => ["contract", "reduce", "scan"].includes(operationOf(node.op).family))
      .map((node) => elementCount(node.type.shape)),
  );

describe("the gradient of FAVOR+", () => {
  it.each([
    ["over all positions", ""],
    ["causal", ": j <= i"],
  ])("is linear in the length, %s", (_name, range) => {
    const lengths = [512, 1024, 2048, 4096];
    const graphs = lengths.map((L) => optimisedGradient(favor(range), { L, m: 64, e: 32 }, ["Qp", "Kp", "V"]));
    const flops = graphs.map(flopsOf);
    flops.slice(1).forEach((each, k) => {
      const ratio = each / (flops[k] as number);
      expect([lengths[k + 1], ratio, ratio >= 1.95 && ratio <= 2.1]).toEqual([lengths[k + 1], ratio, true]);
    });
    // Nothing of the size of the attention matrix is stored.
    for (const [k, graph] of graphs.entries()) expect(largestHead(graph)).toBeLessThan((lengths[k] as number) ** 2 / 2);
  });
});

describe("the gradient of a convolution", () => {
  const text = `use std/conv: convolve2d
fn loss(x: f32[8, 16, 16], w: f32[12, 8, 3, 3], v: f32[12, 16, 16]) -> f32 {
  let y = convolve2d(x, w, padding: 1)
  return sum[o, s, t] v[o, s, t] * y[o, s, t]
}`;

  it("by its input is a convolution, and no windows are stored", () => {
    const graph = optimisedGradient(text, {}, ["x"]);
    expect(largestHead(graph)).toBe(12 * 16 * 16);
    expect(flopsOf(graph)).toBeLessThan(2.1 * 2 * 12 * 8 * 9 * 16 * 16);
  });

  it("by its weights sums over the image", () => {
    const graph = optimisedGradient(text, {}, ["w"]);
    expect(largestHead(graph)).toBe(12 * 16 * 16);
    expect(flopsOf(graph)).toBeLessThan(2.1 * 2 * 12 * 8 * 9 * 16 * 16);
  });
});
