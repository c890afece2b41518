/** What of a graph stands in the model by name: inputs, outputs, parameters, and where parameters lie. */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { exportOnnx, type OnnxExport } from "../../src/export/index.ts";
import { type Graph, parseGraph } from "../../src/ir/index.ts";
import { randomValues } from "../ir/random-graph.ts";
import { differenceOf, exportWith } from "./onnx-session.ts";

type Exported = Extract<OnnxExport, { kind: "exported" }>;

function exported(graph: Graph): Exported {
  const result = exportWith(graph, randomValues(graph, 1));
  if (result.kind === "unsupported") throw new Error("refused");
  return result;
}

const contents = (result: Exported) => fromBinary(ModelProtoSchema, result.model).graph;

describe("the interface", () => {
  const graph = parseGraph(`graph g {
  %0: f32[2] = input "x"
  %1: f32[2] = input "unused"
  %2: f32[2] = parameter "x"
  %3: f32[2] = parameter "spare"
  %4: bool[2] = parameter "flags"
  %5: f32[2] = mul %0, %2
  %6: f32[2] = select %4, %5, %0
  return x = %6, same = %6, through = %0, weights = %2
}`);

  it("changes only names that ONNX would confuse, and tells", async () => {
    const result = exported(graph);
    expect(result.renamed).toEqual([
      { name: "x", written: "output.x" },
      { name: "x", written: "parameter.x" },
    ]);
    const model = contents(result);
    expect(model?.input.map(({ name }) => name)).toEqual(["x", "unused"]);
    expect(model?.output.map(({ name }) => name)).toEqual(["output.x", "same", "through", "weights"]);
    const kept = parseGraph(`graph g {
  %0: f32[2] = input "x"
  %1: f32[2] = parameter "w"
  %2: bool[2] = parameter "flags"
  %3: f32[2] = mul %0, %1
  %4: f32[2] = select %2, %3, %0
  return y = %4, same = %4, through = %0, weights = %1
}`);
    expect(await differenceOf(kept, randomValues(kept, 2))).toBeLessThan(1e-6);
  });

  it("has only parameters that an output needs", () => {
    const result = exported(graph);
    expect(result.parameters).toEqual(["x", "flags"]);
    expect(contents(result)?.initializer.map(({ name }) => name)).toEqual(["parameter.x", "flags"]);
  });

  it("lays parameters out in a file of their own, each on a page", () => {
    const result = exportOnnx({ graph, version: "0", parameters: { kind: "beside", location: "g.data" } });
    expect(result).toMatchObject({
      kind: "exported",
      external: [
        { path: "x", offset: 0, length: 8 },
        { path: "flags", offset: 4096, length: 2 },
      ],
    });
  });

  it("wants the data of every parameter, in its size", () => {
    const given = (bytes: ReadonlyMap<string, Uint8Array<ArrayBuffer>>) => () =>
      exportOnnx({ graph, version: "0", parameters: { kind: "inside", bytes } });
    expect(given(new Map())).toThrow(/no data for the parameter x/);
    expect(given(new Map([["x", new Uint8Array(7)]]))).toThrow(/7 bytes for the parameter x/);
  });
});

describe("what is written", () => {
  it("leaves out what no output needs, and shares constants", () => {
    const graph = parseGraph(`graph g {
  %0: f32[4, 3] = input "x"
  %1: f32[4, 2, 2] = window "y, x + i -> y x i" %0 shape=[4, 2, 2]
  %2: f32 = constant values=[2]
  %3: f32 = constant values=[2]
  %4: f32[4, 3] = mul %0, %2
  %5: f32[4, 3] = add %4, %3
  return y = %5
}`);
    const result = exported(graph);
    expect(result.operators).toEqual({ Mul: 1, Add: 1, Identity: 1 });
    expect(contents(result)?.initializer.length).toBe(1);
  });
});
