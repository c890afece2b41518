/** Data as training takes it: batches of named tensors in an order that follows from the seed alone, so that it can be taken up anywhere. */
import { type DType, randomStream, type Shape } from "../ir/index.ts";

/** Elements of a tensor, row-major: f32 as Float32Array, i32 and idx as Int32Array, u32 as Uint32Array, bool as Uint8Array. */
export type BatchArray =
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>;

export interface BatchTensor {
  readonly shape: Shape;
  readonly data: BatchArray;
}

/** Named tensors with the axis of examples first. */
export type Batch = Readonly<Record<string, BatchTensor>>;

/** What a module given by `--data` exports as default. */
export type BatchSource = (request: BatchRequest) => AsyncIterable<Batch> | Iterable<Batch>;

export interface BatchRequest {
  readonly seed: number;
  /** Examples in a batch. */
  readonly batch: number;
  /** Number of the first batch wanted; batch k must be the same whatever this is. */
  readonly from: number;
}

/** Examples side by side: their number, and each field's axes without that of examples. */
export interface Table {
  readonly examples: number;
  readonly fields: ReadonlyMap<string, TableField>;
}

export interface TableField {
  /** Axes of one example. */
  readonly shape: Shape;
  /** All examples, one after another. */
  readonly data: BatchArray;
}

/**
 * Numbers of the examples of batch k, when every example comes once in each round (epoch), shuffled anew. A batch may hold the end of one round and the
 * beginning of the next, so that none is left out.
 */
export function shuffledExamples(examples: number, seed: number): (batch: number, size: number) => number[] {
  if (examples < 1) throw new RangeError("there are no examples");
  const rounds = new Map<number, Uint32Array>();
  const order = (round: number) => {
    const known = rounds.get(round);
    if (known !== undefined) return known;
    const made = permutation(examples, seed, round);
    // Batches go forwards: at most two rounds are in use.
    for (const old of rounds.keys()) if (old < round - 1) rounds.delete(old);
    rounds.set(round, made);
    return made;
  };
  return (batch, size) =>
    Array.from({ length: size }, (_, k) => {
      const position = batch * size + k;
      return order(Math.floor(position / examples))[position % examples] as number;
    });
}

/** Fisher and Yates' shuffle, drawn from the seed and the round. */
function permutation(count: number, seed: number, round: number): Uint32Array {
  const draws = randomStream(seed, `data.round.${round}`).uniform(2 * count);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.min(i, Math.floor(fineUniform(draws, i) * (i + 1)));
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}

/** Draws have 24 bits; two make one that reaches every place of long data. */
function fineUniform(draws: Float64Array, k: number): number {
  return Math.floor((draws[2 * k] as number) * 2 ** 24) / 2 ** 24 + (draws[2 * k + 1] as number) / 2 ** 24;
}

/** Numbers of the examples of batch k in their own order, starting again after the last. */
export function orderedExamples(examples: number): (batch: number, size: number) => number[] {
  return (batch, size) => Array.from({ length: size }, (_, k) => (batch * size + k) % examples);
}

/** The given examples of a table, as one batch. */
export function cutBatch(table: Table, examples: readonly number[]): Batch {
  const batch: Record<string, BatchTensor> = {};
  for (const [name, { shape, data }] of table.fields) {
    const size = shape.reduce((product, axis) => product * axis, 1);
    const cut = data.slice(0, 0).constructor as new (length: number) => BatchArray;
    const values = new cut(size * examples.length);
    examples.forEach((example, k) => {
      values.set(data.subarray(example * size, (example + 1) * size) as never, k * size);
    });
    batch[name] = { shape: [examples.length, ...shape], data: values };
  }
  return batch;
}

/**
 * Places in a text at which the windows of batch k begin, drawn with replacement.
 *
 * @param places  number of possible places, at least 1
 */
export function drawnPlaces(places: number, seed: number): (batch: number, size: number) => number[] {
  return (batch, size) => {
    const draws = randomStream(seed, `data.window.${batch}`).uniform(2 * size);
    return Array.from({ length: size }, (_, k) => Math.min(places - 1, Math.floor(fineUniform(draws, k) * places)));
  };
}

/** Places of windows that lie one after another, starting again at the end of the text. */
export function consecutivePlaces(places: number, length: number): (batch: number, size: number) => number[] {
  const count = Math.max(1, Math.floor((places - 1) / length) + 1);
  return (batch, size) => Array.from({ length: size }, (_, k) => ((batch * size + k) % count) * length);
}

/**
 * Windows of a text as examples for predicting the next byte: `tokens` are `length` bytes, `targets` the bytes one further on, and `mask` is
 * true everywhere.
 */
export function textWindows(text: Uint8Array, length: number, places: readonly number[]): Batch {
  const shape = [places.length, length];
  const tokens = new Int32Array(places.length * length);
  const targets = new Int32Array(places.length * length);
  places.forEach((place, k) => {
    tokens.set(text.subarray(place, place + length), k * length);
    targets.set(text.subarray(place + 1, place + 1 + length), k * length);
  });
  const mask = new Uint8Array(places.length * length).fill(1);
  return { tokens: { shape, data: tokens }, targets: { shape, data: targets }, mask: { shape, data: mask } };
}

/** The seed of a step for random numbers in an entry: differs by step, follows from the run's seed. */
export function stepSeed(seed: number, batch: number): number {
  const [draw, low] = randomStream(seed, `data.seed.${batch}`).uniform(2) as unknown as [number, number];
  return (Math.floor(draw * 2 ** 16) * 2 ** 16 + Math.floor(low * 2 ** 16)) >>> 0;
}

/** Element type that a batch's array holds; `undefined` for what no tensor is made of. */
export function dtypeOfArray(data: unknown): DType | undefined {
  if (data instanceof Float32Array) return "f32";
  if (data instanceof Int32Array) return "i32";
  if (data instanceof Uint32Array) return "u32";
  if (data instanceof Uint8Array) return "bool";
  return undefined;
}
