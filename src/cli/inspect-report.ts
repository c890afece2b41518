/** The compiler's work as text: passes, kernels, plan. */

import { type BufferSlice, type Plan, type PlannedKernel, stepsOfRun } from "../codegen/index.ts";
import type { CompiledGraph, OptimisedGraph } from "../compile.ts";
import { type GraphCost, graphCost } from "../inspect/index.ts";
import { byteLength, type Node, type Origins, printFlops, printGraph, printType } from "../ir/index.ts";
import { type PassStage, type RewriteSummary, summariseRewrites } from "../passes/index.ts";
import { printBytes, printCount, printMilliseconds, printPlural } from "./quantities.ts";
import { printTable } from "./table.ts";
import { printSchedule } from "./tuned-file.ts";

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

const valueName = (node: Node) => String(node.name ?? node.attributes.name ?? node.op);

/** `favor.weft:12, 14, 15`: the lines that a kernel computes, file by file. */
function printLines(origins: Origins): string {
  const lines = new Map<string, Set<number>>();
  for (const { file, line } of origins) lines.set(file, (lines.get(file) ?? new Set()).add(line));
  return [...lines]
    .map(([file, numbers]) => `${file.split("/").at(-1)}:${[...numbers].sort((a, b) => a - b).join(",")}`)
    .join(" ");
}

export function printKernels(kernels: readonly PlannedKernel[]): string {
  const bytes = (nodes: readonly Node[]) => nodes.reduce((sum, node) => sum + byteLength(node.type), 0);
  const rows = kernels.map(({ group, step, threads, choice }) => [
    step.label,
    group.kind,
    printCount(threads),
    printFlops(step.flops),
    printBytes(bytes(group.inputs)),
    printBytes(bytes(group.outputs)),
    choice === undefined ? "" : `${printSchedule(choice.schedule)} (${choice.by})`,
    group.inputs.map(valueName).join(" "),
    group.outputs.map((node) => `${valueName(node)}: ${printType(node.type)}`).join("; "),
    printLines(step.origins),
  ]);
  const right = (title: string) => ({ title, align: "right" as const });
  const columns = [
    { title: "kernel" },
    { title: "kind" },
    right("threads"),
    right("flops"),
    right("read"),
    right("written"),
    { title: "schedule" },
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
export function printPlanCost({ plan }: CompiledGraph): string {
  const run = stepsOfRun(plan);
  const flops = run.reduce((sum, step) => sum + step.flops, 0);
  const bytes = run.reduce((sum, step) => sum + step.bytes, 0);
  const arenas = plan.arenas.reduce((sum, size) => sum + size, 0);
  return (
    `── plan: ${printPlural(plan.kernels.length, "kernel")} in ${printPlural(run.length, "step")}, ${printFlops(flops)}, ` +
    `${printBytes(bytes)} moved, ${printBytes(arenas)} of activations` +
    (plan.prepared === 0
      ? ""
      : `; the first ${printPlural(plan.prepared, "step")} run once, when parameters are written`)
  );
}
