/** `weft inspect FILE`: the graph before and after passes, kernels, WGSL, plan, costs. */
import { Option } from "commander";
import type { CompiledGraph, LoweringOptions, OptimisedGraph } from "../../compile.ts";
import { printGraph } from "../../ir/index.ts";
import { DeviceError } from "../../runtime/index.ts";
import { initialValuesOf, type LoadedEntry, loadEntry, optimiseEntry, planEntry } from "../compilation.ts";
import { exitStatus, UsageError } from "../exit-status.ts";
import { type InputSources, openInputs } from "../input-files.ts";
import { checkInputs, readInputs } from "../input-values.ts";
import { inspectionJson, printKernels, printPlan, printPlanCost, printStages, printWgsl } from "../inspect-report.ts";
import { withMachine } from "../machine.ts";
import { addCompileOptions, type CompileOptions, readCompileOptions } from "../options.ts";
import type { Terminal } from "../terminal.ts";
import type { Verb } from "../verb.ts";
import { passVerification } from "../verification.ts";
import { openParameters } from "../weights.ts";

const emitted = ["ir", "kernels", "wgsl", "plan", "json", "html"] as const;
type Emitted = (typeof emitted)[number];

export const inspectVerb: Verb = {
  name: "inspect",
  describe: (command) => {
    command.summary("show the IR, kernels, WGSL, plan and costs").argument("<file>", ".weft or .ir file");
    addCompileOptions(command);
    command
      .option("--after <pass>", "the IR after this pass (its last run; PASS:1 is its first), or `written`")
      .option("--all", "the IR after every pass that changed something")
      .addOption(new Option("--emit <what>", "one thing alone").choices(emitted));
  },
  execute: async ([file], raw, terminal) => {
    const options = readCompileOptions(raw);
    const emit = (terminal.json ? "json" : raw.emit) as Emitted | undefined;
    if (emit === "html")
      throw new UsageError("--emit html is not part of this version; --emit json has the same content");
    const after = raw.after as string | undefined;
    if (after !== undefined && (raw.emit !== undefined || raw.all === true)) {
      throw new UsageError("--after shows one graph; leave out --emit and --all");
    }
    const sources = await openInputs(options.inputs, options.inputsFile);
    try {
      const entry = loadEntry(file as string, options, sources, terminal);
      const lowering = await passOptions(entry, options, sources, terminal);
      const optimised = optimiseEntry(entry, lowering);
      terminal.endProgress();
      if (after !== undefined) showAfter(optimised, after, terminal);
      else if (emit === "ir") terminal.print(printGraph(optimised.finalGraph));
      else if (emit !== undefined) await showPlanned(entry, optimised, options, emit, lowering, terminal);
      else await showOverview(entry, optimised, options, raw.all === true, lowering, terminal);
    } finally {
      await sources.close();
    }
    return exitStatus.done;
  },
};

type PassOptions = Omit<LoweringOptions, "profile">;

/** With `--verify`, inputs that are not given are drawn. */
async function passOptions(
  entry: LoadedEntry,
  options: CompileOptions,
  sources: InputSources,
  terminal: Terminal,
): Promise<PassOptions> {
  const lowering: PassOptions = {
    passes: options,
    onProgress: (step) => terminal.progress(step),
    now: () => performance.now(),
  };
  if (!options.verify) return lowering;
  const completed = { ...sources, restRandom: true };
  checkInputs(entry.graph.inputs, completed);
  const inputs = () => readInputs(entry.graph.inputs, completed, options.seed);
  const initial = initialValuesOf(entry, options.seed);
  const request = { file: options.weights, allowMissing: options.allowMissing, initial };
  const parameters = await openParameters(entry.wanted, request, terminal);
  try {
    return { ...lowering, verify: await passVerification(entry, inputs, parameters.read, terminal) };
  } finally {
    await parameters.close();
  }
}

function showAfter(optimised: OptimisedGraph, after: string, terminal: Terminal): void {
  const graph = after === "written" ? optimised.graph : stageNamed(optimised, after).graph;
  if (terminal.json) terminal.printJson({ name: graph.name, after, ir: printGraph(graph) });
  else terminal.print(printGraph(graph));
}

function stageNamed({ stages }: OptimisedGraph, text: string): OptimisedGraph["stages"][number] {
  const [, name, run] = /^(.*?)(?::(\d+))?$/.exec(text) as unknown as [string, string, string | undefined];
  const runs = stages.filter((stage) => stage.name === name);
  const stage = run === undefined ? runs.at(-1) : runs[Number(run) - 1];
  if (stage !== undefined) return stage;
  const names = ["written", ...new Set(stages.map((one) => one.name))];
  throw new UsageError(
    runs.length > 0
      ? `--after ${text}: ${name} runs ${runs.length === 1 ? "once" : `${runs.length} times`}`
      : `--after ${text}: no such pass runs; there are ${names.join(", ")}`,
  );
}

/** Opens a device for its limits, unless the user chose another profile, and plans for it. */
async function plan(
  entry: LoadedEntry,
  optimised: OptimisedGraph,
  options: CompileOptions,
  lowering: PassOptions,
  terminal: Terminal,
): Promise<{ readonly compiled: CompiledGraph; readonly adapter: string }> {
  return withMachine(options.device, terminal, async ({ profile, description }) => {
    const compiled = planEntry(entry, optimised, { ...lowering, profile });
    terminal.endProgress();
    return { compiled, adapter: description };
  });
}

async function showPlanned(
  entry: LoadedEntry,
  optimised: OptimisedGraph,
  options: CompileOptions,
  emit: Emitted,
  lowering: PassOptions,
  terminal: Terminal,
): Promise<void> {
  const { compiled, adapter } = await plan(entry, optimised, options, lowering, terminal);
  if (emit === "json") terminal.printJson(inspectionJson(compiled, adapter));
  else if (emit === "kernels") terminal.print(printKernels(compiled.kernels));
  else if (emit === "wgsl") terminal.print(printWgsl(compiled.plan));
  else terminal.print(printPlan(compiled.plan));
}

async function showOverview(
  entry: LoadedEntry,
  optimised: OptimisedGraph,
  options: CompileOptions,
  all: boolean,
  lowering: PassOptions,
  terminal: Terminal,
): Promise<void> {
  terminal.print(printStages(optimised, all));
  if (!all) terminal.print(printGraph(optimised.finalGraph));
  try {
    const { compiled } = await plan(entry, optimised, options, lowering, terminal);
    terminal.print(`${printPlanCost(compiled)}\n${printKernels(compiled.kernels)}`);
  } catch (error) {
    // The graph is worth seeing even where no device could run it.
    if (!(error instanceof DeviceError)) throw error;
    terminal.note(`no plan: ${error.message}`);
  }
}
