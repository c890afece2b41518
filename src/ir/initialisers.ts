/** How parameters and buffers get their first values: one table, from which names, arguments and documentation follow. */
import type { RandomStream } from "./philox.ts";
import { elementCount, type Shape } from "./types.ts";

/** One argument of an initialiser, given by name. */
export interface InitialiserParameter {
  readonly name: string;
  /** Used when the argument is left out; without one the argument must be given. */
  readonly default?: number;
  readonly doc: string;
}

/** Arguments by name, defaults filled in. */
export type InitialiserArguments = Readonly<Record<string, number>>;

export interface Initialiser {
  readonly name: string;
  /** The distribution as an equation, and where it comes from. */
  readonly doc: string;
  /** In the order in which positional arguments are taken. */
  readonly parameters: readonly InitialiserParameter[];
  /** Values of the whole tensor, row-major, rounded to f32. Throws `InitialiserError` when shape and arguments do not fit. */
  readonly fill: (shape: Shape, args: InitialiserArguments, stream: RandomStream) => Float32Array;
}

/** An initialiser was given arguments, or a shape, that it cannot work with. */
export class InitialiserError extends Error {
  override readonly name = "InitialiserError";
}

const fanIn = { name: "fan_in", doc: "number of inputs that each output sums over" };
const fanOut = { name: "fan_out", doc: "number of outputs that each input reaches" };

function value(args: InitialiserArguments, name: string): number {
  const given = args[name];
  if (given === undefined || !Number.isFinite(given))
    throw new InitialiserError(`${name} must be a finite number, not ${given}`);
  return given;
}

function positive(args: InitialiserArguments, name: string): number {
  const given = value(args, name);
  if (given <= 0) throw new InitialiserError(`${name} must be above 0, not ${given}`);
  return given;
}

function flag(args: InitialiserArguments, name: string): boolean {
  const given = value(args, name);
  if (given !== 0 && given !== 1) throw new InitialiserError(`${name} must be 0 or 1, not ${given}`);
  return given === 1;
}

const filled = (shape: Shape, constant: number) => new Float32Array(elementCount(shape)).fill(constant);

/** `offset + scale * x` in f32; a plain loop, because models have hundreds of millions of parameters. */
function scaled(drawn: Float64Array, offset: number, scale: number): Float32Array {
  const values = new Float32Array(drawn.length);
  for (let i = 0; i < drawn.length; i++) values[i] = offset + scale * (drawn[i] as number);
  return values;
}

const uniformBetween = (shape: Shape, low: number, high: number, stream: RandomStream) =>
  scaled(stream.uniform(elementCount(shape)), low, high - low);

const normalWith = (shape: Shape, mean: number, deviation: number, stream: RandomStream) =>
  scaled(stream.normal(elementCount(shape)), mean, deviation);

/** Every initialiser of the language. */
export const initialisers: readonly Initialiser[] = [
  { name: "zeros", doc: "x = 0.", parameters: [], fill: (shape) => filled(shape, 0) },
  { name: "ones", doc: "x = 1.", parameters: [], fill: (shape) => filled(shape, 1) },
  {
    name: "constant",
    doc: "x = value.",
    parameters: [{ name: "value", doc: "the one value" }],
    fill: (shape, args) => filled(shape, value(args, "value")),
  },
  {
    name: "uniform",
    doc: "x ~ U(low, high).",
    parameters: [
      { name: "low", default: 0, doc: "lower end" },
      { name: "high", default: 1, doc: "upper end" },
    ],
    fill: (shape, args, stream) => {
      const [low, high] = [value(args, "low"), value(args, "high")];
      if (high < low) throw new InitialiserError(`uniform from ${low} to ${high} is empty`);
      return uniformBetween(shape, low, high, stream);
    },
  },
  {
    name: "normal",
    doc: "x ~ N(mean, std^2).",
    parameters: [
      { name: "mean", default: 0, doc: "mean of the distribution" },
      { name: "std", default: 1, doc: "standard deviation" },
    ],
    fill: (shape, args, stream) => {
      const deviation = value(args, "std");
      if (deviation < 0) throw new InitialiserError(`std must not be below 0, but is ${deviation}`);
      return normalWith(shape, value(args, "mean"), deviation, stream);
    },
  },
  {
    name: "truncated_normal",
    doc: "x ~ N(mean, std^2), redrawn until |x - mean| <= 2 std; the standard deviation of what is left is 0.8796 std.",
    parameters: [
      { name: "std", default: 1, doc: "standard deviation before truncation" },
      { name: "mean", default: 0, doc: "mean of the distribution" },
    ],
    fill: (shape, args, stream) => {
      const [mean, deviation] = [value(args, "mean"), positive(args, "std")];
      const values = new Float32Array(elementCount(shape));
      for (let i = 0; i < values.length; i++) values[i] = mean + deviation * truncatedNormal(stream);
      return values;
    },
  },
  {
    name: "kaiming_uniform",
    doc: "x ~ U(-b, b), b = sqrt(6 / ((1 + a^2) fan_in)); with a = sqrt(5), the usual default of linear layers, b = 1 / sqrt(fan_in). He et al. 2015, equation 15.",
    parameters: [fanIn, { name: "a", default: Math.sqrt(5), doc: "negative slope of the rectifier that follows" }],
    fill: (shape, args, stream) => {
      const bound = Math.sqrt(6 / ((1 + value(args, "a") ** 2) * positive(args, "fan_in")));
      return uniformBetween(shape, -bound, bound, stream);
    },
  },
  {
    name: "kaiming_normal",
    doc: "x ~ N(0, 2 / ((1 + a^2) fan)), a = 0 for ReLU; fan is fan_in, which keeps the variance of activations, or fan_out, which keeps that of gradients. He et al. 2015, equations 10 and 14.",
    parameters: [
      { ...fanIn, default: 0 },
      { ...fanOut, default: 0 },
      { name: "a", default: 0, doc: "negative slope of the rectifier that follows" },
    ],
    fill: (shape, args, stream) => {
      const given = ["fan_in", "fan_out"].filter((name) => args[name] !== 0);
      if (given.length !== 1) throw new InitialiserError("kaiming_normal takes either fan_in or fan_out");
      const variance = 2 / ((1 + value(args, "a") ** 2) * positive(args, given[0] as string));
      return normalWith(shape, 0, Math.sqrt(variance), stream);
    },
  },
  {
    name: "xavier_uniform",
    doc: "x ~ U(-b, b), b = gain sqrt(6 / (fan_in + fan_out)). Glorot and Bengio 2010, equation 16.",
    parameters: [fanIn, fanOut, { name: "gain", default: 1, doc: "factor of the bound" }],
    fill: (shape, args, stream) => {
      const bound = value(args, "gain") * Math.sqrt(6 / (positive(args, "fan_in") + positive(args, "fan_out")));
      return uniformBetween(shape, -bound, bound, stream);
    },
  },
  {
    name: "xavier_normal",
    doc: "x ~ N(0, gain^2 2 / (fan_in + fan_out)). Glorot and Bengio 2010, equation 12.",
    parameters: [fanIn, fanOut, { name: "gain", default: 1, doc: "factor of the standard deviation" }],
    fill: (shape, args, stream) => {
      const variance = 2 / (positive(args, "fan_in") + positive(args, "fan_out"));
      return normalWith(shape, 0, value(args, "gain") * Math.sqrt(variance), stream);
    },
  },
  {
    name: "orthogonal_features",
    doc: "W[m, d] in blocks of at most d orthogonal rows, each row Haar-distributed in direction; of length chi(d), so that every row is N(0, I), or of length sqrt(d). Choromanski et al. 2021, section 2.4; lengths and blocks as in their released code.",
    parameters: [{ name: "scaling", default: 0, doc: "0: lengths chi(d); 1: lengths sqrt(d), the regularised kernel" }],
    fill: (shape, args, stream) => orthogonalFeatures(shape, flag(args, "scaling"), stream),
  },
  {
    name: "gaussian_features",
    doc: "W[m, d] with independent rows: N(0, I), or of length sqrt(d) in a uniform direction. The comparison of Choromanski et al. 2021, section 4.2.",
    parameters: [{ name: "scaling", default: 0, doc: "0: as drawn; 1: lengths sqrt(d)" }],
    fill: (shape, args, stream) => {
      const [rows, width] = featureShape(shape);
      const values = stream.normal(rows * width);
      if (flag(args, "scaling"))
        for (let r = 0; r < rows; r++) scaleRow(values.subarray(r * width, (r + 1) * width), Math.sqrt(width));
      return Float32Array.from(values);
    },
  },
];

const byName = new Map(initialisers.map((initialiser) => [initialiser.name, initialiser]));

/** The initialiser of that name, or undefined. */
export function findInitialiser(name: string): Initialiser | undefined {
  return byName.get(name);
}

/**
 * First values of one tensor. The same name, shape, arguments, seed and path give the same values everywhere.
 *
 * @throws InitialiserError for an unknown initialiser, for arguments that are missing, unknown or out of range, and for a shape
 *   that does not fit
 */
export function initialValues(
  name: string,
  shape: Shape,
  args: InitialiserArguments,
  stream: RandomStream,
): Float32Array {
  const initialiser = findInitialiser(name);
  if (initialiser === undefined) throw new InitialiserError(`there is no initialiser ${name}`);
  const complete: Record<string, number> = {};
  for (const parameter of initialiser.parameters) {
    const given = Object.hasOwn(args, parameter.name) ? args[parameter.name] : parameter.default;
    if (given === undefined) throw new InitialiserError(`${name} needs ${parameter.name}: ${parameter.doc}`);
    complete[parameter.name] = given;
  }
  const unknown = Object.keys(args).find((key) => !Object.hasOwn(complete, key));
  if (unknown !== undefined) throw new InitialiserError(`${name} has no argument ${unknown}`);
  return initialiser.fill(shape, complete, stream);
}

function truncatedNormal(stream: RandomStream): number {
  for (;;) {
    // Pairs share one transform; taking both keeps half of its work from being thrown away.
    for (const z of stream.normal(2)) if (Math.abs(z) <= 2) return z;
  }
}

function featureShape(shape: Shape): readonly [number, number] {
  const [rows, width] = shape;
  if (rows === undefined || width === undefined || shape.length !== 2) {
    throw new InitialiserError(`random features are a matrix [features, channels], not [${shape.join(", ")}]`);
  }
  return [rows, width];
}

function orthogonalFeatures(shape: Shape, constantLength: boolean, stream: RandomStream): Float32Array {
  const [rows, width] = featureShape(shape);
  const result = new Float32Array(rows * width);
  for (let first = 0; first < rows; first += width) {
    const block = haarRows(Math.min(width, rows - first), width, stream);
    block.forEach((row, k) => {
      // The length of a normal vector of its own, independent of the row's direction.
      const length = constantLength ? Math.sqrt(width) : norm(stream.normal(width));
      result.set(
        row.map((x) => x * length),
        (first + k) * width,
      );
    });
  }
  return result;
}

/**
 * Orthonormal rows of Haar distribution: normal vectors through Gram-Schmidt with positive normalisers. (The Q of a
 * Householder decomposition is not Haar: its signs depend on the matrix.) Each vector is orthogonalised twice, which leaves
 * errors of the order of rounding (Giraud et al. 2005).
 */
function haarRows(count: number, width: number, stream: RandomStream): Float64Array[] {
  const rows: Float64Array[] = [];
  while (rows.length < count) {
    const row = stream.normal(width);
    const drawn = norm(row);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of rows) {
        let overlap = 0;
        for (let c = 0; c < width; c++) overlap += (row[c] as number) * (other[c] as number);
        for (let c = 0; c < width; c++) row[c] = (row[c] as number) - overlap * (other[c] as number);
      }
    }
    // A vector that nearly lies in the span of the others says nothing about the direction that is left.
    if (norm(row) > 1e-9 * drawn) rows.push(scaleRow(row, 1));
  }
  return rows;
}

function norm(row: Float64Array): number {
  let sum = 0;
  for (const x of row) sum += x * x;
  return Math.sqrt(sum);
}

/** Stretches a row to the given length, in place. */
function scaleRow(row: Float64Array, length: number): Float64Array {
  const factor = length / norm(row);
  for (let c = 0; c < row.length; c++) row[c] = (row[c] as number) * factor;
  return row;
}
