/** Results of one shape that share what they read are one kernel; everything else is left alone. */
import { describe, expect, it } from "vitest";
import { makePlan } from "../../src/codegen/index.ts";
import { hostProfile } from "../../src/compile.ts";
import { evaluateGraph, type Graph } from "../../src/ir/index.ts";
import { runValues, testDevice, valuesOf } from "../codegen/on-device.ts";
import { graphOf } from "./graphs.ts";

const device = await testDevice();

/** A step with momentum for one parameter, and `last` as one more result. */
const step = (last: string, shape = "[6, 5]") =>
  graphOf(`
  %0: f32${shape} = input "g"
  %1: f32 = input "rate"
  %2: f32[7] = input "other"
  %3: f32${shape} = parameter "w"
  %4: f32${shape} = parameter "m"
  %5: f32${shape} = add %4, %0
  %6: f32${shape} = mul %5, %1
  %7: f32${shape} = sub %3, %6
  ${last}
  return w = %7, m = %5, last = %8`);

const kernelsOf = (graph: Graph, maxBindings: number, fuse = true) => {
  const profile = { ...hostProfile, limits: { ...hostProfile.limits, maxBindings } };
  return makePlan(graph, profile, { fuse }).kernels.map(({ group }) => group.outputs.length);
};

const squares = "%8: f32[6, 5] = mul %3, %0";

describe("results of a graph", () => {
  it("that no other kernel reads are joined where they share a tensor", () => {
    // m is read by w at the same element, and both share tensors with the third.
    expect(kernelsOf(step(squares), 8)).toEqual([3]);
  });

  it("are not joined when the device has too few bindings, the shapes differ, only a number is shared, or at -O0", () => {
    // w and m are joined by the other rule: one follows from the other.
    expect(kernelsOf(step(squares), 4)).toEqual([1, 1, 1]);
    expect(kernelsOf(step("%8: f32[30] = reshape %0 shape=[30]"), 8)).toEqual([2, 1]);
    expect(kernelsOf(step("%8: f32[7] = mul %2, %1"), 8)).toEqual([2, 1]);
    expect(Math.max(...kernelsOf(step(squares), 8, false))).toBe(1);
  });

  it.skipIf(device === undefined)("are the same, joined or not", async () => {
    if (device === undefined) return;
    for (const shape of ["[6, 5]", "[6, 8]"]) {
      const graph = step(`%8: f32${shape} = mul %0, %0`, shape);
      const values = valuesOf(graph);
      const want = evaluateGraph(graph, values);
      const got = await runValues(device, graph, values);
      for (const [name, { data }] of Object.entries(want))
        data.forEach((value, k) => {
          expect(got[name]?.[k]).toBeCloseTo(value, 6);
        });
    }
  });
});
