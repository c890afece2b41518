/** Learning rates as functions of the step, evaluated on the host from the graphs of `std/optim`: one number goes to the device. */
import { evaluateGraph, type Graph, tensorOf, tensorType } from "../ir/index.ts";
import type { ElaborateFunction } from "./elaborate-function.ts";

/** How the learning rate goes; steps count from 0. */
export interface Schedule {
  /** The highest rate. */
  readonly rate: number;
  /** Steps of a warm-up in a straight line, before everything else. */
  readonly warmup: number;
  /** Share of the rate that the warm-up rises from. */
  readonly warmupFrom: number;
  /** Steps of the whole training; the end of `cosine` and `polynomial`. */
  readonly steps: number;
  readonly fall: Fall;
}

/** How the rate falls after the warm-up; `end` is the rate at the last step. */
export type Fall =
  | { readonly kind: "constant" }
  | { readonly kind: "cosine"; readonly end: number }
  /** In a straight line with power 1. */
  | { readonly kind: "polynomial"; readonly end: number; readonly power: number }
  /** Multiplied by `factor` every so many steps. */
  | { readonly kind: "step"; readonly every: number; readonly factor: number }
  /** Multiplied by `factor` at each of these steps of the training, its warm-up included. */
  | { readonly kind: "milestones"; readonly at: readonly number[]; readonly factor: number };

/**
 * The rate of each step. With a warm-up of W steps from a share s, step t < W has s + (1 - s)(t + 1)/W of the highest rate, so that no step
 * is lost on a rate of 0, and the fall begins after it.
 *
 * @throws RangeError for a warm-up that leaves no step to a schedule that ends
 */
export function rateOf(schedule: Schedule, elaborate: ElaborateFunction): (step: number) => number {
  const { rate, warmup, warmupFrom, steps, fall } = schedule;
  if ("end" in fall && steps - warmup < 1)
    throw new RangeError(`a warm-up of ${warmup} steps leaves none of the ${steps} steps to the ${fall.kind} schedule`);
  const shape = fallingRate(schedule, elaborate);
  const rise = scalarFunction(elaborate, "warm_up", { steps: Math.max(warmup, 1), start: warmupFrom });
  return (step) => (step < warmup ? rate * rise(step + 1) : shape(step - warmup));
}

/** The rate by the number of steps since the warm-up. */
function fallingRate(
  { rate: lr, warmup, steps, fall }: Schedule,
  elaborate: ElaborateFunction,
): (step: number) => number {
  const total = steps - warmup;
  switch (fall.kind) {
    case "constant":
      return scalarFunction(elaborate, "constant", { lr });
    case "cosine":
      return scalarFunction(elaborate, "cosine", { lr, total, end: fall.end });
    case "polynomial":
      return scalarFunction(elaborate, "polynomial", { lr, total, end: fall.end, power: fall.power });
    case "step":
      return scalarFunction(elaborate, "step_decay", { lr, every: fall.every, factor: fall.factor });
    case "milestones":
      return scalarFunction(
        elaborate,
        "milestone_decay",
        { lr, factor: fall.factor },
        { milestones: fall.at.map((step) => step - warmup) },
      );
    default:
      return fall satisfies never;
  }
}

/** A function of `std/optim` of one number `step`, the rest fixed. */
function scalarFunction(
  elaborate: ElaborateFunction,
  name: string,
  settings: Readonly<Record<string, number>>,
  vectors: Readonly<Record<string, readonly number[]>> = {},
): (step: number) => number {
  const shapes = Object.entries(vectors).map(([input, { length }]) => [input, [length]] as const);
  const graph: Graph = elaborate(name, settings, { step: [], ...Object.fromEntries(shapes) });
  const fixed = Object.entries(vectors).map(
    ([input, values]) => [input, tensorOf(tensorType("f32", [values.length]), values)] as const,
  );
  return (step) => {
    const inputs = { step: tensorOf(tensorType("f32", []), [step]), ...Object.fromEntries(fixed) };
    const [result] = Object.values(evaluateGraph(graph, { inputs, parameters: {} }));
    return Math.fround(result?.data[0] as number);
  };
}
