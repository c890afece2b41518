/** Running an entry for the values inside it: what they are like, and how far they are from float64. */
import { totalmem } from "node:os";
import type { CompiledGraph } from "../compile.ts";
import {
  type InspectionContext,
  type ProbedNode,
  probedNumber,
  statisticsOf,
  worstDeviation,
} from "../inspect/index.ts";
import {
  compareWithin,
  elementCount,
  evaluateNodes,
  type Graph,
  type GraphValues,
  graphNodes,
  type Node,
} from "../ir/index.ts";
import { DeviceError, type HostTensor } from "../runtime/index.ts";
import { refusedComparison } from "./compare.ts";
import { hostParameters, type ParameterValues, tensorsOf } from "./execution.ts";
import type { Machine } from "./machine.ts";
import { computedNodes, storedValues } from "./probed-values.ts";
import { printBytes, printCount } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";

export interface ProbeData {
  readonly inputs: Readonly<Record<string, HostTensor>>;
  /** Names of those that were drawn. */
  readonly drawn: readonly string[];
  readonly parameters: ParameterValues;
}

/**
 * Values of the last graph as the machine computes them, each stored by itself, and of those that only the graph as written has as
 * the reference evaluator does.
 *
 * Call `checkProbeLimits` first.
 *
 * @param fuse  whether kernels are fused, as in the plan
 */
export async function probeValues(
  compiled: CompiledGraph,
  fuse: boolean,
  { inputs, drawn, parameters }: ProbeData,
  machine: Machine,
  terminal: Terminal,
): Promise<NonNullable<InspectionContext["probe"]>> {
  const { graph, finalGraph } = compiled;
  const values: GraphValues = {
    inputs: tensorsOf([...new Set([...graph.inputs, ...finalGraph.inputs])], inputs),
    parameters: { ...(await hostParameters(graph, parameters)), ...(await hostParameters(finalGraph, parameters)) },
  };
  const onNode = (node: Node, position: number, total: number) =>
    terminal.progress(`reference: ${node.op}, node ${printCount(position + 1)} of ${printCount(total)}`);
  const computed = computedNodes(finalGraph);
  const truth = evaluateNodes(finalGraph, values, { nodes: computed, onNode });
  const found = finalGraph.inputs.map(
    (node): ProbedNode => ({
      node,
      from: "reference",
      ...statisticsOf(values.inputs[node.attributes.name as string]?.data ?? []),
    }),
  );
  if (machine.kind === "reference") {
    for (const node of computed) found.push(referenceValue(node, truth));
  } else {
    const probe = { compiled: finalGraph, fuse, inputs, parameters, values };
    for await (const { node, got, alone } of storedValues(probe, machine.device, terminal)) {
      const worst = worstDeviation(got.data, truth.get(node)?.data ?? [], node.type.shape);
      const ratio = compareWithin(got.data, alone.value, alone.bound, 1)?.ratio ?? 0;
      found.push({
        node,
        from: "device",
        ...statisticsOf(got.data),
        ...(worst === undefined ? {} : { worst }),
        boundUsed: probedNumber(ratio),
      });
    }
  }
  const known = new Set(found.map(({ node }) => node));
  const onlyWritten = computedNodes(graph).filter((node) => !known.has(node));
  const written = evaluateNodes(graph, values, { nodes: onlyWritten, onNode });
  for (const node of onlyWritten) found.push(referenceValue(node, written));
  return { method: machine.kind, drawn, values: found };
}

function referenceValue(node: Node, values: ReturnType<typeof evaluateNodes>): ProbedNode {
  return { node, from: "reference", ...statisticsOf(values.get(node)?.data ?? []) };
}

/**
 * Refuses what the reference evaluator would take too long or too much memory for, before data is drawn or read for it.
 *
 * @throws DeviceError "limit"
 */
export function checkProbeLimits({ graph: written, finalGraph: compiled }: CompiledGraph): void {
  const reason = refusedComparison(written, compiled);
  if (reason !== undefined) throw new DeviceError("limit", `--probe: ${reason}`);
  // The evaluator's values of one graph lie in memory together, 8 bytes an element, beside the device's of the other.
  const bytesOf = (graph: Graph) => 8 * graphNodes(graph).reduce((sum, { type }) => sum + elementCount(type.shape), 0);
  const bytes = bytesOf(written) + 2 * bytesOf(compiled);
  if (2 * bytes > totalmem()) {
    throw new DeviceError("limit", `--probe: the values would need ${printBytes(bytes)} together; use smaller sizes`);
  }
}
