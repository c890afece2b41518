/** Tensors of ONNX files: element types, where their bytes lie, and their numbers. */
import { TensorProto_DataType as DataType, type TensorProto, TensorProto_DataLocation } from "onnx-buf";
import type { StoredType } from "../ir/index.ts";
import { ImportError } from "./problem.ts";

/** How values are computed in Weft: every float is an f32, every signed or short integer an i32. */
export type Element = "f32" | "i32" | "u32" | "bool";

interface ElementType {
  readonly name: string;
  readonly element: Element;
  readonly stored: StoredType;
  readonly bytes: number;
  readonly read: (view: DataView, at: number) => number;
}

const types: ReadonlyMap<number, ElementType> = new Map([
  [DataType.FLOAT, type("float", "f32", "F32", 4, (view, at) => view.getFloat32(at, true))],
  [DataType.DOUBLE, type("double", "f32", "F64", 8, (view, at) => view.getFloat64(at, true))],
  [DataType.FLOAT16, type("float16", "f32", "F16", 2, (view, at) => halfValue(view.getUint16(at, true)))],
  [DataType.BFLOAT16, type("bfloat16", "f32", "BF16", 2, (view, at) => brainValue(view.getUint16(at, true)))],
  [DataType.INT64, type("int64", "i32", "I64", 8, (view, at) => Number(view.getBigInt64(at, true)))],
  [DataType.INT32, type("int32", "i32", "I32", 4, (view, at) => view.getInt32(at, true))],
  [DataType.INT16, type("int16", "i32", "I16", 2, (view, at) => view.getInt16(at, true))],
  [DataType.INT8, type("int8", "i32", "I8", 1, (view, at) => view.getInt8(at))],
  [DataType.UINT8, type("uint8", "i32", "U8", 1, (view, at) => view.getUint8(at))],
  [DataType.UINT16, type("uint16", "i32", "U16", 2, (view, at) => view.getUint16(at, true))],
  [DataType.UINT32, type("uint32", "u32", "U32", 4, (view, at) => view.getUint32(at, true))],
  [DataType.BOOL, type("bool", "bool", "BOOL", 1, (view, at) => (view.getUint8(at) === 0 ? 0 : 1))],
]);

function type(
  name: string,
  element: Element,
  stored: StoredType,
  bytes: number,
  read: (view: DataView, at: number) => number,
): ElementType {
  return { name, element, stored, bytes, read };
}

/** The type that ONNX gives a number. @throws ImportError for types that Weft does not have */
export function elementType(dataType: number, what: string): ElementType {
  const found = types.get(dataType);
  if (found === undefined) {
    throw new ImportError(`${what} has the element type ${typeName(dataType)}, which Weft does not have`);
  }
  return found;
}

/** `string`, `complex64`, …; the bare number where ONNX names none. */
export function typeName(dataType: number): string {
  return types.get(dataType)?.name ?? DataType[dataType]?.toLowerCase() ?? `number ${dataType}`;
}

/** A tensor of the file. Numbers are decoded when they are wanted. */
export interface StoredTensor {
  readonly element: Element;
  readonly stored: StoredType;
  readonly shape: readonly number[];
  /** Little-endian, `stored` elements. */
  readonly bytes: () => Uint8Array;
  readonly numbers: () => Float64Array;
}

/** Reads `[offset, offset + length)` of a file beside the model; without length, to its end. */
export type ReadExternal = (location: string, offset: number, length: number | undefined) => Uint8Array;

/** Most elements of one tensor: 2^31 bytes of floats. */
const mostElements = 2 ** 29;

/** Checks a tensor of the file and makes its data readable. @throws ImportError naming the tensor */
export function readTensor(proto: TensorProto, readExternal: ReadExternal, name = proto.name): StoredTensor {
  const what = `tensor \`${name}\``;
  const { element, stored, bytes: size, read } = elementType(proto.dataType, what);
  const shape = proto.dims.map((size) => {
    if (size < 0n || size > BigInt(mostElements)) throw new ImportError(`${what} has an axis of ${size} elements`);
    return Number(size);
  });
  const count = shape.reduce((product, axis) => product * axis, 1);
  if (count > mostElements) throw new ImportError(`${what} has ${count} elements, more than one tensor may have`);
  if (proto.segment !== undefined) throw new ImportError(`${what} is stored in segments, which is not supported`);
  const wanted = count * size;
  const checked = (bytes: Uint8Array): Uint8Array => {
    if (bytes.byteLength === wanted) return bytes;
    const held = bytes.byteLength === 0 ? "has no data" : `holds ${bytes.byteLength} bytes`;
    throw new ImportError(
      `${what} ${held}, but ${typeName(proto.dataType)}[${shape.join(", ")}] takes ${wanted}; the file is damaged or cut short`,
    );
  };
  let bytes: () => Uint8Array;
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const data = checked(externalBytes(proto, what, readExternal));
    bytes = () => data;
  } else {
    const listed = proto.rawData.byteLength > 0 ? undefined : listedBytes(proto, size);
    const data = checked(listed ?? proto.rawData);
    bytes = () => data;
  }
  const numbers = () => {
    const data = bytes();
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return Float64Array.from({ length: count }, (_, i) => read(view, i * size));
  };
  return { element, stored, shape, bytes, numbers };
}

function externalBytes(proto: TensorProto, what: string, readExternal: ReadExternal): Uint8Array {
  const entries = new Map(proto.externalData.map(({ key, value }) => [key, value]));
  const location = entries.get("location");
  if (location === undefined) throw new ImportError(`${what} lies in another file, and the model does not say which`);
  const numberOf = (key: string): number | undefined => {
    const text = entries.get(key);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 0)
      throw new ImportError(`${what}: its ${key} is \`${text}\`, no number`);
    return value;
  };
  return readExternal(location, numberOf("offset") ?? 0, numberOf("length"));
}

/** Data in the typed lists of the message, as raw bytes; undefined when the lists are empty. */
function listedBytes(proto: TensorProto, size: number): Uint8Array | undefined {
  const write = (count: number, put: (view: DataView, i: number) => void): Uint8Array => {
    const bytes = new Uint8Array(count * size);
    const view = new DataView(bytes.buffer);
    for (let i = 0; i < count; i++) put(view, i);
    return bytes;
  };
  const { floatData, doubleData, int32Data, int64Data, uint64Data } = proto;
  if (proto.dataType === DataType.FLOAT) {
    return write(floatData.length, (view, i) => view.setFloat32(4 * i, floatData[i] as number, true));
  }
  if (proto.dataType === DataType.DOUBLE) {
    return write(doubleData.length, (view, i) => view.setFloat64(8 * i, doubleData[i] as number, true));
  }
  if (proto.dataType === DataType.INT64) {
    return write(int64Data.length, (view, i) => view.setBigInt64(8 * i, int64Data[i] as bigint, true));
  }
  if (proto.dataType === DataType.UINT32) {
    return write(uint64Data.length, (view, i) => view.setUint32(4 * i, Number(uint64Data[i]), true));
  }
  const put = { 1: "setInt8", 2: "setInt16", 4: "setInt32" } as const;
  const setter = put[size as 1 | 2 | 4];
  // Half precision lies in these lists as its bits.
  return write(int32Data.length, (view, i) => view[setter](size * i, int32Data[i] as number, true));
}

function halfValue(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function brainValue(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits << 16);
  return view.getFloat32(0);
}
