/**
 * How far reductions and scans in f32 can be off, whatever the order in which a device combines the elements (Higham, Accuracy
 * and Stability of Numerical Algorithms, chapters 3 and 4).
 */
import { indexSizes, parseSpec } from "../index-spec.ts";
import type { Reducer } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { isFloat } from "../types.ts";
import { visitSpace } from "./iteration.ts";
import { type Precision, precisionOf } from "./precision.ts";

/** What is known of the elements that one result element combines. */
interface Gathered {
  readonly terms: Float64Array;
  /** Sum, or product, of |x| + e. */
  readonly widened: Float64Array;
  /** The same of |x| alone. */
  readonly least: Float64Array;
  /** Product of max(1, |x| + e): no partial product exceeds it. */
  readonly growth: Float64Array;
  readonly largestError: Float64Array;
}

/** Bounds of each element of a reduction; `error` holds the bounds of its operand. */
export function reductionBound(
  reducer: Reducer,
  operand: Tensor,
  error: Tensor,
  result: Tensor,
  specText: string,
  where: string,
): Tensor {
  const bound = newTensor(result.type);
  const spec = parseSpec(specText);
  const sizes = indexSizes(spec, [operand.type]);
  if (reducer.positional) return positionBound(reducer, operand, error, result, specText, where);
  if (reducer.operation === "or" || reducer.operation === "and") {
    // One sure element that settles the result makes the unsure ones harmless.
    const settling = reducer.operation === "or" ? 1 : 0;
    const settled = new Uint8Array(bound.data.length);
    visitSpace(spec, sizes, where, (offsets, out) => {
      const at = offsets[0] as number;
      if (error.data[at] !== 0) bound.data[out] = 1;
      else if (operand.data[at] === settling) settled[out] = 1;
    });
    return { type: bound.type, data: bound.data.map((e, i) => (settled[i] === 1 ? 0 : e)) };
  }
  const gathered = emptyGathering(bound.data.length, reducer);
  const { terms, widened, least, growth, largestError } = gathered;
  visitSpace(spec, sizes, where, (offsets, out) => {
    const at = offsets[0] as number;
    const size = Math.abs(operand.data[at] as number);
    const e = error.data[at] as number;
    terms[out] = (terms[out] as number) + 1;
    largestError[out] = Math.max(largestError[out] as number, e);
    if (reducer.operation === "mul") {
      widened[out] = (widened[out] as number) * (size + e);
      least[out] = (least[out] as number) * size;
      growth[out] = (growth[out] as number) * Math.max(1, size + e);
    } else {
      widened[out] = (widened[out] as number) + (size + e);
      least[out] = (least[out] as number) + size;
    }
  });
  for (let i = 0; i < bound.data.length; i++) bound.data[i] = combinedBound(reducer, gathered, i, operand);
  return bound;
}

/** Bounds of each element of a scan; `run` performs the same scan with another operand and combiner. */
export function scanBound(
  reducer: Reducer,
  operand: Tensor,
  error: Tensor,
  result: Tensor,
  run: (operand: Tensor, reducer: Reducer) => Tensor,
): Tensor {
  const bound = newTensor(result.type);
  // Running quantities are computed in float64, also where the operand holds integers.
  const type = { dtype: "f32", shape: operand.type.shape } as const;
  const over = (value: (x: number, e: number) => number, kind: Pick<Reducer, "identity" | "combine">) => {
    const data = operand.data.map((x, i) => value(Math.abs(x), error.data[i] as number));
    return run({ type, data }, { ...kind, operation: "add" }).data;
  };
  const sum = { identity: () => 0, combine: (a: number, x: number) => a + x };
  const product = { identity: () => 1, combine: (a: number, x: number) => a * x };
  const multiplies = reducer.operation === "mul";
  const gathered: Gathered = {
    terms: over(() => 1, sum),
    widened: over((x, e) => x + e, multiplies ? product : sum),
    least: over((x) => x, multiplies ? product : sum),
    growth: over((x, e) => Math.max(1, x + e), product),
    largestError: over((_x, e) => e, { identity: () => 0, combine: Math.max }),
  };
  for (let i = 0; i < bound.data.length; i++) bound.data[i] = combinedBound(reducer, gathered, i, operand);
  return bound;
}

function emptyGathering(count: number, reducer: Reducer): Gathered {
  const start = reducer.operation === "mul" ? 1 : 0;
  return {
    terms: new Float64Array(count),
    widened: new Float64Array(count).fill(start),
    least: new Float64Array(count).fill(start),
    growth: new Float64Array(count).fill(1),
    largestError: new Float64Array(count),
  };
}

/** The bound of one element: errors carried through, and one rounding (and one possible flush to zero) for each term. */
function combinedBound(reducer: Reducer, gathered: Gathered, i: number, operand: Tensor): number {
  const { terms, widened, least, growth, largestError } = gathered;
  if (reducer.operation === "max" || reducer.operation === "min") return largestError[i] as number;
  const rounds = isFloat(operand.type.dtype);
  const { unit, underflow, largest }: Precision = precisionOf(operand.type.dtype);
  const n = terms[i] as number;
  const most = widened[i] as number;
  const multiplies = reducer.operation === "mul";
  const carried = most - (least[i] as number);
  const flushed = underflow * (multiplies ? (growth[i] as number) : 1);
  const peak = multiplies ? (growth[i] as number) : most;
  const total = carried + (rounds ? n * (unit * most + flushed) : 0);
  return Number.isNaN(total) || (rounds && peak > largest) ? Number.POSITIVE_INFINITY : total;
}

/** A position is sure when the runner-up is further away than both errors; else any position may come out. */
function positionBound(
  reducer: Reducer,
  operand: Tensor,
  error: Tensor,
  result: Tensor,
  specText: string,
  where: string,
): Tensor {
  const bound = newTensor(result.type);
  const spec = parseSpec(specText);
  const sizes = indexSizes(spec, [operand.type]);
  const best = new Float64Array(bound.data.length).fill(reducer.identity(operand.type.dtype));
  visitSpace(spec, sizes, where, (offsets, out) => {
    best[out] = reducer.combine(best[out] as number, operand.data[offsets[0] as number] as number);
  });
  const margin = new Float64Array(bound.data.length).fill(Number.POSITIVE_INFINITY);
  const largestError = new Float64Array(bound.data.length);
  visitSpace(spec, sizes, where, (offsets, out, position) => {
    const at = offsets[0] as number;
    largestError[out] = Math.max(largestError[out] as number, error.data[at] as number);
    if (position[position.length - 1] !== result.data[out]) {
      const behind = Math.abs((best[out] as number) - (operand.data[at] as number));
      margin[out] = Math.min(margin[out] as number, behind);
    }
  });
  for (let i = 0; i < bound.data.length; i++) {
    const e = largestError[i] as number;
    bound.data[i] = e === 0 || (margin[i] as number) > 2 * e ? 0 : Number.POSITIVE_INFINITY;
  }
  return bound;
}
