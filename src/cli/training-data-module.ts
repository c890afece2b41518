/** Training data that a module makes: `--data models/NAME/data.ts`. */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Shape, TensorType } from "../ir/index.ts";
import { type Batch, type BatchSource, dtypeOfArray } from "../train/index.ts";
import { InputProblems } from "./exit-status.ts";
import { readFileBytes } from "./source-files.ts";
import type { DataRequest, TrainingData } from "./training-data.ts";

export function isDataModule(path: string): boolean {
  return /\.(ts|mts|mjs|js)$/.test(path);
}

/**
 * Imports a module whose default export makes batches (`BatchSource`). The first batch tells which fields there are.
 *
 * @throws InputProblems when it cannot be imported, exports something else, or gives no batch
 */
export async function openModule(path: string, request: DataRequest): Promise<TrainingData> {
  const source = await importSource(path);
  const { seed, batch } = request;
  const first = await firstBatch(source({ seed, batch, from: 0 }));
  if (first === undefined) throw new InputProblems([`${path} gives no batch`]);
  const fields = new Map<string, Shape>();
  for (const [name, tensor] of Object.entries(checkedBatch(path, first, 0))) {
    if (tensor.shape[0] !== batch)
      throw new InputProblems([
        `${path}: \`${name}\` of a batch is [${tensor.shape.join(", ")}], but the first axis counts ${batch} examples (--batch)`,
      ]);
    fields.set(name, tensor.shape.slice(1));
  }
  return {
    fields,
    offers: false,
    description: `batches made by ${path}`,
    identity: createHash("sha256").update(readFileBytes(path)).digest("hex"),
    prepare: async (types) => (asked) => checkedBatches(path, source, asked, types),
  };
}

async function* checkedBatches(
  path: string,
  source: BatchSource,
  request: Parameters<BatchSource>[0],
  types: ReadonlyMap<string, TensorType>,
): AsyncGenerator<Batch> {
  let number = request.from;
  for await (const batch of source(request)) {
    checkedBatch(path, batch, number);
    const missing = [...types.keys()].filter((name) => !Object.hasOwn(batch, name));
    if (missing.length > 0) throw new InputProblems([`${path}: batch ${number} lacks ${missing.join(", ")}`]);
    yield batch;
    number++;
  }
}

async function firstBatch(batches: AsyncIterable<Batch> | Iterable<Batch>): Promise<Batch | undefined> {
  for await (const batch of batches) return batch;
  return undefined;
}

function checkedBatch(path: string, batch: unknown, number: number): Batch {
  const wrong = (what: string) => new InputProblems([`${path}: ${what}`]);
  if (typeof batch !== "object" || batch === null) throw wrong(`batch ${number} is no object of named tensors`);
  for (const [name, tensor] of Object.entries(batch as Readonly<Record<string, unknown>>)) {
    const { shape, data } = (tensor ?? {}) as { shape?: unknown; data?: unknown };
    const dtype = dtypeOfArray(data);
    const isShape = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size >= 0);
    if (!isShape || dtype === undefined)
      throw wrong(
        `\`${name}\` of batch ${number} must be { shape: [numbers], data: Float32Array, Int32Array, Uint32Array or Uint8Array }`,
      );
    const count = (shape as number[]).reduce((product, size) => product * size, 1);
    if ((data as ArrayLike<number>).length !== count)
      throw wrong(
        `\`${name}\` of batch ${number} has ${(data as ArrayLike<number>).length} elements, but its shape has ${count}`,
      );
  }
  return batch as Batch;
}

async function importSource(path: string): Promise<BatchSource> {
  const url = pathToFileURL(resolve(path)).href;
  let loaded: { readonly default?: unknown };
  try {
    loaded = (await import(url)) as typeof loaded;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== "ERR_UNKNOWN_FILE_EXTENSION") throw new InputProblems([`${path} cannot be imported: ${message}`]);
    loaded = await importTypeScript(path, url);
  }
  // In a package that is not of the type "module", a TypeScript file's own default lies one deeper.
  const inner = (loaded.default as { readonly default?: unknown } | undefined)?.default;
  for (const made of [loaded.default, inner]) if (typeof made === "function") return made as BatchSource;
  throw new InputProblems([
    `${path} must export a function that makes batches: \`export default function* ({ seed, batch, from }) { … }\``,
  ]);
}

/** Older versions of Node read TypeScript through tsx, where it is installed. */
async function importTypeScript(path: string, url: string): Promise<{ readonly default?: unknown }> {
  const loader = await import("tsx/esm/api").catch(() => undefined);
  if (loader === undefined)
    throw new InputProblems([
      `${path}: this version of Node does not read TypeScript; install tsx, or give an .mjs file`,
    ]);
  try {
    return (await loader.tsImport(url, import.meta.url)) as { readonly default?: unknown };
  } catch (error) {
    throw new InputProblems([`${path} cannot be imported: ${(error as Error).message}`]);
  }
}
