/** Tensors on the host's side: what callers pass and receive, and how it lies in GPU buffers. */
import { byteLength, type DType, elementCount, printType, type Shape, type TensorType } from "../ir/index.ts";
import { InputError } from "./errors.ts";
import { bf16ArrayFromNumbers, f16ArrayFromNumbers, f32ArrayFromBf16, f32ArrayFromF16 } from "./half.ts";

/**
 * Flat row-major data of a tensor. f32, f16 and bf16 travel as Float32Array, i32 and idx as Int32Array, u32 as
 * Uint32Array, bool as Uint8Array of 0 and 1. Uint16Array is accepted for f16 and bf16 as their raw bits.
 */
export type HostArray =
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

/** Data that also tells its shape, which is then checked. */
export interface HostTensor {
  readonly shape: Shape;
  readonly data: HostArray;
}

export type HostValue = HostArray | HostTensor;

const hostArrayNames: Readonly<Record<DType, readonly string[]>> = {
  f32: ["Float32Array"],
  f16: ["Float32Array", "Uint16Array"],
  bf16: ["Float32Array", "Uint16Array"],
  i32: ["Int32Array"],
  u32: ["Uint32Array"],
  bool: ["Uint8Array"],
};

function arrayName(data: unknown): string {
  return ArrayBuffer.isView(data) ? data.constructor.name : Array.isArray(data) ? "an array" : `a ${typeof data}`;
}

/** `[2, 17]`: where the element with a flat position lies in a tensor of the given shape. */
export function printPosition(flat: number, shape: Shape): string {
  const position: number[] = [];
  let rest = flat;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    position.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return `[${position.join(", ")}]`;
}

/**
 * Checks a value against a declaration and returns its flat data.
 *
 * @param what  "input" or "parameter", for messages
 * @throws InputError when kind of array, shape or length differ, or an element of an `idx<N>` is not in `0..N-1`
 */
export function checkedData(what: "input" | "parameter", name: string, type: TensorType, value: HostValue): HostArray {
  const declared = `${what} \`${name}\` is declared ${printType(type)}`;
  const shaped = typeof value === "object" && value !== null && "shape" in value && "data" in value;
  const data = shaped ? value.data : value;
  const accepted = hostArrayNames[type.dtype];
  if (!ArrayBuffer.isView(data) || !accepted.includes(arrayName(data))) {
    throw new InputError(name, `${declared} and wants ${accepted.join(" or ")}, but ${arrayName(data)} was given`);
  }
  const shape: Shape = shaped ? value.shape : type.shape;
  if (shape.length !== type.shape.length || shape.some((size, axis) => size !== type.shape[axis])) {
    throw new InputError(name, `${declared}, but the shape given is [${shape.join(", ")}]`);
  }
  const count = elementCount(type.shape);
  if (data.length !== count) {
    throw new InputError(name, `${declared}, which is ${count} elements, but ${data.length} were given`);
  }
  if (type.below !== undefined) checkIndices(what, name, type, type.below, data);
  return data;
}

function checkIndices(what: string, name: string, type: TensorType, below: number, data: HostArray): void {
  for (let i = 0; i < data.length; i++) {
    const element = data[i] as number;
    if (element < 0 || element >= below) {
      const place = type.shape.length === 0 ? "" : `: element ${printPosition(i, type.shape)}`;
      const range = below === 0 ? "no value at all" : `0 to ${below - 1}`;
      throw new InputError(name, `${what} \`${name}\`${place} is ${element}, but idx<${below}> allows ${range}`);
    }
  }
}

function bytesOf(view: ArrayBufferView<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function paddedToFour(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.byteLength % 4 === 0) return bytes;
  const padded = new Uint8Array(Math.ceil(bytes.byteLength / 4) * 4);
  padded.set(bytes);
  return padded;
}

/** The bytes of checked data as a GPU buffer holds them, a multiple of 4; a view of `data` itself where it already lies so. */
export function encodeForDevice(dtype: DType, data: HostArray): Uint8Array<ArrayBuffer> {
  if (dtype === "bool") return bytesOf(Uint32Array.from(data, (element) => (element === 0 ? 0 : 1)));
  if (data instanceof Float32Array && dtype === "f16") return paddedToFour(bytesOf(f16ArrayFromNumbers(data)));
  if (data instanceof Float32Array && dtype === "bf16") return paddedToFour(bytesOf(bf16ArrayFromNumbers(data)));
  return paddedToFour(bytesOf(data));
}

/** The reverse: host data from the first bytes of `buffer` at `offset`, copied. */
export function decodeFromDevice(type: TensorType, buffer: ArrayBuffer, offset: number): HostArray {
  const count = elementCount(type.shape);
  const bytes = buffer.slice(offset, offset + byteLength(type));
  switch (type.dtype) {
    case "f32":
      return new Float32Array(bytes, 0, count);
    case "f16":
      return f32ArrayFromF16(new Uint16Array(bytes, 0, count));
    case "bf16":
      return f32ArrayFromBf16(new Uint16Array(bytes, 0, count));
    case "i32":
      return new Int32Array(bytes, 0, count);
    case "u32":
      return new Uint32Array(bytes, 0, count);
    case "bool":
      return Uint8Array.from(new Uint32Array(bytes, 0, count), (element) => (element === 0 ? 0 : 1));
    default:
      return type.dtype satisfies never;
  }
}

/** Host data for a dtype from plain numbers, for constants and for data that other code holds as numbers. */
export function hostArrayFromNumbers(dtype: DType, values: ArrayLike<number>): HostArray {
  switch (dtype) {
    case "f32":
    case "f16":
    case "bf16":
      return Float32Array.from(values);
    case "i32":
      return Int32Array.from(values);
    case "u32":
      return Uint32Array.from(values);
    case "bool":
      return Uint8Array.from(values, (value) => (value === 0 ? 0 : 1));
    default:
      return dtype satisfies never;
  }
}

/** Floats as a buffer of a type holds them: rounded to f16 or bf16, which also travel as Float32Array; anything else as it is. */
export function asStored(dtype: DType, data: HostArray): HostArray {
  if (!(data instanceof Float32Array)) return data;
  if (dtype === "f16") return f32ArrayFromF16(f16ArrayFromNumbers(data));
  return dtype === "bf16" ? f32ArrayFromBf16(bf16ArrayFromNumbers(data)) : data;
}
