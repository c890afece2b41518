/**
 * Comparing what a device gave with the reference, and finding where it first went wrong.
 *
 * The bounds of a whole graph grow with its depth, in deep models beyond all use. So where an output is off, or has no finite
 * bound, the graph is run again with its intermediate values as outputs, and each value is compared with what the reference makes
 * of the device's own operands: that bound is as tight as one operation.
 */
import { positionOf } from "../inspect/index.ts";
import {
  type BoundedTensor,
  compareWithin,
  evaluateGraph,
  evaluateWithBounds,
  evaluationCost,
  type Graph,
  type Node,
  printSpan,
  printType,
  type Shape,
  type Tensor,
  type WorstElement,
} from "../ir/index.ts";
import type { HostArray, WeftDevice } from "../runtime/index.ts";
import { type Probe, storedValues } from "./probed-values.ts";
import { printCount } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";

/** Graphs that cost more are not compared: bounds take about four evaluations, a minute at this size. */
const largestComparison = 4e9;

/** What the comparison works on; bounds are derived from the graph that the kernels were made from. */
export interface Comparison extends Probe {
  /** The graph as the author wrote it: what the results should be. */
  readonly written: Graph;
  readonly outputs: Readonly<Record<string, HostArray>>;
}

export interface OutputComparison {
  readonly output: string;
  readonly within: boolean;
  /** Elements whose bound is infinite: deep graphs amplify what their first steps may be off by, so nothing is checked there. */
  readonly unbounded: number;
  /** Largest difference from the reference, and the reference's largest magnitude. */
  readonly difference: number;
  readonly magnitude: number;
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
      /** How many values were checked one by one; absent when the outputs' bounds said enough. */
      readonly checkedValues?: number;
      /** The first value that is off by itself. */
      readonly first?: FirstDeviation;
    };

/** Compares all outputs; where that does not settle it, every value by itself, until the first that is off. */
export async function compareWithReference(
  comparison: Comparison,
  device: WeftDevice,
  terminal: Terminal,
): Promise<ComparisonReport> {
  const { written, compiled, values } = comparison;
  const reason = refusedComparison(written, compiled);
  if (reason !== undefined) return { compared: false, reason };
  const onNode = (node: Node, position: number, total: number) =>
    terminal.progress(`reference: ${node.op}, node ${printCount(position + 1)} of ${printCount(total)}`);
  const truth = evaluateGraph(written, values, { onNode });
  const bounded = evaluateWithBounds(compiled, values, { onNode });
  const outputs = Object.entries(truth).map(([output, value]) =>
    compareOutput(output, comparison.outputs[output] as HostArray, value, (bounded[output] as BoundedTensor).bound),
  );
  if (outputs.every(({ within, unbounded }) => within && unbounded === 0)) return { compared: true, outputs };
  return { compared: true, outputs, ...(await checkValues(comparison, device, terminal)) };
}

/** True when everything that was compared agrees. */
export function agrees(report: ComparisonReport): boolean {
  return !report.compared || (report.first === undefined && report.outputs.every(({ within }) => within));
}

function compareOutput(output: string, got: HostArray, value: Tensor, bound: Tensor): OutputComparison {
  let [difference, magnitude, unbounded] = [0, 0, 0];
  value.data.forEach((want, i) => {
    const off = Math.abs((got[i] as number) - want);
    if (off > difference) difference = off;
    if (Math.abs(want) > magnitude) magnitude = Math.abs(want);
    if (bound.data[i] === Number.POSITIVE_INFINITY) unbounded++;
  });
  const worst = compareWithin(got, value, bound, 1);
  const figures = { output, unbounded, difference, magnitude };
  if (worst === undefined) return { ...figures, within: true };
  return { ...figures, within: worst.ratio <= 1, worst: placed(worst, value.type.shape) };
}

async function checkValues(
  comparison: Comparison,
  device: WeftDevice,
  terminal: Terminal,
): Promise<{ readonly checkedValues: number; readonly first?: FirstDeviation }> {
  let checkedValues = 0;
  for await (const { node, got, alone } of storedValues(comparison, device, terminal)) {
    const worst = compareWithin(got.data, alone.value, alone.bound, 1);
    checkedValues++;
    if (worst === undefined || worst.ratio <= 1) continue;
    const first: FirstDeviation = {
      node: `${node.name ?? node.op}: ${printType(node.type)}`,
      operation: node.op,
      origins: node.origins.map(printSpan),
      worst: placed(worst, node.type.shape),
    };
    return { checkedValues, first };
  }
  return { checkedValues };
}

function placed(worst: WorstElement, shape: Shape): WorstElement & { readonly position: readonly number[] } {
  return { ...worst, position: positionOf(worst.index, shape) };
}

/** Why comparing a graph with the reference would take too long; undefined when it does not. */
export function refusedComparison(written: Graph, compiled: Graph): string | undefined {
  const cost = evaluationCost(written) + 4 * evaluationCost(compiled);
  return cost <= largestComparison
    ? undefined
    : `the reference would need ${cost.toExponential(1)} operations, more than the ${largestComparison.toExponential(1)} allowed; use smaller sizes`;
}

/** The report as lines for people. */
export function printComparison(report: ComparisonReport): string[] {
  if (!report.compared) return [`not compared with the reference: ${report.reason}`];
  const lines = report.outputs.map(printOutputComparison);
  const { first, checkedValues } = report;
  if (first !== undefined) {
    lines.push(
      `the first value outside its bound is ${first.node} (${first.operation}, ${first.origins.join(", ") || "no source place"}): ` +
        `element [${first.worst.position.join(", ")}] is ${first.worst.got}, the reference says ${first.worst.want} ± ${first.worst.bound}`,
    );
  } else if (checkedValues !== undefined) {
    const good = `each of ${printCount(checkedValues)} values, stored by itself, is within the bound of its own operation`;
    const fault = agrees(report) ? "" : ": the fault is in how kernels are fused";
    lines.push(`${good}${fault}`);
  }
  return lines;
}

function printOutputComparison({ output, within, worst, unbounded, difference, magnitude }: OutputComparison): string {
  if (worst === undefined) return `${output}: nothing to compare`;
  if (!within) {
    return `${output}: OUTSIDE its error bound: element [${worst.position.join(", ")}] is ${worst.got}, the reference says ${worst.want} ± ${worst.bound}`;
  }
  const short = (value: number) => Number(value.toPrecision(3));
  const open = unbounded === 0 ? "" : ` (${printCount(unbounded)} elements have no finite bound)`;
  return (
    `${output}: within its error bound${open}; the worst element uses ${short(worst.ratio)} of it; ` +
    `largest difference ${short(difference)} at values up to ${short(magnitude)}`
  );
}
