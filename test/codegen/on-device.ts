/** Running graphs on the device in tests, next to the reference evaluator. */
import { makePlan, type PlanOptions, type PlanResult } from "../../src/codegen/index.ts";
import { elementCount, evaluateGraph, type Graph, type Node, type Tensor, tensorOf } from "../../src/ir/index.ts";
import { openDevice, prepare, type WeftDevice } from "../../src/runtime/index.ts";

let opened: Promise<WeftDevice | undefined> | undefined;

/** The adapter all tests share, or `undefined` with a line that says why there is none. */
export function testDevice(): Promise<WeftDevice | undefined> {
  opened ??= openDevice({ prefer: "auto" }).catch((error: Error) => {
    console.log(`device tests are skipped: ${error.message}`);
    return undefined;
  });
  return opened;
}

/** Deterministic values in [-1, 1), or indices below the bound, or a third of true. */
export function valuesFor(node: Node, seed: number): Tensor {
  let state = (seed * 2654435761 + 12345) >>> 0;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const { dtype, below, shape } = node.type;
  return tensorOf(
    node.type,
    Array.from({ length: elementCount(shape) }, () => {
      const x = next();
      if (dtype === "bool") return x < 1 / 3 ? 0 : 1;
      if (dtype === "i32" || dtype === "u32") return Math.floor(x * (below ?? 10));
      return Math.fround(2 * x - 1);
    }),
  );
}

export interface DeviceRun {
  readonly device: Record<string, Float64Array>;
  readonly reference: Record<string, Tensor>;
  readonly planned: PlanResult;
}

/** Runs a graph on the device and on the reference evaluator with the same values. */
export async function runBoth(device: WeftDevice, graph: Graph, options: PlanOptions = {}): Promise<DeviceRun> {
  const named = (nodes: readonly Node[]) => nodes.map((node, i) => [node.attributes.name as string, valuesFor(node, i + 1)] as const);
  const inputs = Object.fromEntries(named(graph.inputs));
  const parameters = Object.fromEntries(named(graph.parameters).map(([name, tensor], i) => [name, valuesFor(graph.parameters[i] as Node, i + 101)]));
  const reference = evaluateGraph(graph, { inputs, parameters });
  const planned = makePlan(graph, device.profile, options);
  const host = (tensor: Tensor) => hostArray(tensor);
  const executable = await prepare(device, planned.plan, { parameters: (name) => host(parameters[name] as Tensor) });
  try {
    const results = await executable.run(Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, host(tensor)])));
    const values = Object.fromEntries(Object.entries(results).map(([name, data]) => [name, Float64Array.from(data as ArrayLike<number>)]));
    return { device: values, reference, planned };
  } finally {
    executable.dispose();
  }
}

function hostArray(tensor: Tensor) {
  switch (tensor.type.dtype) {
    case "bool":
      return Uint8Array.from(tensor.data);
    case "i32":
      return Int32Array.from(tensor.data);
    case "u32":
      return Uint32Array.from(tensor.data);
    default:
      return Float32Array.from(tensor.data);
  }
}

/** Largest |got - want| over the largest |want|, over all outputs. */
export function worstDeviation(run: DeviceRun): number {
  let worst = 0;
  for (const [name, want] of Object.entries(run.reference)) {
    const got = run.device[name] as Float64Array;
    const scale = want.data.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
    want.data.forEach((x, i) => {
      const error = Math.abs((got[i] as number) - x) / scale;
      worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
    });
  }
  return worst;
}
