/** Training data from files: tables of arrays, texts, and modules that make batches. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { printType, type Shape, type TensorType, tensorType } from "../ir/index.ts";
import { checkedData, convertStored, type HostArray, InputError, parseNpy } from "../runtime/index.ts";
import { openWeights, type WeightsFile } from "../runtime/node.ts";
import {
  type Batch,
  type BatchArray,
  type BatchRequest,
  type BatchSource,
  consecutivePlaces,
  cutBatch,
  drawnPlaces,
  orderedExamples,
  shuffledExamples,
  type Table,
  textWindows,
} from "../train/index.ts";
import { InputProblems, UsageError } from "./exit-status.ts";
import { readFileBytes } from "./source-files.ts";
import { isDataModule, openModule } from "./training-data-module.ts";

/** Opened data: what it holds is known, its values are read when the entry has said what it takes. */
export interface TrainingData {
  /** Axes of one example, by field. */
  readonly fields: ReadonlyMap<string, Shape>;
  /** True when fields that the entry does not take are left out silently: what a text offers. */
  readonly offers: boolean;
  /** Examples, where they can be counted. */
  readonly examples?: number;
  /** For people. */
  readonly description: string;
  /** Tells data apart: a hash of the contents, or the path of a module. */
  readonly identity: string;
  /**
   * Reads the values as the entry's types.
   *
   * @param types     type of one example of each field wanted
   * @param shuffled  false: examples in their own order, for measuring
   * @throws InputProblems for values that do not convert or are out of range
   */
  readonly prepare: (types: ReadonlyMap<string, TensorType>, shuffled: boolean) => Promise<BatchSource>;
}

export interface DataRequest {
  readonly paths: readonly string[];
  readonly window?: number;
  readonly batch: number;
  readonly seed: number;
}

/**
 * Opens what `--data` names.
 *
 * @throws InputProblems, WeightsError for files that cannot be used; UsageError for a combination that means nothing
 */
export async function openData(request: DataRequest): Promise<TrainingData> {
  const { paths, window } = request;
  const [path, ...others] = paths;
  const named = paths.map((text) => /^([\p{L}_][\p{L}\p{N}_]*)=(.+)$/u.exec(text));
  if (named.every((match) => match !== null)) {
    return openArrays(named.map((match) => [match?.[1] as string, match?.[2] as string]));
  }
  if (path === undefined || others.length > 0)
    throw new UsageError(`--data ${paths.join(" --data ")}: several files need names, NAME=FILE.npy`);
  if (!existsSync(path)) throw new InputProblems([`${path} does not exist; check the path`]);
  if (window !== undefined && !isText(path)) throw new UsageError(`--window cuts texts, and ${path} is none`);
  if (statSync(path).isDirectory()) return openFolder(path);
  if (isDataModule(path)) return openModule(path, request);
  if (path.endsWith(".safetensors") || path.endsWith(".index.json")) return openTensors(path);
  if (path.endsWith(".npy"))
    throw new UsageError(`--data ${path}: say which argument the array is for, as in --data x=${path}`);
  if (window === undefined)
    throw new UsageError(`--data ${path} is read as text: say how many bytes one example has with --window N`);
  return openText(path, window);
}

const isText = (path: string) =>
  !isDataModule(path) && !/\.(safetensors|npy|index\.json)$/.test(path) && !statSync(path).isDirectory();

/** A field before its type is known. */
interface StoredField {
  readonly name: string;
  readonly path: string;
  /** With the axis of examples. */
  readonly shape: Shape;
  readonly read: (type: TensorType) => Promise<HostArray>;
  /** Bytes as they are in the file. */
  readonly hash: () => string;
}

async function openTensors(path: string): Promise<TrainingData> {
  const withFile = async <T>(work: (file: WeightsFile) => Promise<T>): Promise<T> => {
    const file = await openWeights(path);
    try {
      return await work(file);
    } finally {
      await file.close();
    }
  };
  const shapes = await withFile(async ({ tensors }) => [...tensors].map(([name, { shape }]) => [name, shape] as const));
  const hash = createHash("sha256")
    .update(readFileBytes(path, 2 ** 40))
    .digest("hex");
  const fields = shapes.map(
    ([name, shape]): StoredField => ({
      name,
      path: `${name} of ${path}`,
      shape,
      read: ({ dtype }) => withFile(async (file) => (await file.read(name, dtype)).data),
      hash: () => hash,
    }),
  );
  return tableOf(path, fields);
}

async function openFolder(folder: string): Promise<TrainingData> {
  const files = readdirSync(folder).filter((name) => name.endsWith(".npy"));
  if (files.length === 0)
    throw new InputProblems([`${folder} holds no .npy file; a folder of data has one NAME.npy for each argument`]);
  return openArrays(files.sort().map((name) => [name.slice(0, -".npy".length), join(folder, name)]));
}

async function openArrays(files: readonly (readonly [string, string])[]): Promise<TrainingData> {
  const fields = files.map(([name, path]): StoredField => {
    if (!path.endsWith(".npy")) throw new InputProblems([`${path}: an argument's data comes as .npy`]);
    const bytes = readFileBytes(path, 2 ** 40);
    const stored = parseNpy(bytes, path);
    const data = bytes.subarray(stored.start, stored.end);
    return {
      name,
      path,
      shape: stored.shape,
      read: async ({ dtype }) => convertStored(stored, data, dtype),
      hash: () => createHash("sha256").update(bytes).digest("hex"),
    };
  });
  return tableOf(files.map(([, path]) => path).join(", "), fields);
}

/** Fields of equally many examples. */
async function tableOf(description: string, fields: readonly StoredField[]): Promise<TrainingData> {
  const scalars = fields.filter(({ shape }) => shape.length === 0);
  if (scalars.length > 0)
    throw new InputProblems(scalars.map(({ path }) => `${path} has no axis; the first axis counts the examples`));
  const [first] = fields;
  const examples = first?.shape[0] ?? 0;
  if (first === undefined || examples === 0) throw new InputProblems([`${description} holds no examples`]);
  const unequal = fields.filter(({ shape }) => shape[0] !== examples);
  if (unequal.length > 0)
    throw new InputProblems(
      unequal.map(({ path, shape }) => `${path} has ${shape[0]} examples, but ${first.path} has ${examples}`),
    );
  return {
    fields: new Map(fields.map(({ name, shape }) => [name, shape.slice(1)])),
    offers: false,
    examples,
    description: `${examples} examples of ${description}`,
    identity: createHash("sha256")
      .update(fields.map(({ name, hash }) => `${name} ${hash()}`).join("\n"))
      .digest("hex"),
    prepare: async (types, shuffled) => {
      const table = await readTable(examples, fields, types);
      return ({ seed, batch, from }) => {
        const order = shuffled ? shuffledExamples(examples, seed) : orderedExamples(examples);
        return counted(from, (k) => cutBatch(table, order(k, batch)));
      };
    },
  };
}

/** All values as the entry's types, checked: an index out of range is found before the first step. */
async function readTable(
  examples: number,
  fields: readonly StoredField[],
  types: ReadonlyMap<string, TensorType>,
): Promise<Table> {
  const table = new Map<string, { shape: Shape; data: BatchArray }>();
  const problems: string[] = [];
  for (const { name, path, shape, read } of fields) {
    const example = types.get(name);
    if (example === undefined) continue;
    const whole = tensorType(example.dtype, [examples, ...example.shape], example.below);
    try {
      const data = await read(whole);
      checkedData("input", name, whole, { shape, data });
      table.set(name, { shape: example.shape, data: data as BatchArray });
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      problems.push(error instanceof InputError ? `${path}: ${error.message}` : error.message);
    }
  }
  if (problems.length > 0) throw new InputProblems(problems);
  return { examples, fields: table };
}

function openText(path: string, window: number): TrainingData {
  const text = readFileBytes(path);
  // The last window needs one byte more, its last target.
  const places = text.length - window;
  if (places < 1)
    throw new InputProblems([
      `${path} has ${text.length} bytes, too few for one example of ${window} bytes and the byte after it`,
    ]);
  const shape = [window];
  return {
    fields: new Map([
      ["tokens", shape],
      ["targets", shape],
      ["mask", shape],
    ]),
    offers: true,
    description: `${text.length} bytes of ${path} in windows of ${window}`,
    identity: createHash("sha256").update(text).update(` ${window}`).digest("hex"),
    prepare: async (types, shuffled) => {
      checkText(path, text, types);
      return ({ seed, batch, from }) => {
        const order = shuffled ? drawnPlaces(places, seed) : consecutivePlaces(places, window);
        return counted(from, (k) => {
          const all = textWindows(text, window, order(k, batch));
          return Object.fromEntries(Object.entries(all).filter(([name]) => types.has(name)));
        });
      };
    },
  };
}

function checkText(path: string, text: Uint8Array, types: ReadonlyMap<string, TensorType>): void {
  const problems: string[] = [];
  for (const name of ["tokens", "targets"]) {
    const type = types.get(name);
    if (type === undefined) continue;
    if (type.dtype !== "i32") problems.push(`bytes of a text are whole numbers, but \`${name}\` is ${printType(type)}`);
    const outside = type.below === undefined ? -1 : text.findIndex((byte) => byte >= (type.below as number));
    if (outside >= 0)
      problems.push(
        `${path}: byte ${text[outside]} at offset ${outside} is no idx<${type.below}>, as \`${name}\` wants; bytes go from 0 to 255`,
      );
  }
  if (problems.length > 0) throw new InputProblems(problems);
}

function* counted(from: number, make: (batch: number) => Batch): Generator<Batch> {
  for (let k = from; ; k++) yield make(k);
}

/** Batches made ahead while others are in use. Ends the source when it is left early. */
export async function* prefetched(source: BatchSource, request: BatchRequest, ahead = 2): AsyncGenerator<Batch> {
  const iterable = source(request);
  const iterator = Symbol.asyncIterator in iterable ? iterable[Symbol.asyncIterator]() : iterable[Symbol.iterator]();
  const waiting: Promise<IteratorResult<Batch>>[] = [];
  const ask = () => {
    const next = Promise.resolve(iterator.next());
    // A failure is thrown where the batch is used, not where it is made ahead.
    next.catch(() => undefined);
    waiting.push(next);
  };
  try {
    for (let k = 0; k < ahead; k++) ask();
    for (;;) {
      const { done, value } = await (waiting.shift() as Promise<IteratorResult<Batch>>);
      if (done === true) return;
      ask();
      yield value;
    }
  } finally {
    await Promise.allSettled(waiting);
    await iterator.return?.();
  }
}
