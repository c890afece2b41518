/** New arrangements of stored tensors, made when the file of weights is written. */

import { type StoredType, storedSizes } from "../ir/index.ts";
import type { Element, StoredTensor } from "./onnx-tensor.ts";
import { ImportError } from "./problem.ts";

/** A tensor whose element k is element `source(k)` of another. */
export function rearranged(
  tensor: StoredTensor,
  shape: readonly number[],
  source: (position: number) => number,
): StoredTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const size = storedSizes[tensor.stored];
  const bytes = () => {
    const from = tensor.bytes();
    const to = new Uint8Array(count * size);
    for (let k = 0; k < count; k++) to.set(from.subarray(source(k) * size, (source(k) + 1) * size), k * size);
    return to;
  };
  const numbers = () => {
    const from = tensor.numbers();
    return Float64Array.from({ length: count }, (_, k) => from[source(k)] as number);
  };
  return { element: tensor.element, stored: tensor.stored, shape, bytes, numbers };
}

/** A matrix with rows and columns exchanged. */
export function transposedMatrix(tensor: StoredTensor): StoredTensor {
  const [rows, columns] = tensor.shape as readonly [number, number];
  return rearranged(tensor, [columns, rows], (k) => (k % rows) * columns + Math.floor(k / rows));
}

/** Numbers that no tensor of the file holds, as they would be stored. */
export function tensorOfNumbers(element: Element, shape: readonly number[], values: ArrayLike<number>): StoredTensor {
  const stored: StoredType = { f32: "F32", i32: "I32", u32: "U32", bool: "BOOL" }[element] as StoredType;
  const bytes = () => {
    if (element === "f32") return new Uint8Array(Float32Array.from(values).buffer);
    if (element === "bool") return Uint8Array.from(values);
    for (let k = 0; k < values.length; k++) {
      const value = values[k] as number;
      if (value < -(2 ** 31) || value >= 2 ** 32) throw new ImportError(`a constant holds ${value}, which is no i32`);
    }
    return new Uint8Array((element === "i32" ? Int32Array : Uint32Array).from(values).buffer);
  };
  return { element, stored, shape, bytes, numbers: () => Float64Array.from(values) };
}
