/** What the written text looks like: shapes folded away, sizes left open, names, and sums where the model has nodes. */
import { describe, expect, it } from "vitest";
import { drawn, importDifference, imported } from "./agreement.ts";
import { type ModelSpec, modelBytes, type NodeSpec, type Numbers } from "./build-model.ts";

const ints = (...data: number[]): Numbers => ({ kind: "i64", shape: [data.length], data });
const node = (operator: string, inputs: string, output: string, attributes: NodeSpec["attributes"] = {}): NodeSpec => ({
  operator,
  inputs: inputs === "" ? [] : inputs.split(" "),
  outputs: [output],
  attributes,
});
/** The equations of the entry. */
const equations = (spec: ModelSpec) =>
  imported(modelBytes(spec))
    .text.split("\n")
    .filter((line) => /^ {4}(let|require|\w+\[)/.test(line))
    .map((line) => line.trim());

describe("imported text", () => {
  it("has no arithmetic of shapes", async () => {
    const spec: ModelSpec = {
      inputs: { x: { kind: "f32", shape: ["B", "L", 12] } },
      initialisers: { i: { kind: "i64", shape: [], data: [1] }, axes: ints(0), tail: ints(3, 4) },
      nodes: [
        node("Shape", "x", "shape"),
        node("Gather", "shape i", "length"),
        node("Unsqueeze", "length axes", "lengths"),
        node("Constant", "", "minus", { value: ints(-1) }),
        node("Concat", "minus lengths tail", "wanted", { axis: 0 }),
        node("Reshape", "x wanted", "heads"),
        node("Transpose", "heads", "y", { perm: [0, 2, 1, 3] }),
      ],
      outputs: ["y"],
    };
    expect(equations(spec)).toEqual(["let y[i, j: 3, k, l: 4] = x[i, k, (j l)]"]);
    const { difference } = await importDifference(modelBytes(spec), { x: drawn([2, 5, 12]) });
    expect(difference).toBe(0);
  });

  it("says masks and positions as conditions on indices", async () => {
    const spec: ModelSpec = {
      inputs: { x: { kind: "f32", shape: ["L", "L"] } },
      initialisers: {
        zero: { kind: "i64", shape: [], data: [0] },
        one: { kind: "i64", shape: [], data: [1] },
        ax: ints(1),
        no: { kind: "f32", shape: [], data: [-5] },
      },
      nodes: [
        node("Shape", "x", "shape"),
        node("Gather", "shape zero", "L"),
        node("Range", "zero L one", "places"),
        node("Unsqueeze", "places ax", "rows"),
        node("Greater", "places rows", "later"),
        node("Where", "later no x", "y"),
      ],
      outputs: ["y"],
    };
    expect(equations(spec)).toEqual(["let y[i, j] = if j > i then -5 else x[i, j]"]);
    const { difference } = await importDifference(modelBytes(spec), { x: drawn([4, 4]) });
    expect(difference).toBe(0);
  });

  it("computes constants, and states what open sizes must fulfil", async () => {
    const spec: ModelSpec = {
      inputs: { x: { kind: "f32", shape: ["L", 3] } },
      initialisers: { table: drawn([8, 3]), start: ints(0), ax: ints(0) },
      nodes: [
        node("Shape", "x", "shape", { start: 0, end: 1 }),
        node("Slice", "table start shape ax", "part"),
        node("Add", "x part", "sum"),
        node("Size", "x", "count"),
        node("CastLike", "count x", "many"),
        node("Div", "sum many", "share"),
        node("ConstantOfShape", "shape", "twos", { value: { kind: "f32", shape: [1], data: [2] } }),
        node("Unsqueeze", "twos one", "column"),
        node("Mul", "share column", "y"),
        node("Constant", "", "one", { value: ints(1) }),
      ],
      outputs: ["y"],
    };
    expect(equations(spec)).toContain("require L <= 8");
    const { difference } = await importDifference(modelBytes(spec), { x: drawn([5, 3]) });
    expect(difference).toBeLessThan(1e-6);
  });

  it("calls layers of the library where parameters are called as theirs", () => {
    const { text, tensors } = imported(
      modelBytes({
        inputs: { image: { kind: "f32", shape: [1, 2, 6, 6] } },
        initialisers: {
          "stem.conv.weight": drawn([4, 2, 3, 3]),
          "stem.conv.bias": drawn([4]),
          "w.0": drawn([4, 4, 1, 1]),
        },
        nodes: [
          node("Conv", "image stem.conv.weight stem.conv.bias", "a", { pads: [1, 1, 1, 1], strides: [2, 2] }),
          node("Relu", "a", "b"),
          node("Conv", "b w.0", "y"),
        ],
        outputs: ["y"],
      }),
    );
    expect(text).toMatchInlineSnapshot(`
      "/// Imported, imported from ONNX (test): operator set 17, 3 nodes.

      use std/conv: Conv2d, convolve2d

      model Imported() {
        sub stem_conv as "stem.conv": Conv2d(2, 4, 3, stride: 2, padding: 1)
        param w_0 as "w.0": f32[4, 4, 1, 1] = zeros()

        entry forward(image: f32[1, 2, 6, 6]) -> (y: f32[1, 4, 3, 3]) {
          let y = convolve2d(relu(stem_conv(image)), w_0)
          return y
        }
      }
      "
    `);
    expect(tensors.map(({ path }) => path).sort()).toEqual(["stem.conv.bias", "stem.conv.weight", "w.0"]);
  });

  it("recognises nothing that only looks like a pattern", async () => {
    // The mean is taken over the other axis of a square, and stands as a row.
    const spec: ModelSpec = {
      opset: 13,
      inputs: { x: { kind: "f32", shape: [4, 4] } },
      initialisers: {
        two: { kind: "f32", shape: [], data: [2] },
        eps: { kind: "f32", shape: [], data: [0.1] },
        "n.weight": drawn([4], 7),
        "n.bias": drawn([4], 8),
      },
      nodes: [
        node("ReduceMean", "x", "mean", { axes: [0] }),
        node("Sub", "x mean", "centred"),
        node("Pow", "centred two", "squares"),
        node("ReduceMean", "squares", "variance", { axes: [-1] }),
        node("Add", "variance eps", "raised"),
        node("Sqrt", "raised", "deviation"),
        node("Div", "centred deviation", "normal"),
        node("Mul", "normal n.weight", "scaled"),
        node("Add", "scaled n.bias", "y"),
      ],
      outputs: ["y"],
    };
    const { difference, text } = await importDifference(modelBytes(spec), { x: drawn([4, 4]) });
    expect(difference).toBeLessThan(1e-5);
    expect(text).not.toContain("LayerNorm");
    const proper = { ...spec, nodes: [node("ReduceMean", "x", "mean", { axes: [-1] }), ...spec.nodes.slice(1)] };
    const layer = await importDifference(modelBytes(proper), { x: drawn([4, 4]) });
    expect(layer.difference).toBeLessThan(1e-5);
    expect(layer.text).toContain("sub n: LayerNorm(4, eps: 0.1)");
  });
});
