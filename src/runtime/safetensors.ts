/**
 * The safetensors format, on bytes alone: 8 bytes of little-endian header length, a JSON header of that length with dtype,
 * shape and byte range of every tensor, then the data. The ranges must cover the data without holes or overlaps.
 *
 * Source: the format section of the README of huggingface/safetensors.
 */
import { type DType, elementCount, type Shape, type StoredType, storedSizes } from "../ir/index.ts";
import { WeightsError } from "./errors.ts";
import { bf16ArrayFromNumbers, f16ArrayFromNumbers, f32ArrayFromBf16, f32ArrayFromF16 } from "./half.ts";
import type { HostArray } from "./host-data.ts";

export interface StoredTensor {
  readonly name: string;
  readonly type: StoredType;
  readonly shape: Shape;
  /** Byte range in the file, `[start, end)`. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own bound on the header, against absurd lengths in damaged files. */
const maxHeaderBytes = 100_000_000;

/**
 * Length of the JSON header, from the first 8 bytes of a file.
 *
 * @param fileBytes  length of the whole file
 * @throws WeightsError when the file cannot be a safetensors file
 */
export function safetensorsHeaderLength(first: Uint8Array<ArrayBuffer>, fileBytes: number, file: string): number {
  if (first.byteLength < 8)
    throw new WeightsError(`${file} is no safetensors file: it has ${fileBytes} bytes, fewer than 8`);
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    throw new WeightsError(`${file} is no safetensors file: its header would be ${length} bytes long`);
  }
  if (length < 2n) throw new WeightsError(`${file} is no safetensors file: its header is ${length} bytes long`);
  if (Number(length) + 8 > fileBytes) {
    throw new WeightsError(`${file} is cut short: its header needs ${length} bytes, but ${fileBytes - 8} follow`);
  }
  return Number(length);
}

/**
 * Parses and checks a header.
 *
 * @param header    the JSON bytes, without the 8 bytes before them
 * @param fileBytes length of the whole file
 * @throws WeightsError naming the tensor and what is wrong with it
 */
export function parseSafetensorsHeader(header: Uint8Array, fileBytes: number, file: string): SafetensorsHeader {
  const text = decodeText(header, file);
  const json = parseObject(text, file);
  for (const name of repeatedKeys(text)) throw new WeightsError(`${file} holds the tensor ${name} twice`);
  const dataStart = 8 + header.byteLength;
  const tensors = new Map<string, StoredTensor>();
  let metadata: Readonly<Record<string, string>> = {};
  for (const [name, entry] of Object.entries(json)) {
    if (name === "__metadata__") metadata = parseMetadata(entry, file);
    else tensors.set(name, parseEntry(name, entry, dataStart, file));
  }
  checkCoverage([...tensors.values()], dataStart, fileBytes, file);
  return { tensors, metadata };
}

function decodeText(header: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(header);
  } catch {
    throw new WeightsError(`${file}: its header is not UTF-8`);
  }
}

function parseObject(text: string, file: string): Readonly<Record<string, unknown>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new WeightsError(`${file}: its header is not JSON (${(error as Error).message})`);
  }
  if (!isRecord(json)) throw new WeightsError(`${file}: its header is not a JSON object`);
  return json;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Keys that occur twice at the top level; JSON.parse silently keeps the last. The text is known to be valid JSON. */
function repeatedKeys(text: string): string[] {
  const seen = new Set<string>();
  const repeated: string[] = [];
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    else if (depth === 1 && /^\s*:/.test(text.slice(index + token.length, index + token.length + 32))) {
      const key = JSON.parse(token) as string;
      if (seen.has(key)) repeated.push(key);
      seen.add(key);
    }
  }
  return repeated;
}

function parseMetadata(entry: unknown, file: string): Readonly<Record<string, string>> {
  if (!isRecord(entry) || Object.values(entry).some((value) => typeof value !== "string")) {
    throw new WeightsError(`${file}: __metadata__ must map strings to strings`);
  }
  return entry as Readonly<Record<string, string>>;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function parseEntry(name: string, entry: unknown, dataStart: number, file: string): StoredTensor {
  const fail = (what: string) => new WeightsError(`${file}, tensor ${name}: ${what}`);
  if (!isRecord(entry)) throw fail("its entry is not an object");
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== "string" || !Object.hasOwn(storedSizes, dtype)) {
    throw fail(`its element type ${JSON.stringify(dtype)} is not one of ${Object.keys(storedSizes).join(", ")}`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount))
    throw fail(`its shape ${JSON.stringify(shape)} is not a list of sizes`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw fail(`its byte range ${JSON.stringify(offsets)} is not a pair of positions`);
  }
  const type = dtype as StoredType;
  const [begin, end] = offsets as [number, number];
  const bytes = elementCount(shape as number[]) * storedSizes[type];
  if (end - begin !== bytes) {
    throw fail(`${type} of shape [${shape.join(", ")}] takes ${bytes} bytes, but its range has ${end - begin}`);
  }
  return { name, type, shape: shape as number[], start: dataStart + begin, end: dataStart + end };
}

function checkCoverage(tensors: readonly StoredTensor[], dataStart: number, fileBytes: number, file: string): void {
  let position = dataStart;
  let previous = "the header";
  for (const tensor of [...tensors].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (tensor.end > fileBytes) {
      throw new WeightsError(
        `${file} is cut short: tensor ${tensor.name} ends at byte ${tensor.end}, but the file has ${fileBytes}`,
      );
    }
    if (tensor.start < position) throw new WeightsError(`${file}: tensor ${tensor.name} overlaps ${previous}`);
    if (tensor.start > position) {
      throw new WeightsError(`${file}: ${tensor.start - position} bytes before tensor ${tensor.name} belong to none`);
    }
    position = tensor.end;
    previous = tensor.name;
  }
  if (position !== fileBytes)
    throw new WeightsError(`${file}: the last ${fileBytes - position} bytes belong to no tensor`);
}

/**
 * Converts a tensor's bytes to the host array of a dtype.
 *
 * Floats convert to every float type, integers to every integer type that holds their values, u8 and bool to each other.
 *
 * @throws WeightsError for a conversion between kinds, or a value out of the wanted type's range
 */
export function convertStored(tensor: StoredTensor, bytes: Uint8Array<ArrayBuffer>, wanted: DType): HostArray {
  const values = storedValues(tensor.type, bytes);
  const isFloat = /^B?F/.test(tensor.type);
  const fail = (what: string) => new WeightsError(`tensor ${tensor.name} is ${tensor.type} in its file: ${what}`);
  if (isFloat !== (wanted === "f32" || wanted === "f16" || wanted === "bf16")) {
    throw fail(`it does not convert to ${wanted}`);
  }
  switch (wanted) {
    case "f32":
    case "f16":
    case "bf16":
      return values instanceof Float32Array ? values : Float32Array.from(values as Float64Array);
    case "i32":
      return checkedIntegers(values, -(2 ** 31), 2 ** 31 - 1, (length) => new Int32Array(length), wanted, fail);
    case "u32":
      return checkedIntegers(values, 0, 2 ** 32 - 1, (length) => new Uint32Array(length), wanted, fail);
    case "bool":
      return checkedIntegers(values, 0, 1, (length) => new Uint8Array(length), wanted, fail);
    default:
      return wanted satisfies never;
  }
}

type StoredValues =
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>;

function storedValues(type: StoredType, bytes: Uint8Array<ArrayBuffer>): StoredValues {
  // Typed arrays want aligned starts, which a file does not promise.
  const size = storedSizes[type];
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset, byteLength } = aligned;
  const count = byteLength / size;
  switch (type) {
    case "F64":
      return new Float64Array(buffer, byteOffset, count);
    case "F32":
      return new Float32Array(buffer, byteOffset, count);
    case "F16":
      return f32ArrayFromF16(new Uint16Array(buffer, byteOffset, count));
    case "BF16":
      return f32ArrayFromBf16(new Uint16Array(buffer, byteOffset, count));
    case "I64":
      return new BigInt64Array(buffer, byteOffset, count);
    case "I32":
      return new Int32Array(buffer, byteOffset, count);
    case "I16":
      return new Int16Array(buffer, byteOffset, count);
    case "U16":
      return new Uint16Array(buffer, byteOffset, count);
    case "I8":
      return new Int8Array(buffer, byteOffset, count);
    case "U32":
      return new Uint32Array(buffer, byteOffset, count);
    case "U8":
    case "BOOL":
      return aligned;
    default:
      return type satisfies never;
  }
}

function checkedIntegers<T extends Int32Array | Uint32Array | Uint8Array>(
  values: StoredValues,
  least: number,
  most: number,
  make: (length: number) => T,
  wanted: DType,
  fail: (what: string) => WeightsError,
): T {
  const result = make(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (value < least || value > most) throw fail(`its element ${i} is ${values[i]}, which ${wanted} does not hold`);
    result[i] = value;
  }
  return result;
}

/** A tensor to be written; `data` as in `HostArray` for its dtype, f16 and bf16 also as Float32Array. */
export interface TensorToStore {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly data: HostArray;
}

/**
 * Lays tensors out as a safetensors file, sorted by descending element size and then by name as the format's own writer does, so that equal
 * contents give equal bytes. Returned in pieces (header first), so that large files need no second copy in memory.
 *
 * @throws WeightsError for repeated names, and for data that does not match its shape
 */
export function safetensorsPieces(
  tensors: readonly TensorToStore[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer>[] {
  const stored = tensors.map((tensor) => ({ ...tensor, ...storedForm(tensor) }));
  stored.sort((a, b) => storedSizes[b.type] - storedSizes[a.type] || (a.name < b.name ? -1 : 1));
  const entries: [string, unknown][] = [];
  if (Object.keys(metadata).length > 0) {
    entries.push(["__metadata__", Object.fromEntries(Object.entries(metadata).sort(([a], [b]) => (a < b ? -1 : 1)))]);
  }
  const seen = new Set<string>(["__metadata__"]);
  let position = 0;
  for (const { name, type, shape, bytes } of stored) {
    if (seen.has(name)) throw new WeightsError(`a file cannot hold the tensor ${name} twice`);
    seen.add(name);
    if (bytes.byteLength !== elementCount(shape) * storedSizes[type]) {
      throw new WeightsError(`tensor ${name} has ${bytes.byteLength} bytes, but its shape is [${shape.join(", ")}]`);
    }
    entries.push([name, { dtype: type, shape, data_offsets: [position, position + bytes.byteLength] }]);
    position += bytes.byteLength;
  }
  // Written entry by entry: an object literal would reorder names that look like numbers.
  const json = `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${JSON.stringify(entry)}`).join(",")}}`;
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.byteLength / 8) * 8;
  const header = new Uint8Array(8 + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(text, 8);
  return [header, ...stored.map(({ bytes }) => bytes)];
}

function storedForm({ dtype, data, name }: TensorToStore): { type: StoredType; bytes: Uint8Array<ArrayBuffer> } {
  const bytes = (view: ArrayBufferView<ArrayBuffer>) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  const isHalf = dtype === "f16" || dtype === "bf16";
  const type = ({ f32: "F32", f16: "F16", bf16: "BF16", i32: "I32", u32: "U32", bool: "BOOL" } as const)[dtype];
  if (isHalf && data instanceof Float32Array) {
    return { type, bytes: bytes(dtype === "f16" ? f16ArrayFromNumbers(data) : bf16ArrayFromNumbers(data)) };
  }
  if (data.BYTES_PER_ELEMENT !== storedSizes[type]) {
    throw new WeightsError(`tensor ${name} is ${dtype}, but its data is a ${data.constructor.name}`);
  }
  return { type, bytes: bytes(data) };
}
