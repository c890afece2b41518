/**
 * Gradients against PyTorch, ≤ 1e-4 on the device: attention, a layer of BERT, LSTM and GRU, a small convolutional network, word
 * vectors. The cases were computed by scripts/compare-gradients.py, in float64 on inputs and weights rounded to f32.
 */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import { evaluateGraph, type Graph, isFloat } from "../../src/ir/index.ts";
import { differentiate } from "../../src/passes/index.ts";
import { runValues } from "../codegen/on-device.ts";
import { differences } from "../models/compile-model.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { graphWithValues, readCases, type TorchCase } from "./torch-cases.ts";

const cases = await readCases("test/fixtures/gradients/torch.safetensors");

/** The case's graph with the gradients that PyTorch was asked for, and the values it is given. */
function withGradients(each: TorchCase) {
  const { graph, values } = graphWithValues(each);
  const sources = [...graph.inputs, ...graph.parameters].filter(({ type }) => isFloat(type.dtype));
  const names = sources.map(({ attributes }) => attributes.name as string);
  const by = names.filter((name) => each.outputs.has(`gradient(${name})`));
  expect(by.length).toBe(each.outputs.size - 1);
  return { graph: differentiate(graph, { by }), values };
}

/** Greatest difference of any output from PyTorch's, relative to the output's greatest value; of zeros, absolute. */
function greatestDifference(graph: Graph, got: Readonly<Record<string, ArrayLike<number>>>, each: TorchCase): number {
  expect(graph.outputs.map(({ name }) => name).sort()).toEqual([...each.outputs.keys()].sort());
  const all = [...each.outputs].map(([name, { data }]) => {
    const { absolute, relative } = differences(got[name] as ArrayLike<number>, data);
    const scale = absolute / relative;
    return scale > 1e-4 ? relative : absolute;
  });
  return Math.max(...all);
}

/** Its kernels are those of the same network while training. */
const alsoOnDevice = cases.filter(({ name }) => name !== "convolutions");

describe("gradients against PyTorch", () => {
  it.each(cases)("$name, evaluated", (each) => {
    const { graph, values } = withGradients(each);
    const got = Object.entries(evaluateGraph(graph, values)).map(([name, { data }]) => [name, data] as const);
    // Both compute in float64; what is left is that the file holds results as f32.
    expect(greatestDifference(graph, Object.fromEntries(got), each)).toBeLessThanOrEqual(2e-7);
  });

  it.skipIf(device === undefined).each(alsoOnDevice)("$name, on the device", async (each) => {
    const { graph, values } = withGradients(each);
    const { finalGraph } = compileGraph(graph, { profile: theDevice().profile });
    const got = await runValues(theDevice(), finalGraph, values);
    expect(greatestDifference(graph, got, each)).toBeLessThanOrEqual(1e-4);
  });
});
