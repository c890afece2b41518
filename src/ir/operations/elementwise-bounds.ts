/**
 * How far an f32 evaluation of an elementwise operation can be off: the row's own rounding, and what the errors of the
 * arguments do to the result.
 */
import type { Algebra } from "../operation.ts";
import { IrError } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { type DType, isFloat } from "../types.ts";
import { type ElementwiseRow, elementwiseRows } from "./elementwise-rows.ts";
import { precisionOf, unit } from "./precision.ts";

const rowsByName = new Map(elementwiseRows.map((row) => [row.name, row]));

/** Numbers as an algebra: what makes a derivative rule also a slope. */
export const numberAlgebra: Algebra<number> = {
  apply: (op, ...args) => {
    const row = rowsByName.get(op);
    if (row === undefined) throw new IrError(`a derivative uses the unknown operation ${op}`);
    return row.compute(args[0] as number, args[1] as number, args[2] as number, "f32");
  },
  constant: (value) => value,
};

/** Bounds of the absolute error of each result element; `errors` are those of the operands. */
export function elementwiseBound(
  row: ElementwiseRow,
  operands: readonly Tensor[],
  errors: readonly Tensor[],
  result: Tensor,
): Tensor {
  const bound = newTensor(result.type);
  const dtype = (operands[row.signature === "select" ? 1 : 0] as Tensor).type.dtype;
  const widening = isFloat(result.type.dtype) ? precisionOf(result.type.dtype).unit / unit : 0;
  const steps = operands.map((operand) => (operand.type.shape.length === 0 ? 0 : 1));
  const args = [0, 0, 0];
  const own = [0, 0, 0];
  for (let element = 0; element < bound.data.length; element++) {
    let reach = 0;
    for (let i = 0; i < operands.length; i++) {
      const at = element * (steps[i] as number);
      args[i] = (operands[i] as Tensor).data[at] as number;
      own[i] = (errors[i] as Tensor).data[at] as number;
      reach += own[i] as number;
    }
    const value = result.data[element] as number;
    if (result.type.dtype === "bool") {
      if (reach > 0) bound.data[element] = undecided(row, args, reach) ? 1 : 0;
    } else {
      const rounding = widening * row.roundoff(args, value);
      const total = reach > 0 ? carried(row, args, own, value, dtype, widening) : rounding;
      bound.data[element] = Number.isNaN(total) ? Number.POSITIVE_INFINITY : total;
    }
  }
  return bound;
}

/** Comparisons are sure when the arguments are further apart than their errors; other logic is not looked into. */
function undecided(row: ElementwiseRow, args: readonly number[], reach: number): boolean {
  const [x, y] = args as [number, number];
  return row.signature === "compare" ? Math.abs(x - y) <= reach : true;
}

/**
 * Largest change of the value while the arguments move within their errors, and the rounding there: the larger of the
 * linear estimate and what the corners of the box show, which is exact for functions that are monotone in each argument.
 */
function carried(
  row: ElementwiseRow,
  args: readonly number[],
  errors: readonly number[],
  value: number,
  dtype: DType,
  widening: number,
): number {
  if (errors.includes(Number.POSITIVE_INFINITY) || row.pole?.(args, errors)) return Number.POSITIVE_INFINITY;
  let linear = 0;
  const slopes = row.partials?.(numberAlgebra, args as unknown as readonly [number, number, number], value) ?? [];
  slopes.forEach((slope, i) => {
    const e = errors[i] as number;
    if (slope !== undefined && e > 0 && Number.isFinite(slope)) linear += Math.abs(slope) * e;
  });
  let change = 0;
  let rounding = widening * row.roundoff(args, value);
  const [x, y, z] = args as [number, number, number];
  const [ex, ey, ez] = errors as [number, number, number];
  for (const sx of signs(ex)) {
    for (const sy of signs(ey)) {
      for (const sz of signs(ez)) {
        const corner = [x + sx * ex, y + sy * ey, z + sz * ez] as const;
        const moved = row.compute(corner[0], corner[1], corner[2], dtype);
        change = Math.max(change, Math.abs(moved - value));
        rounding = Math.max(rounding, widening * row.roundoff(corner, moved));
      }
    }
  }
  // The corners can lie beside a jump that is higher than what they show, by what the slopes do on the way to it.
  return (row.discontinuous ? change + 2 * linear : Math.max(linear, change)) + rounding;
}

const still = [0] as const;
const bothWays = [-1, 1] as const;
const signs = (error: number): readonly number[] => (error > 0 ? bothWays : still);

/** A cast to a narrower float rounds; one to an integer can land on a neighbour when the value is not sure. */
export function castBound(x: Tensor, error: Tensor, result: Tensor): Tensor {
  const bound = newTensor(result.type);
  const to = result.type.dtype;
  const narrows = isFloat(to) && to !== "f32" && x.type.dtype !== to;
  const fromInteger = !isFloat(x.type.dtype);
  for (let i = 0; i < bound.data.length; i++) {
    const e = error.data[i] as number;
    const value = x.data[i] as number;
    if (isFloat(to)) {
      const precision = precisionOf(to);
      const inexact = narrows || (fromInteger && Math.abs(value) > 2 ** 24);
      bound.data[i] = e + (inexact ? precision.unit * (Math.abs(value) + e) + (narrows ? precision.underflow : 0) : 0);
    } else if (e > 0) {
      if (to === "bool") bound.data[i] = Math.abs(value) <= e ? 1 : 0;
      else {
        const held = Math.trunc(value);
        bound.data[i] = Math.max(Math.abs(Math.trunc(value - e) - held), Math.abs(Math.trunc(value + e) - held));
      }
    }
  }
  return bound;
}
