/** Where a module's files and weights come from: addresses and Blobs here, paths through `node.ts`. */
import { WeightsError } from "../errors.ts";
import { type ByteSource, openSafetensors, openShards, type WeightsFile } from "../weights-source.ts";

const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;

/** Text of a file of the module. */
export async function readText(address: URL): Promise<string> {
  if (inNode && address.protocol === "file:") return (await import("./node.ts")).readTextFile(address);
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${address} cannot be fetched: ${response.status} ${response.statusText}`);
  return response.text();
}

/**
 * Opens weights by path, address or as a Blob; names that end in `.json` are indices of shards.
 *
 * @throws WeightsError when they cannot be had or are damaged
 */
export async function openWeightsAnywhere(from: string | URL | Blob): Promise<WeightsFile> {
  if (from instanceof Blob) return openSafetensors(blobSource("name" in from ? String(from.name) : "the Blob", from));
  const isAddress = from instanceof URL || /^(https?|file|blob|data):/i.test(from);
  if (inNode && !isAddress) return (await import("./node.ts")).openWeights(from);
  const address = isAddress
    ? new URL(from)
    : new URL(from, (globalThis as { location?: { href: string } }).location?.href);
  if (inNode && address.protocol === "file:") return (await import("./node.ts")).openWeightsAt(address);
  if (!address.pathname.endsWith(".json")) return openSafetensors(await addressSource(address));
  const response = await fetched(address);
  return openShards(String(address), await response.text(), async (shard) =>
    openSafetensors(await addressSource(new URL(shard, address))),
  );
}

async function fetched(address: URL, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, { headers });
  } catch (error) {
    throw new WeightsError(`${address} cannot be fetched: ${(error as Error).message}`);
  }
  if (!response.ok) throw new WeightsError(`${address} cannot be fetched: ${response.status} ${response.statusText}`);
  return response;
}

function blobSource(name: string, blob: Blob): ByteSource {
  return {
    name,
    bytes: blob.size,
    read: async (start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()),
    close: async () => undefined,
  };
}

/** Small tensors of one neighbourhood come in one answer of this many bytes; the last few answers are kept. */
const blockBytes = 4 * 2 ** 20;
const keptBlocks = 4;

/** Reads ranges of what lies at an address; where the server gives only the whole, the browser keeps that aside. */
async function addressSource(address: URL): Promise<ByteSource> {
  const first = await fetched(address, { Range: `bytes=0-${blockBytes - 1}` });
  const total = /\/(\d+)$/.exec(first.headers.get("Content-Range") ?? "")?.[1];
  if (first.status !== 206 || total === undefined) return blobSource(String(address), await first.blob());
  const bytes = Number(total);
  const range = async (start: number, end: number): Promise<Uint8Array<ArrayBuffer>> => {
    const response = await fetched(address, { Range: `bytes=${start}-${end - 1}` });
    const read = new Uint8Array(await response.arrayBuffer());
    if (read.byteLength !== end - start) {
      throw new WeightsError(`${address} gave ${read.byteLength} bytes where ${end - start} were asked for`);
    }
    return read;
  };
  const blocks = new Map<number, Uint8Array<ArrayBuffer>>([[0, new Uint8Array(await first.arrayBuffer())]]);
  const block = async (index: number): Promise<Uint8Array<ArrayBuffer>> => {
    const known = blocks.get(index);
    if (known !== undefined) return known;
    const start = index * blockBytes;
    const read = await range(start, Math.min(bytes, start + blockBytes));
    blocks.set(index, read);
    if (blocks.size > keptBlocks) blocks.delete(blocks.keys().next().value as number);
    return read;
  };
  return {
    name: String(address),
    bytes,
    read: async (start, end) => {
      const index = Math.floor(start / blockBytes);
      if (end === start) return new Uint8Array(0);
      if (end > (index + 1) * blockBytes) return range(start, end);
      const offset = start - index * blockBytes;
      return (await block(index)).slice(offset, offset + end - start);
    },
    close: async () => blocks.clear(),
  };
}
