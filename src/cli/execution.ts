/** Running a compiled graph, on a device or on the reference evaluator. */
import { totalmem } from "node:os";
import type { Plan } from "../codegen/index.ts";
import type { InspectedProfile } from "../inspect/index.ts";
import {
  elementCount,
  evaluateGraph,
  evaluationCost,
  type Graph,
  graphNodes,
  printType,
  type Tensor,
  type TensorType,
} from "../ir/index.ts";
import {
  asStored,
  DeviceError,
  type Executable,
  type HostArray,
  type HostTensor,
  hostArrayFromNumbers,
  prepare,
  type WeftDevice,
} from "../runtime/index.ts";
import { profileExecutable } from "./profiling.ts";
import { median, printBytes, printCount } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";

/** Data of each parameter that a graph uses, by path; asked for one at a time. */
export type ParameterValues = (path: string) => Promise<HostTensor>;

export interface Execution {
  /** Present when it was asked for. */
  readonly profile?: InspectedProfile;
  readonly outputs: Readonly<Record<string, HostArray>>;
  readonly ms: { readonly pipelines: number; readonly upload: number; readonly run: number };
}

/** Elementary operations that the reference evaluator is let to do when nobody asked for it: about half a minute. */
export const automaticReferenceLimit = 2e9;

/**
 * Runs a plan once for its results, then `repeat` times for its time, and with `profile` as often for the time of each dispatch.
 *
 * @throws DeviceError, InputError as the runtime does
 */
export async function runOnDevice(
  device: WeftDevice,
  plan: Plan,
  values: { readonly parameters: ParameterValues; readonly inputs: Readonly<Record<string, HostTensor>> },
  { repeat, profile }: { readonly repeat: number; readonly profile: boolean },
  terminal: Terminal,
): Promise<Execution> {
  const executable: Executable = await prepare(device, plan, {
    parameters: values.parameters,
    onProgress: ({ stage, done, total }) => terminal.progress(`${stage} ${printCount(done)} of ${printCount(total)}`),
  });
  try {
    terminal.progress("running");
    const outputs = await executable.run(values.inputs);
    // The run above has warmed everything up, and its inputs are still there.
    const { ms } = await executable.time({ repeat, warmup: 0 });
    const times = { ...executable.prepareMs, run: median(ms) };
    return {
      outputs,
      ms: times,
      ...(profile ? { profile: await profileExecutable(executable, repeat, terminal) } : {}),
    };
  } finally {
    executable.dispose();
  }
}

/**
 * Evaluates a graph on the host in float64, rounding results to their types at the end.
 *
 * Call `checkReferenceLimits` first.
 */
export async function runOnReference(
  graph: Graph,
  values: { readonly parameters: ParameterValues; readonly inputs: Readonly<Record<string, HostTensor>> },
  terminal: Terminal,
): Promise<Execution> {
  const started = performance.now();
  const parameters = await hostParameters(graph, values.parameters);
  const uploaded = performance.now();
  const results = evaluateGraph(
    graph,
    { inputs: tensorsOf(graph.inputs, values.inputs), parameters },
    {
      onNode: (node, position, total) =>
        terminal.progress(`reference: ${node.op}, node ${printCount(position + 1)} of ${printCount(total)}`),
    },
  );
  const outputs = Object.fromEntries(
    Object.entries(results).map(([name, tensor]) => [name, hostArrayFromNumbers(tensor.type.dtype, tensor.data)]),
  );
  return { outputs, ms: { pipelines: 0, upload: uploaded - started, run: performance.now() - uploaded } };
}

/**
 * Refuses what the host cannot do, before data is drawn or read for it.
 *
 * @param limited  also refuses graphs that would take more than about half a minute
 * @throws DeviceError "limit"
 */
export function checkReferenceLimits(graph: Graph, limited: boolean): void {
  const cost = evaluationCost(graph);
  if (limited && cost > automaticReferenceLimit) {
    throw new DeviceError(
      "limit",
      `there is no WebGPU device, and the reference evaluator would need ${cost.toExponential(1)} operations for ${graph.name}; ` +
        "use smaller sizes, install a driver (`weft doctor`), or insist with --device reference",
    );
  }
  for (const node of graphNodes(graph)) {
    // A node's value and its operands' lie in memory together, 8 bytes an element.
    const bytes = 8 * [node, ...node.operands].reduce((sum, { type }) => sum + elementCount(type.shape), 0);
    if (2 * bytes > totalmem()) {
      throw new DeviceError(
        "limit",
        `the reference evaluator would need more than ${printBytes(bytes)} for ${node.name ?? node.op}: ${printType(node.type)}; use smaller sizes`,
      );
    }
  }
}

/** All parameters of a graph as the reference evaluator takes them. */
export async function hostParameters(graph: Graph, read: ParameterValues): Promise<Record<string, Tensor>> {
  const parameters: Record<string, Tensor> = {};
  for (const node of graph.parameters) {
    const path = node.attributes.name as string;
    parameters[path] = referenceTensor(node.type, (await read(path)).data);
  }
  return parameters;
}

/** Values of input nodes as the reference evaluator takes them. */
export function tensorsOf(
  nodes: Graph["inputs"],
  values: Readonly<Record<string, HostTensor>>,
): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const node of nodes) {
    const name = node.attributes.name as string;
    const value = values[name];
    if (value !== undefined) tensors[name] = referenceTensor(node.type, value.data);
  }
  return tensors;
}

function referenceTensor(type: TensorType, data: HostArray): Tensor {
  return { type, data: Float64Array.from(asStored(type.dtype, data)) };
}
