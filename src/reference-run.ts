/** A run without any device, for those who only want the numbers. */
import { evaluateGraph, evaluationCost, type Graph, type Tensor, type TensorType } from "./ir/index.ts";
import { checkedData, DeviceError, type HostArray, type HostValue, hostArrayFromNumbers } from "./runtime/index.ts";

/** Elementary operations that a run without a device may take: about half a minute. */
const referenceLimit = 2e9;

/**
 * Evaluates a graph on the host in float64, rounding results to their types at the end.
 *
 * @param parameters  values by path
 * @throws DeviceError when it would take longer than anyone waits; InputError for a missing or ill-fitting value
 */
export async function runOnReference(
  graph: Graph,
  inputs: Readonly<Record<string, HostValue>>,
  parameters: (path: string) => HostValue | Promise<HostValue>,
): Promise<Record<string, HostArray>> {
  const cost = evaluationCost(graph);
  if (cost > referenceLimit) {
    throw new DeviceError(
      "no-adapter",
      `there is no WebGPU device, and ${graph.name} takes ${cost.toExponential(1)} operations, more than the reference evaluator may`,
    );
  }
  const values: { inputs: Record<string, Tensor>; parameters: Record<string, Tensor> } = { inputs: {}, parameters: {} };
  for (const { attributes, type } of graph.inputs) {
    const name = attributes.name as string;
    values.inputs[name] = referenceTensor("input", name, type, inputs[name] as HostValue);
  }
  for (const { attributes, type } of graph.parameters) {
    const name = attributes.name as string;
    values.parameters[name] = referenceTensor("parameter", name, type, await parameters(name));
  }
  const results = Object.entries(evaluateGraph(graph, values));
  return Object.fromEntries(results.map(([name, { type, data }]) => [name, hostArrayFromNumbers(type.dtype, data)]));
}

function referenceTensor(what: "input" | "parameter", name: string, type: TensorType, value: HostValue): Tensor {
  return { type, data: Float64Array.from(checkedData(what, name, type, value)) };
}
