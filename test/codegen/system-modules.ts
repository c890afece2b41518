/** The modules that users of the seven systems would ship, built by `weft build` at `tiny`, and what they must compute. */
import { join } from "node:path";
import { buildVerb, portableProfile } from "../../src/cli/verbs/build.ts";
import { type CompiledProgram, compileSource, type EntryRequest, type GradientRequest } from "../../src/compile.ts";
import { initialParameters } from "../../src/initial-parameters.ts";
import {
  elementCount,
  type Graph,
  graphNodes,
  type Node,
  type Tensor,
  type TensorType,
  tensorOf,
} from "../../src/ir/index.ts";
import { nodeFlops } from "../../src/passes/index.ts";
import { randomInput } from "../../src/random-data.ts";
import { type HostArray, prepare, type WeftDevice } from "../../src/runtime/index.ts";
import { sourceReader } from "../models/compile-model.ts";

/** Seeds of the parameters and of the inputs. */
const seeds = { parameters: 5, inputs: 3 };

export interface SystemModule extends Omit<EntryRequest, "inputShapes" | "preset">, GradientRequest {
  /** Its folder. */
  readonly name: string;
  readonly path: string;
}

const system = (name: string, request: Omit<SystemModule, "name" | "path">, entry = request.entry ?? "forward") => ({
  ...request,
  name: `${name}-${entry.replaceAll("_", "-")}`,
  path: `models/${name}/${name}.weft`,
});

/** The main entry of every system first, then the others that a page or a service would call. */
export const systemModules: readonly SystemModule[] = [
  system("performer", { entry: "logits", settings: { L: 8 } }),
  system("tap", { entry: "answer" }),
  system("ns-vqa", { model: "QuestionParser", entry: "parse", settings: { B: 2, L: 6 } }),
  system("hulanet", { entry: "segment", settings: { B: 1 } }),
  system("jrnet", { entry: "segment", settings: { B: 1 } }),
  system("onestage-grounding", { entry: "ground", settings: { B: 1, L: 5 } }),
  system("sstvos", { entry: "segment", settings: { n: 3, H: 32, W: 32, H0: 32, W0: 32 } }),
  // A training step without its update: the loss and the gradients of all parameters.
  system("performer", { entry: "loss", settings: { L: 8 }, training: true, gradient: "all" }),
  system("tap", { entry: "decode" }),
  system("ns-vqa", { model: "AttributeNetwork", entry: "scores", settings: { B: 2, H: 16, W: 16 } }),
  system("hulanet", { entry: "segment_present", settings: { B: 1, K: 3 } }),
  system("jrnet", { entry: "enlarged", settings: { B: 1, H: 40, W: 48 } }),
  system("sstvos", { entry: "encode", settings: { B: 1, H: 32, W: 32 } }),
];

/** Builds a module into a folder of its name below `folder`, as `weft build` does, with weights drawn from the seed. */
export async function buildSystem(module: SystemModule, folder: string, kind: string): Promise<void> {
  const { name, path, settings = {}, ...request } = module;
  const quiet = () => undefined;
  const terminal = { print: quiet, printJson: quiet, note: quiet, progress: quiet, endProgress: quiet };
  const gradient = request.gradient === undefined ? {} : { gradient: [request.gradient].flat() };
  const raw = {
    ...request,
    ...gradient,
    preset: "tiny",
    set: Object.entries(settings).map(([size, value]) => `${size}=${value}`),
    seed: seeds.parameters,
    for: kind,
    output: join(folder, name),
  };
  await buildVerb.execute([path], raw, { ...terminal, json: false, colours: false });
}

/** A module's entry as the compiler has it, with the values that the module is given. */
export interface CompiledSystem {
  readonly program: CompiledProgram;
  readonly inputs: Readonly<Record<string, { readonly type: TensorType; readonly data: HostArray }>>;
  readonly parameters: ReturnType<typeof initialParameters>;
}

/** Compiled for what every device of the kind has, as modules are: other limits may give other kernels, which round differently. */
export function compileSystem(module: SystemModule, kind: string): CompiledSystem {
  const profile = portableProfile(kind);
  const { value, diagnostics } = compileSource({ ...module, preset: "tiny", readSource: sourceReader(), profile });
  if (value === undefined) throw new Error(diagnostics.map(({ title }) => title).join("\n"));
  const inputs = value.plan.inputs.map(
    ({ name, type }) => [name, { type, data: randomInput(type, seeds.inputs, name) }] as const,
  );
  return {
    program: value,
    inputs: Object.fromEntries(inputs),
    parameters: initialParameters(value.parameters, seeds.parameters),
  };
}

/** The compiler's own run. */
export async function runSystem(
  { program, inputs, parameters }: CompiledSystem,
  device: WeftDevice,
): Promise<Record<string, HostArray>> {
  const executable = await prepare(device, program.plan, { parameters });
  try {
    const given = Object.entries(inputs).map(([name, { data }]) => [name, data]);
    return await executable.run(Object.fromEntries(given));
  } finally {
    executable.dispose();
  }
}

/** The values as the reference evaluator takes them. */
export function referenceValues({ program, inputs, parameters }: CompiledSystem) {
  const tensors = (nodes: readonly Node[], dataOf: (name: string) => ArrayLike<number>): Record<string, Tensor> =>
    Object.fromEntries(
      nodes.map(({ attributes, type }) => {
        const name = attributes.name as string;
        return [name, tensorOf(type, Array.from(dataOf(name)))];
      }),
    );
  return {
    inputs: tensors(program.graph.inputs, (name) => inputs[name]?.data ?? []),
    parameters: tensors(program.graph.parameters, (name) => parameters(name).data),
  };
}

/**
 * How far the results of a graph may be from their exact values on any device, relative to the greatest element of an output: 2⁻²⁴, half a
 * unit in the last place of an f32, for each operation that an element depends on one after the other. The longest way through the graph is
 * what counts, and on it a node's operations for one element: a sum of n terms rounds n times, and functions such as `exp` round as often as
 * their cost says. It holds as far as no step amplifies what its operands are off, as normalised networks do not; the rigorous bounds of
 * `evaluateWithBounds`, which do not suppose that, are infinite behind a normalisation of normalised values.
 */
export function expectedRounding(graph: Graph): number {
  return 2 ** -24 * longestChain(graph);
}

/** Operations that the deepest element of an output depends on one after the other. */
function longestChain(graph: Graph): number {
  const longest = new Map<Node, number>();
  for (const node of graphNodes(graph)) {
    const before = Math.max(0, ...node.operands.map((operand) => longest.get(operand) ?? 0));
    const own = nodeFlops(node) / Math.max(1, elementCount(node.type.shape));
    // The bodies of loops, step after step; a hand-written kernel's is walked once.
    const times = node.op === "loop" ? (node.attributes.steps as number) : 1;
    const inside = (node.regions ?? []).reduce((total, body) => total + times * longestChain(body), 0);
    longest.set(node, before + own + inside);
  }
  return Math.max(...graph.outputs.map(({ node }) => longest.get(node) ?? 0));
}

/** A typed array as it travels between processes. */
export function encoded(data: HostArray): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}

/**
 * JavaScript that runs modules one after the other and puts `[output, dtype, shape, data in base64]` of each into `results[name]`.
 *
 * @param systems   modules by name
 * @param base      what stands before their names in addresses
 */
export function runnerText(systems: ReadonlyMap<string, CompiledSystem>, base: string): string {
  const requests = [...systems].map(([name, { inputs }]) => [
    name,
    Object.entries(inputs).map(([input, { type, data }]) => [input, type.dtype, type.shape, [...data]]),
  ]);
  return `
const requests = ${JSON.stringify(requests)};
const { openDevice, tensor } = await import(${JSON.stringify(base)} + requests[0][0] + "/index.js");
const text = (bytes) => bytes.reduce((all, byte) => all + String.fromCharCode(byte), "");
const device = await openDevice();
const results = {};
for (const [name, given] of requests) {
  const { load } = await import(${JSON.stringify(base)} + name + "/index.js");
  const program = await load({ device });
  const inputs = Object.fromEntries(given.map(([input, dtype, shape, data]) => [input, tensor(dtype, shape, data)]));
  results[name] = [];
  for (const [output, { dtype, shape, data }] of Object.entries(await program.run(inputs))) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    results[name].push([output, dtype, shape, btoa(text(bytes))]);
  }
  program.dispose();
}
device.close();
`;
}
