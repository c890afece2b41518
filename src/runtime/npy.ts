/**
 * NumPy's .npy files, on bytes alone; versions 1 to 3.
 *
 * Source: numpy.lib.format, "Format Version 1.0" to "3.0".
 */
import { elementCount, type Shape, type StoredType } from "../ir/index.ts";
import { WeightsError } from "./errors.ts";
import type { StoredTensor } from "./safetensors.ts";

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

const storedTypes: Readonly<Record<string, StoredType>> = {
  f8: "F64",
  f4: "F32",
  f2: "F16",
  i8: "I64",
  i4: "I32",
  i2: "I16",
  i1: "I8",
  u4: "U32",
  u2: "U16",
  u1: "U8",
  b1: "BOOL",
};

/**
 * Reads an .npy file: the description of its one tensor, whose byte range is inside `bytes`. `convertStored` turns the
 * range into host data.
 *
 * @throws WeightsError for damaged files, Fortran order, big-endian data and element types that Weft does not read
 */
export function parseNpy(bytes: Uint8Array<ArrayBuffer>, file: string): StoredTensor {
  const fail = (what: string) => new WeightsError(`${file}: ${what}`);
  if (bytes.byteLength < 10 || magic.some((byte, i) => bytes[i] !== byte)) throw fail("it is no .npy file");
  const major = bytes[6] as number;
  if (major < 1 || major > 3) throw fail(`.npy version ${major} is not known`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (major > 1 && bytes.byteLength < 12) throw fail("it is cut short");
  const headerStart = major === 1 ? 10 : 12;
  const headerLength = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const start = headerStart + headerLength;
  if (start > bytes.byteLength) throw fail("it is cut short inside its header");
  const header = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(bytes.subarray(headerStart, start));

  const descriptor = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const shapeText = /'shape'\s*:\s*\(([^)]*)\)/.exec(header)?.[1];
  if (shapeText === undefined || order === undefined)
    throw fail(`its header is not understood: ${header.trim().slice(0, 200)}`);
  if (descriptor === undefined) throw fail("it holds records, not numbers");
  const shape = parseShape(shapeText);
  if (shape === undefined) throw fail(`its shape (${shapeText}) is not understood`);
  if (order === "True" && shape.length > 1) {
    throw fail("it is stored in Fortran order; save it again with numpy.ascontiguousarray");
  }
  const [, endianness, kind] = /^([<>|=])(\w\d+)$/.exec(descriptor) ?? [];
  const type = kind === undefined ? undefined : storedTypes[kind];
  if (type === undefined || kind === undefined) throw fail(`its element type ${descriptor} is not one that Weft reads`);
  const size = Number(kind.slice(1));
  if (endianness === ">" && size > 1) throw fail(`its numbers are big-endian (${descriptor})`);
  const wanted = elementCount(shape) * size;
  if (bytes.byteLength - start !== wanted) {
    throw fail(
      `${descriptor} of shape [${shape.join(", ")}] takes ${wanted} bytes, but ${bytes.byteLength - start} follow`,
    );
  }
  return { name: file, type, shape, start, end: start + wanted };
}

/** `3, 4` or `3,` or nothing, as inside a Python tuple. */
function parseShape(text: string): Shape | undefined {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.at(-1) === "") parts.pop();
  const sizes = parts.map((part) => (/^\d+$/.test(part) ? Number(part) : Number.NaN));
  return sizes.every(Number.isSafeInteger) ? sizes : undefined;
}
