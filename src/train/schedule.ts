/** Learning rates as functions of the step, evaluated on the host from the graphs of `std/optim`: one number goes to the device. */
import { evaluateGraph, type Graph, tensorOf, tensorType } from "../ir/index.ts";
import type { ElaborateFunction } from "./elaborate-function.ts";

/** How the learning rate goes; steps count from 0. */
export interface Schedule {
  readonly kind: "constant" | "cosine" | "linear" | "step";
  /** The highest rate. */
  readonly rate: number;
  /** Steps of a warm-up in a straight line from 0, before everything else. */
  readonly warmup: number;
  /** Steps of the whole training; the end of `cosine` and `linear`. */
  readonly steps: number;
  /** Rate at the end of `cosine` and `linear`. */
  readonly end: number;
  /** `step`: multiplied by `factor` every so many steps. */
  readonly every: number;
  readonly factor: number;
}

/**
 * The rate of each step. With a warm-up of W steps, step t < W has (t + 1)/W of the highest rate, so that no step is lost on a rate of 0,
 * and the schedule proper runs over the steps after it.
 *
 * @throws RangeError for a warm-up that leaves no step to a schedule that ends
 */
export function rateOf(schedule: Schedule, elaborate: ElaborateFunction): (step: number) => number {
  const { kind, rate, warmup, steps, end, every, factor } = schedule;
  const total = steps - warmup;
  if ((kind === "cosine" || kind === "linear") && total < 1)
    throw new RangeError(`a warm-up of ${warmup} steps leaves none of the ${steps} steps to the ${kind} schedule`);
  const shape = scalarFunction(elaborate, ...functionOf({ kind, rate, total, end, every, factor }));
  const rise = scalarFunction(elaborate, "warm_up", { steps: Math.max(warmup, 1) });
  return (step) => (step < warmup ? rate * rise(step + 1) : shape(step - warmup));
}

function functionOf(
  schedule: Pick<Schedule, "kind" | "rate" | "end" | "every" | "factor"> & { readonly total: number },
): [string, Readonly<Record<string, number>>] {
  const { kind, rate, total, end, every, factor } = schedule;
  switch (kind) {
    case "constant":
      return ["constant", { lr: rate }];
    case "cosine":
      return ["cosine", { lr: rate, total, end }];
    case "linear":
      return ["polynomial", { lr: rate, total, end }];
    case "step":
      return ["step_decay", { lr: rate, every, factor }];
    default:
      return kind satisfies never;
  }
}

/** A function of `std/optim` of one number `step`, the rest fixed. */
function scalarFunction(
  elaborate: ElaborateFunction,
  name: string,
  settings: Readonly<Record<string, number>>,
): (step: number) => number {
  const graph: Graph = elaborate(name, settings, { step: [] });
  return (step) => {
    const inputs = { step: tensorOf(tensorType("f32", []), [step]) };
    const [result] = Object.values(evaluateGraph(graph, { inputs, parameters: {} }));
    return Math.fround(result?.data[0] as number);
  };
}
