/** `weft inspect FILE`: the graph before and after passes, kernels, WGSL, plan, costs. */
import { Option } from "commander";
import type { CompiledGraph, LoweringOptions, OptimisedGraph } from "../../compile.ts";
import type { InspectedProfile } from "../../inspect/index.ts";
import { printGraph } from "../../ir/index.ts";
import { DeviceError, type WeftDevice } from "../../runtime/index.ts";
import { initialValuesOf, type LoadedEntry, loadEntry, optimiseEntry, planEntry } from "../compilation.ts";
import { printCosts, printHottestKernels, printMemory } from "../cost-report.ts";
import { runOnDevice } from "../execution.ts";
import { exitStatus, UsageError } from "../exit-status.ts";
import { type InputSources, openInputs } from "../input-files.ts";
import { checkInputs, readInputs } from "../input-values.ts";
import { printKernels, printPlan, printPlanCost, printStages, printWgsl } from "../inspect-report.ts";
import { inspectionPage } from "../inspector-page.ts";
import { withMachine } from "../machine.ts";
import { addCompileOptions, type CompileOptions, readCompileOptions } from "../options.ts";
import { inspectEntry, requireDevice, writeResult } from "../profiling.ts";
import { jsonNumber, type Terminal } from "../terminal.ts";
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
      .addOption(
        new Option("--emit <what>", "one thing alone; html is a page that needs no other file").choices(emitted),
      )
      .option("-o, --output <file>", "write what --emit gives to a file")
      .option("--cost", "what the lines of the source and the kernels cost")
      .option("--memory", "activations over the run, with the peak marked")
      .option("--profile", "time every dispatch on the device; inputs that are not given are drawn");
  },
  execute: async ([file], raw, terminal) => {
    const options = readCompileOptions(raw);
    const emit = (terminal.json ? "json" : raw.emit) as Emitted | undefined;
    const after = raw.after as string | undefined;
    const output = raw.output as string | undefined;
    const views = { cost: raw.cost === true, memory: raw.memory === true };
    const profile = raw.profile === true;
    checkCombination(raw);
    const sources = await openInputs(options.inputs, options.inputsFile);
    try {
      const entry = loadEntry(file as string, options, sources, terminal);
      const lowering = await passOptions(entry, options, sources, terminal);
      const optimised = optimiseEntry(entry, lowering);
      terminal.endProgress();
      const request: Request = { entry, optimised, options, sources, lowering, profile, terminal };
      if (after !== undefined) showAfter(optimised, after, terminal);
      else if (views.cost || views.memory) terminal.print(await printViews(request, views));
      else if (emit === undefined) await showOverview(request, raw.all === true);
      else {
        const text = emit === "ir" ? printGraph(optimised.finalGraph) : await printPlanned(request, emit);
        if (output === undefined) terminal.print(text);
        else {
          writeResult(output, text);
          terminal.note(`${emit} written to ${output}`);
        }
      }
    } finally {
      await sources.close();
    }
    return exitStatus.done;
  },
};

/** @throws UsageError for options that ask for different things at once */
function checkCombination(raw: Readonly<Record<string, unknown>>): void {
  const views = raw.cost === true || raw.memory === true;
  if (raw.after !== undefined && (raw.emit !== undefined || raw.all === true || views)) {
    throw new UsageError("--after shows one graph; leave out --emit, --all, --cost and --memory");
  }
  if (views && (raw.emit !== undefined || raw.all === true || raw.json === true)) {
    throw new UsageError("--cost and --memory are views in the terminal; --emit json has their figures");
  }
  if (raw.output !== undefined && raw.emit === undefined && raw.json !== true) {
    throw new UsageError("--output needs --emit, which says what to write");
  }
}

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

/** A planned entry, and how long its dispatches took where that was asked for. */
interface Planned {
  readonly compiled: CompiledGraph;
  readonly adapter: string;
  readonly profile?: InspectedProfile;
}

interface Request {
  readonly entry: LoadedEntry;
  readonly optimised: OptimisedGraph;
  readonly options: CompileOptions;
  readonly sources: InputSources;
  readonly lowering: PassOptions;
  readonly profile: boolean;
  readonly terminal: Terminal;
}

/** Opens a device for its limits, unless the user chose another profile, and plans for it; runs only to time. */
async function plan(request: Request): Promise<Planned> {
  const { entry, optimised, options, lowering, terminal } = request;
  return withMachine(options.device, terminal, async (machine) => {
    if (request.profile) requireDevice(machine);
    const compiled = planEntry(entry, optimised, { ...lowering, profile: machine.profile });
    const profile =
      request.profile && machine.kind === "device"
        ? await timeDispatches(request, compiled, machine.device)
        : undefined;
    terminal.endProgress();
    return { compiled, adapter: machine.description, profile };
  });
}

/** Runs the plan to time its dispatches; inputs that are not given are drawn. */
async function timeDispatches(
  { entry, options, sources, terminal }: Request,
  compiled: CompiledGraph,
  device: WeftDevice,
): Promise<InspectedProfile> {
  const completed = { ...sources, restRandom: true };
  checkInputs(entry.graph.inputs, completed);
  const initial = initialValuesOf(entry, options.seed);
  const weights = { file: options.weights, allowMissing: options.allowMissing, initial };
  const parameters = await openParameters(entry.wanted, weights, terminal);
  try {
    const inputs = await readInputs(entry.graph.inputs, completed, options.seed);
    const values = { parameters: parameters.read, inputs };
    const { profile } = await runOnDevice(device, compiled.plan, values, { repeat: 1, profile: true }, terminal);
    return profile as InspectedProfile;
  } finally {
    await parameters.close();
  }
}

async function printPlanned(request: Request, emit: Emitted): Promise<string> {
  const { compiled, adapter, profile } = await plan(request);
  switch (emit) {
    case "html":
      return inspectionPage(inspectEntry(request.entry, compiled, adapter, profile));
    case "json":
      return `${JSON.stringify(inspectEntry(request.entry, compiled, adapter, profile), jsonNumber, 2)}\n`;
    case "kernels":
      return printKernels(compiled.kernels);
    case "wgsl":
      return printWgsl(compiled.plan);
    case "plan":
      return printPlan(compiled.plan);
    case "ir":
      return printGraph(compiled.finalGraph);
    default:
      return emit satisfies never;
  }
}

/** The views of cost and memory that were asked for. */
async function printViews(
  request: Request,
  views: { readonly cost: boolean; readonly memory: boolean },
): Promise<string> {
  const { compiled, adapter, profile } = await plan(request);
  const inspection = inspectEntry(request.entry, compiled, adapter, profile);
  return [...(views.cost ? [printCosts(inspection)] : []), ...(views.memory ? [printMemory(inspection)] : [])].join(
    "\n\n",
  );
}

async function showOverview(request: Request, all: boolean): Promise<void> {
  const { optimised, terminal } = request;
  terminal.print(printStages(optimised, all));
  if (!all) terminal.print(printGraph(optimised.finalGraph));
  try {
    const { compiled, adapter, profile } = await plan(request);
    terminal.print(`${printPlanCost(compiled)}\n${printKernels(compiled.kernels)}`);
    if (profile !== undefined) {
      terminal.print(`\n${printHottestKernels(inspectEntry(request.entry, compiled, adapter, profile))}`);
    }
  } catch (error) {
    // The graph is worth seeing even where no device could run it.
    if (!(error instanceof DeviceError) || request.profile) throw error;
    terminal.note(`no plan: ${error.message}`);
  }
}
