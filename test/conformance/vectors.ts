/** Reading the WebNN operator vectors: what a case feeds to which operator, and what must come out. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { elementCount, type Shape } from "../../src/ir/index.ts";

export type DataType = "float32" | "float16" | "int8" | "uint8" | "int32" | "uint32" | "int64" | "uint64";

/** A tensor of a case. */
export interface VectorTensor {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: Shape;
  /** Values, row-major. Those that could not be read are NaN, and `unreadable` says why. */
  readonly data: Float64Array;
  /** True for what a WebNN graph would hold as a constant. */
  readonly constant: boolean;
  readonly unreadable?: string;
}

/** One application of one operator. */
export interface VectorCase {
  /** Name of the file of vectors, `conv2d`. */
  readonly suite: string;
  readonly name: string;
  /** WebNN's name, `convTranspose2d`. */
  readonly operator: string;
  /** Arguments by WebNN's names: names of inputs, numbers, lists. `options` are apart. */
  readonly arguments: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  readonly inputs: ReadonlyMap<string, VectorTensor>;
  readonly outputs: readonly VectorTensor[];
}

interface TensorJson {
  readonly data: unknown;
  readonly descriptor: { readonly shape: Shape; readonly dataType: DataType };
  readonly constant?: boolean;
}

interface SuiteJson {
  readonly operation: string;
  readonly tests: readonly {
    readonly name: string;
    readonly graph: {
      readonly inputs: Readonly<Record<string, TensorJson>>;
      readonly operators: readonly {
        readonly name: string;
        readonly arguments: readonly Readonly<Record<string, unknown>>[];
        readonly outputs: string | readonly string[];
      }[];
      readonly expectedOutputs: Readonly<Record<string, TensorJson>>;
    };
  }[];
}

/** The folder of vectors: WEFT_WEBNN_VECTORS, else the copy in this repository; undefined when there is none. */
export function vectorsFolder(): string | undefined {
  const folder = process.env.WEFT_WEBNN_VECTORS ?? join(dirname(fileURLToPath(import.meta.url)), "webnn", "golden");
  return existsSync(folder) ? folder : undefined;
}

/** All cases of a folder, by file. Files without cases are there, and empty. */
export function readSuites(folder: string): ReadonlyMap<string, readonly VectorCase[]> {
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return new Map(
    files.sort().map((file) => {
      const suite = basename(file, ".json");
      return [suite, casesOf(suite, JSON.parse(readFileSync(join(folder, file), "utf8")) as SuiteJson)];
    }),
  );
}

function casesOf(suite: string, { tests }: SuiteJson): VectorCase[] {
  return tests.map(({ name, graph }) => {
    const [operator, ...others] = graph.operators;
    if (operator === undefined || others.length > 0) throw new Error(`${suite}: "${name}" is not one operator`);
    const { options = {}, ...rest } = Object.assign({}, ...operator.arguments) as Record<string, unknown>;
    const inputs = Object.entries(graph.inputs).map(([key, json]) => [key, tensorFrom(key, json)] as const);
    const outputs = [operator.outputs].flat().map((key) => {
      const json = graph.expectedOutputs[key];
      if (json === undefined) throw new Error(`${suite}: "${name}" expects nothing of its output ${key}`);
      return tensorFrom(key, json);
    });
    return {
      suite,
      name,
      operator: operator.name,
      arguments: rest,
      options: options as Record<string, unknown>,
      inputs: new Map(inputs),
      outputs,
    };
  });
}

/** A single number stands for a tensor filled with it. Wide integers are written as strings, with or without JavaScript's `n`. */
function tensorFrom(name: string, { data, descriptor, constant = false }: TensorJson): VectorTensor {
  const { shape, dataType } = descriptor;
  const count = elementCount(shape);
  const values = Array.isArray(data)
    ? Float64Array.from(data, numberFrom)
    : new Float64Array(count).fill(numberFrom(data));
  if (values.length !== count) throw new Error(`${name} has ${values.length} values for ${count} elements`);
  const found = Array.isArray(data)
    ? data.map(unreadableReason).find((reason) => reason !== undefined)
    : unreadableReason(data);
  return { name, dataType, shape, data: values, constant, ...(found === undefined ? {} : { unreadable: found }) };
}

/** A value of the JSON as a number; NaN where `unreadableReason` says why not. */
export function numberFrom(value: unknown): number {
  if (unreadableReason(value) !== undefined) return Number.NaN;
  return typeof value === "string" ? Number(value.replace(/n$/, "")) : (value as number);
}

/** Why a value of the JSON cannot be known, or held in a number. */
export function unreadableReason(value: unknown): string | undefined {
  if (typeof value === "number") return undefined;
  if (value === null) return "infinities and NaN were lost when the vectors became JSON";
  if (typeof value !== "string" || !/^-?\d+n?$/.test(value)) return `a value is written ${JSON.stringify(value)}`;
  return Number.isSafeInteger(Number(value.replace(/n$/, ""))) ? undefined : "64-bit integers";
}
