/** Host-side tensors of the reference evaluator: float64 throughout, whatever the type says. */
import { elementCount, type TensorType } from "./types.ts";

/**
 * A value on the host. Integers up to 2^32 are exact in float64; booleans are 0 and 1. Row-major, contiguous.
 */
export interface Tensor {
  readonly type: TensorType;
  readonly data: Float64Array;
}

export function newTensor(type: TensorType): Tensor {
  return { type, data: new Float64Array(elementCount(type.shape)) };
}

export function tensorOf(type: TensorType, values: Iterable<number>): Tensor {
  const data = Float64Array.from(values);
  if (data.length !== elementCount(type.shape)) {
    throw new RangeError(`${data.length} values given for ${elementCount(type.shape)} elements`);
  }
  return { type, data };
}
