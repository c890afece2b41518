/** The values inside a graph as a device computes them, each with what the reference makes of the device's own operands. */
import { makePlan } from "../codegen/index.ts";
import {
  type BoundedTensor,
  byteLength,
  evaluateWithBounds,
  type Graph,
  type GraphValues,
  graphNodes,
  makeNode,
  type Node,
  operationOf,
  type Tensor,
} from "../ir/index.ts";
import { type HostArray, type HostTensor, prepare, type WeftDevice } from "../runtime/index.ts";
import type { ParameterValues } from "./execution.ts";
import { printCount } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";

/** Bytes of intermediate values that one run stores besides what the program itself needs. */
const bytesPerProbe = 2 ** 26;

/** A graph and the data it runs on. */
export interface Probe {
  /** The graph that the kernels were made from. */
  readonly compiled: Graph;
  readonly fuse: boolean;
  readonly inputs: Readonly<Record<string, HostTensor>>;
  readonly parameters: ParameterValues;
  /** The same values for the reference evaluator. */
  readonly values: GraphValues;
}

/** A value that was stored by itself. */
export interface StoredValue {
  readonly node: Node;
  readonly got: Tensor;
  /** From the device's own operands, taken as exact: the bound is as tight as one operation. */
  readonly alone: BoundedTensor;
}

/** Runs the graph with its intermediate values as outputs, as many at a time as memory allows; in the order of computation. */
export async function* storedValues(
  { compiled, fuse, inputs, parameters, values }: Probe,
  device: WeftDevice,
  terminal: Terminal,
): AsyncGenerator<StoredValue> {
  const computed = computedNodes(compiled);
  /** What the device computed; views and sources follow from it on the host. */
  const known = new Map<Node, Tensor>();
  const hostValue = (node: Node): Tensor => {
    const found = known.get(node);
    if (found !== undefined) return found;
    const { value } = evaluateAlone(node, node.operands.map(hostValue), values);
    known.set(node, value);
    return value;
  };
  let done = 0;
  for (const group of groupsBySize(computed)) {
    terminal.progress(`checking values one by one: ${printCount(done)} of ${printCount(computed.length)}`);
    const probe: Graph = { ...compiled, outputs: group.map((node, k) => ({ name: `value_${k}`, node })) };
    const executable = await prepare(device, makePlan(probe, device.profile, { fuse }).plan, { parameters });
    try {
      const got = await executable.run(inputs);
      for (const [k, node] of group.entries()) {
        known.set(node, { type: node.type, data: Float64Array.from(got[`value_${k}`] as HostArray) });
      }
    } finally {
      executable.dispose();
    }
    for (const node of group) {
      const alone = evaluateAlone(node, node.operands.map(hostValue), values);
      yield { node, got: known.get(node) as Tensor, alone };
    }
    done += group.length;
  }
}

/** Nodes that compute something; of sources and views nothing can be off. */
export function computedNodes(graph: Graph): readonly Node[] {
  return graphNodes(graph).filter(({ op }) => !["source", "movement"].includes(operationOf(op).family));
}

/** One node from given operands, taken as exact. */
function evaluateAlone(node: Node, operands: readonly Tensor[], values: GraphValues): BoundedTensor {
  const result = "result";
  if (node.operands.length === 0) {
    const alone: Graph = { name: node.op, inputs: [], parameters: [], outputs: [{ name: result, node }] };
    return evaluateWithBounds(alone, values)[result] as BoundedTensor;
  }
  const inputs = node.operands.map((operand, k) =>
    makeNode("input", [], { name: `operand_${k}` }, { declared: operand.type }),
  );
  const again = makeNode(node.op, inputs, node.attributes, { declared: node.type, regions: node.regions });
  const given = Object.fromEntries(operands.map((operand, k) => [`operand_${k}`, operand]));
  const alone: Graph = { name: node.op, inputs, parameters: [], outputs: [{ name: result, node: again }] };
  return evaluateWithBounds(alone, { inputs: given, parameters: {} })[result] as BoundedTensor;
}

/** Consecutive nodes, as many as fit into one run. */
function groupsBySize(nodes: readonly Node[]): Node[][] {
  const groups: Node[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const node of nodes) {
    const size = byteLength(node.type);
    if (bytes + size > bytesPerProbe) {
      groups.push([]);
      bytes = 0;
    }
    (groups.at(-1) as Node[]).push(node);
    bytes += size;
  }
  return groups;
}
