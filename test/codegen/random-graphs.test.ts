/** Random graphs on the device against the float64 reference, fused and with every node its own kernel. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { PlanOptions } from "../../src/codegen/index.ts";
import { compareWithin, evaluateWithBounds, printGraph } from "../../src/ir/index.ts";
import { type RandomGraph, randomGraphs } from "../ir/random-graph.ts";
import { largeTiles, runValues, testDevice } from "./on-device.ts";

const device = await testDevice();

/** WGSL grants accuracy per operation and the fused kernel may reassociate sums; the bound covers both (see error-bound.ts). */
const factor = 4;

async function agrees({ graph, values }: RandomGraph, options: PlanOptions): Promise<void> {
  if (device === undefined) return;
  const bounded = evaluateWithBounds(graph, values);
  const got = await runValues(device, graph, values, options);
  for (const [name, { value, bound }] of Object.entries(bounded)) {
    const worst = compareWithin(got[name] as Float64Array, value, bound, factor);
    if (worst !== undefined && worst.ratio > 1) {
      throw new Error(
        `${name}[${worst.index}] is ${worst.got}, not ${worst.want} ± ${worst.bound}\n${printGraph(graph)}`,
      );
    }
  }
}

const ways: readonly (readonly [string, PlanOptions])[] = [
  ["fused", {}],
  ["in large tiles", device === undefined ? {} : { schedule: largeTiles(device.profile) }],
  ["unfused", { fuse: false }],
];

for (const [way, options] of ways) {
  test.skipIf(device === undefined)(`random graphs agree ${way}`, { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(randomGraphs({ maximumInstructions: 14 }), (random) => agrees(random, options)),
      { numRuns: Number(process.env.WEFT_RUNS ?? 60), seed: 20261123, interruptAfterTimeLimit: 200_000 },
    );
    expect(device).toBeDefined();
  });
}
