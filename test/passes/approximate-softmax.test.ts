/** FAVOR+ in place of softmax attention: only where it is allowed, with the values that the definition in the language has. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  elementCount,
  evaluateGraph,
  type Graph,
  graphNodes,
  parseGraph,
  printGraph,
  tensorOf,
} from "../../src/ir/index.ts";
import { expectedError, usualFeatures } from "../../src/passes/approximate-softmax.ts";
import { runPipeline } from "../../src/passes/index.ts";
import { graphOf, type NumberArray, noise } from "../frontend/elaborate-text.ts";

const uses = `use std/attention: mask_penalty, softmax_attention, softmax_attention_causal, softmax_attention_masked
use std/attention: softmax_attention_biased, softmax_attention_key_biased
`;
const signature = "<H, L, d>(Q: f32[H, L, d], K: f32[H, L, d], V: f32[H, L, d]) -> f32[H, L, d]";
const settings = { H: 2, L: 12, d: 4 };

const approximated = (
  text: string,
  sizes: Readonly<Record<string, number>> = settings,
  approximation?: { features: number; seed: number },
) => {
  const graph = graphOf(uses + text, { settings: sizes, entry: "f" });
  const context = approximation === undefined ? {} : { approximation };
  return { graph, result: runPipeline(graph, { only: ["approximate"], context, verify: {} }).graph };
};

const values = (graph: Graph, scale = 1): Record<string, ReturnType<typeof tensorOf>> =>
  Object.fromEntries(
    graph.inputs.map((node, salt) => {
      const data: NumberArray = noise(node.type.shape, salt + 1);
      const numbers = data.data.map((x) => (node.type.dtype === "bool" ? Number(x > -0.5) : x * scale));
      return [node.attributes.name as string, tensorOf(node.type, numbers)];
    }),
  );
const evaluated = (graph: Graph, inputs = values(graph)) =>
  Object.values(evaluateGraph(graph, { inputs, parameters: {} }))[0]?.data as Float64Array;
const difference = (a: Float64Array, b: Float64Array) =>
  Math.max(...Array.from(a, (x, i) => Math.abs(x - (b[i] as number))));

describe("approximate", () => {
  it.each([
    ["favor", "softmax_attention", "favor(Q[h], K[h], V[h], W)"],
    ["favor, causal", "softmax_attention_causal", "favor_causal(Q[h], K[h], V[h], W, eps2: 0)"],
  ])("has the values of the definition in the language: %s", (_, marked, written) => {
    const { graph, result } = approximated(
      `fn f${signature} = ${marked}(Q, K, V) @approx(favor, features: 20, seed: 5)`,
    );
    const table = graphNodes(result).find((node) => node.op === "constant" && node.type.shape.length === 2);
    expect(table?.type.shape).toEqual([20, 4]);
    const model = readFileSync("models/performer/attention.weft", "utf8").replaceAll("./features", "./favor_features");
    const features = readFileSync("models/performer/features.weft", "utf8");
    const text = `${model.slice(model.indexOf("use "))}
fn defined<H, L, d, m>(Q: f32[H, L, d], K: f32[H, L, d], V: f32[H, L, d], W: f32[m, d]) -> f32[H, L, d] {
  let Y[h, i, c] = ${written}[i, c]
  return Y
}`;
    const reference = graphOf(
      text,
      { settings: { ...settings, m: 20 }, entry: "defined" },
      { "favor_features.weft": features },
    );
    const W = tensorOf((table as NonNullable<typeof table>).type, table?.attributes.values as readonly number[]);
    const inputs = values(graph);
    expect(difference(evaluated(result), evaluated(reference, { ...inputs, W }))).toBeLessThan(1e-12);
  });

  it("comes closer with more features, about as fast as stated", () => {
    const exact = evaluated(approximated(`fn f${signature} = softmax_attention(Q, K, V)`).result);
    const errors = [32, 512, 4096].map((m) => {
      const { result } = approximated(`fn f${signature} = softmax_attention(Q, K, V) @approx(favor, features: ${m})`);
      return difference(evaluated(result), exact);
    });
    const [few, more, most] = errors as [number, number, number];
    expect(few).toBeGreaterThan(more);
    expect(more).toBeGreaterThan(most);
    // Rows of 4 channels in -1..1, scaled by 4^(-1/4): |q + k|² is about 4/3 on average and 8 at most.
    expect(most).toBeLessThan(expectedError(4096, 3));
    expect(few).toBeGreaterThan(expectedError(32, 0.05));
  });

  it("leaves the graph alone without permission", () => {
    const { graph, result } = approximated(`fn f${signature} = softmax_attention(Q, K, V)`);
    expect(result).toBe(graph);
  });

  it("takes permission for the whole graph", () => {
    const { result } = approximated(
      `fn f${signature} = softmax_attention(softmax_attention(Q, K, V), K, V)`,
      settings,
      { features: 0, seed: 1 },
    );
    const tables = graphNodes(result).filter((node) => node.op === "constant" && node.type.shape.length === 2);
    expect(tables.map(({ type }) => type.shape)).toEqual([
      [usualFeatures(4), 4],
      [usualFeatures(4), 4],
    ]);
    expect(tables[0]?.attributes.values).not.toEqual(tables[1]?.attributes.values);
  });

  it("does not reach beyond the arguments of the marked call", () => {
    const twice = `fn f${signature} {
      let inner = softmax_attention(Q, K, V)
      return softmax_attention(inner, K, inner) @approx(favor, features: 8)
    }`;
    const exps = graphNodes(approximated(twice).result).filter(({ op }) => op === "exp");
    // The exact attention has its own; the other two are features of queries and of keys.
    expect(exps.map(({ type }) => type.shape)).toEqual([
      [2, 12, 12],
      [2, 12, 8],
      [2, 12, 8],
    ]);
    const without = `fn g${signature} = Q + K + V
    fn f${signature} = g(softmax_attention(Q, K, V), K, V) @approx(favor)`;
    const { graph, result } = approximated(without);
    expect(graphNodes(result).filter(({ op }) => op === "exp")).toHaveLength(1);
    expect(graphNodes(result).some(({ op }) => op === "approximate")).toBe(false);
    const stages = runPipeline(graph, { only: ["approximate"] }).stages;
    expect(stages[0]?.rewrites.map(({ rule }) => rule)).toEqual(["nothing to approximate"]);
  });

  it("keeps masks: what is excluded does not count", () => {
    const text = `fn f<L, d>(Q: f32[L, d], K: f32[L, d], V: f32[L, d], mask: bool[L]) -> f32[L, d] =
      softmax_attention_masked(Q, K, V, mask) @approx(favor, features: 2048)`;
    const sizes = { L: 12, d: 4 };
    const { graph, result } = approximated(text, sizes);
    expect(
      graphNodes(result)
        .filter(({ op }) => op === "exp")
        .map(({ type }) => type.shape),
    ).toEqual([
      [12, 2048],
      [12, 2048],
    ]);
    expect(difference(evaluated(result), evaluated(graph))).toBeLessThan(0.1);
  });

  describe("numbers added to the scores of a key", () => {
    const masked = "<L, d>(Q: f32[L, d], K: f32[L, d], V: f32[L, d], mask: bool[L]) -> f32[L, d]";
    const sizes = { L: 12, d: 4 };
    const restricted = `fn f${masked} = softmax_attention_masked(Q, K, V, mask) @approx(favor, features: 512, seed: 3)`;
    const added = `fn f${masked} =
      softmax_attention_key_biased(Q, K, V, mask_penalty(mask)) @approx(favor, features: 512, seed: 3)`;

    it("that are 0 or far below leave the same keys out as a restricted range, within the error stated", () => {
      const { graph, result } = approximated(added, sizes);
      expect(graphNodes(result).filter(({ op }) => op === "approximate")).toEqual([]);
      // The mask hides some keys and shows others: without it, the values would be others.
      const mask = Array.from(values(graph).mask?.data ?? []);
      expect(new Set(mask).size).toBe(2);
      expect(difference(evaluated(result), evaluated(approximated(restricted, sizes).result))).toBeLessThan(1e-12);
      // |q + k|² is about 4/3 on average, as above.
      expect(difference(evaluated(result), evaluated(graph))).toBeLessThan(expectedError(512, 3));
    });

    it("leave the softmax of the scores alone where every key is masked, as the exact softmax does", () => {
      const { graph, result } = approximated(added, sizes);
      const nothing = { ...values(graph), mask: tensorOf(graph.inputs[3]?.type as never, Array(12).fill(0)) };
      const everything = { ...values(graph), mask: tensorOf(graph.inputs[3]?.type as never, Array(12).fill(1)) };
      expect(difference(evaluated(result, nothing), evaluated(result, everything))).toBeLessThan(1e-12);
    });

    it("may be of any size, scaled with the scores or taken away, and differ from example to example", () => {
      const text = `fn f<B, H, L, d>(Q: f32[B, H, L, d], K: f32[B, H, L, d], V: f32[B, H, L, d], m: f32[B, L], g: f32[H]) -> f32[B, H, L, d] {
        let A[b, h, i, j] = softmax[j]((sum[c] Q[b, h, i, c] * K[b, h, j, c] - 2 * m[b, j] + g[h]) / -4)
        let Y[b, h, i, c] = sum[j] A[b, h, i, j] * V[b, h, j, c]
        return Y
      }`;
      const { graph, result } = approximated(text, { B: 2, H: 2, L: 6, d: 3 }, { features: 4096, seed: 0 });
      const squares = graphNodes(result).filter(({ op, type }) => op === "exp" && type.shape.join() === "2,2,6,6");
      expect(squares).toEqual([]);
      const inputs = values(graph);
      const exact = evaluated(graph, inputs);
      expect(difference(evaluated(result, inputs), exact)).toBeLessThan(expectedError(4096, 1));
      const without = { ...inputs, m: tensorOf(graph.inputs[3]?.type as never, Array(12).fill(0)) };
      expect(difference(evaluated(graph, without), exact)).toBeGreaterThan(3 * expectedError(4096, 1));
    });

    it("of which the sums are linear in the length", () => {
      const long = { L: 2048, d: 8 };
      const graph = graphOf(`${uses}${added.replace("512", "16")}`, { settings: long, entry: "f" });
      const largest = Math.max(...graphNodes(runPipeline(graph).graph).map(({ type }) => elementCount(type.shape)));
      expect(largest).toBeLessThan(2048 * 128);
    });

    it("that differ from query to query are refused with the reason", () => {
      const text = `fn f<L, d>(Q: f32[L, d], K: f32[L, d], V: f32[L, d], M: f32[L, L]) -> f32[L, d] =
        softmax_attention_biased(Q, K, V, M) @approx(favor, features: 8)`;
      const { graph, result } = approximated(text, sizes);
      expect(difference(evaluated(result), evaluated(graph))).toBe(0);
      const [stage] = runPipeline(graph, { only: ["approximate"] }).stages;
      expect(stage?.rewrites.map(({ rule }) => rule)).toEqual(["left exact", "nothing to approximate"]);
      expect(stage?.rewrites[0]?.reason).toMatch(/differs from query to query.*a mask of the keys alone/);
    });
  });

  it("does not touch an exponential that is not normalised", () => {
    const text = `fn f<L, d>(Q: f32[L, d], K: f32[L, d], V: f32[L, d]) -> f32[L, d] {
      let S[i, j] = sum[c] Q[i, c] * K[j, c]
      let m[i] = max[j] S[i, j]
      let Y[i, c] = sum[j] exp(S[i, j] - m[i]) * V[j, c]
      return Y
    }`;
    const { graph, result } = approximated(text, { L: 12, d: 4 }, { features: 8, seed: 0 });
    expect(result).toBe(graph);
  });

  it("becomes linear in the length, causal or not", () => {
    for (const name of ["softmax_attention", "softmax_attention_causal"]) {
      const sizes = { H: 1, L: 2048, d: 8 };
      const graph = graphOf(`${uses}fn f${signature} = ${name}(Q, K, V) @approx(favor, features: 16)`, {
        settings: sizes,
        entry: "f",
      });
      const largest = Math.max(...graphNodes(runPipeline(graph).graph).map(({ type }) => elementCount(type.shape)));
      expect(largest).toBeLessThan(2048 * 128);
    }
  });

  it("is exact while the pass is off, and survives the text form", () => {
    const { graph } = approximated(
      `fn f${signature} = softmax_attention(Q, K, V) @approx(favor, features: 8, seed: 2)`,
    );
    const again = parseGraph(printGraph(graph));
    expect(printGraph(again)).toBe(printGraph(graph));
    const plain = approximated(`fn f${signature} = softmax_attention(Q, K, V)`).graph;
    expect(difference(evaluated(again), evaluated(plain))).toBe(0);
    const optimised = runPipeline(graph, { disable: ["approximate"] }).graph;
    expect(difference(evaluated(optimised), evaluated(plain))).toBeLessThan(1e-12);
  });
});
