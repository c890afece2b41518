/** Attention's gradients without anything of the size of its scores: what kernels store, and when scores are stored after all. */
import { describe, expect, it } from "vitest";
import { baselineProfile, makePlan } from "../../src/codegen/index.ts";
import { elementCount, type Graph, type Node } from "../../src/ir/index.ts";
import { defaultFusionOptions, differentiate, fuseKernels, runPipeline } from "../../src/passes/index.ts";
import { valuesOf } from "../codegen/on-device.ts";
import { graphOf } from "../frontend/elaborate-text.ts";
import { type AttentionGradientForm, attentionGradient } from "./attention-gradients.ts";

/** Buffers that kernels with masks and numbers for keys bind, as most devices allow. */
const maxBindings = 10;

const forms: readonly AttentionGradientForm[] = ["dense", "causal", "masked", "biased", "key-biased", "dropped"];

const optimised = (graph: Graph) => runPipeline(graph).graph;
const kernelsOf = (graph: Graph, bindings = maxBindings) =>
  fuseKernels(optimised(graph), { ...defaultFusionOptions, maxBindings: bindings });
const largestStored = (graph: Graph, bindings?: number) =>
  Math.max(...kernelsOf(graph, bindings).flatMap(({ outputs }) => outputs.map(({ type }) => elementCount(type.shape))));

describe("streams", () => {
  it.each(forms)("%s attention at 512 rows and 384 keys stores nothing of the size of its scores", (form) => {
    const sizes = { H: 2, L: 512, S: form === "causal" ? 512 : 384, d: 64 };
    expect(largestStored(attentionGradient(form, sizes))).toBe(sizes.H * sizes.L * sizes.d);
  });

  it("takes sums over the weights from the attention's own result", () => {
    const heads = kernelsOf(attentionGradient("causal", { H: 2, L: 512, d: 64 })).flatMap((group) => group.heads);
    const kinds = heads.map(({ op }) => op);
    expect(kinds.filter((op) => op === "maximum")).toHaveLength(1);
    // The total of the weights, the loss in two steps, and one number for each row.
    expect(kinds.filter((op) => op === "sum")).toHaveLength(4);
  });

  it("walks no keys that causal attention leaves out, in either direction", () => {
    const kernels = kernelsOf(attentionGradient("causal", { H: 2, L: 512, d: 64 }));
    const streamed = kernels.flatMap((group) => (group.streamed === undefined ? [] : [group.streamed.weighted]));
    expect(streamed.map(({ attributes }) => attributes.where)).toEqual(["j <= i", "j <= i", "j <= i"]);
  });

  it("is linear in the number of rows", () => {
    const peak = (form: AttentionGradientForm, L: number) =>
      makePlan(optimised(attentionGradient(form, { H: 8, L, S: L, d: 64 })), baselineProfile).memory.peakBytes;
    for (const form of ["dense", "causal"] as const) {
      const peaks = [512, 1024, 2048].map((length) => peak(form, length));
      peaks.slice(1).forEach((bytes, k) => {
        expect(bytes / (peaks[k] as number)).toBeLessThanOrEqual(2.05);
      });
      // No more than three tensors of the size of the queries; the scores alone would be 32 times one.
      expect(peaks.at(-1)).toBeLessThan(3 * 4 * 8 * 2048 * 64);
    }
  });

  it("divides no sum over weights that would not fit a binding, but lie nowhere", () => {
    const sizes = { H: 1, L: 16_384, S: 16_384, d: 64 };
    expect(4 * sizes.L * sizes.S).toBeGreaterThan(baselineProfile.limits.maxBindingBytes);
    const { kernels, memory } = makePlan(optimised(attentionGradient("dense", sizes)), baselineProfile);
    expect(kernels.filter(({ group }) => group.kind === "streamed-contraction")).toHaveLength(3);
    expect(memory.peakBytes).toBeLessThan(3 * 4 * sizes.L * sizes.d);
  });

  it("keeps maxima and totals in f32 where large values are stored in f16", () => {
    const graph = attentionGradient("dense", { H: 2, L: 2048, S: 384, d: 64 });
    const groups = fuseKernels(runPipeline(graph, { context: { storage: {} } }).graph);
    expect(groups.filter(({ kind }) => kind === "streamed-contraction")).toHaveLength(3);
    const [forward] = groups.filter(({ kind }) => kind === "online-softmax");
    expect(forward?.outputs.map(({ type }) => type.dtype)).toEqual(["f16", "f32", "f32"]);
  });

  it("stores scores that are hardly more than what they are computed from", () => {
    const sizes = { H: 8, L: 128, S: 128, d: 64 };
    expect(largestStored(attentionGradient("dense", sizes))).toBe(sizes.H * sizes.L * sizes.S);
  });

  it("stores the weights where a kernel cannot bind all that they are computed from", () => {
    const sizes = { H: 2, L: 512, S: 384, d: 64 };
    const graph = attentionGradient("masked", sizes);
    expect(largestStored(graph, 8)).toBe(sizes.H * sizes.L * sizes.S);
    expect(kernelsOf(graph, 8).some(({ kind }) => kind === "streamed-contraction")).toBe(false);
  });

  it("leaves out of a kernel what follows on its sum before it stores weights", () => {
    const graph = graphOf(
      `use std/attention: softmax_attention
       fn loss<H, L, d>(P: f32[H, L, d], G: f32[H, L, d], K: f32[H, L, d], V: f32[H, L, d], T: f32[H, L, d]) -> f32 {
         let Q[h, i, c] = P[h, i, c] * exp(G[h, i, c])
         let Y = softmax_attention(Q, K, V)
         return sum[h, i, c] Y[h, i, c]^2 * T[h, i, c]
       }`,
      { settings: { H: 2, L: 512, d: 64 } },
    );
    const gradients = differentiate(graph, { by: ["P", "K", "V"] });
    const streamed = (bindings: number) =>
      kernelsOf(gradients, bindings).flatMap((group) => (group.streamed === undefined ? [] : [group]));
    const follows = streamed(10).filter(({ streamed: own, outputs }) => outputs[0] !== own?.weighted);
    expect(follows).toHaveLength(1);
    expect(streamed(8).every(({ streamed: own, outputs }) => outputs[0] === own?.weighted)).toBe(true);
    expect(streamed(8)).toHaveLength(3);
  });

  it("stores weights that are a result themselves", () => {
    const { graph, weights } = withWeights();
    expect(kernelsOf(graph).flatMap(({ outputs }) => outputs.map(({ type }) => type.shape))).toContainEqual(
      weights.type.shape,
    );
  });

  it.each(forms)("%s attention: every pass keeps the gradients", (form) => {
    const graph = attentionGradient(form, { H: 2, L: 13, S: 11, d: 5 });
    const { stages } = runPipeline(graph, { verify: { values: valuesOf(graph) } });
    const changed = stages.filter((stage) => stage.changed).map(({ name }) => name);
    expect(changed).toContain("reuse-weighted-sums");
    if (form === "causal") expect(changed).toContain("restrict-contractions");
  });
});

function withWeights(): { readonly graph: Graph; readonly weights: Node } {
  const graph = graphOf(
    `fn attend<L, S, d>(Q: f32[L, d], K: f32[S, d], V: f32[S, d]) -> (f32[L, d], f32[L, S]) {
       let A[i, j] = softmax[j](sum[c] Q[i, c] * K[j, c])
       let Y[i, c] = sum[j] A[i, j] * V[j, c]
       return (Y, A)
     }`,
    { settings: { L: 512, S: 384, d: 16 } },
  );
  return { graph, weights: graph.outputs[1]?.node as Node };
}
