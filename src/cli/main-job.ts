/**
 * The main job: the Performer encoder on the bytes of a text, with its attention in the order that the optimiser found, in the
 * order in which it is written, and as exact softmax attention, all with the same weights in the same run.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { printFlops } from "../ir/index.ts";
import { packageRoot } from "../library.ts";
import type { RewriteTrace } from "../passes/index.ts";
import { type Executable, type HostTensor, prepare } from "../runtime/index.ts";
import { compileEntry, initialValuesOf, type LoadedEntry, loadEntry } from "./compilation.ts";
import { checkReferenceLimits, runOnReference } from "./execution.ts";
import { InputProblems } from "./exit-status.ts";
import { printKernels, printStages, printWgsl } from "./inspect-report.ts";
import type { Machine } from "./machine.ts";
import type { CompileOptions } from "./options.ts";
import { median, printBytes, printCount, printMilliseconds } from "./quantities.ts";
import { makeRunReport, type RunReport } from "./run-report.ts";
import { readFileBytes, sourceReader } from "./source-files.ts";
import { printTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const modelFile = "models/performer/performer.weft";
const attentionFile = "models/performer/attention.weft";

/** Tokens read at most: with as many, the written order takes seconds on two cores, not minutes. */
const mostTokens = { device: 4096, reference: 256 };

/** Runs whose median counts: as many as start within the time, at least one. The first run, which warms up, is not timed. */
const timed = { mostRuns: 3, withinMs: 2000 };

interface Variant {
  readonly title: string;
  readonly entry: LoadedEntry;
  readonly compiled: ReturnType<typeof compileEntry>;
  readonly output: ArrayLike<number>;
  readonly report: RunReport;
}

/** Runs the job and prints what a researcher wants to see. */
export async function runMainJob(
  path: string,
  options: CompileOptions,
  machine: Machine,
  terminal: Terminal,
): Promise<void> {
  const bytes = readFileBytes(path);
  if (bytes.length === 0) throw new InputProblems([`${path} is empty: there is nothing to encode`]);
  const length = Math.min(bytes.length, machine.kind === "device" ? mostTokens.device : mostTokens.reference);
  const tokens: HostTensor = { shape: [length], data: Int32Array.from(bytes.subarray(0, length)) };
  const base: CompileOptions = {
    ...options,
    model: "Performer",
    entry: "encode",
    preset: options.preset ?? "small",
    settings: new Map([["L", length], ...options.settings]),
  };

  terminal.note(`${path}: ${printCount(length)} of ${printCount(bytes.length)} bytes, on the ${machine.description}`);
  const runVariant = (title: string, changes: Partial<CompileOptions>) =>
    run(title, { ...base, ...changes }, tokens, machine, terminal);
  const found = await runVariant("order found", {});
  const written = await runVariant("order as written", { disable: [...base.disable, "contraction-order"] });
  const exact = await runVariant("exact softmax", { settings: new Map([...base.settings, ["exact", true]]) });
  terminal.endProgress();

  const reportPath = writeReport(path, [found, written, exact]);
  const agreement = relativeError(found.output, written.output);
  const approximation = relativeError(found.output, exact.output);
  if (terminal.json) {
    const figures = Object.fromEntries([found, written, exact].map(({ title, report }) => [title, report]));
    terminal.printJson({ file: path, tokens: length, figures, agreement, approximation, report: reportPath });
    return;
  }
  const rewrites = found.compiled.stages
    .flatMap((stage) => stage.rewrites)
    .filter((rewrite) => rewrite.pass === "contraction-order");
  terminal.print(
    [
      `Performer encoder (${base.preset} preset) on ${printCount(length)} bytes of ${basename(path)}`,
      `The equation, as written in ${attentionFile}\n\n${equation()}`,
      `The order that the optimiser found\n\n${describeOrder(rewrites)}`,
      figuresTable([found, written, exact]),
      [
        `Agreement of the two orders: relative difference ${agreement.toExponential(1)} (f32 rounding)`,
        `Error against exact softmax attention, same weights: ${approximation.toExponential(1)} of the output's norm, after ` +
          `${found.compiled.graph.parameters.filter((node) => String(node.attributes.name).endsWith("projection_matrix")).length} layers with untrained weights`,
        `Full report: ${reportPath}`,
      ].join("\n"),
    ].join("\n\n"),
  );
}

async function run(
  title: string,
  options: CompileOptions,
  tokens: HostTensor,
  machine: Machine,
  terminal: Terminal,
): Promise<Variant> {
  terminal.progress(`${title}: compiling`);
  const started = performance.now();
  const entry = loadEntry(join(packageRoot, modelFile), options, undefined, terminal);
  const compiled = compileEntry(entry, {
    profile: machine.profile,
    passes: options,
    onProgress: (step) => terminal.progress(`${title}: ${step}`),
  });
  const compileMs = performance.now() - started;
  const values = { parameters: initialValuesOf(entry, options.seed), inputs: { tokens } };
  if (machine.kind === "reference") {
    checkReferenceLimits(compiled.finalGraph, !machine.chosen);
    const { outputs, ms } = await runOnReference(compiled.finalGraph, values, terminal);
    const report = makeRunReport(machine.description, compiled, entry.graph, { compile: compileMs, ...ms });
    return { title, entry, compiled, output: Object.values(outputs)[0] as ArrayLike<number>, report };
  }
  const executable: Executable = await prepare(machine.device, compiled.plan, {
    parameters: values.parameters,
    onProgress: ({ stage, done, total }) => terminal.progress(`${title}: ${stage} ${done} of ${total}`),
  });
  try {
    terminal.progress(`${title}: running`);
    const outputs = await executable.run(values.inputs);
    const times: number[] = [];
    while (times.length < timed.mostRuns && times.reduce((sum, ms) => sum + ms, 0) < timed.withinMs) {
      terminal.progress(`${title}: timed run ${times.length + 1} of at most ${timed.mostRuns}`);
      times.push(...(await executable.time({ repeat: 1, warmup: 0 })).ms);
    }
    const ms = { compile: compileMs, ...executable.prepareMs, run: median(times) };
    const report = makeRunReport(machine.description, compiled, entry.graph, ms);
    return { title, entry, compiled, output: Object.values(outputs)[0] as ArrayLike<number>, report };
  } finally {
    executable.dispose();
  }
}

/** The lines of the model's own text that say attention. */
function equation(): string {
  const text = sourceReader(join(packageRoot, modelFile))(join(packageRoot, attentionFile)) ?? "";
  const lines = text.split("\n");
  const start = lines.findIndex((line) => line.startsWith("fn linear_attention<"));
  const end = lines.findIndex((line, i) => i > start && line === "}");
  return lines
    .slice(start, end + 1)
    .map((line) => `  ${line}`)
    .join("\n");
}

/** What contraction order did, each kind of change once. */
function describeOrder(rewrites: readonly RewriteTrace[]): string {
  const kinds = new Map<string, { rewrite: RewriteTrace; count: number }>();
  for (const rewrite of rewrites) {
    const key = `${rewrite.before}\n${rewrite.after}`;
    kinds.set(key, { rewrite, count: (kinds.get(key)?.count ?? 0) + 1 });
  }
  const largest = [...kinds.values()].sort((a, b) => saved(b) - saved(a)).slice(0, 3);
  if (largest.length === 0) return "  the written order; at this length no other is cheaper";
  return largest
    .map(({ rewrite, count }) =>
      [
        `  ${count} × ${rewrite.rule}, saving ${printFlops(saved({ rewrite, count }))}: ${rewrite.reason}`,
        `    from  ${rewrite.before}`,
        `    to    ${rewrite.after}`,
      ].join("\n"),
    )
    .join("\n");
}

const saved = ({ rewrite, count }: { rewrite: RewriteTrace; count: number }) =>
  count * (rewrite.flopsBefore - rewrite.flopsAfter);

function figuresTable(variants: readonly Variant[]): string {
  const [found] = variants as [Variant];
  const rows = variants.map(({ title, report }) => [
    title,
    printFlops(report.flops),
    printBytes(report.bytesMoved),
    printBytes(report.peakBytes),
    String(report.dispatches),
    printMilliseconds(report.ms.run),
    `${(report.ms.run / found.report.ms.run).toFixed(1)} ×`,
  ]);
  return printTable(
    [
      { title: "" },
      { title: "work", align: "right" },
      { title: "moved", align: "right" },
      { title: "peak memory", align: "right" },
      { title: "dispatches", align: "right" },
      { title: "time", align: "right" },
      { title: "of the first", align: "right" },
    ],
    rows,
  );
}

/** `|a - b| / |b|` in the Euclidean norm. */
function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < b.length; i++) {
    difference += ((a[i] as number) - (b[i] as number)) ** 2;
    norm += (b[i] as number) ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** Every stage, kernel and shader of all variants, in a folder of the working directory. */
function writeReport(path: string, variants: readonly Variant[]): string {
  const folder = "reports";
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `performer-${basename(path).replace(/[^\w.-]/g, "_")}.txt`);
  const text = variants.map(({ title, compiled }) =>
    [`════ ${title}`, printStages(compiled, true), printKernels(compiled.kernels), printWgsl(compiled.plan)].join(
      "\n\n",
    ),
  );
  writeFileSync(file, `${text.join("\n\n\n")}\n`);
  return file;
}
