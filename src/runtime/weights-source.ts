/** Weights read lazily from anything that gives byte ranges: a file, an address, a Blob. */
import type { DType } from "../ir/index.ts";
import { WeightsError } from "./errors.ts";
import type { HostTensor } from "./host-data.ts";
import { convertStored, parseSafetensorsHeader, type StoredTensor, safetensorsHeaderLength } from "./safetensors.ts";

/** Bytes that can be read in any order. */
export interface ByteSource {
  /** For messages: a path, an address. */
  readonly name: string;
  /** Length of the whole. */
  readonly bytes: number;
  /** Reads `[start, end)`. @throws WeightsError when the bytes cannot be had */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
}

/** An open set of weights. Only headers are in memory; every `read` reads its tensor from where it lies. */
export interface WeightsFile {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
  /** Reads one tensor as `wanted`. @throws WeightsError when there is none of the name, or it does not convert */
  read(name: string, wanted: DType): Promise<HostTensor>;
  close(): Promise<void>;
}

/**
 * Opens a safetensors file. The source is closed with the result, or at once when that fails.
 *
 * @throws WeightsError when it is damaged
 */
export async function openSafetensors(source: ByteSource): Promise<WeightsFile> {
  const { name: path, bytes: fileBytes } = source;
  try {
    const first = await source.read(0, Math.min(8, fileBytes));
    const length = safetensorsHeaderLength(first, fileBytes, path);
    const header = parseSafetensorsHeader(await source.read(8, 8 + length), fileBytes, path);
    return {
      ...header,
      read: async (name, wanted) => {
        const tensor = header.tensors.get(name);
        if (tensor === undefined) throw new WeightsError(`${path} has no tensor ${name}`);
        const bytes = await source.read(tensor.start, tensor.end);
        return { shape: tensor.shape, data: convertStored(tensor, bytes, wanted) };
      },
      close: () => source.close(),
    };
  } catch (error) {
    await source.close();
    throw error;
  }
}

/**
 * Opens an index of shards, whose `weight_map` maps names of tensors to files beside it.
 *
 * @param path  name of the index, for messages
 * @param text  its JSON
 * @param open  opens a shard by its name relative to the index
 * @throws WeightsError when the index or a shard is damaged, or a shard lacks a tensor that the index promises
 */
export async function openShards(
  path: string,
  text: string,
  open: (shard: string) => Promise<WeightsFile>,
): Promise<WeightsFile> {
  const weightMap = parseWeightMap(path, text);
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
        shard = await open(shardName);
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

function parseWeightMap(path: string, text: string): Readonly<Record<string, string>> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new WeightsError(`${path} cannot be read as an index of shards: ${(error as Error).message}`);
  }
  const map = (json as { weight_map?: unknown } | null)?.weight_map;
  if (typeof map !== "object" || map === null || Array.isArray(map)) {
    throw new WeightsError(`${path} is no index of shards: it has no weight_map`);
  }
  for (const [name, shard] of Object.entries(map)) {
    // Shards lie beside their index; anything else in a downloaded file is a mistake or an attack.
    if (typeof shard !== "string" || !liesBeside(shard)) {
      throw new WeightsError(`${path}: the shard of ${name}, ${JSON.stringify(shard)}, is not a file beside the index`);
    }
  }
  return map as Readonly<Record<string, string>>;
}

/** True for a relative name that does not climb out of the index's folder, as a path and as an address. */
function liesBeside(shard: string): boolean {
  return shard !== "" && !/^[/\\]|^[a-z][a-z\d+.-]*:/i.test(shard) && !shard.split(/[/\\]/).includes("..");
}
