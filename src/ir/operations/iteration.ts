/** Walks over index spaces, shared by the reference semantics of the families with named indices. */
import { type Constraint, type IndexSpec, parseConstraints } from "../index-spec.ts";
import { stridesOf } from "../types.ts";

/** The points that a spec spans, in row-major order of `order`: the result's indices outermost, then the reduced ones. */
export interface IndexSpace {
  readonly order: readonly string[];
  readonly extents: readonly number[];
  /** For each operand, how far one step along each index of `order` moves in its elements. */
  readonly strides: readonly (readonly number[])[];
  readonly resultStrides: readonly number[];
  /** Number of indices at the front of `order` that the result keeps. */
  readonly kept: number;
  /** The conditions with their coefficients laid out along `order`. */
  readonly conditions: readonly { readonly coefficients: readonly number[]; readonly constant: number }[];
}

/**
 * Lays out the index space of a spec whose index sizes are known, restricted by `where` (empty for no restriction).
 *
 * @throws IrError when `where` is malformed
 */
export function indexSpace(spec: IndexSpec, sizes: ReadonlyMap<string, number>, where: string): IndexSpace {
  const kept = spec.result.filter((name, i) => spec.result.indexOf(name) === i);
  const order = [...kept, ...[...sizes.keys()].filter((name) => !spec.result.includes(name))];
  return {
    order,
    extents: order.map((name) => sizes.get(name) ?? 1),
    strides: spec.operands.map((indices) => indexStrides(indices, sizes, order)),
    resultStrides: indexStrides(spec.result, sizes, order),
    kept: kept.length,
    conditions: parseConstraints(where).map((constraint: Constraint) => ({
      coefficients: order.map((name) => constraint.terms.get(name) ?? 0),
      constant: constraint.constant,
    })),
  };
}

/**
 * Receives one run: `count` points along the last index, starting at its position `first`. `offsets[k]` and
 * `resultOffset` are those of the run's first point; `position` holds the other indices (its last entry means nothing).
 */
export type RunVisitor = (
  offsets: Float64Array,
  resultOffset: number,
  first: number,
  count: number,
  position: readonly number[],
) => void;

/** Visits the space run by run. A run is never empty; a space without indices is one run of one point. */
export function visitRuns(space: IndexSpace, visit: RunVisitor): void {
  const { extents, strides, resultStrides, conditions } = space;
  if (extents.some((extent) => extent === 0)) return;
  const last = extents.length - 1;
  const position = new Array<number>(extents.length).fill(0);
  const base = new Float64Array(strides.length);
  const offsets = new Float64Array(strides.length);
  let resultBase = 0;
  for (;;) {
    let first = 0;
    let end = last < 0 ? 1 : (extents[last] as number);
    for (const { coefficients, constant } of conditions) {
      let rest = constant;
      for (let axis = 0; axis < last; axis++) rest += (coefficients[axis] as number) * (position[axis] as number);
      const slope = last < 0 ? 0 : (coefficients[last] as number);
      if (slope > 0) first = Math.max(first, Math.ceil(-rest / slope));
      else if (slope < 0) end = Math.min(end, Math.floor(rest / -slope) + 1);
      else if (rest < 0) end = 0;
    }
    if (first < end) {
      for (let k = 0; k < offsets.length; k++) {
        offsets[k] = (base[k] as number) + (last < 0 ? 0 : first * ((strides[k] as number[])[last] as number));
      }
      visit(
        offsets,
        resultBase + (last < 0 ? 0 : first * (resultStrides[last] as number)),
        first,
        end - first,
        position,
      );
    }
    let axis = last - 1;
    for (; axis >= 0; axis--) {
      const next = (position[axis] as number) + 1;
      const step = next < (extents[axis] as number) ? 1 : -(position[axis] as number);
      position[axis] = (position[axis] as number) + step;
      for (let k = 0; k < base.length; k++) {
        base[k] = (base[k] as number) + step * ((strides[k] as number[])[axis] as number);
      }
      resultBase += step * (resultStrides[axis] as number);
      if (step === 1) break;
    }
    if (axis < 0) return;
  }
}

/** Receives one point: the element offset into each operand and the result, and the position along `order`. */
export type PointVisitor = (offsets: Float64Array, resultOffset: number, position: readonly number[]) => void;

/** Visits every point of a spec's index space that satisfies `where`; for inner loops that must be quick, use `visitRuns`. */
export function visitSpace(
  spec: IndexSpec,
  sizes: ReadonlyMap<string, number>,
  where: string,
  visit: PointVisitor,
): void {
  const space = indexSpace(spec, sizes, where);
  const last = space.order.length - 1;
  const steps = space.strides.map((strides) => strides[last] ?? 0);
  const resultStep = space.resultStrides[last] ?? 0;
  const point = new Array<number>(space.order.length).fill(0);
  visitRuns(space, (offsets, resultOffset, first, count, position) => {
    for (let axis = 0; axis < last; axis++) point[axis] = position[axis] as number;
    for (let i = 0; i < count; i++) {
      if (last >= 0) point[last] = first + i;
      visit(offsets, resultOffset + i * resultStep, point);
      for (let k = 0; k < offsets.length; k++) offsets[k] = (offsets[k] as number) + (steps[k] as number);
    }
  });
}

/** Stride of each index of `order` in a row-major tensor with axes `indices`; repeated indices (a diagonal) add up. */
function indexStrides(
  indices: readonly string[],
  sizes: ReadonlyMap<string, number>,
  order: readonly string[],
): number[] {
  const strides = stridesOf(indices.map((name) => sizes.get(name) ?? 1));
  return order.map((name) => {
    let sum = 0;
    indices.forEach((other, axis) => {
      if (other === name) sum += strides[axis] as number;
    });
    return sum;
  });
}
