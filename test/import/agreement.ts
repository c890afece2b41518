/** Imports a model, compiles the text and runs it, and compares with onnxruntime on the same numbers. */
import { InferenceSession, Tensor } from "onnxruntime-node";
import { importOnnx, type OnnxImport } from "../../src/import/index.ts";
import { compile, type HostValue } from "../../src/index.ts";
import { convertStored } from "../../src/runtime/index.ts";
import type { Kind, Numbers } from "./build-model.ts";

export type Imported = Extract<OnnxImport, { kind: "imported" }>;

export interface Options {
  readonly sizes?: Readonly<Record<string, number>>;
  /** Values for generic sizes that no input fixes. */
  readonly device?: "reference" | "software";
}

/** Imports, and fails with the reasons where something cannot be said. */
export function imported(bytes: Uint8Array, sizes: Readonly<Record<string, number>> = {}): Imported {
  const readExternal = () => {
    throw new Error("these models have no file beside them");
  };
  const result = importOnnx({ bytes, name: "Imported", sizes, readExternal });
  if (result.kind === "unsupported") {
    throw new Error(
      result.unsupported
        .map(({ operator, reason, nodes }) => `${operator} (${nodes.join(", ")}): ${reason}`)
        .join("\n"),
    );
  }
  return result;
}

function onnxTensor({ kind, shape, data }: Numbers): Tensor {
  const make: Readonly<Record<Kind, () => Tensor>> = {
    f32: () => new Tensor("float32", Float32Array.from(data), shape),
    f64: () => new Tensor("float64", Float64Array.from(data), shape),
    i64: () => new Tensor("int64", BigInt64Array.from(data, BigInt), shape),
    i32: () => new Tensor("int32", Int32Array.from(data), shape),
    bool: () => new Tensor("bool", Uint8Array.from(data), shape),
  };
  return make[kind]();
}

export interface Result {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

/** What onnxruntime computes, output by output in the model's order. */
export async function runOnnx(bytes: Uint8Array, inputs: Readonly<Record<string, Numbers>>): Promise<Result[]> {
  const session = await InferenceSession.create(bytes, {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
  });
  try {
    const feeds = Object.fromEntries(
      session.inputNames.map((name) => {
        const numbers = inputs[name];
        if (numbers === undefined) throw new Error(`no numbers for ${name}`);
        return [name, onnxTensor(numbers)];
      }),
    );
    const results = await session.run(feeds);
    return session.outputNames.map((name) => {
      const tensor = results[name] as Tensor;
      return { shape: tensor.dims, data: Array.from(tensor.data as Iterable<number | bigint>, Number) };
    });
  } finally {
    await session.release();
  }
}

/** What the imported text computes, in the same order. */
export async function runImported(
  { text, tensors, renamed }: Imported,
  inputs: Readonly<Record<string, Numbers>>,
  device: "reference" | "software" = "reference",
): Promise<Result[]> {
  const written = (name: string) => renamed.find((each) => each.name === name)?.written ?? name;
  const stored = new Map(tensors.map((tensor) => [tensor.path, tensor]));
  const given = Object.entries(inputs).map(([name, numbers]) => [written(name), numbers] as const);
  const program = await compile(text, {
    device,
    inputShapes: Object.fromEntries(given.map(([name, { shape }]) => [name, shape])),
    parameters: (path): HostValue | undefined => {
      const tensor = stored.get(path);
      if (tensor === undefined) throw new Error(`the weights lack ${path}`);
      const wanted = /^B?F/.test(tensor.stored)
        ? "f32"
        : tensor.stored === "BOOL"
          ? "bool"
          : tensor.stored === "U32"
            ? "u32"
            : "i32";
      const bytes = Uint8Array.from(tensor.bytes());
      const entry = { name: path, type: tensor.stored, shape: tensor.shape, start: 0, end: bytes.byteLength };
      return { shape: tensor.shape, data: convertStored(entry, bytes, wanted) } as HostValue;
    },
  });
  try {
    const values = Object.fromEntries(
      given
        .filter(([name]) => program.inputs[name] !== undefined)
        .map(([name, { kind, data, shape }]) => {
          const array =
            kind === "f32" || kind === "f64"
              ? Float32Array.from(data)
              : kind === "bool"
                ? Uint8Array.from(data)
                : Int32Array.from(data);
          return [name, { shape, data: array } as HostValue];
        }),
    );
    const results = await program.run(values);
    return Object.entries(program.outputs).map(([name, type]) => ({
      shape: type.shape,
      data: Array.from(results[name] as Iterable<number>),
    }));
  } finally {
    program.dispose();
  }
}

/** The greatest difference of two lists of results relative to the greatest magnitude of each; infinite where shapes differ. */
export function differenceOf(wanted: readonly Result[], got: readonly Result[]): number {
  if (wanted.length !== got.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  for (const [k, { shape, data }] of wanted.entries()) {
    const other = got[k] as Result;
    if (String(shape) !== String(other.shape)) return Number.POSITIVE_INFINITY;
    const scale = Math.max(1e-6, ...data.filter(Number.isFinite).map(Math.abs));
    data.forEach((value, i) => {
      const own = other.data[i] as number;
      if (Object.is(value, own) || value === own) return;
      const difference = Math.abs(value - own) / scale;
      worst = Math.max(worst, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
    });
  }
  return worst;
}

/** The difference between a model and its import on given numbers. */
export async function importDifference(
  bytes: Uint8Array,
  inputs: Readonly<Record<string, Numbers>>,
  { sizes = {}, device = "reference" }: Options = {},
): Promise<{ readonly difference: number; readonly text: string }> {
  const model = imported(bytes, sizes);
  let got: readonly Result[];
  try {
    got = await runImported(model, inputs, device);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${model.text}`);
  }
  return { difference: differenceOf(await runOnnx(bytes, inputs), got), text: model.text };
}

/** Numbers between -1 and 1 that look like chance and never change. */
export function drawn(shape: readonly number[], seed = 1): Numbers {
  const count = shape.reduce((product, size) => product * size, 1);
  let state = seed * 7919 + 17;
  const data = Array.from({ length: count }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.fround((state / 2 ** 30 - 1) * 0.999);
  });
  return { kind: "f32", shape, data };
}
