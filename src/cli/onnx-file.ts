/** Writes an exported model, and the file of parameters beside it, whole or not at all. */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ExternalParameter } from "../export/index.ts";
import type { DType } from "../ir/index.ts";
import { encodeForDevice, type HostTensor } from "../runtime/index.ts";
import type { ParameterValues } from "./execution.ts";
import { InputProblems } from "./exit-status.ts";

/** Most bytes that are handed to the system at once. */
const largestWrite = 2 ** 30;

/** The data of a parameter as ONNX stores it: little-endian, a boolean in one byte. */
export function parameterFileBytes(dtype: DType, { data }: HostTensor): Uint8Array<ArrayBuffer> {
  const bytes = dtype === "bool" ? Uint8Array.from(data, (flag) => (flag === 0 ? 0 : 1)) : encodeForDevice(dtype, data);
  // Buffers of a device are padded to whole words, files are not.
  const half = dtype === "f16" || dtype === "bf16";
  return half ? bytes.subarray(0, 2 * data.length) : bytes;
}

/**
 * Writes the file of parameters, then the model that refers to it.
 *
 * @throws InputProblems when a file cannot be written
 */
export async function writeOnnx(
  path: string,
  model: Uint8Array,
  beside: { readonly location: string; readonly layout: readonly ExternalParameter[] } | undefined,
  read: (path: string) => Promise<Uint8Array>,
): Promise<void> {
  if (beside !== undefined) {
    await writeWhole(join(dirname(path), beside.location), async (file) => {
      for (const { path: name, offset } of beside.layout) await writeAt(file, await read(name), offset);
    });
  }
  await writeWhole(path, (file) => writeAt(file, model, 0));
}

/** Reads parameters one by one as the bytes of a file. */
export function parameterReader(
  read: ParameterValues,
  types: ReadonlyMap<string, DType>,
): (path: string) => Promise<Uint8Array<ArrayBuffer>> {
  return async (path) => parameterFileBytes(types.get(path) ?? "f32", await read(path));
}

async function writeWhole(path: string, fill: (file: FileHandle) => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx").catch((error: NodeJS.ErrnoException) => {
      throw new InputProblems([`${path} cannot be written (${error.code})`]);
    });
    try {
      await fill(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path).catch((error: NodeJS.ErrnoException) => {
      throw new InputProblems([`${path} cannot be written (${error.code})`]);
    });
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeAt(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const length = Math.min(largestWrite, bytes.byteLength - done);
    const { bytesWritten } = await file.write(bytes, done, length, offset + done);
    done += bytesWritten;
  }
}
