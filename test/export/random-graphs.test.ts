/** Random graphs: onnxruntime must stay within the error bounds that the evaluator carries for f32, as a device must. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { compareWithin, evaluateWithBounds, printGraph } from "../../src/ir/index.ts";
import { randomGraphs } from "../ir/random-graph.ts";
import { exportWith, runModel } from "./onnx-session.ts";

/**
 * The bounds hold for WGSL's accuracies, and onnxruntime's erf, tanh and exp are approximations of its own: a few bounds are allowed,
 * and 1e-4 in any case, which is what is promised.
 */
const allowed = { bounds: 8, relative: 1e-4 };

it("mean the same in onnxruntime", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(randomGraphs(), async ({ graph, values }) => {
      if (graph.outputs.length === 0) return;
      const exported = exportWith(graph, values);
      if (exported.kind === "unsupported") throw new Error("a random graph was refused");
      const got = await runModel(exported.model, values.inputs);
      for (const [name, { value, bound }] of Object.entries(evaluateWithBounds(graph, values))) {
        expect(got[name]?.shape, name).toEqual(value.type.shape);
        const largest = value.data.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
        const float = value.type.dtype === "f32";
        const widened = bound.data.map((each) =>
          Math.max(allowed.bounds * each, float ? allowed.relative * largest : 0),
        );
        const worst = compareWithin(got[name]?.data ?? [], value, { type: value.type, data: widened }, 1);
        expect(worst?.ratio ?? 0, `${name} of ${printGraph(graph, { comments: false })}`).toBeLessThanOrEqual(1);
      }
    }),
    { numRuns: 200 },
  );
});
