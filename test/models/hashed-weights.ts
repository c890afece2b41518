/** Networks with weights from a hash of their names, and the results that scripts/compare-*.py computed for them with PyTorch. */
import { readFileSync } from "node:fs";
import { checkSource, elaborateProgram, withGradients } from "../../src/compile.ts";
import type { CheckedProgram } from "../../src/frontend/index.ts";
import { elementCount, type Graph, type Shape } from "../../src/ir/index.ts";
import type { WeftDevice } from "../../src/runtime/index.ts";
import { sourceReader, type Values } from "./compile-model.ts";
import { evaluateWith, type NamedValues, type Results, runWith, type WeightsByPath } from "./run-graph.ts";

/** A case: an entry, its inputs, and what PyTorch gives for its outputs and gradients. */
export interface ReferenceCase {
  readonly name: string;
  readonly entry: string;
  readonly settings: Readonly<Record<string, number | boolean>>;
  readonly training: boolean;
  readonly inputs: Readonly<Record<string, Values>>;
  readonly outputs: Readonly<Record<string, Values>>;
}

/** An input is written down, or hashed from a name. */
type StoredInput =
  | { readonly shape: Shape; readonly data: readonly (number | boolean)[] }
  | { readonly shape: Shape; readonly hashed: string };

export function readCases(file: string): readonly ReferenceCase[] {
  const stored = JSON.parse(readFileSync(file, "utf8")) as readonly (Omit<ReferenceCase, "inputs"> & {
    readonly inputs: Readonly<Record<string, StoredInput>>;
  })[];
  return stored.map((each) => ({
    ...each,
    inputs: Object.fromEntries(
      Object.entries(each.inputs).map(([name, input]) => {
        const data = "hashed" in input ? hashed(input.hashed, elementCount(input.shape)) : input.data.map(Number);
        return [name, { shape: input.shape, data }];
      }),
    ),
  }));
}

/** Numbers in [-1, 1): FNV-1a of the name, then the finaliser of MurmurHash3 for each element. */
export function hashed(name: string, count: number): readonly number[] {
  let seed = 0x811c9dc5;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 0x01000193) >>> 0;
  return Array.from({ length: count }, (_, k) => {
    let h = (seed + Math.imul(k, 0x9e3779b9)) >>> 0;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b) >>> 0;
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
    return Math.fround(((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1);
  });
}

/** The weights of scripts/hashed_weights.py. */
export function weightOf(path: string, shape: Shape): Values {
  const values = hashed(path, elementCount(shape));
  const changed = () => {
    if (shape.length > 1) {
      const scale = Math.sqrt(3 / elementCount(shape.slice(1)));
      return values.map((v) => scale * v);
    }
    if (path.endsWith("running_var")) return values.map((v) => 1 + 0.5 * Math.abs(v));
    const offset = path.endsWith("weight") || path.endsWith(".a") ? 1 : 0;
    return values.map((v) => offset + 0.2 * v);
  };
  return { shape, data: changed().map(Math.fround) };
}

const checked = new Map<string, CheckedProgram>();

/** The graph of a case for the preset `tiny`, with the gradients that the case has results for. */
export function graphOf(path: string, { entry, inputs, outputs, settings, training }: ReferenceCase): Graph {
  const program = checked.get(path) ?? checkSource(path, sourceReader());
  checked.set(path, program);
  const inputShapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const { value, diagnostics } = elaborateProgram(program, { preset: "tiny", entry, inputShapes, settings, training });
  if (value === undefined) throw new Error(diagnostics.map(({ title }) => title).join("\n"));
  const gradient = Object.keys(outputs).flatMap((name) => name.match(/^gradient\((.*)\)$/)?.[1] ?? []);
  return gradient.length === 0 ? value.graph : withGradients(value, { gradient });
}

/** Results of a graph in float64, before any pass. */
export function evaluateCase(graph: Graph, inputs: NamedValues, parameterOf: WeightsByPath = weightOf): Results {
  return evaluateWith(graph, inputs, parameterOf);
}

/** Results of a graph on a device. */
export function runCase(device: WeftDevice, graph: Graph, inputs: NamedValues): Promise<Results> {
  return runWith(device, graph, inputs, weightOf);
}
