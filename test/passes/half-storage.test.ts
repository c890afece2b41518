/** `--precision f16`: what is kept in half precision, that arithmetic stays f32, and results within the derived bounds. */
import { describe, expect, it } from "vitest";
import { baselineProfile, makePlan } from "../../src/codegen/index.ts";
import { compareWithin, evaluateWithBounds, type Graph, graphNodes } from "../../src/ir/index.ts";
import { type PassContext, runPipeline } from "../../src/passes/index.ts";
import { runValues, testDevice, valuesOf } from "../codegen/on-device.ts";
import { graphOf } from "../frontend/elaborate-text.ts";

const device = await testDevice();

const text = `fn f<n, d, h>(x: f32[n, d], U: f32[h, d], V: f32[d, h]) -> f32[n, d] {
  let a[i, k] = relu(sum[c] U[k, c] * x[i, c])
  let s[i] = sum[k] a[i, k]
  let y[i, c] = x[i, c] + (sum[k] V[c, k] * a[i, k]) / (1 + s[i])
  return y
}`;
const sizes = { n: 96, d: 48, h: 64 };
const optimised = (storage?: PassContext["storage"]) =>
  runPipeline(graphOf(text, { entry: "f", settings: sizes }), { context: storage === undefined ? {} : { storage } });

describe("half precision", () => {
  it("keeps large values between kernels in f16 and computes in f32", () => {
    const { graph, rewrites } = optimised({});
    expect(rewrites.find(({ pass }) => pass === "half-storage")?.rule).toBe("stored as f16");
    for (const node of graphNodes(graph)) {
      if (node.type.dtype === "f16") expect(["cast", "parameter"]).toContain(node.op);
    }
    const profile = { ...baselineProfile, features: { ...baselineProfile.features, f16: true } };
    const [before, after] = [optimised().graph, graph].map((each) => makePlan(each, profile));
    expect(after?.plan.steps.length).toBe(before?.plan.steps.length);
    expect(after?.memory.peakBytes).toBeLessThan(0.6 * (before?.memory.peakBytes as number));
  });

  it("changes nothing unless it is asked for", () => {
    expect(graphNodes(optimised().graph).every(({ type }) => type.dtype !== "f16")).toBe(true);
  });

  it("leaves parameters alone, and what follows from one, where a training asks for that", () => {
    const stored = (graph: Graph) => graphNodes(graph).filter(({ type }) => type.dtype === "f16").length;
    const { graph } = runPipeline(
      graphOf(
        `model M(d: size = 64) {
          param weight: f32[d, d] = ones()
          param last: f32 = ones()
          entry f(x: f32[d, d]) -> f32[d, d] {
            let a[i, k] = exp(sum[c] weight[k, c] * x[i, c])
            let b[i, k] = exp(sum[c] weight[k, c] * a[i, c])
            let y[i, k] = exp(sum[c] a[k, c] * last * b[i, c])
            let z[i, k] = sum[c] y[k, c] * y[c, i]
            return z
          }
        }`,
        {},
      ),
      { context: { storage: { fullAfter: "last" } } },
    );
    expect(graph.parameters.every(({ type }) => type.dtype === "f32")).toBe(true);
    expect(stored(graph)).toBe(2);
  });

  it("is refused by a device without it, with the place", () => {
    expect(() => makePlan(optimised({}).graph, baselineProfile)).toThrow(
      /^a \(.*\) is f16, which this device does not have/,
    );
  });

  it.skipIf(device === undefined || !device.profile.features.f16)(
    "agrees with the reference on the device",
    async () => {
      if (device === undefined) return;
      const { graph } = optimised({});
      const values = valuesOf(graph);
      const got = await runValues(device, graph, values);
      for (const [name, { value, bound }] of Object.entries(evaluateWithBounds(graph, values))) {
        const worst = compareWithin(got[name] as Float64Array, value, bound, 4);
        expect(worst?.ratio ?? 0, JSON.stringify(worst)).toBeLessThanOrEqual(1);
        expect(Math.max(...bound.data)).toBeLessThan(1);
      }
    },
  );
});
