/** Tensors as modules take and return them: element type, shape and data together. */
import { type DType, elementCount, printType, type TensorType } from "../../ir/index.ts";
import { InputError } from "../errors.ts";
import { type HostArray, type HostTensor, hostArrayFromNumbers } from "../host-data.ts";
import type { Shape, Tensor } from "./runtime.d.ts";

const integerRanges: Partial<Record<DType, readonly [number, number]>> = {
  i32: [-(2 ** 31), 2 ** 31 - 1],
  u32: [0, 2 ** 32 - 1],
  bool: [0, 1],
};

/** See runtime.d.ts. Data that already lies as it should is used as it is, not copied. */
export function tensor<const D extends DType, const S extends Shape>(
  dtype: D,
  shape: S,
  data: ArrayLike<number>,
): Tensor<D, S> {
  const type = `${dtype}[${shape.join(", ")}]`;
  if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new InputError("tensor", `a tensor's sizes are whole numbers, but this is ${type}`);
  }
  if (data.length !== elementCount(shape)) {
    throw new InputError("tensor", `${type} has ${elementCount(shape)} elements, but ${data.length} were given`);
  }
  const made = hostArrayFromNumbers(dtype, []);
  if (data.constructor === made.constructor && dtype !== "bool") return { dtype, shape, data } as Tensor<D, S>;
  checkRange(type, integerRanges[dtype], data);
  return { dtype, shape, data: hostArrayFromNumbers(dtype, data) } as unknown as Tensor<D, S>;
}

function checkRange(type: string, range: readonly [number, number] | undefined, data: ArrayLike<number>): void {
  if (range === undefined) return;
  const [least, most] = range;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (!(Number.isInteger(value) && value >= least && value <= most)) {
      throw new InputError(
        "tensor",
        `${type}: element ${i} is ${value}, but whole numbers from ${least} to ${most} fit`,
      );
    }
  }
}

/**
 * The host value of a tensor that a caller handed over, with its element type checked; `checkedData` checks the rest.
 *
 * @param what  "input" or "parameter", for messages
 */
export function hostTensor(what: "input" | "parameter", name: string, type: TensorType, value: unknown): HostTensor {
  const declared = `${what} \`${name}\` is declared ${printType(type)}`;
  const given = value as Partial<Tensor<DType, Shape>> | null | undefined;
  if (typeof given !== "object" || given === null || !Array.isArray(given.shape) || given.data === undefined) {
    const example = `tensor("${type.dtype}", [${type.shape.join(", ")}], …)`;
    throw new InputError(name, `${declared}, but what was given is no tensor; ${example} makes one`);
  }
  if (given.dtype !== type.dtype) throw new InputError(name, `${declared}, but ${given.dtype} was given`);
  return { shape: given.shape, data: given.data as HostArray };
}
