/** Models from PyTorch's exporter (scripts/export-torch-models.py): their imports against onnxruntime, and how they read. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { drawn, importDifference, imported } from "./agreement.ts";
import type { Numbers } from "./build-model.ts";

const tolerance = 1e-4;
const fixture = (name: string) => new Uint8Array(readFileSync(`test/fixtures/onnx/${name}.onnx`));
/** Token ids below `count`. */
const tokens = (shape: readonly number[], count: number): Numbers => ({
  kind: "i64",
  shape,
  data: drawn(shape, 5).data.map((value) => Math.floor(Math.abs(value) * count)),
});

describe("models from PyTorch", () => {
  it("multi-layer perceptron, for any batch", async () => {
    for (const batch of [1, 4]) {
      const { difference } = await importDifference(fixture("perceptron"), { x: drawn([batch, 6]) });
      expect(difference).toBeLessThan(tolerance);
    }
  });

  it("convolutional network", async () => {
    const { difference } = await importDifference(
      fixture("convolutional"),
      { image: drawn([2, 3, 12, 12]) },
      { device: "software" },
    );
    expect(difference).toBeLessThan(tolerance);
  });

  it("transformer encoder layer", async () => {
    const { difference, text } = await importDifference(fixture("encoder-layer"), { x: drawn([2, 5, 16]) });
    expect(difference).toBeLessThan(tolerance);
    expect(text).toContain("sub norm1: LayerNorm(16)");
    expect(text).toContain('sub self_attn_out_proj as "self_attn.out_proj": Linear(16, 16)');
  });

  it("attention whose shapes follow from its input, for any length", async () => {
    for (const shape of [
      [2, 5],
      [1, 7],
    ]) {
      const { difference } = await importDifference(fixture("attention"), { tokens: tokens(shape, 20) });
      expect(difference).toBeLessThan(tolerance);
    }
    const { sizes } = imported(fixture("attention"), { B: 1, L: 6 });
    expect(sizes).toEqual([]);
  });

  it("recurrent networks both ways", async () => {
    const { difference } = await importDifference(fixture("sequence"), { tokens: tokens([2, 5], 11) });
    expect(difference).toBeLessThan(tolerance);
  });

  it("reads as a person would have written it", () => {
    expect(imported(fixture("perceptron")).text).toMatchInlineSnapshot(`
      "/// Imported, imported from ONNX (pytorch 1.13.0): operator set 13, 5 nodes.

      use std/nn: Linear
      use std/norm: BatchNorm1d

      model Imported() {
        sub first: Linear(6, 16)
        sub norm_2 as "norm": BatchNorm1d(16)
        sub second: Linear(16, 4)

        entry forward<B>(x: f32[B, 6]) -> (scores: f32[B, 4]) {
          let second_gemm = second(relu(norm_2(first(x))))
          let scores[i, j] = log_softmax[j](second_gemm[i, j])
          return scores
        }
      }
      "
    `);
  });
});
