/** Weights in files: one .safetensors file, or an index of shards; read lazily, written atomically. Node only. */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { WeightsError } from "./errors.ts";
import { safetensorsPieces, type TensorToStore } from "./safetensors.ts";
import { type ByteSource, openSafetensors, openShards, type WeightsFile } from "./weights-source.ts";

export type { WeightsFile };

/**
 * Opens a .safetensors file, or a .json index whose `weight_map` maps names to shards beside it.
 *
 * @throws WeightsError when a file is missing, damaged, or lacks a tensor that the index promises
 */
export async function openWeights(path: string): Promise<WeightsFile> {
  const openSingle = async (file: string) => openSafetensors(await openFile(file));
  if (!path.endsWith(".json")) return openSingle(path);
  const text = await readIndex(path);
  return openShards(path, text, (shard) => openSingle(join(dirname(path), shard)));
}

async function readIndex(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new WeightsError(`${path} cannot be read as an index of shards: ${(error as Error).message}`);
  }
}

async function openFile(path: string): Promise<ByteSource> {
  try {
    const file = await open(path, "r");
    const stat = await file.stat();
    if (stat.isDirectory()) {
      await file.close();
      throw new WeightsError(`${path} is a folder, not a file of weights`);
    }
    return {
      name: path,
      bytes: stat.size,
      read: (start, end) => readRange(file, start, end, path),
      close: () => file.close(),
    };
  } catch (error) {
    if (error instanceof WeightsError) throw error;
    throw new WeightsError(`${path} cannot be opened: ${(error as Error).message}`);
  }
}

/** Reads `[start, end)`. One call reads at most 2 GiB, so large tensors take several. */
async function readRange(file: FileHandle, start: number, end: number, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start);
  let done = 0;
  while (done < bytes.byteLength) {
    const length = Math.min(2 ** 30, bytes.byteLength - done);
    const { bytesRead } = await file.read(bytes, done, length, start + done);
    if (bytesRead === 0) throw new WeightsError(`${path} became shorter while it was read`);
    done += bytesRead;
  }
  return bytes;
}

/**
 * Writes tensors to a .safetensors file. The file appears complete or not at all: it is written aside and renamed.
 *
 * @throws WeightsError for tensors that cannot be stored, or when writing fails
 */
export async function writeWeights(
  path: string,
  tensors: readonly TensorToStore[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const pieces = safetensorsPieces(tensors, metadata);
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      for (const piece of pieces) await writeAll(file, piece);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new WeightsError(`${path} cannot be written: ${(error as Error).message}`);
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  let done = 0;
  while (done < bytes.byteLength) {
    const { bytesWritten } = await file.write(bytes, done, Math.min(2 ** 30, bytes.byteLength - done));
    done += bytesWritten;
  }
}
