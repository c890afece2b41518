/** Running graphs on the device in tests, next to the reference evaluator. */
import {
  type DeviceProfile,
  type DeviceSchedule,
  deviceSchedule,
  makePlan,
  type Plan,
  type PlanOptions,
} from "../../src/codegen/index.ts";
import { elementCount, type Graph, type GraphValues, type Node, type Tensor, tensorOf } from "../../src/ir/index.ts";
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

/** The default schedule with large tiles for small contractions too, so that small tests reach them. */
export function largeTiles(profile: DeviceProfile): DeviceSchedule {
  return { ...deviceSchedule(profile), lightWork: 0 };
}

/** Results of a graph on the device for given values. */
export async function runValues(
  device: WeftDevice,
  graph: Graph,
  values: GraphValues,
  options: PlanOptions = {},
): Promise<Record<string, Float64Array>> {
  return runPlan(device, makePlan(graph, device.profile, options).plan, values);
}

/** Results of a plan on the device for given values. */
export async function runPlan(
  device: WeftDevice,
  plan: Plan,
  values: GraphValues,
): Promise<Record<string, Float64Array>> {
  const executable = await prepare(device, plan, {
    parameters: (name) => hostArray(values.parameters?.[name] as Tensor),
  });
  try {
    const inputs = Object.fromEntries(
      Object.entries(values.inputs ?? {}).map(([name, tensor]) => [name, hostArray(tensor)]),
    );
    const results = await executable.run(inputs);
    return Object.fromEntries(
      Object.entries(results).map(([name, data]) => [name, Float64Array.from(data as ArrayLike<number>)]),
    );
  } finally {
    executable.dispose();
  }
}

/** Values for every input and parameter of a graph. */
export function valuesOf(graph: Graph): GraphValues {
  const named = (nodes: readonly Node[], seed: number) =>
    Object.fromEntries(nodes.map((node, i) => [node.attributes.name as string, valuesFor(node, seed + i)]));
  return { inputs: named(graph.inputs, 1), parameters: named(graph.parameters, 101) };
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
