/** Reductions over some or all axes. */
import { define, type Equation, indexNames, inSingle, operandOf, outputOf, read, walkedBy } from "./equation.ts";
import type { VectorCase } from "./vectors.ts";

interface Reduction {
  readonly reducer: string;
  /** The term of an element. */
  readonly term?: (x: string) => string;
  /** What is made of the result. */
  readonly finish?: (value: string) => string;
  /** The value where nothing is reduced, when it is not `finish(term(x))`. */
  readonly alone?: (x: string) => string;
}

const square = (x: string): string => `${x}^2`;
const log = (value: string): string => `log(${value})`;

/** By WebNN's name. */
const reductions: Readonly<Record<string, Reduction>> = {
  reduceL1: { reducer: "sum", term: (x) => `abs(${x})` },
  reduceL2: { reducer: "sum", term: square, finish: (value) => `sqrt(${value})` },
  reduceLogSum: { reducer: "sum", finish: log },
  reduceLogSumExp: { reducer: "logsumexp", alone: (x) => `log(exp(${x}))` },
  reduceMax: { reducer: "max" },
  reduceMean: { reducer: "mean" },
  reduceMin: { reducer: "min" },
  reduceProduct: { reducer: "prod" },
  reduceSum: { reducer: "sum" },
  reduceSumSquare: { reducer: "sum", term: square },
};

export const reductionOperators: readonly string[] = Object.keys(reductions);

/** The axes that a case reduces, from 0. */
export function reducedAxes(vector: VectorCase): readonly number[] {
  const rank = operandOf(vector, "input").tensor.shape.length;
  const axes = vector.options.axes as readonly number[] | undefined;
  return axes?.map((axis) => (axis < 0 ? axis + rank : axis)) ?? Array.from({ length: rank }, (_, axis) => axis);
}

/** `let y[i, b: 1] = log(sum[j] x[i, j])`; a kept axis gets an index of its own. */
export function reductionEquation(vector: VectorCase): Equation {
  const reduction = reductions[vector.operator];
  if (reduction === undefined) throw new Error(`no equation for ${vector.operator}`);
  const { reducer, term = (each) => each, finish = (value) => value, alone = (each) => finish(term(each)) } = reduction;
  const x = operandOf(vector, "input", "x");
  const { dataType } = x.tensor;
  // A sum from which something is made may leave the range of f16 although the result does not.
  const rounded = (each: string, make: (value: string) => string) =>
    reduction.finish === undefined ? make(each) : inSingle(dataType, each, make);
  const rank = x.tensor.shape.length;
  const axes = reducedAxes(vector);
  const indices = indexNames(rank);
  if (axes.length === 0) return { operands: [x], statements: [`let y = ${rounded("x", alone)}`] };
  const reduced = indices.filter((_, axis) => axes.includes(axis));
  const value = rounded(read("x", indices), (each) => finish(`${reducer}[${reduced.join(", ")}] ${term(each)}`));
  const kept = indexNames(rank, "a");
  const results =
    vector.options.keepDimensions === true
      ? indices.map((index, axis) => (axes.includes(axis) ? (kept[axis] as string) : index))
      : indices.filter((_, axis) => !axes.includes(axis));
  return { operands: [x], statements: [define("y", results, outputOf(vector).shape, value, walkedBy(indices))] };
}
