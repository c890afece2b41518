/** What `run` prints: the results for people, the figures of the run as one JSON object. */

import { stepsOfRun } from "../codegen/index.ts";
import type { CompiledGraph } from "../compile.ts";
import { byteLength, elementCount, type Graph, printFlops, printType, type TensorType } from "../ir/index.ts";
import type { RewriteSummary } from "../passes/index.ts";
import type { HostArray } from "../runtime/index.ts";
import { printBytes, printMilliseconds, printPlural } from "./quantities.ts";

/** The object of `run --json`; other programs rely on its fields. */
export interface RunReport {
  /** Which device or evaluator ran it, and why that one. */
  readonly adapter: string;
  readonly outputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly dtype: string }>>;
  /** Different kernels of the plan. */
  readonly kernels: number;
  /** Dispatches of a run; what depends on parameters alone is not done again. */
  readonly dispatches: number;
  readonly flops: number;
  readonly bytesMoved: number;
  /** Bytes of all activations that lie in memory at the worst moment. */
  readonly peakBytes: number;
  readonly parameterBytes: number;
  readonly ms: {
    readonly compile: number;
    readonly pipelines: number;
    readonly upload: number;
    /** Median over `--repeat`, without upload and read-back. */
    readonly run: number;
  };
  readonly rewrites: readonly RewriteSummary[];
}

/** Figures of a run. On the reference evaluator, kernels and bytes are those of the plan that a device would have run. */
export function makeRunReport(
  adapter: string,
  { plan, rewrites }: Pick<CompiledGraph, "plan" | "rewrites">,
  graph: Graph,
  ms: RunReport["ms"],
): RunReport {
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  const run = stepsOfRun(plan);
  return {
    adapter,
    outputs: Object.fromEntries(
      graph.outputs.map(({ name, node: { type } }) => [name, { shape: type.shape, dtype: type.dtype }]),
    ),
    kernels: plan.kernels.length,
    dispatches: run.length,
    flops: sum(run.map(({ flops }) => flops)),
    bytesMoved: sum(run.map(({ bytes }) => bytes)),
    peakBytes: sum(plan.arenas),
    parameterBytes: sum(plan.parameters.map(({ type }) => byteLength(type))),
    ms,
    rewrites,
  };
}

/** The run in two or three lines. */
export function printRunSummary(report: RunReport): string {
  const { ms } = report;
  const saved = report.rewrites.reduce((all, { flopsBefore, flopsAfter }) => all + flopsBefore - flopsAfter, 0);
  const rewrites = report.rewrites.reduce((all, { count }) => all + count, 0);
  return [
    report.adapter,
    `${printPlural(report.kernels, "kernel")}, ${printPlural(report.dispatches, "dispatch").replace(/dispatchs$/, "dispatches")}, ` +
      `${printFlops(report.flops)}, ${printBytes(report.bytesMoved)} moved, ${printBytes(report.peakBytes)} of activations, ` +
      `${printBytes(report.parameterBytes)} of parameters; ${printPlural(rewrites, "rewrite")}${saved > 0 ? ` saved ${printFlops(saved)}` : ""}`,
    `compile ${printMilliseconds(ms.compile)}, pipelines ${printMilliseconds(ms.pipelines)}, upload ${printMilliseconds(ms.upload)}, run ${printMilliseconds(ms.run)}`,
  ].join("\n");
}

/** Elements of an output that are shown. */
const shownElements = 8;

/** One output: its type, its first elements, and for large ones how its values are spread. */
export function printOutput(name: string, type: TensorType, data: HostArray): string {
  const count = elementCount(type.shape);
  const shown = Array.from(data.subarray(0, shownElements), (value) => printValue(type, value));
  const values = `${shown.join(", ")}${count > shownElements ? ", …" : ""}`;
  const head = `${name}: ${printType(type)}`;
  if (count <= shownElements) return `${head} = ${type.shape.length === 0 ? values : `[${values}]`}`;
  return `${head} = [${values}]\n  ${printSpread(data)}`;
}

function printValue(type: TensorType, value: number): string {
  if (type.dtype === "bool") return value === 0 ? "false" : "true";
  return type.dtype === "i32" || type.dtype === "u32" ? String(value) : String(Number(value.toPrecision(6)));
}

function printSpread(data: HostArray): string {
  let [low, high, sum, finite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const value of data) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
    sum += value;
    finite++;
  }
  const odd = data.length - finite;
  const short = (value: number) => Number(value.toPrecision(6));
  const spread =
    finite === 0 ? "no finite values" : `from ${short(low)} to ${short(high)}, mean ${short(sum / finite)}`;
  return odd === 0 || finite === 0 ? spread : `${spread}; ${odd} not finite`;
}
