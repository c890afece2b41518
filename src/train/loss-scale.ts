/**
 * Loss scaling, for trainings that keep activations and their gradients in f16 (Micikevicius et al. 2018, section 3.2): the loss is multiplied by
 * a power of two before it is differentiated, so that small gradients do not vanish in f16, and the gradients of parameters are divided by it
 * again in f32. A step whose gradient overflows is left out and halves the scale; a number of good steps doubles it.
 *
 * All of it lives on the device beside the optimiser's state, so that no step waits for the host.
 */
import { type Graph, type Node, tensorType } from "../ir/index.ts";
import { statePath } from "./optimiser.ts";
import type { StepBuilder } from "./step-builder.ts";

export interface LossScale {
  /** The scale of the first step: a power of two. */
  readonly start: number;
  /** Good steps after which it doubles. */
  readonly every: number;
}

/** What is begun with unless the user says otherwise. */
export const usualLossScale: LossScale = { start: 2 ** 16, every: 2000 };

/** A greater scale gains nothing: 2^-24 is the smallest number of f16. */
const largestScale = 2 ** 24;

/** Paths of what a scaled training remembers, all of them single f32. */
const paths = {
  factor: statePath("loss-scale", "factor"),
  /** 1 / factor, exact as both are powers of two; what depends on it is kept in f32. */
  inverse: statePath("loss-scale", "inverse"),
  /** Good steps since the factor last changed. */
  good: statePath("loss-scale", "good"),
  /** Steps that changed the parameters: those that were left out do not count for the optimiser. */
  taken: statePath("loss-scale", "taken"),
} as const;

/** Parameter of the step's graph after which everything stays f32. */
export const unscalingPath: string = paths.inverse;

/** Name of the output that is differentiated. */
export const scaledLossName = "scaled(loss)";

/** The graph with the output `scaledLossName`, the loss times a new parameter. */
export function withScaledLoss(graph: Graph, loss: Node, build: StepBuilder): Graph {
  const factor = build.source("parameter", paths.factor, tensorType("f32", []));
  const scaled = { name: scaledLossName, node: build.apply("mul", loss, factor) };
  return { ...graph, parameters: [...graph.parameters, factor], outputs: [...graph.outputs, scaled] };
}

export interface Scaling {
  readonly factor: Node;
  readonly inverse: Node;
  /** Number of the optimiser's step, from 1, if it is taken. */
  readonly step: Node;
  /** What each of them becomes after a step, and where it starts. */
  readonly next: (taken: Node) => readonly { readonly old: Node; readonly value: Node }[];
  /** First values by path. */
  readonly starts: ReadonlyMap<string, number>;
}

/**
 * The scale of a step, from the graph that `withScaledLoss` began.
 *
 * @param remember  makes a parameter of what is remembered
 */
export function scalingOf(
  graph: Graph,
  { start, every }: LossScale,
  build: StepBuilder,
  remember: (path: string) => Node,
): Scaling {
  const factor = graph.parameters.find(({ attributes }) => attributes.name === paths.factor);
  if (factor === undefined) throw new Error("the loss is not scaled");
  const [inverse, good, count] = [remember(paths.inverse), remember(paths.good), remember(paths.taken)];
  const { apply, constant } = build;
  const more = apply("add", good, constant(1));
  const next = (taken: Node) => {
    const ripe = apply("and", apply("ge", more, constant(every)), apply("lt", factor, constant(largestScale)));
    const times = (x: Node, doubled: number, halved: number) =>
      apply(
        "select",
        taken,
        apply("select", ripe, apply("mul", x, constant(doubled)), x),
        apply("mul", x, constant(halved)),
      );
    const zero = constant(0);
    return [
      { old: factor, value: times(factor, 2, 0.5) },
      { old: inverse, value: times(inverse, 0.5, 2) },
      { old: good, value: apply("select", taken, apply("select", ripe, zero, more), zero) },
      { old: count, value: apply("select", taken, apply("add", count, constant(1)), count) },
    ];
  };
  const starts = new Map<string, number>([
    [paths.factor, start],
    [paths.inverse, 1 / start],
  ]);
  return { factor, inverse, step: apply("add", count, constant(1)), next, starts };
}
