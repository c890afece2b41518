/** Cases that PyTorch computed, as scripts/compare-language.py writes them, run through Weft. */
import {
  checkSource,
  compileGraph,
  type ElaboratedProgram,
  type EntryRequest,
  elaborateProgram as elaborate,
} from "../../src/compile.ts";
import type { CheckedProgram } from "../../src/frontend/index.ts";
import {
  type DType,
  evaluateGraph,
  type Graph,
  type GraphValues,
  type Node,
  type Tensor,
  tensorOf,
} from "../../src/ir/index.ts";
import { type HostTensor, hostArrayFromNumbers, prepare, type WeftDevice } from "../../src/runtime/index.ts";
import { openWeights } from "../../src/runtime/node.ts";
import { differences, sourceReader, type Values } from "../models/compile-model.ts";

/** A case: what to compile and run, and what must come out. */
export interface TorchCase {
  readonly name: string;
  readonly path: string;
  readonly request: EntryRequest;
  readonly inputs: ReadonlyMap<string, Values>;
  readonly parameters: ReadonlyMap<string, Values>;
  readonly outputs: ReadonlyMap<string, Values>;
  /** Greatest difference allowed in f32, relative to the greatest wanted value. */
  readonly tolerance: number;
}

interface CaseRecord extends EntryRequest {
  readonly name: string;
  readonly path: string;
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
  const { name, path, tolerance, ...request } = record;
  const withRole = (role: string) => {
    const prefix = `${name}|${role}|`;
    return new Map(
      [...tensors].filter(([key]) => key.startsWith(prefix)).map(([key, value]) => [key.slice(prefix.length), value]),
    );
  };
  const inputs = withRole("input");
  const inputShapes = Object.fromEntries([...inputs].map(([key, { shape }]) => [key, shape]));
  const parameters = request.model === "Bert" ? bertSineWeights() : withRole("parameter");
  const outputs = withRole("output");
  return { name, path, request: { ...request, inputShapes }, inputs, parameters, outputs, tolerance };
}

const checkedPrograms = new Map<string, CheckedProgram>();

/** The graph of an entry; each file is checked once. Throws with the mistakes of the text. */
function elaborated(path: string, request: EntryRequest): ElaboratedProgram {
  const program = checkedPrograms.get(path) ?? checkSource(path, sourceReader());
  checkedPrograms.set(path, program);
  const { value, diagnostics } = elaborate(program, request);
  if (value !== undefined) return value;
  throw new Error(diagnostics.map(({ primary: { span }, title }) => `${span.file}:${span.line} ${title}`).join("\n"));
}

/** The graph of a case, which must take the inputs and use no other parameters than the case has. */
function graphOf({ name, path, request, inputs, parameters }: TorchCase): Graph {
  const { graph } = elaborated(path, request);
  const namesOf = (nodes: readonly Node[]) => nodes.map((node) => node.attributes.name as string);
  const taken = namesOf(graph.inputs);
  const ignored = [...inputs.keys()].filter((input) => !taken.includes(input));
  const missing = namesOf(graph.parameters).filter((parameter) => !parameters.has(parameter));
  if (ignored.length + missing.length === 0) return graph;
  throw new Error(
    `${name}: inputs without use: ${ignored.join(", ")}; parameters without value: ${missing.join(", ")}`,
  );
}

/**
 * Weights of the tiny BERT that need no file: element k of tensor t, in the order of the checkpoint, is
 * 0.1 sin(1 + 0.7 t + 1.3 k), and one more in the weights of norms. Computed in float64, rounded once.
 */
export function bertSineWeights(): ReadonlyMap<string, Values> {
  const { parameters } = elaborated("models/bert/bert.weft", { preset: "tiny", entry: "embed", settings: { L: 1 } });
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

type Results = Readonly<Record<string, ArrayLike<number>>>;

/** Greatest relative difference of results from PyTorch's. An output that is missing or not wanted is a mistake of the test. */
function differenceOf(got: Results, { name, outputs }: TorchCase): number {
  const [have, want] = [Object.keys(got), [...outputs.keys()]].map((names) => names.sort().join(", "));
  if (have !== want) throw new Error(`${name} gives ${have}, not ${want}`);
  const relative = [...outputs].map(([output, values]) => {
    const { absolute, relative } = differences(got[output] as ArrayLike<number>, values.data);
    // Where all that is wanted is 0, there is nothing to be relative to.
    return Number.isNaN(relative) ? absolute : relative;
  });
  return Math.max(...relative);
}

/** The graph of a case, before any pass, with the values it is given. */
export function graphWithValues(each: TorchCase): { readonly graph: Graph; readonly values: GraphValues } {
  const graph = graphOf(each);
  const tensors = (nodes: readonly Node[], values: ReadonlyMap<string, Values>): Record<string, Tensor> =>
    Object.fromEntries(
      nodes.map((node) => {
        const name = node.attributes.name as string;
        return [name, tensorOf(node.type, Array.from((values.get(name) as Values).data))];
      }),
    );
  return {
    graph,
    values: { inputs: tensors(graph.inputs, each.inputs), parameters: tensors(graph.parameters, each.parameters) },
  };
}

/** Runs a case in float64 in the reference evaluator; returns the greatest relative difference. */
export function evaluateCase(each: TorchCase): number {
  const { graph, values } = graphWithValues(each);
  const outputs = evaluateGraph(graph, values);
  return differenceOf(Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data])), each);
}

/** Runs a case on a device; returns the greatest relative difference. */
export async function runCase(device: WeftDevice, each: TorchCase): Promise<number> {
  const { plan } = compileGraph(graphOf(each), { profile: device.profile });
  const types = new Map([...plan.inputs, ...plan.parameters].map(({ name, type }) => [name, type]));
  const host = (name: string, values: ReadonlyMap<string, Values>): HostTensor => {
    const { shape, data } = values.get(name) as Values;
    return { shape, data: hostArrayFromNumbers(types.get(name)?.dtype ?? "f32", data) };
  };
  const executable = await prepare(device, plan, { parameters: (name) => host(name, each.parameters) });
  try {
    const inputs = Object.fromEntries(plan.inputs.map(({ name }) => [name, host(name, each.inputs)]));
    return differenceOf((await executable.run(inputs)) as Results, each);
  } finally {
    executable.dispose();
  }
}
