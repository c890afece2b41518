/**
 * Copies tensors through index maps, for the reference evaluator. The map is asked once, with positions as symbols: what it
 * answers is affine for every view but reshape, so whole rows can then be copied with fixed strides.
 */
import type { Attributes } from "../graph.ts";
import type { IndexAlgebra, IndexMap } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { type Shape, stridesOf } from "../types.ts";

/** `constant + sum of coefficients[axis] * position[axis]`. */
interface Affine {
  readonly coefficients: readonly number[];
  readonly constant: number;
}

const affineAlgebra = (rank: number): IndexAlgebra<Affine> => ({
  add: (a, b) => ({
    coefficients: a.coefficients.map((c, axis) => c + (b.coefficients[axis] as number)),
    constant: a.constant + b.constant,
  }),
  scale: (a, factor, offset = 0) => ({
    coefficients: a.coefficients.map((c) => c * factor),
    constant: a.constant * factor + offset,
  }),
  divide: () => {
    throw new TypeError("an affine index map does not divide");
  },
  remainder: () => {
    throw new TypeError("an affine index map takes no remainder");
  },
  constant: (value) => ({ coefficients: new Array<number>(rank).fill(0), constant: value }),
});

const numberAlgebra: IndexAlgebra<number> = {
  add: (a, b) => a + b,
  scale: (a, factor, offset = 0) => a * factor + offset,
  divide: (a, by) => Math.floor(a / by),
  remainder: (a, by) => a - by * Math.floor(a / by),
  constant: (value) => value,
};

/** As `copyThroughMap` for any index map of one operand, element by element. */
export function copyOneByOne(
  indexMap: IndexMap,
  operand: Tensor,
  attributes: Attributes,
  shape: Shape,
  result: Float64Array,
): void {
  const weights = stridesOf(operand.type.shape);
  const strides = stridesOf(shape);
  const types = [operand.type];
  for (let out = 0; out < result.length; out++) {
    const position = strides.map((stride, axis) => Math.floor(out / stride) % (shape[axis] as number));
    const source = indexMap(numberAlgebra, position, types, attributes).find(({ inside }) =>
      inside.every(({ index, low, high }) => index >= low && index <= high),
    );
    if (source === undefined) continue;
    const at = source.position.reduce((sum, index, axis) => sum + index * (weights[axis] as number), 0);
    result[out] = operand.data[at] as number;
  }
}

/** Fills `result`, of the given shape, through an affine index map; elements that no source covers keep their value. */
export function copyThroughMap(
  indexMap: IndexMap,
  operands: readonly Tensor[],
  attributes: Attributes,
  shape: Shape,
  result: Float64Array,
): void {
  const rank = shape.length;
  const symbols: Affine[] = shape.map((_, axis) => ({
    coefficients: shape.map((_size, other) => (other === axis ? 1 : 0)),
    constant: 0,
  }));
  const types = operands.map((operand) => operand.type);
  const sources = indexMap(affineAlgebra(rank), symbols, types, attributes);
  // The first source that applies is read, so the copies run from the last to the first and overwrite each other.
  for (const source of [...sources].reverse()) {
    const operand = operands[source.operand] as Tensor;
    const weights = stridesOf(operand.type.shape);
    const steps = new Array<number>(rank).fill(0);
    let start = 0;
    source.position.forEach((index, axis) => {
      const weight = weights[axis] as number;
      start += index.constant * weight;
      index.coefficients.forEach((c, along) => {
        steps[along] = (steps[along] as number) + c * weight;
      });
    });
    const conditions = source.inside.flatMap(({ index, low, high }) => [
      { coefficients: index.coefficients, constant: index.constant - low },
      { coefficients: index.coefficients.map((c) => -c), constant: high - index.constant },
    ]);
    copyRows(operand.data, start, steps, conditions, shape, result);
  }
}

function copyRows(
  source: Float64Array,
  start: number,
  steps: readonly number[],
  conditions: readonly Affine[],
  shape: Shape,
  result: Float64Array,
) {
  if (shape.includes(0)) return;
  const last = shape.length - 1;
  const width = last < 0 ? 1 : (shape[last] as number);
  const step = steps[last] ?? 0;
  const position = new Array<number>(Math.max(last, 0)).fill(0);
  for (let row = 0; row < result.length; row += width) {
    let first = 0;
    let end = width;
    for (const { coefficients, constant } of conditions) {
      let rest = constant;
      for (let axis = 0; axis < last; axis++) rest += (coefficients[axis] as number) * (position[axis] as number);
      const slope = coefficients[last] ?? 0;
      if (slope > 0) first = Math.max(first, Math.ceil(-rest / slope));
      else if (slope < 0) end = Math.min(end, Math.floor(rest / -slope) + 1);
      else if (rest < 0) end = 0;
    }
    let at = start + first * step;
    for (let axis = 0; axis < last; axis++) at += (steps[axis] as number) * (position[axis] as number);
    for (let column = first; column < end; column++, at += step) result[row + column] = source[at] as number;
    for (let axis = last - 1; axis >= 0; axis--) {
      position[axis] = (position[axis] as number) + 1;
      if ((position[axis] as number) < (shape[axis] as number)) break;
      position[axis] = 0;
    }
  }
}
