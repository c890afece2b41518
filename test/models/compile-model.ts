/** Compiling the texts of models/ in tests: to a graph, and running it on the reference evaluator or on the device. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  checkSource,
  compileSource,
  type ElaboratedProgram,
  type EntryRequest,
  elaborateProgram,
  type PassSelection,
} from "../../src/compile.ts";
import { initialParameters } from "../../src/initial-parameters.ts";
import { elementCount, evaluateGraph, type Graph, type Shape, type Tensor, tensorOf } from "../../src/ir/index.ts";
import { type HostTensor, hostArrayFromNumbers, prepare, type WeftDevice } from "../../src/runtime/index.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Texts of the repository, and those given, by path. */
export function sourceReader(texts: Readonly<Record<string, string>> = {}): (path: string) => string | undefined {
  return (path) => {
    if (Object.hasOwn(texts, path)) return texts[path];
    try {
      return readFileSync(join(root, path), "utf8");
    } catch {
      return undefined;
    }
  };
}

/** An input: its shape and its numbers. */
export interface Values {
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

/** A matrix or vector of numbers as an input. */
export function valuesOf(rows: readonly number[] | readonly (readonly number[])[]): Values {
  const first = rows[0];
  return typeof first === "object"
    ? { shape: [rows.length, first.length], data: (rows as readonly (readonly number[])[]).flat() }
    : { shape: [rows.length], data: rows as readonly number[] };
}

/** Which entry of which text, with its inputs. */
export interface ModelRequest extends Omit<EntryRequest, "inputShapes"> {
  readonly path: string;
  /** Texts that stand in for files, or are added. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly inputs?: Readonly<Record<string, Values>>;
  /** Values of parameters by path; those left out are drawn from `seed`. */
  readonly parameters?: ReadonlyMap<string, Values>;
  readonly seed?: number;
}

function requestOf({
  path: _,
  texts: __,
  inputs = {},
  parameters: ___,
  seed: ____,
  ...request
}: ModelRequest): EntryRequest {
  return {
    ...request,
    inputShapes: Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape])),
  };
}

/** The graph of an entry, before any pass. Throws with the diagnostics when the text has mistakes. */
export function elaborateModel(request: ModelRequest): ElaboratedProgram {
  const program = checkSource(request.path, sourceReader(request.texts));
  const { value, diagnostics } = elaborateProgram(program, requestOf(request));
  if (value === undefined) throw new Error(diagnostics.map((each) => describe(each)).join("\n"));
  return value;
}

const describe = ({
  code,
  title,
  primary,
}: {
  code: string;
  title: string;
  primary: { span: { file: string; line: number } };
}): string => `${primary.span.file}:${primary.span.line} ${code}: ${title}`;

/** Values of all parameters and buffers of a model, as drawn from the seed. */
export function parametersOf(program: ElaboratedProgram, seed = 0): Map<string, Values> {
  const start = initialParameters(program.parameters, seed);
  return new Map(
    program.parameters.map(({ path, type }) => [
      path,
      { shape: type.shape, data: start(path).data as ArrayLike<number> },
    ]),
  );
}

const tensorsOf = (nodes: Graph["inputs"], lookUp: (name: string) => Values | undefined): Record<string, Tensor> =>
  Object.fromEntries(
    nodes.map((node) => {
      const name = node.attributes.name as string;
      const values = lookUp(name);
      if (values === undefined) throw new Error(`no value for ${name}`);
      return [name, tensorOf({ ...node.type, shape: values.shape }, Array.from(values.data))];
    }),
  );

/** The outputs of an entry in float64, as the graph before any pass defines them. */
export function evaluateModel(request: ModelRequest): Record<string, Float64Array> {
  const program = elaborateModel(request);
  const drawn = initialParameters(program.parameters, request.seed ?? 0);
  const outputs = evaluateGraph(program.graph, {
    inputs: tensorsOf(program.graph.inputs, (name) => request.inputs?.[name]),
    parameters: tensorsOf(program.graph.parameters, (name) => {
      const start = request.parameters?.get(name) ?? drawn(name);
      return { shape: start.shape as Shape, data: start.data as ArrayLike<number> };
    }),
  });
  return Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data]));
}

/** A compiled entry on a device. */
export interface DeviceModel {
  readonly program: ReturnType<typeof compileOnly>;
  readonly run: (inputs: Readonly<Record<string, Values>>) => Promise<Record<string, ArrayLike<number>>>;
  readonly time: (repeat: number) => Promise<readonly number[]>;
  readonly dispose: () => void;
}

/** Compiles an entry for a device without making it ready to run. */
export function compileOnly(device: Pick<WeftDevice, "profile">, request: ModelRequest, passes?: PassSelection) {
  const { value, diagnostics } = compileSource({
    ...requestOf(request),
    path: request.path,
    readSource: sourceReader(request.texts),
    profile: device.profile,
    passes,
  });
  if (value === undefined) throw new Error(diagnostics.map((each) => describe(each)).join("\n"));
  return value;
}

/** Compiles an entry and makes it ready on a device. */
export async function deviceModel(
  device: WeftDevice,
  request: ModelRequest,
  passes?: PassSelection,
): Promise<DeviceModel> {
  const program = compileOnly(device, request, passes);
  const drawn = initialParameters(program.parameters, request.seed ?? 0);
  const types = new Map([...program.plan.inputs, ...program.plan.parameters].map(({ name, type }) => [name, type]));
  const hostTensor = (name: string, { shape, data }: Values): HostTensor => ({
    shape,
    data: hostArrayFromNumbers(types.get(name)?.dtype ?? "f32", data),
  });
  const executable = await prepare(device, program.plan, {
    parameters: (name) => {
      const given = request.parameters?.get(name);
      return given === undefined ? drawn(name) : hostTensor(name, given);
    },
  });
  return {
    program,
    run: async (inputs) => {
      const given = Object.entries(inputs).map(([name, values]) => [name, hostTensor(name, values)]);
      return (await executable.run(Object.fromEntries(given))) as Record<string, ArrayLike<number>>;
    },
    time: async (repeat) => (await executable.time({ repeat, warmup: 1 })).ms,
    dispose: () => executable.dispose(),
  };
}

/** Greatest absolute difference, and greatest difference relative to the greatest wanted value. */
export function differences(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
): { readonly absolute: number; readonly relative: number } {
  if (got.length !== want.length) throw new Error(`${got.length} values, ${want.length} wanted`);
  let absolute = 0;
  let scale = 0;
  for (let i = 0; i < want.length; i++) {
    const difference = Math.abs((got[i] as number) - (want[i] as number));
    absolute = Math.max(absolute, Number.isNaN(difference) ? Infinity : difference);
    scale = Math.max(scale, Math.abs(want[i] as number));
  }
  return { absolute, relative: absolute / scale };
}

/** Number of elements of all parameters, or of all buffers. */
export function countOf(program: ElaboratedProgram, role: "param" | "buffer"): number {
  return program.parameters
    .filter((each) => each.role === role)
    .reduce((sum, { type }) => sum + elementCount(type.shape), 0);
}
