/** Files that are no models, or not whole ones, and models that Weft cannot say: what is said about them. */
import { readFileSync } from "node:fs";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, StringStringEntryProtoSchema, TensorProto_DataLocation } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { importOnnx } from "../../src/import/index.ts";
import { drawn, imported } from "./agreement.ts";
import { type ModelSpec, modelBytes } from "./build-model.ts";

const spec: ModelSpec = {
  inputs: { x: { kind: "f32", shape: ["B", 4] } },
  initialisers: { "layer.weight": drawn([4, 3]), "layer.bias": drawn([3]) },
  nodes: [
    { operator: "MatMul", name: "product", inputs: ["x", "layer.weight"], outputs: ["p"] },
    { operator: "Add", name: "shift", inputs: ["p", "layer.bias"], outputs: ["y"] },
  ],
  outputs: ["y"],
};
const whole = modelBytes(spec);
const nodes = (...changed: ModelSpec["nodes"]) => modelBytes({ ...spec, nodes: changed });
/** The model with something else in its first tensor. */
const withTensor = (change: { readonly rawData?: Uint8Array<ArrayBuffer>; readonly dataType?: number }) => {
  const model = fromBinary(ModelProtoSchema, whole);
  Object.assign(model.graph?.initializer[0] ?? {}, change);
  return toBinary(ModelProtoSchema, model);
};

describe("files that are no whole model", () => {
  it.each([
    ["nothing", new Uint8Array(), /no graph/],
    ["text", new TextEncoder().encode("not a model, just some words"), /no ONNX model/],
    ["half a file", whole.subarray(0, Math.floor(whole.length / 2)), /no ONNX model|damaged|cut short|no graph/],
    [
      "an unknown value",
      nodes({ operator: "Relu", name: "act", inputs: ["z"], outputs: ["y"] }),
      /`act` reads `z`, which is no input/,
    ],
    [
      "a value made twice",
      nodes({ operator: "Relu", inputs: ["x"], outputs: ["y"] }, { operator: "Relu", inputs: ["x"], outputs: ["y"] }),
      /`y` is defined twice/,
    ],
    ["an output of nothing", modelBytes({ ...spec, outputs: ["z"] }), /output `z` is computed by no node/],
    [
      "a circle",
      nodes(
        { operator: "Add", name: "a", inputs: ["x", "q"], outputs: ["y"] },
        { operator: "Relu", name: "b", inputs: ["y"], outputs: ["q"] },
      ),
      /circle through `a`, `b`/,
    ],
    ["an old operator set", modelBytes({ ...spec, opset: 7 }), /operator set 7; Weft reads 11 to 21/],
    [
      "a tensor cut short",
      withTensor({ rawData: new Uint8Array(7) }),
      /`layer.weight` holds 7 bytes, but float\[4, 3\] takes 48/,
    ],
    ["a tensor of strings", withTensor({ dataType: 8 }), /element type string, which Weft does not have/],
  ])("%s", (_, bytes, message) => {
    expect(() => imported(bytes)).toThrow(message);
  });

  it("every beginning of a file ends in an error or in a model, and quickly", () => {
    for (let length = 0; length < whole.length; length += 3) {
      try {
        expect(imported(whole.subarray(0, length)).text).toContain("model");
      } catch (error) {
        expect((error as Error).name, String(error)).toBe("ImportError");
      }
    }
  });

  it("damaged bytes end in an error or in a model", () => {
    let state = 5;
    const below = (count: number) => {
      state = (state * 1103515245 + 12345) % 2 ** 31;
      return Math.floor((state / 2 ** 31) * count);
    };
    for (const name of ["perceptron", "attention"]) {
      const original = new Uint8Array(readFileSync(`test/fixtures/onnx/${name}.onnx`));
      for (let k = 0; k < 60; k++) {
        const bytes = original.slice();
        for (let changed = 0; changed <= below(3); changed++) bytes[below(bytes.length)] = below(256);
        try {
          expect(importOnnx({ bytes, name: "M", readExternal: () => new Uint8Array() }).kind).toMatch(
            /^(imported|unsupported)$/,
          );
        } catch (error) {
          expect((error as Error).name, (error as Error).stack).toBe("ImportError");
        }
      }
    }
  });

  it("weights in a file that is not there", () => {
    const model = fromBinary(ModelProtoSchema, whole);
    const [tensor] = model.graph?.initializer ?? [];
    if (tensor === undefined) throw new Error("the model has no tensor");
    tensor.rawData = new Uint8Array();
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
    const read = (entries: Readonly<Record<string, string>>) => {
      tensor.externalData = Object.entries(entries).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      );
      const bytes = toBinary(ModelProtoSchema, model);
      return importOnnx({
        bytes,
        name: "M",
        readExternal: (location, offset) => {
          throw new Error(`asked for ${location} at ${offset}`);
        },
      });
    };
    expect(() => read({ location: "w.bin", offset: "16", length: "48" })).toThrow("asked for w.bin at 16");
    expect(() => read({})).toThrow(/lies in another file, and the model does not say which/);
    expect(() => read({ location: "w.bin", offset: "x" })).toThrow(/its offset is `x`, no number/);
  });
});

describe("models that cannot be said", () => {
  it("lists every operator with its nodes", () => {
    const bytes = nodes(
      { operator: "Det", name: "d1", inputs: ["x"], outputs: ["a"] },
      { operator: "Det", name: "d2", inputs: ["a"], outputs: ["b"] },
      { operator: "Bernoulli", domain: "com.example", name: "own", inputs: ["b"], outputs: ["y"] },
    );
    const result = importOnnx({ bytes, name: "M", readExternal: () => new Uint8Array() });
    expect(result).toMatchObject({
      kind: "unsupported",
      unsupported: [
        { operator: "Det", nodes: ["d1", "d2"] },
        { operator: "com.example.Bernoulli", nodes: ["own"] },
      ],
    });
  });

  it("tells each node's reason, and what follows from it only once", () => {
    const bytes = nodes(
      { operator: "Reshape", name: "r", inputs: ["x", "x"], outputs: ["a"] },
      { operator: "Relu", name: "after", inputs: ["a"], outputs: ["b"] },
      { operator: "Dropout", name: "d", inputs: ["x"], outputs: ["c", "mask"] },
      { operator: "Cast", name: "m", inputs: ["mask"], outputs: ["e"], attributes: { to: 1 } },
      { operator: "Sum", name: "s", inputs: ["b", "c", "e"], outputs: ["y"] },
    );
    const result = importOnnx({ bytes, name: "M", readExternal: () => new Uint8Array() });
    expect(
      result.kind === "unsupported" && result.unsupported.map(({ nodes: [name], reason }) => [name, reason]),
    ).toEqual([
      ["r", "its shape (`x`) depends on the data"],
      ["d", "its mask is used, and only inference is imported"],
    ]);
  });

  it("shapes that do not fit", () => {
    const bytes = modelBytes({ ...spec, initialisers: { "layer.weight": drawn([5, 3]), "layer.bias": drawn([3]) } });
    expect(() => imported(bytes)).toThrow("the lengths of its rows and columns differ: 4 and 5");
  });

  it("sizes that the model does not have", () => {
    expect(() => imported(whole, { L: 3 })).toThrow(
      "--set L: the model's inputs have no such size; the open sizes are B",
    );
    expect(imported(whole, { B: 3 }).text).toContain("x: f32[3, 4]");
  });
});
