/**
 * Gradients of attention, whose kernels compute the scores anew instead of reading them: on the device, against the reference evaluator
 * within the bounds of f32, and against PyTorch (scripts/compare-attention-gradients.py), ≤ 1e-4.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { deviceSchedule, makePlan } from "../../src/codegen/index.ts";
import { compareWithin, evaluateWithBounds } from "../../src/ir/index.ts";
import { runPipeline } from "../../src/passes/index.ts";
import { type AttentionGradientForm, attentionGradient } from "../passes/attention-gradients.ts";
import { runValues, testDevice, valuesOf } from "./on-device.ts";

const device = await testDevice();

const even = { H: 4, L: 128, S: 128, d: 8 };
/** Edges that no tile divides, in rows and in the walked index, and in columns too. */
const odd = { H: 4, L: 131, S: 129, d: 8 };
const oddColumns = { H: 4, L: 131, S: 129, d: 9 };

/** Whether the threads of a subgroup load keys and values together. */
type Loads = "shared" | "own";

const cases: readonly (readonly [AttentionGradientForm, Readonly<Record<string, number>>, Loads])[] = [
  ["dense", even, "shared"],
  ["causal", odd, "shared"],
  ["causal", odd, "own"],
  ["masked", oddColumns, "shared"],
  ["dropped", even, "shared"],
];

interface TorchResults {
  readonly form: AttentionGradientForm;
  readonly every: number;
  readonly outputs: Readonly<Record<string, { readonly largest: number; readonly elements: readonly number[] }>>;
}

const torchResults = JSON.parse(
  readFileSync("test/fixtures/gradients/attention.json", "utf8"),
) as readonly TorchResults[];

/** Greatest difference of the elements that the file has, relative to the largest of their tensor. */
function distanceFromTorch(got: Readonly<Record<string, Float64Array>>, { every, outputs }: TorchResults): number {
  return Math.max(
    ...Object.entries(outputs).flatMap(([name, { largest, elements }]) =>
      elements.map((want, k) => Math.abs((got[name]?.[k * every] ?? Number.NaN) - want) / largest),
    ),
  );
}

describe.skipIf(device === undefined)("streamed contractions", () => {
  it.each(cases)("%s %o, %s loads", async (form, sizes, loads) => {
    if (device === undefined) return;
    const { subgroup, ...own } = deviceSchedule(device.profile);
    const schedule = loads === "own" || subgroup === undefined ? own : { ...own, subgroup };
    const graph = attentionGradient(form, sizes);
    const values = valuesOf(graph);
    const { graph: finalGraph } = runPipeline(graph);
    const { kernels } = makePlan(finalGraph, device.profile, { schedule });
    expect(kernels.filter(({ group }) => group.kind === "streamed-contraction")).toHaveLength(3);
    const wanted = evaluateWithBounds(finalGraph, values);
    const got = await runValues(device, finalGraph, values, { schedule });
    for (const [name, { value, bound }] of Object.entries(wanted)) {
      const worst = compareWithin(got[name] as Float64Array, value, bound, 1);
      expect(worst === undefined || worst.ratio <= 1 ? "within bounds" : { name, ...worst }).toBe("within bounds");
    }
    const torch = torchResults.find((each) => each.form === form);
    expect(torch === undefined).toBe(form === "dropped");
    if (torch !== undefined) expect(distanceFromTorch(got, torch)).toBeLessThanOrEqual(1e-4);
  });
});
