/** A model's graph with weights by path: in float64 on the reference evaluator, and on a device. */
import { compileGraph, type PassSelection } from "../../src/compile.ts";
import { evaluateGraph, type Graph, type Shape, tensorOf } from "../../src/ir/index.ts";
import { type HostTensor, hostArrayFromNumbers, prepare, type WeftDevice } from "../../src/runtime/index.ts";
import type { Values } from "./compile-model.ts";

export type NamedValues = Readonly<Record<string, Values>>;
export type Results = Record<string, ArrayLike<number>>;
/** The weights of a parameter. */
export type WeightsByPath = (path: string, shape: Shape) => Values;

/** Results of a graph in float64, before any pass. */
export function evaluateWith(graph: Graph, inputs: NamedValues, weights: WeightsByPath): Results {
  const tensors = (nodes: Graph["inputs"], lookUp: (name: string, shape: Shape) => Values | undefined) =>
    Object.fromEntries(
      nodes.map((node) => {
        const name = node.attributes.name as string;
        return [name, tensorOf(node.type, Array.from(lookUp(name, node.type.shape)?.data ?? []))];
      }),
    );
  const values = {
    inputs: tensors(graph.inputs, (name) => inputs[name]),
    parameters: tensors(graph.parameters, weights),
  };
  return Object.fromEntries(Object.entries(evaluateGraph(graph, values)).map(([name, { data }]) => [name, data]));
}

/** Results of a graph on a device. */
export async function runWith(
  device: WeftDevice,
  graph: Graph,
  inputs: NamedValues,
  weights: WeightsByPath,
  passes: PassSelection = {},
): Promise<Results> {
  const { plan } = compileGraph(graph, { profile: device.profile, passes });
  const types = new Map([...plan.inputs, ...plan.parameters].map(({ name, type }) => [name, type]));
  const host = (name: string, { shape, data }: Values): HostTensor => ({
    shape,
    data: hostArrayFromNumbers(types.get(name)?.dtype ?? "f32", data),
  });
  const parameters = (name: string) => host(name, weights(name, types.get(name)?.shape ?? []));
  const executable = await prepare(device, plan, { parameters });
  try {
    const given = plan.inputs.map(({ name }) => [name, host(name, inputs[name] as Values)]);
    return (await executable.run(Object.fromEntries(given))) as Results;
  } finally {
    executable.dispose();
  }
}
