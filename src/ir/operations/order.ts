/** Order: positions by size of their elements. Sorting and top-k are gathers through them. */
import { IrError, type Operation } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { stridesOf, type TensorType, tensorType } from "../types.ts";

/** Walks the lines along an axis: the offset of each line's first element. */
function* lineStarts(shape: readonly number[], axis: number): Generator<number> {
  const stride = stridesOf(shape)[axis] as number;
  const length = shape[axis] as number;
  const count = shape.reduce((product, size) => product * size, 1);
  for (let offset = 0; offset < count; offset++) {
    if (Math.floor(offset / stride) % length === 0) yield offset;
  }
}

/**
 * Which ranks of a rising line may hold another element: those beside a boundary across which an element's error reaches.
 * Equal elements without errors keep their order and so do not count.
 */
function unsureRanks(values: readonly number[], errors: readonly number[]): boolean[] {
  const count = values.length;
  const unsure = new Array<boolean>(count).fill(false);
  // Lowest that anything after a boundary can be, and lowest that anything with an error can be.
  const lowest = new Array<number>(count + 1).fill(Number.POSITIVE_INFINITY);
  const lowestUnsure = new Array<number>(count + 1).fill(Number.POSITIVE_INFINITY);
  for (let rank = count - 1; rank >= 0; rank--) {
    const low = (values[rank] as number) - (errors[rank] as number);
    lowest[rank] = Math.min(lowest[rank + 1] as number, low);
    lowestUnsure[rank] =
      errors[rank] === 0 ? (lowestUnsure[rank + 1] as number) : Math.min(lowestUnsure[rank + 1] as number, low);
  }
  let highest = Number.NEGATIVE_INFINITY;
  let highestUnsure = Number.NEGATIVE_INFINITY;
  for (let rank = 0; rank + 1 < count; rank++) {
    const high = (values[rank] as number) + (errors[rank] as number);
    highest = Math.max(highest, high);
    if (errors[rank] !== 0) highestUnsure = Math.max(highestUnsure, high);
    if (highestUnsure >= (lowest[rank + 1] as number) || highest >= (lowestUnsure[rank + 1] as number)) {
      unsure[rank] = unsure[rank + 1] = true;
    }
  }
  return unsure;
}

export const argsort: Operation = {
  name: "argsort",
  family: "order",
  summary: "Positions along an axis in the order of their elements; equal elements keep their order.",
  arity: 1,
  attributes: {
    axis: { kind: "number", doc: "axis along which elements are ordered" },
    descending: { kind: "boolean", default: false, doc: "largest first" },
  },
  infer: ({ operands, attributes }) => {
    const type = operands[0] as TensorType;
    const axis = attributes.axis as number;
    if (!(axis >= 0 && axis < type.shape.length))
      throw new IrError(`argsort along axis ${axis} of ${type.shape.length}`);
    if (type.dtype === "bool") throw new IrError("argsort wants numbers, not bool");
    return tensorType("i32", type.shape, type.shape[axis] as number);
  },
  evaluate: ([x], attributes, type) => {
    const { data, type: from } = x as Tensor;
    const result = newTensor(type);
    const axis = attributes.axis as number;
    const stride = stridesOf(from.shape)[axis] as number;
    const sign = attributes.descending === true ? -1 : 1;
    for (const start of lineStarts(from.shape, axis)) {
      const at = (position: number) => data[start + position * stride] as number;
      const order = Array.from({ length: from.shape[axis] as number }, (_, position) => position);
      order.sort((a, b) => sign * (at(a) - at(b)) || a - b);
      order.forEach((position, rank) => {
        result.data[start + rank * stride] = position;
      });
    }
    return result;
  },
  errorBound: ([x], [error], result, attributes) => {
    const bound = newTensor(result.type);
    const axis = attributes.axis as number;
    const { shape } = result.type;
    const length = shape[axis] as number;
    const stride = stridesOf(shape)[axis] as number;
    const sign = attributes.descending === true ? -1 : 1;
    for (const start of lineStarts(shape, axis)) {
      const places = Array.from(
        { length },
        (_, rank) => start + (result.data[start + rank * stride] as number) * stride,
      );
      const values = places.map((place) => sign * ((x as Tensor).data[place] as number));
      const errors = places.map((place) => (error as Tensor).data[place] as number);
      unsureRanks(values, errors).forEach((unsure, rank) => {
        if (unsure) bound.data[start + rank * stride] = Number.POSITIVE_INFINITY;
      });
    }
    return bound;
  },
  flops: ([x], _result, attributes) => {
    const { shape } = x as TensorType;
    const length = shape[attributes.axis as number] as number;
    return shape.reduce((product, size) => product * size, 1) * length;
  },
};
