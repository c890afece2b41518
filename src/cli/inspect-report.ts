/** The compiler's work as text and as JSON: passes, kernels, plan, costs. */

import type { BufferSlice, Plan, PlannedKernel } from "../codegen/index.ts";
import type { CompiledGraph, OptimisedGraph } from "../compile.ts";
import {
  byteLength,
  type Graph,
  graphNodes,
  type Node,
  type Origins,
  operationOf,
  printFlops,
  printGraph,
  printSpan,
  printType,
} from "../ir/index.ts";
import { type PassStage, type RewriteSummary, summariseRewrites } from "../passes/index.ts";
import { printBytes, printCount, printMilliseconds, printPlural } from "./quantities.ts";
import { printTable } from "./table.ts";

/** Nodes and floating-point operations of a graph, and bytes when every operand is read and every result written. */
export interface GraphCost {
  readonly nodes: number;
  readonly flops: number;
  readonly largestBytes: number;
}

export function graphCost(graph: Graph): GraphCost {
  const nodes = graphNodes(graph);
  let flops = 0;
  let largestBytes = 0;
  for (const node of nodes) {
    const operation = operationOf(node.op);
    flops += operation.flops(
      node.operands.map(({ type }) => type),
      node.type,
      node.attributes,
    );
    // Views and sources take no memory of their own.
    if (!["source", "movement"].includes(operation.family))
      largestBytes = Math.max(largestBytes, byteLength(node.type));
  }
  return { nodes: nodes.length, flops, largestBytes };
}

function printCost({ nodes, flops, largestBytes }: GraphCost): string {
  return `${printPlural(nodes, "node")}, ${printFlops(flops)}, largest value ${printBytes(largestBytes)}`;
}

/** `── contraction-order: 2 rewrites, saved 1.2 GFLOP`, then one line per rule. */
function printStageHeader(stage: PassStage): string {
  const sums = summariseRewrites(stage.rewrites);
  const saved = sums.reduce((all, { flopsBefore, flopsAfter }) => all + flopsBefore - flopsAfter, 0);
  const time = stage.ms === undefined ? "" : `, ${printMilliseconds(stage.ms)}`;
  const title = `── after ${stage.name}: ${printPlural(stage.rewrites.length, "rewrite")}${saved > 0 ? `, ${printFlops(saved)} saved` : ""}${time}`;
  return [title, ...sums.map((sum) => `   ${printRule(sum)}`)].join("\n");
}

function printRule({ rule, count, flopsBefore, flopsAfter, bytesBefore, bytesAfter }: RewriteSummary): string {
  const change = (before: number, after: number, print: (value: number) => string) =>
    before === after ? [] : [`${print(before)} → ${print(after)}`];
  const changes = [...change(flopsBefore, flopsAfter, printFlops), ...change(bytesBefore, bytesAfter, printBytes)];
  return `${printCount(count)} × ${rule}${changes.length === 0 ? "" : `: ${changes.join(", ")}`}`;
}

/** Every stage's header; with `graphs`, the graph after each pass that changed something. Passes without effect are folded. */
export function printStages(optimised: OptimisedGraph, graphs: boolean): string {
  const sections = [`── as written: ${printCost(graphCost(optimised.graph))}`];
  if (graphs) sections.push(printGraph(optimised.graph).trimEnd());
  let unchanged: string[] = [];
  const fold = () => {
    if (unchanged.length > 0) sections.push(`── unchanged by ${unchanged.join(", ")}`);
    unchanged = [];
  };
  for (const stage of optimised.stages) {
    if (!stage.changed) {
      unchanged.push(stage.name);
      continue;
    }
    fold();
    sections.push(printStageHeader(stage));
    if (graphs) sections.push(printGraph(stage.graph).trimEnd());
  }
  fold();
  sections.push(`── final: ${printCost(graphCost(optimised.finalGraph))}`);
  return sections.join("\n");
}

/** One kernel launch as a row of figures. */
interface KernelRow {
  readonly name: string;
  readonly kind: string;
  readonly threads: number;
  readonly workgroups: readonly number[];
  readonly flops: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Places in the source that it computes. */
  readonly origins: readonly string[];
}

const valueName = (node: Node) => String(node.name ?? node.attributes.name ?? node.op);

function kernelRow({ group, step, threads }: PlannedKernel): KernelRow {
  const bytes = (nodes: readonly Node[]) => nodes.reduce((sum, node) => sum + byteLength(node.type), 0);
  const named = (node: Node) => `${valueName(node)}: ${printType(node.type)}`;
  return {
    name: step.label,
    kind: group.kind,
    threads,
    workgroups: step.workgroups,
    flops: step.flops,
    bytesRead: bytes(group.inputs),
    bytesWritten: bytes(group.outputs),
    inputs: group.inputs.map(named),
    outputs: group.outputs.map(named),
    origins: step.origins.map(printSpan),
  };
}

/** `favor.weft:12, 14, 15`: the lines that a kernel computes, file by file. */
function printLines(origins: Origins): string {
  const lines = new Map<string, Set<number>>();
  for (const { file, line } of origins) lines.set(file, (lines.get(file) ?? new Set()).add(line));
  return [...lines]
    .map(([file, numbers]) => `${file.split("/").at(-1)}:${[...numbers].sort((a, b) => a - b).join(",")}`)
    .join(" ");
}

export function printKernels(kernels: readonly PlannedKernel[]): string {
  const rows = kernels.map((kernel) => {
    const row = kernelRow(kernel);
    return [
      row.name,
      row.kind,
      printCount(row.threads),
      printFlops(row.flops),
      printBytes(row.bytesRead),
      printBytes(row.bytesWritten),
      kernel.group.inputs.map(valueName).join(" "),
      row.outputs.join("; "),
      printLines(kernel.step.origins),
    ];
  });
  const right = (title: string) => ({ title, align: "right" as const });
  const columns = [
    { title: "kernel" },
    { title: "kind" },
    right("threads"),
    right("flops"),
    right("read"),
    right("written"),
    { title: "inputs" },
    { title: "outputs" },
    { title: "source" },
  ];
  return printTable(columns, rows);
}

/** All kernels' WGSL, each under a comment that says which steps launch it. */
export function printWgsl({ kernels, steps }: Plan): string {
  return kernels
    .map(({ name, wgsl }, index) => {
      const launches = steps.flatMap((step, position) => (step.kernel === index ? [position] : []));
      return `// ${name}: ${launches.length === 1 ? "step" : "steps"} ${launches.join(", ")}\n${wgsl.trimEnd()}\n`;
    })
    .join("\n");
}

function printSlice({ buffer, offset, size }: BufferSlice): string {
  return buffer.kind === "arena"
    ? `arena ${buffer.index} [${offset}, ${offset + size})`
    : `${buffer.kind} ${buffer.name}`;
}

/** Buffers and steps of a plan, in order. */
export function printPlan(plan: Plan): string {
  const named = (kind: string, tensors: Plan["inputs"]) =>
    tensors.map(({ name, type, bytes }) => [kind, name, printType(type), printBytes(bytes)]);
  const arenas = plan.arenas.map((bytes, index) => ["arena", String(index), "", printBytes(bytes)]);
  const buffers = printTable(
    [{ title: "buffer" }, { title: "name" }, { title: "type" }, { title: "size", align: "right" }],
    [
      ...named("input", plan.inputs),
      ...named("parameter", plan.parameters),
      ...named("constant", plan.constants),
      ...named("output", plan.outputs),
      ...arenas,
    ],
  );
  const steps = printTable(
    [{ title: "step", align: "right" }, { title: "kernel" }, { title: "workgroups" }, { title: "bindings" }],
    plan.steps.map(({ kernel, workgroups, slices }, index) => [
      String(index),
      plan.kernels[kernel]?.name ?? "",
      workgroups.join(" × "),
      slices.map((slice, binding) => `${plan.kernels[kernel]?.bindings[binding]} ${printSlice(slice)}`).join("; "),
    ]),
  );
  return `${buffers}\n\n${steps}`;
}

/** Totals of a plan in one line. */
export function printPlanCost({ plan, kernels }: CompiledGraph): string {
  const flops = plan.steps.reduce((sum, step) => sum + step.flops, 0);
  const bytes = plan.steps.reduce((sum, step) => sum + step.bytes, 0);
  const arenas = plan.arenas.reduce((sum, size) => sum + size, 0);
  return (
    `── plan: ${printPlural(plan.kernels.length, "kernel")} in ${printPlural(kernels.length, "step")}, ${printFlops(flops)}, ` +
    `${printBytes(bytes)} moved, ${printBytes(arenas)} of activations`
  );
}

/** Everything at once, as `inspect --emit json` prints it. Graphs are IR text. */
export function inspectionJson(compiled: CompiledGraph, adapter: string) {
  const { graph, stages, finalGraph, plan, kernels } = compiled;
  return {
    name: graph.name,
    adapter,
    written: { cost: graphCost(graph), ir: printGraph(graph) },
    stages: stages.map((stage) => ({
      pass: stage.name,
      changed: stage.changed,
      ms: stage.ms,
      rewrites: stage.rewrites,
      ...(stage.changed ? { cost: graphCost(stage.graph), ir: printGraph(stage.graph) } : {}),
    })),
    final: { cost: graphCost(finalGraph), ir: printGraph(finalGraph) },
    kernels: kernels.map((kernel) => ({ ...kernelRow(kernel), wgsl: kernel.wgsl })),
    plan,
  };
}
