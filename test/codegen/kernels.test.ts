/**
 * Kernels of small graphs: their text (golden files), how many there are, and their results on the device.
 *
 * Each file in kernels/ is IR text; beside it lies the WGSL of its kernels. `npx vitest run -u` rewrites the latter.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { baselineProfile, makePlan } from "../../src/codegen/index.ts";
import { compareWithin, evaluateWithBounds, parseGraph } from "../../src/ir/index.ts";
import { largeTiles, runValues, testDevice, valuesOf } from "./on-device.ts";

const folder = new URL("./kernels/", import.meta.url);
const cases = readdirSync(folder)
  .filter((name) => name.endsWith(".ir"))
  .map((name) => name.slice(0, -3));
const device = await testDevice();

describe.each(cases)("%s", (name) => {
  const graph = parseGraph(readFileSync(new URL(`${name}.ir`, folder), "utf8"));

  test("kernels", async () => {
    const { kernels } = makePlan(graph, baselineProfile, { schedule: largeTiles(baselineProfile) });
    const text = kernels.map(({ wgsl }, i) => `// ---- kernel ${i + 1} of ${kernels.length}\n${wgsl}`).join("\n");
    await expect(text).toMatchFileSnapshot(`./kernels/${name}.wgsl`);
  });

  test.skipIf(device === undefined).each([
    ["large tiles", true, true],
    ["fused", true, false],
    ["unfused", false, false],
  ])("results, %s", async (_, fuse, large) => {
    if (device === undefined) return;
    const schedule = large ? largeTiles(device.profile) : undefined;
    const values = valuesOf(graph);
    const bounded = evaluateWithBounds(graph, values);
    const got = await runValues(device, graph, values, { fuse, ...(schedule && { schedule }) });
    for (const [output, { value, bound }] of Object.entries(bounded)) {
      const worst = compareWithin(got[output] as Float64Array, value, bound, 4);
      expect(worst?.ratio ?? 0, `${output}: ${JSON.stringify(worst)}`).toBeLessThanOrEqual(1);
    }
  });
});

test("a softmax, a layer norm and a gated product are one kernel each", () => {
  const count = (name: string) =>
    makePlan(parseGraph(readFileSync(new URL(`${name}.ir`, folder), "utf8")), baselineProfile).kernels.length;
  expect(["softmax", "layer-norm", "matmul-epilogue", "embedding", "convolution"].map(count)).toEqual([1, 1, 1, 1, 1]);
});

test("attention is one kernel that stores neither scores nor weights: dense, causal, gathered, masked, of joined heads", () => {
  const forms = ["odd-sizes", "causal", "gathered", "masked", "heads-joined"];
  for (const name of ["attention", ...forms.map((form) => `attention-${form}`)]) {
    const { kernels, memory } = makePlan(
      parseGraph(readFileSync(new URL(`${name}.ir`, folder), "utf8")),
      baselineProfile,
    );
    expect([name, kernels.length, memory.peakBytes]).toEqual([name, 1, 0]);
  }
});
