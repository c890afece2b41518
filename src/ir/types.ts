/** Tensor types: the element types Weft knows, and the static type of every value in a graph. */

/** `bf16` is a storage format: values are widened to f32 before any arithmetic. */
export type DType = "f32" | "f16" | "bf16" | "i32" | "u32" | "bool";

export const dtypes: readonly DType[] = ["f32", "f16", "bf16", "i32", "u32", "bool"];

/** A shape is a list of sizes, outermost (slowest) axis first; `[]` is a scalar. */
export type Shape = readonly number[];

/**
 * The type of one tensor.
 *
 * `below`, allowed on i32 alone, is the language's `idx<N>`: every element is proven, or was validated when the
 * tensor entered, to satisfy `0 <= element < below`.
 */
export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly below?: number;
}

export function tensorType(dtype: DType, shape: Shape, below?: number): TensorType {
  return below === undefined ? { dtype, shape } : { dtype, shape, below };
}

export function isFloat(dtype: DType): boolean {
  return dtype === "f32" || dtype === "f16" || dtype === "bf16";
}

export function isInteger(dtype: DType): boolean {
  return dtype === "i32" || dtype === "u32";
}

/** Number of elements of a shape; 1 for a scalar, 0 when any size is 0. */
export function elementCount(shape: Shape): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/** Bytes of one element as it lies in a GPU buffer. Booleans are stored as one u32 each (WGSL has no smaller one). */
export function byteSize(dtype: DType): number {
  return dtype === "f16" || dtype === "bf16" ? 2 : 4;
}

/** Bytes of a whole tensor, without alignment. */
export function byteLength(type: TensorType): number {
  return elementCount(type.shape) * byteSize(type.dtype);
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

export function sameType(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && a.below === b.below && sameShape(a.shape, b.shape);
}

/** `f32[8, 64]`, `f32` for a scalar, `idx<256>[4096]` for bounded indices: the spelling of the language itself. */
export function printType(type: TensorType): string {
  const element = type.below === undefined ? type.dtype : `idx<${type.below}>`;
  return type.shape.length === 0 ? element : `${element}[${type.shape.join(", ")}]`;
}
