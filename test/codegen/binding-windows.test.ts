/** Tensors larger than a binding: kernels are divided and bind windows; results stay within their bounds. */
import { describe, expect, it } from "vitest";
import { baselineProfile, type DeviceProfile, makePlan } from "../../src/codegen/index.ts";
import { compareWithin, evaluateWithBounds, type Graph, parseGraph } from "../../src/ir/index.ts";
import type { WeftDevice } from "../../src/runtime/index.ts";
import { runValues, testDevice, valuesOf } from "./on-device.ts";

const device = await testDevice();

/** The device as if it bound no more than so many bytes. */
const narrow = (from: DeviceProfile, maxBindingBytes: number): DeviceProfile => ({
  ...from,
  limits: { ...from.limits, maxBindingBytes },
});

const graphs: Readonly<Record<string, string>> = {
  "a map": `
graph case {
  %0: f32[8, 64, 16] = input "x"
  %1: f32[8, 64, 16] = tanh %0
  return y = %1
}`,
  "a product by its rows": `
graph case {
  %0: f32[4, 64, 16] = input "x"
  %1: f32[24, 16] = input "w"
  %2: f32[4, 64, 24] = contract "h i c, r c -> h i r" %0, %1
  return y = %2
}`,
  "a sum over a long index": `
graph case {
  %0: f32[4, 256, 8] = input "k"
  %1: f32[4, 256, 12] = input "v"
  %2: f32[4, 8, 12] = contract "h j r, h j c -> h r c" %0, %1
  return y = %2
}`,
  rows: `
graph case {
  %0: f32[64, 96] = input "x"
  %1: f32[64] = maximum "i j -> i" %0
  %2: f32[64, 96] = broadcast %1 shape=[64, 96] axes=[0]
  %3: f32[64, 96] = sub %0, %2
  %4: f32[64, 96] = exp %3
  %5: f32[64] = sum "i j -> i" %4
  %6: f32[64, 96] = broadcast %5 shape=[64, 96] axes=[0]
  %7: f32[64, 96] = div %4, %6
  return y = %7
}`,
  "the largest of columns": `
graph case {
  %0: f32[4, 512, 8] = input "x"
  %1: f32[4, 8] = maximum "h j r -> h r" %0
  return y = %1
}`,
};

async function expectWithinBounds(on: WeftDevice, graph: Graph, profile: DeviceProfile): Promise<void> {
  const values = valuesOf(graph);
  const got = await runValues({ ...on, profile }, graph, values);
  for (const [name, { value, bound }] of Object.entries(evaluateWithBounds(graph, values))) {
    const worst = compareWithin(got[name] as Float64Array, value, bound, 4);
    expect(worst?.ratio ?? 0, `${name}: ${JSON.stringify(worst)}`).toBeLessThanOrEqual(1);
  }
}

describe.each(Object.entries(graphs))("%s", (_, text) => {
  const graph = parseGraph(text);

  it.skipIf(device === undefined).each([16_384, 4096])("is divided to bind %i bytes", async (bytes) => {
    if (device === undefined) return;
    const profile = narrow(device.profile, bytes);
    const { plan } = makePlan(graph, profile);
    expect(Math.max(...plan.steps.flatMap(({ slices }) => slices.map(({ size }) => size)))).toBeLessThanOrEqual(bytes);
    expect(plan.steps.length).toBeGreaterThan(1);
    // Parts that differ in their windows alone are one kernel.
    expect(plan.kernels.length).toBeLessThanOrEqual(5);
    await expectWithinBounds(device, graph, profile);
  });
});

it("a kernel of which one thread reads more than a binding is refused with the tensor's name and size", () => {
  const graph = parseGraph(`
graph case {
  %0: f32[8192] = input "x"
  %1: idx<8192>[8192] = input "i"
  %2: f32[8192] = gather "t, k -> k" %0, %1 at="t"
  return y = %2
}`);
  const profile = narrow(baselineProfile, 16_384);
  expect(() => makePlan(graph, profile)).toThrow(/takes 32,768 bytes; this device binds at most 16,384/);
});
