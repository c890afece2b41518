/** Gradients on the device: after all passes still the gradients, and within the bounds of f32. */
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../src/compile.ts";
import { compareWithin, evaluateGraph, evaluateWithBounds, type Graph, type Tensor } from "../../src/ir/index.ts";
import { differentiate } from "../../src/passes/index.ts";
import { graphOf } from "../frontend/elaborate-text.ts";
import { weightedLoss } from "../passes/central-differences.ts";
import { equations } from "../passes/gradient-equations.ts";
import { gradientCases } from "../std/gradient-cases.ts";
import { runValues, testDevice, valuesOf } from "./on-device.ts";

const device = await testDevice();

function withGradients(text: string): Graph {
  const graph = weightedLoss(graphOf(text));
  const sources = [...graph.inputs, ...graph.parameters].filter(({ type }) => type.dtype === "f32");
  return differentiate(graph, { by: sources.map(({ attributes }) => attributes.name as string) });
}

/** Those of the library with kernels of their own kind; compiling a kernel takes a software device longer than running it. */
const chosen = [
  "convolve2d, stride",
  "convolve2d, depthwise",
  "max_pool2d",
  "adaptive_average_pool2d",
  "resize_bilinear",
  "GroupNorm",
  "LSTM",
  "LSTM, two layers and directions",
  "GRU",
  "EncoderBlock",
  "TextEmbedding",
  "RoIAlign",
];

/** Additions through an index tensor: columns walked four at a time, one at a time, and elements searched. */
const lookups: Readonly<Record<string, string>> = {
  "rows of a table, by fours":
    "fn f(E: f32[9, 256], t: idx<9>[21]) -> f32[21, 256] { let r[i, c] = E[t[i], c]  return r }",
  "rows of a table, one by one":
    "fn f(E: f32[9, 67], t: idx<9>[21]) -> f32[21, 67] { let r[i, c] = E[t[i], c]  return r }",
  "rows of a short table":
    "fn f(E: f32[9, 3], t: idx<9>[5, 4]) -> f32[5, 4, 3] { let r[i, j, c] = E[t[i, j], c]  return r }",
  "columns of tables":
    "fn f(E: f32[5, 80, 7], t: idx<7>[5, 3]) -> f32[5, 3, 80] { let r[b, i, c] = E[b, c, t[b, i]]  return r }",
};

const cases = {
  ...equations,
  ...lookups,
  ...Object.fromEntries(chosen.map((name) => [name, gradientCases[name] as string])),
};

describe.skipIf(device === undefined)("gradients on the device", () => {
  it.each(Object.entries(cases))("%s", async (_name, text) => {
    if (device === undefined) return;
    const graph = withGradients(text);
    const values = valuesOf(graph);
    for (const [name, tensor] of Object.entries(values.parameters)) {
      if (name.endsWith("running_var")) tensor.data.set(tensor.data.map((x) => 0.5 + Math.abs(x)));
    }
    const { finalGraph } = compileGraph(graph, { profile: device.profile });
    const written = evaluateGraph(graph, values);
    const wanted = evaluateWithBounds(finalGraph, values);
    const got = await runValues(device, finalGraph, values);
    for (const [name, { value, bound }] of Object.entries(wanted)) {
      const before = (written[name] as Tensor).data;
      const scale = Math.max(1, ...before.map(Math.abs));
      value.data.forEach((x, i) => {
        // Folded constants are rounded to f32.
        if (!(Math.abs(x - (before[i] as number)) <= 1e-6 * scale))
          expect(x, `${name}[${i}] after the passes`).toBe(before[i]);
      });
      const worst = compareWithin(got[name] as Float64Array, value, bound, 1);
      expect(worst === undefined || worst.ratio <= 1 ? "within bounds" : { name, ...worst }).toBe("within bounds");
    }
  });
});
