/** Comparing what a device gave with the reference, and finding where it first went wrong. */

import { makePlan } from "../codegen/index.ts";
import {
  byteLength,
  compareWithin,
  evaluateGraph,
  evaluateNodesWithBounds,
  evaluateWithBounds,
  evaluationCost,
  type Graph,
  type GraphValues,
  graphNodes,
  type Node,
  type Origins,
  operationOf,
  printSpan,
  printType,
  type Shape,
  type WorstElement,
} from "../ir/index.ts";
import { type HostArray, type HostTensor, prepare, type WeftDevice } from "../runtime/index.ts";
import type { ParameterValues } from "./execution.ts";
import { printCount } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";

/** Graphs that cost more are not compared: bounds take about four evaluations, a minute at this size. */
const largestComparison = 4e9;
/** Bytes of intermediate values that one locating run stores besides what the program itself needs. */
const bytesPerProbe = 2 ** 26;

/** What the comparison works on. */
export interface Comparison {
  /** The graph as the author wrote it: what the results should be. */
  readonly written: Graph;
  /** The graph that the kernels were made from: what bounds are derived from. */
  readonly compiled: Graph;
  readonly fuse: boolean;
  readonly outputs: Readonly<Record<string, HostArray>>;
  readonly inputs: Readonly<Record<string, HostTensor>>;
  readonly parameters: ParameterValues;
  /** The same values for the reference evaluator. */
  readonly values: GraphValues;
}

export interface OutputComparison {
  readonly output: string;
  readonly within: boolean;
  readonly worst?: WorstElement & { readonly position: readonly number[] };
}

/** The first value, in the order of computation, that is further off than its bound allows. */
export interface FirstDeviation {
  readonly node: string;
  readonly operation: string;
  readonly origins: readonly string[];
  readonly worst: WorstElement & { readonly position: readonly number[] };
}

export type ComparisonReport =
  | { readonly compared: false; readonly reason: string }
  | {
      readonly compared: true;
      readonly outputs: readonly OutputComparison[];
      /** Present when an output is off and a single value could be found at fault. */
      readonly first?: FirstDeviation;
    };

/** Compares all outputs; when one is off, runs the graph again with intermediate values as outputs to find the first. */
export async function compareWithReference(
  comparison: Comparison,
  device: WeftDevice,
  terminal: Terminal,
): Promise<ComparisonReport> {
  const { written, compiled, values } = comparison;
  const cost = evaluationCost(written) + 4 * evaluationCost(compiled);
  if (cost > largestComparison) {
    return {
      compared: false,
      reason: `the reference would need ${cost.toExponential(1)} operations, more than the ${largestComparison.toExponential(1)} allowed; use smaller sizes`,
    };
  }
  const onNode = (node: Node, position: number, total: number) =>
    terminal.progress(`reference: ${node.op}, node ${printCount(position + 1)} of ${printCount(total)}`);
  const truth = evaluateGraph(written, values, { onNode });
  const bounded = evaluateWithBounds(compiled, values, { onNode });
  const outputs = Object.entries(truth).map(([output, value]): OutputComparison => {
    const worst = compareWithin(
      comparison.outputs[output] as HostArray,
      value,
      (bounded[output] as (typeof bounded)[string]).bound,
      1,
    );
    if (worst === undefined) return { output, within: true };
    return { output, within: worst.ratio <= 1, worst: placed(worst, value.type.shape) };
  });
  if (outputs.every(({ within }) => within)) return { compared: true, outputs };
  const first = await locate(comparison, device, terminal);
  return { compared: true, outputs, ...(first === undefined ? {} : { first }) };
}

async function locate(
  { compiled, fuse, inputs, parameters, values }: Comparison,
  device: WeftDevice,
  terminal: Terminal,
): Promise<FirstDeviation | undefined> {
  const bounded = evaluateNodesWithBounds(compiled, values);
  const nodes = graphNodes(compiled).filter((node) => !["source", "movement"].includes(operationOf(node.op).family));
  for (const group of groupsBySize(nodes)) {
    terminal.progress(`looking for the first value outside its bound: ${group[0]?.op}`);
    const probe: Graph = { ...compiled, outputs: group.map((node, k) => ({ name: `value_${k}`, node })) };
    const executable = await prepare(device, makePlan(probe, device.profile, { fuse }).plan, { parameters });
    try {
      const got = await executable.run(inputs);
      for (const [k, node] of group.entries()) {
        const { value, bound } = bounded.get(node) as {
          value: (typeof values.inputs)[string];
          bound: (typeof values.inputs)[string];
        };
        const worst = compareWithin(got[`value_${k}`] as HostArray, value, bound, 1);
        if (worst === undefined || worst.ratio <= 1) continue;
        return {
          node: `${node.name ?? node.op}: ${printType(node.type)}`,
          operation: node.op,
          origins: printOrigins(node.origins),
          worst: placed(worst, node.type.shape),
        };
      }
    } finally {
      executable.dispose();
    }
  }
  return undefined;
}

/** Consecutive nodes, as many as fit into one probe. */
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

const printOrigins = (origins: Origins) => origins.map(printSpan);

function placed(worst: WorstElement, shape: Shape): WorstElement & { readonly position: readonly number[] } {
  const position: number[] = [];
  let rest = worst.index;
  for (const size of [...shape].reverse()) {
    position.unshift(rest % size);
    rest = Math.floor(rest / size);
  }
  return { ...worst, position };
}

/** The report as lines for people. */
export function printComparison(report: ComparisonReport): string[] {
  if (!report.compared) return [`not compared with the reference: ${report.reason}`];
  const lines = report.outputs.map(({ output, within, worst }) => {
    if (worst === undefined) return `${output}: nothing to compare`;
    const ratio = Number(worst.ratio.toPrecision(3));
    if (within) return `${output}: within its error bound; the worst element uses ${ratio} of it`;
    return `${output}: OUTSIDE its error bound: element [${worst.position.join(", ")}] is ${worst.got}, the reference says ${worst.want} ± ${worst.bound}`;
  });
  if (report.outputs.every(({ within }) => within)) return lines;
  const { first } = report;
  if (first === undefined) {
    lines.push(
      "every single value is within its bound when it is stored on its own: the fault is in how kernels are fused",
    );
  } else {
    lines.push(
      `the first value outside its bound is ${first.node} (${first.operation}, ${first.origins.join(", ") || "no source place"}): ` +
        `element [${first.worst.position.join(", ")}] is ${first.worst.got}, the reference says ${first.worst.want} ± ${first.worst.bound}`,
    );
  }
  return lines;
}
