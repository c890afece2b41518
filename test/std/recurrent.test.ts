/**
 * LSTM and GRU against PyTorch, in one and two layers and directions, on padded batches. test/fixtures/recurrent.json is written by
 * scripts/compare-recurrent.py, in float64.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compareWithin, elementCount, evaluateWithBounds, tensorOf } from "../../src/ir/index.ts";
import { runPipeline } from "../../src/passes/index.ts";
import { runValues, testDevice } from "../codegen/on-device.ts";
import { elaborateModel, evaluateModel, type ModelRequest, type Values } from "../models/compile-model.ts";

interface Case {
  readonly kind: "LSTM" | "GRU";
  readonly layers: number;
  readonly directions: number;
  readonly lengths: readonly number[];
  readonly x: Values;
  readonly parameters: Readonly<Record<string, Values>>;
  readonly y: Values;
  readonly last: readonly Values[];
}

const cases: readonly Case[] = JSON.parse(readFileSync(new URL("../fixtures/recurrent.json", import.meta.url), "utf8"));
const device = await testDevice();

function requestOf({ kind, layers, directions, lengths, x, parameters }: Case): ModelRequest {
  const [batch, steps, inputs] = x.shape as [number, number, number];
  const hidden = (parameters.weight_hh_l0?.shape[1] ?? 0) as number;
  const states = kind === "LSTM" ? 2 : 1;
  const last = Array.from({ length: states }, () => `f32[B, ${layers * directions}, ${hidden}]`).join(", ");
  const text = `use std/recurrent: ${kind}
    model Net(size_in: size = ${inputs}) {
      sub net: ${kind}(size_in, ${hidden}, layers: ${layers}, directions: ${directions})
      entry run<B, T>(x: f32[B, T, size_in], valid: bool[B, T]) -> (f32[B, T, ${directions * hidden}], ${last}) {
        return net.states(x, valid)
      }
    }`;
  const valid = lengths.flatMap((length) => Array.from({ length: steps }, (_, t) => (t < length ? 1 : 0)));
  return {
    path: "net.weft",
    texts: { "net.weft": text },
    inputs: { x, valid: { shape: [batch, steps], data: valid } },
    parameters: new Map(Object.entries(parameters).map(([name, values]) => [`net.${name}`, values])),
  };
}

describe.each(
  cases.map((each) => [`${each.kind}, ${each.layers} layers, ${each.directions} directions`, each] as const),
)("%s", (_, fixture) => {
  const request = requestOf(fixture);

  it("has PyTorch's parameters", () => {
    const { parameters } = elaborateModel(request);
    const own = parameters.map(({ path, type }) => `${path} ${type.shape}`);
    const theirs = Object.entries(fixture.parameters).map(([name, { shape }]) => `net.${name} ${shape}`);
    expect(own.sort()).toEqual(theirs.sort());
  });

  it("computes what PyTorch computes", () => {
    const results = Object.values(evaluateModel(request));
    const wanted = [fixture.y, ...fixture.last];
    expect(results.length).toBe(wanted.length);
    wanted.forEach(({ data }, k) => {
      const got = results[k] as Float64Array;
      expect(got.length).toBe(data.length);
      const worst = Math.max(...Array.from(data, (value, i) => Math.abs(value - (got[i] as number))));
      expect(worst).toBeLessThan(1e-14);
    });
  });

  it.skipIf(device === undefined)("stays within its error bound on the device, after all passes", async () => {
    if (device === undefined) return;
    const { graph } = elaborateModel(request);
    const tensors = (nodes: typeof graph.inputs, given: (name: string) => Values | undefined) =>
      Object.fromEntries(
        nodes.map((node) => {
          const name = node.attributes.name as string;
          const data = Array.from(given(name)?.data ?? [], Math.fround);
          expect(data.length).toBe(elementCount(node.type.shape));
          return [name, tensorOf(node.type, data)];
        }),
      );
    const values = {
      inputs: tensors(graph.inputs, (name) => request.inputs?.[name]),
      parameters: tensors(graph.parameters, (name) => request.parameters?.get(name)),
    };
    const wanted = evaluateWithBounds(graph, values);
    const optimised = runPipeline(graph, { verify: { values } }).graph;
    const results = await runValues(device, optimised, values);
    for (const [name, { value, bound }] of Object.entries(wanted)) {
      expect(Math.max(...bound.data), name).toBeLessThan(1e-3);
      const worst = compareWithin(results[name] as Float64Array, value, bound, 4);
      expect(worst?.ratio ?? 0, `${name} ${JSON.stringify(worst)}`).toBeLessThanOrEqual(1);
    }
  });
});
