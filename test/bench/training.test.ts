/** The trainings that are compared: the peers' networks have the weights of Weft's texts, and the step compiles. */
import { describe, expect, it } from "vitest";
import { readSource } from "../../bench/systems/weft.ts";
import { oneHot, weightShapes } from "../../bench/training-network.ts";
import { trainedNetwork, trainingWorkloads } from "../../bench/training-workloads.ts";
import { findWorkload } from "../../bench/workloads.ts";
import { checkSource } from "../../src/compile.ts";
import { buildTrainingStep, elaborateLoss, optimiserFunctions } from "../../src/training.ts";

describe.each(trainingWorkloads)("$name", ({ name, weft, inputs }) => {
  it("has the same weights in every system, all of them trained", () => {
    const x = inputs[0]?.shape ?? [];
    const { value, diagnostics } = elaborateLoss(checkSource("bench/training-workloads.weft", readSource), {
      model: weft.model,
      entry: weft.entry,
      inputShapes: { x, t: [x[0] as number, 10] },
    });
    if (value === undefined) throw new Error(diagnostics.map(({ title }) => title).join("\n"));
    const peers = weightShapes(trainedNetwork(name));
    expect(new Map(value.parameters.map(({ path, type }) => [path, type.shape]))).toEqual(peers);
    const step = buildTrainingStep(value, {
      optimiser: { name: "adam", settings: {} },
      accumulate: 1,
      updates: [],
      elaborate: optimiserFunctions(readSource),
    });
    expect([...step.trained].sort()).toEqual([...peers.keys()].sort());
  });

  it("is found by the process of a contestant", () => {
    expect(findWorkload(name).trains).toBe(true);
  });
});

it("gives labels as rows", () => {
  expect([...oneHot(Int32Array.of(1, 0))]).toEqual([0, 1, ...Array(8).fill(0), 1, ...Array(9).fill(0)]);
});
