/** The tiny TAP network with its weights, and the cases that scripts/compare-tap.py computed with PyTorch. */
import { checkSource, elaborateProgram, type PassSelection, withGradients } from "../../src/compile.ts";
import type { CheckedProgram } from "../../src/frontend/index.ts";
import { type DType, elementCount, type Graph, type Shape } from "../../src/ir/index.ts";
import type { WeftDevice } from "../../src/runtime/index.ts";
import { openWeights } from "../../src/runtime/node.ts";
import { sourceReader, type Values } from "./compile-model.ts";
import { evaluateWith, type NamedValues, type Results, runWith, type WeightsByPath } from "./run-graph.ts";

export const path = "models/tap/tap.weft";

/** A case: an entry, its inputs, and what PyTorch gives for its outputs and gradients. */
export interface TapCase {
  readonly name: string;
  readonly entry: string;
  readonly settings: Readonly<Record<string, number>>;
  readonly inputs: Readonly<Record<string, Values>>;
  readonly outputs: Readonly<Record<string, Values>>;
}

interface CaseRecord {
  readonly name: string;
  readonly entry: string;
  readonly settings: Readonly<Record<string, number>>;
  /** Names of tensors in the file. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
}

const hostTypes: Readonly<Record<string, DType>> = { F32: "f32", I32: "i32", BOOL: "bool" };

export async function readTapCases(): Promise<readonly TapCase[]> {
  const file = await openWeights("test/fixtures/tap/torch.safetensors");
  try {
    const tensors = new Map<string, Values>();
    for (const [name, { type }] of file.tensors) tensors.set(name, await file.read(name, hostTypes[type] as DType));
    const lookUp = (names: Readonly<Record<string, string>>) =>
      Object.fromEntries(Object.entries(names).map(([key, name]) => [key, tensors.get(name) as Values]));
    const records = JSON.parse(file.metadata.cases as string) as readonly CaseRecord[];
    return records.map((each) => ({ ...each, inputs: lookUp(each.inputs), outputs: lookUp(each.outputs) }));
  } finally {
    await file.close();
  }
}

/** Numbers in [-1, 1) for the parameter at a path: FNV-1a, then the finaliser of MurmurHash3 for each element. */
function hashed(path: string, count: number): readonly number[] {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(path)) seed = Math.imul(seed ^ byte, 0x01000193) >>> 0;
  return Array.from({ length: count }, (_, k) => {
    let h = (seed + Math.imul(k, 0x9e3779b9)) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) >>> 0;
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

/** The weights of compare-tap.py. */
export function weightOf(path: string, shape: Shape): Values {
  const scale = shape.length > 1 ? Math.sqrt(3 / (shape.at(-1) as number)) : 0.2;
  const offset = path.includes("orm.weight") ? 1 : 0;
  return { shape, data: hashed(path, elementCount(shape)).map((value) => Math.fround(offset + scale * value)) };
}

let checked: CheckedProgram | undefined;

/** The graph of an entry of the tiny network, with gradients of its loss by the named parameters. */
export function tapGraph(
  entry: string,
  inputs: Readonly<Record<string, Values>>,
  settings: Readonly<Record<string, number | boolean>> = {},
  gradient: readonly string[] = [],
  training = false,
): Graph {
  checked ??= checkSource(path, sourceReader());
  const inputShapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const { value, diagnostics } = elaborateProgram(checked, { preset: "tiny", entry, inputShapes, settings, training });
  if (value === undefined) throw new Error(diagnostics.map(({ title }) => title).join("\n"));
  if (gradient.length === 0) return value.graph;
  return withGradients(value, { gradient }, undefined);
}

/** The losses want a seed for their dropout, which the tiny network has not. */
const noSeed: NamedValues = { seed: { shape: [], data: [0] } };

/** Results of a graph in float64, before any pass. */
export function evaluateTap(graph: Graph, inputs: NamedValues, weights: WeightsByPath = weightOf): Results {
  return evaluateWith(graph, { ...noSeed, ...inputs }, weights);
}

/** Results of a graph on a device. */
export function runTap(
  device: WeftDevice,
  graph: Graph,
  inputs: NamedValues,
  passes: PassSelection = {},
  weights: WeightsByPath = weightOf,
): Promise<Results> {
  return runWith(device, graph, { ...noSeed, ...inputs }, weights, passes);
}
