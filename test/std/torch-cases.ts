/** Cases that PyTorch computed, as scripts/compare-language.py writes them, run through Weft. */
import type { DType } from "../../src/ir/index.ts";
import { openWeights } from "../../src/runtime/node.ts";
import type { WeftDevice } from "../../src/runtime/index.ts";
import {
  deviceModel,
  differences,
  elaborateModel,
  evaluateModel,
  type ModelRequest,
  type Values,
} from "../models/compile-model.ts";

/** A case: what to compile and run, and what must come out. */
export interface TorchCase {
  readonly name: string;
  readonly request: ModelRequest;
  readonly outputs: ReadonlyMap<string, Values>;
  /** Greatest difference allowed in f32, relative to the greatest wanted value. */
  readonly tolerance: number;
}

interface CaseRecord {
  readonly name: string;
  readonly path: string;
  readonly entry: string;
  readonly model?: string;
  readonly settings?: Readonly<Record<string, number | boolean>>;
  readonly tolerance: number;
}

const hostTypes: Readonly<Record<string, DType>> = { F32: "f32", I32: "i32", BOOL: "bool" };

/** Reads all cases of a file. */
export async function readCases(path: string): Promise<readonly TorchCase[]> {
  const file = await openWeights(path);
  try {
    const tensors = new Map<string, Values>();
    for (const [name, { type }] of file.tensors) tensors.set(name, await file.read(name, hostTypes[type] as DType));
    const records = JSON.parse(file.metadata.cases as string) as readonly CaseRecord[];
    return records.map((record) => caseOf(record, tensors));
  } finally {
    await file.close();
  }
}

function caseOf(record: CaseRecord, tensors: ReadonlyMap<string, Values>): TorchCase {
  const { name, path, entry, model, settings, tolerance } = record;
  const withRole = (role: string) => {
    const prefix = `${name}|${role}|`;
    return new Map(
      [...tensors].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]),
    );
  };
  const preset = model === "Bert" ? "tiny" : undefined;
  const parameters = model === "Bert" ? bertSineWeights() : withRole("parameter");
  const request = { path, entry, model, preset, settings, parameters, inputs: Object.fromEntries(withRole("input")) };
  return { name, request, outputs: withRole("output"), tolerance };
}

/**
 * Weights of the tiny BERT that need no file: element k of tensor t, in the order of the checkpoint, is
 * 0.1 sin(1 + 0.7 t + 1.3 k), and one more in the weights of norms. Computed in float64, rounded once.
 */
export function bertSineWeights(): Map<string, Values> {
  const { parameters } = elaborateModel({
    path: "models/bert/bert.weft",
    model: "Bert",
    preset: "tiny",
    entry: "embed",
    inputs: { input_ids: { shape: [1], data: [0] }, token_type_ids: { shape: [1], data: [0] } },
  });
  return new Map(
    parameters
      .filter(({ path }) => path.startsWith("bert."))
      .map(({ path, type: { shape } }, t) => {
        const offset = path.endsWith("LayerNorm.weight") ? 1 : 0;
        const count = shape.reduce((a, b) => a * b, 1);
        const element = (_: unknown, k: number) => Math.fround(offset + 0.1 * Math.sin(1 + 0.7 * t + 1.3 * k));
        return [path, { shape, data: Float32Array.from({ length: count }, element) }];
      }),
  );
}

/** Greatest relative difference of a case's outputs from PyTorch's, and the names of outputs that it lacks or has too many. */
export interface CaseResult {
  readonly relative: number;
  readonly outputs: readonly string[];
}

function compare(got: Readonly<Record<string, ArrayLike<number>>>, { outputs }: TorchCase): CaseResult {
  const relative = [...outputs].map(([name, want]) => {
    const values = got[name];
    if (values === undefined) return Infinity;
    const { absolute, relative } = differences(values, want.data);
    // Where all that is wanted is 0, there is nothing to be relative to.
    return Number.isNaN(relative) ? absolute : relative;
  });
  return { relative: Math.max(...relative), outputs: Object.keys(got) };
}

/** Runs a case in float64 in the reference evaluator. */
export const evaluateCase = (each: TorchCase): CaseResult => compare(evaluateModel(each.request), each);

/** Runs a case on a device. */
export async function runCase(device: WeftDevice, each: TorchCase): Promise<CaseResult> {
  const model = await deviceModel(device, each.request);
  try {
    return compare(await model.run(each.request.inputs ?? {}), each);
  } finally {
    model.dispose();
  }
}
