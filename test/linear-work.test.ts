/**
 * The compiler's work grows with the graph, not with its square. Counted, not timed: looking something up in a map or a set and asking
 * whether it is there are what every pass does at every visit of a node, so their number stands for its steps, the same on every machine.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baselineProfile, makePlan } from "../src/codegen/index.ts";
import { checkSource, elaborateProgram, optimiseGraph } from "../src/compile.ts";
import { type Graph, graphNodes } from "../src/ir/index.ts";
import { buildTrainingStep, elaborateLoss, optimiserFunctions } from "../src/training.ts";
import { sourceReader } from "./models/compile-model.ts";

const text = `
use std/transformer: Encoder
use std/resnet: BasicStage
use std/loss: cross_entropy

model Transformer(layers: size, d: size = 16) {
  sub encoder: Encoder(layers, d, 2, 32)
  entry hidden(x: f32[8, d]) -> f32[8, d] = encoder(x)
  entry loss(x: f32[8, d], targets: idx<d>[8]) -> f32 {
    let each = cross_entropy(encoder(x), targets)
    let y = mean[i] each[i]
    return y
  }
}

model Convolutions(layers: size, width: size = 8) {
  sub stage: BasicStage(width, width, layers)
  entry features(x: f32[1, width, 6, 6]) -> f32[1, width, 6, 6] = stage(x)
}
`;
const path = "growing.weft";
const readSource = sourceReader({ [path]: text });

let steps = 0;
const restorations: (() => void)[] = [];

/** Counts the calls of a method of all objects of a class. */
function count<Name extends "get" | "has">(prototype: { [key in Name]: (key: unknown) => unknown }, name: Name): void {
  const original = prototype[name];
  prototype[name] = function (this: unknown, key: unknown) {
    steps++;
    return original.call(this, key);
  };
  restorations.push(() => {
    prototype[name] = original;
  });
}

beforeAll(() => {
  count(Map.prototype, "get");
  count(Map.prototype, "has");
  count(Set.prototype, "has");
});
afterAll(() => {
  for (const restore of restorations) restore();
});

/** Steps of each stage of compiling: elaboration, every pass, every part of planning. */
function stepsByStage(build: () => Graph): { readonly nodes: number; readonly stages: ReadonlyMap<string, number> } {
  const stages = new Map<string, number>();
  const add = (name: string, number: number) => stages.set(name, (stages.get(name) ?? 0) + number);
  const before = steps;
  const graph = build();
  add("elaboration", steps - before);
  // The clocks of passes and plan count steps.
  const now = () => steps;
  const optimised = optimiseGraph(graph, { now });
  for (const { name, ms } of optimised.stages) add(name, ms ?? 0);
  for (const { name, ms } of makePlan(optimised.finalGraph, baselineProfile, { now }).stages) add(name, ms);
  return { nodes: graphNodes(graph).length, stages };
}

function built(model: string, entry: string, layers: number): Graph {
  const { value } = elaborateProgram(checkSource(path, readSource), { model, entry, settings: { layers } });
  if (value === undefined) throw new Error(`${model}.${entry} does not compile`);
  return value.graph;
}

function trainingStep(layers: number): Graph {
  const request = { model: "Transformer", entry: "loss", settings: { layers } };
  const { value } = elaborateLoss(checkSource(path, readSource), request);
  if (value === undefined) throw new Error("the loss does not compile");
  const optimiser = { name: "adam", settings: {} } as const;
  return buildTrainingStep(value, { optimiser, accumulate: 1, updates: [], elaborate: optimiserFunctions(readSource) })
    .graph;
}

const families: readonly (readonly [name: string, layers: number, build: (layers: number) => Graph])[] = [
  ["a transformer", 12, (layers) => built("Transformer", "hidden", layers)],
  ["residual convolutions", 12, (layers) => built("Convolutions", "features", layers)],
  ["a training step", 5, trainingStep],
];

describe("steps of every stage grow linearly:", () => {
  it.each(families)("%s", (_, layers, build) => {
    const [one, two, three] = [1, 2, 3].map((times) => stepsByStage(() => build(times * layers))) as [
      ReturnType<typeof stepsByStage>,
      ReturnType<typeof stepsByStage>,
      ReturnType<typeof stepsByStage>,
    ];
    expect(three.nodes - two.nodes).toBe(two.nodes - one.nodes);
    const growth = [...three.stages].map(([stage, last]) => {
      const [first, middle] = [one.stages.get(stage) ?? 0, two.stages.get(stage) ?? 0];
      // What is fixed drops out of the differences; equal ones mean linear, for a square the second is 5/3 of the first.
      return { stage, steps: [first, middle, last], ratio: (last - middle) / Math.max(1, middle - first) };
    });
    expect(growth.filter(({ ratio }) => !(ratio < 1.2))).toEqual([]);
    const total = growth.reduce((sum, { steps: [, , last = 0] }) => sum + last, 0);
    expect(total).toBeGreaterThan(three.nodes);
  });
});
