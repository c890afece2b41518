/** Element types and tensors of ONNX, and how Weft's types are carried in them. */
import { create } from "@bufbuild/protobuf";
import {
  TensorProto_DataType as DataType,
  type TensorProto,
  TensorProtoSchema,
  type TypeProto,
  TypeProtoSchema,
} from "onnx-buf";
import type { DType, Shape } from "../ir/index.ts";

/** Element types of values inside the ONNX graph. */
export type Element = "f32" | "f64" | "f16" | "bf16" | "i32" | "i64" | "u32" | "bool";

/** A value of the ONNX graph; every shape is known. */
export interface Value {
  readonly name: string;
  readonly element: Element;
  readonly shape: Shape;
}

/** ONNX's number of each element type. */
export const dataType: Readonly<Record<Element, number>> = {
  f32: DataType.FLOAT,
  f64: DataType.DOUBLE,
  f16: DataType.FLOAT16,
  bf16: DataType.BFLOAT16,
  i32: DataType.INT32,
  i64: DataType.INT64,
  u32: DataType.UINT32,
  bool: DataType.BOOL,
};

/**
 * How values of a Weft type are carried between nodes. Half precision is a storage type, widened before arithmetic. u32 travels as
 * i64, which every engine has kernels for; arithmetic takes the remainder by 2^32.
 */
export const carriedAs: Readonly<Record<DType, "f32" | "i32" | "i64" | "bool">> = {
  f32: "f32",
  f16: "f32",
  bf16: "f32",
  i32: "i32",
  u32: "i64",
  bool: "bool",
};

/** The Weft type that a carried element type stands for in arithmetic. */
export const arithmeticType: Readonly<Record<Element, DType>> = {
  f32: "f32",
  f64: "f32",
  f16: "f32",
  bf16: "f32",
  i32: "i32",
  i64: "u32",
  u32: "u32",
  bool: "bool",
};

/** Bytes of one element in a file. */
export const elementBytes: Readonly<Record<Element, number>> = {
  f32: 4,
  f64: 8,
  f16: 2,
  bf16: 2,
  i32: 4,
  i64: 8,
  u32: 4,
  bool: 1,
};

/** The type of a value, with its fixed sizes. */
export function typeProto(element: Element, shape: Shape): TypeProto {
  const dim = shape.map((size) => ({ value: { case: "dimValue" as const, value: BigInt(size) } }));
  return create(TypeProtoSchema, {
    value: { case: "tensorType", value: { elemType: dataType[element], shape: { dim } } },
  });
}

const writers: Readonly<Record<Element, ((view: DataView, at: number, value: number) => void) | undefined>> = {
  f32: (view, at, value) => view.setFloat32(at, value, true),
  f64: (view, at, value) => view.setFloat64(at, value, true),
  f16: undefined,
  bf16: undefined,
  i32: (view, at, value) => view.setInt32(at, value, true),
  i64: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
  u32: (view, at, value) => view.setUint32(at, value, true),
  bool: (view, at, value) => view.setUint8(at, value === 0 ? 0 : 1),
};

/** Numbers as the bytes of a file, little-endian. Half precision is only ever passed through and has no writer. */
export function bytesOf(element: Element, values: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const size = elementBytes[element];
  const write = writers[element];
  if (write === undefined) throw new TypeError(`constants of ${element} are written as f32`);
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) write(view, i * size, values[i] as number);
  return bytes;
}

/** A tensor whose data lies in the model. */
export function tensorProto(
  name: string,
  element: Element,
  shape: Shape,
  rawData: Uint8Array<ArrayBuffer>,
): TensorProto {
  return create(TensorProtoSchema, { name, dataType: dataType[element], dims: shape.map(BigInt), rawData });
}
