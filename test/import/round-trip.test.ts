/** Systems of models/, exported and imported again: onnxruntime's results on the export against those of the import. */
import { describe, expect, it } from "vitest";
import { evaluateGraph, type GraphValues, tensorOf } from "../../src/ir/index.ts";
import { exportWith } from "../export/onnx-session.ts";
import { randomValues } from "../ir/random-graph.ts";
import { elaborateModel, type ModelRequest, parametersOf } from "../models/compile-model.ts";
import { differenceOf, imported, runImported, runOnnx } from "./agreement.ts";
import type { Kind, Numbers } from "./build-model.ts";

const system = (name: string) => `models/${name}/${name}.weft`;
const requests: readonly ModelRequest[] = [
  { path: system("bert"), entry: "encode", settings: { L: 8 } },
  { path: system("performer"), entry: "logits", settings: { L: 8 } },
  { path: system("resnet"), model: "ResNet50", settings: { B: 1, H: 32, W: 32 } },
];

describe("systems that are exported and imported", () => {
  it.each(requests.map((request) => ({ preset: "tiny", ...request })))("$path $model $entry", async (request) => {
    const program = elaborateModel(request);
    const { graph } = program;
    const drawnValues = parametersOf(program);
    const parameters = Object.fromEntries(
      graph.parameters.map((node) => {
        const path = node.attributes.name as string;
        return [path, tensorOf(node.type, Array.from(drawnValues.get(path)?.data ?? []))];
      }),
    );
    const values: GraphValues = { inputs: randomValues(graph, 3).inputs, parameters };
    const exported = exportWith(graph, values);
    if (exported.kind === "unsupported") throw new Error(JSON.stringify(exported.unsupported));
    const inputs = Object.fromEntries(
      Object.entries(values.inputs).map(([name, { type, data }]): [string, Numbers] => {
        return [name, { kind: type.dtype as Kind, shape: type.shape, data: Array.from(data) }];
      }),
    );
    const model = imported(exported.model);
    const got = await runImported(model, inputs, "software");
    expect(differenceOf(await runOnnx(exported.model, inputs), got), model.text).toBeLessThan(1e-4);
    const meaning = Object.values(evaluateGraph(graph, values)).map(({ type, data }) => ({
      shape: type.shape,
      data: Array.from(data),
    }));
    expect(differenceOf(meaning, got)).toBeLessThan(1e-4);
  });
});
