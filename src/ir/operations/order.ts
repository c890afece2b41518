/** Order: positions by size of their elements. Sorting and top-k are gathers through them. */
import { IrError, type Operation } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { stridesOf, tensorType, type TensorType } from "../types.ts";

/** Walks the lines along an axis: the offset of each line's first element. */
function* lineStarts(shape: readonly number[], axis: number): Generator<number> {
  const stride = stridesOf(shape)[axis] as number;
  const length = shape[axis] as number;
  const count = shape.reduce((product, size) => product * size, 1);
  for (let offset = 0; offset < count; offset++) {
    if (Math.floor(offset / stride) % length === 0) yield offset;
  }
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
    if (!(axis >= 0 && axis < type.shape.length)) throw new IrError(`argsort along axis ${axis} of ${type.shape.length}`);
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
  // Two elements whose errors reach each other may change places.
  errorBound: ([x], [error], result, attributes) => {
    const bound = newTensor(result.type);
    const axis = attributes.axis as number;
    const { shape } = result.type;
    const stride = stridesOf(shape)[axis] as number;
    for (const start of lineStarts(shape, axis)) {
      for (let rank = 0; rank + 1 < (shape[axis] as number); rank++) {
        const [here, next] = [start + rank * stride, start + (rank + 1) * stride];
        const at = (place: number) => start + (result.data[place] as number) * stride;
        const gap = Math.abs(((x as Tensor).data[at(here)] as number) - ((x as Tensor).data[at(next)] as number));
        const reach = ((error as Tensor).data[at(here)] as number) + ((error as Tensor).data[at(next)] as number);
        if (reach > 0 && gap <= reach) bound.data[here] = bound.data[next] = Number.POSITIVE_INFINITY;
      }
    }
    return bound;
  },
  flops: ([x], _result, attributes) => {
    const { shape } = x as TensorType;
    const length = shape[attributes.axis as number] as number;
    return shape.reduce((product, size) => product * size, 1) * length;
  },
};
