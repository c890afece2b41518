/** Weights in files: one .safetensors file, or an index of shards; read lazily, written atomically. Node only. */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import type { DType } from "../ir/index.ts";
import { WeightsError } from "./errors.ts";
import type { HostTensor } from "./host-data.ts";
import {
  convertStored,
  parseSafetensorsHeader,
  type StoredTensor,
  safetensorsHeaderLength,
  safetensorsPieces,
  type TensorToStore,
} from "./safetensors.ts";

/** An open set of weights. Only headers are in memory; every `read` reads its tensor from the file. */
export interface WeightsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Reads one tensor as `wanted`. @throws WeightsError when there is none of the name, or it does not convert */
  read(name: string, wanted: DType): Promise<HostTensor>;
  close(): Promise<void>;
}

/**
 * Opens a .safetensors file, or a .json index whose `weight_map` maps names to shards beside it.
 *
 * @throws WeightsError when a file is missing, damaged, or lacks a tensor that the index promises
 */
export async function openWeights(path: string): Promise<WeightsFile> {
  return path.endsWith(".json") ? openShards(path) : openSingle(path);
}

async function openSingle(path: string): Promise<WeightsFile> {
  const file = await openFile(path);
  try {
    const fileBytes = (await file.stat()).size;
    const first = await readRange(file, 0, Math.min(8, fileBytes), path);
    const length = safetensorsHeaderLength(first, fileBytes, path);
    const header = parseSafetensorsHeader(await readRange(file, 8, 8 + length, path), fileBytes, path);
    return {
      ...header,
      read: async (name, wanted) => {
        const tensor = header.tensors.get(name);
        if (tensor === undefined) throw new WeightsError(`${path} has no tensor ${name}`);
        const bytes = await readRange(file, tensor.start, tensor.end, path);
        return { shape: tensor.shape, data: convertStored(tensor, bytes, wanted) };
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, "r");
    if ((await file.stat()).isDirectory()) {
      await file.close();
      throw new WeightsError(`${path} is a folder, not a file of weights`);
    }
    return file;
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

async function openShards(path: string): Promise<WeightsFile> {
  const weightMap = await readWeightMap(path);
  const shards = new Map<string, WeightsFile>();
  const closeAll = async () => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    const tensors = new Map<string, StoredTensor>();
    const metadata: Record<string, string> = {};
    const problems: string[] = [];
    for (const [name, shardName] of Object.entries(weightMap)) {
      let shard = shards.get(shardName);
      if (shard === undefined) {
        shard = await openSingle(join(dirname(path), shardName));
        shards.set(shardName, shard);
        Object.assign(metadata, shard.metadata);
      }
      const tensor = shard.tensors.get(name);
      if (tensor === undefined) problems.push(`${shardName} has no tensor ${name}`);
      else tensors.set(name, tensor);
    }
    if (problems.length > 0) throw new WeightsError(`${path}: ${problems.join("; ")}`);
    return {
      tensors,
      metadata,
      read: async (name, wanted) => {
        const shard = Object.hasOwn(weightMap, name) ? shards.get(weightMap[name] as string) : undefined;
        if (shard === undefined) throw new WeightsError(`${path} has no tensor ${name}`);
        return shard.read(name, wanted);
      },
      close: closeAll,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function readWeightMap(path: string): Promise<Readonly<Record<string, string>>> {
  let json: unknown;
  try {
    json = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new WeightsError(`${path} cannot be read as an index of shards: ${(error as Error).message}`);
  }
  const map = (json as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new WeightsError(`${path} is no index of shards: it has no weight_map`);
  }
  for (const [name, shard] of Object.entries(map)) {
    // Shards lie beside their index; anything else in a downloaded file is a mistake or an attack.
    if (typeof shard !== "string" || isAbsolute(shard) || normalize(shard).startsWith("..")) {
      throw new WeightsError(`${path}: the shard of ${name}, ${JSON.stringify(shard)}, is not a file beside the index`);
    }
  }
  return map as Readonly<Record<string, string>>;
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
