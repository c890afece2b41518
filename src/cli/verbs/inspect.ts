/** `weft inspect FILE`: the graph before and after passes, kernels, WGSL, plan, costs. */
import { Option } from "commander";
import type { LoweringOptions, OptimisedGraph } from "../../compile.ts";
import { printGraph } from "../../ir/index.ts";
import { DeviceError } from "../../runtime/index.ts";
import { printComparedBuilds } from "../comparison-report.ts";
import { initialValuesOf, type LoadedEntry, loadEntry, optimiseEntry } from "../compilation.ts";
import { printCosts, printHottestKernels, printMemory } from "../cost-report.ts";
import { exitStatus, UsageError } from "../exit-status.ts";
import { type InputSources, openInputs } from "../input-files.ts";
import { checkInputs, readInputs } from "../input-values.ts";
import { printKernels, printPlan, printPlanCost, printStages, printWgsl } from "../inspect-report.ts";
import { type InspectionRequest, inspectOnMachine, openOtherBuild } from "../inspected-entry.ts";
import { inspectionPage } from "../inspector-page.ts";
import { addCompileOptions, type CompileOptions, readCompileOptions } from "../options.ts";
import { writeResult } from "../profiling.ts";
import { jsonNumber, type Terminal } from "../terminal.ts";
import { addSchedulesOption, readSchedules } from "../tuned-file.ts";
import { printValues } from "../value-report.ts";
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
    addSchedulesOption(command);
    command
      .option("--after <pass>", "the IR after this pass (its last run; PASS:1 is its first), or `written`")
      .option("--all", "the IR after every pass that changed something")
      .addOption(
        new Option("--emit <what>", "one thing alone; html is a page that needs no other file").choices(emitted),
      )
      .option("-o, --output <file>", "write what --emit gives to a file")
      .option("--cost", "what the lines of the source and the kernels cost")
      .option("--memory", "activations over the run, with the peak marked")
      .option("--profile", "time every dispatch on the device; inputs that are not given are drawn")
      .option(
        "--probe",
        "run for the values of every equation: range, NaN, deviation from float64; inputs as --profile",
      )
      .option("--against <file>", "compare, equation by equation, with another .weft file or an earlier --emit json");
  },
  execute: async ([file], raw, terminal) => {
    const options = readCompileOptions(raw);
    const emit = (terminal.json ? "json" : raw.emit) as Emitted | undefined;
    const after = raw.after as string | undefined;
    const output = raw.output as string | undefined;
    checkCombination(raw, emit);
    const sources = await openInputs(options.inputs, options.inputsFile);
    try {
      const entry = loadEntry(file as string, options, sources, terminal);
      const lowering = await passOptions(entry, options, sources, terminal);
      const optimised = optimiseEntry(entry, lowering);
      terminal.endProgress();
      const common = { options, sources, lowering, terminal };
      const request: InspectionRequest = {
        ...common,
        entry,
        optimised,
        profile: raw.profile === true,
        probe: raw.probe === true,
        ...(raw.against === undefined ? {} : { against: openOtherBuild(raw.against as string, common) }),
      };
      if (after !== undefined) showAfter(optimised, after, terminal);
      else if (emit !== undefined) {
        const text = emit === "ir" ? printGraph(optimised.finalGraph) : await printPlanned(request, emit);
        if (output === undefined) terminal.print(text);
        else {
          writeResult(output, text);
          terminal.note(`${emit} written to ${output}`);
        }
      } else if (viewOptions.some((name) => raw[name] !== undefined)) terminal.print(await printViews(request, raw));
      else await showOverview(request, raw.all === true);
    } finally {
      await sources.close();
    }
    return exitStatus.done;
  },
};

/** Options that show something else than the passes and the plan. */
const viewOptions = ["cost", "memory", "probe", "against"];

/** @throws UsageError for options that ask for different things at once */
function checkCombination(raw: Readonly<Record<string, unknown>>, emit: Emitted | undefined): void {
  const chosen = viewOptions.filter((name) => raw[name] !== undefined);
  if (raw.after !== undefined && (raw.emit !== undefined || raw.all === true || chosen.length > 0)) {
    throw new UsageError(
      `--after shows one graph; leave out --emit, --all${viewOptions.map((name) => `, --${name}`).join("")}`,
    );
  }
  if ((raw.cost === true || raw.memory === true) && (emit !== undefined || raw.all === true)) {
    throw new UsageError("--cost and --memory are views in the terminal; --emit json has their figures");
  }
  if ((raw.probe === true || raw.against !== undefined) && emit !== undefined && !["html", "json"].includes(emit)) {
    throw new UsageError(`--emit ${emit} does not show what --probe and --against find; --emit html and json do`);
  }
  if (chosen.length > 0 && raw.all === true) throw new UsageError(`--all shows the passes; leave out --${chosen[0]}`);
  if (raw.output !== undefined && emit === undefined) {
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
    ...readSchedules(options.schedules),
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

async function printPlanned(request: InspectionRequest, emit: Emitted): Promise<string> {
  const { compiled, inspection } = await inspectOnMachine(request);
  switch (emit) {
    case "html":
      return inspectionPage(inspection);
    case "json":
      return `${JSON.stringify(inspection, jsonNumber, 2)}\n`;
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

/** The views that were asked for, one after the other. */
async function printViews(request: InspectionRequest, raw: Readonly<Record<string, unknown>>): Promise<string> {
  const { inspection } = await inspectOnMachine(request);
  return [
    ...(raw.cost === true ? [printCosts(inspection)] : []),
    ...(raw.memory === true ? [printMemory(inspection)] : []),
    ...printValues(inspection),
    ...printComparedBuilds(inspection),
  ].join("\n\n");
}

async function showOverview(request: InspectionRequest, all: boolean): Promise<void> {
  const { optimised, terminal } = request;
  terminal.print(printStages(optimised, all));
  if (!all) terminal.print(printGraph(optimised.finalGraph));
  try {
    const { compiled, inspection } = await inspectOnMachine(request);
    terminal.print(`${printPlanCost(compiled)}\n${printKernels(compiled.kernels)}`);
    if (request.profile) terminal.print(`\n${printHottestKernels(inspection)}`);
  } catch (error) {
    // The graph is worth seeing even where no device could run it.
    if (!(error instanceof DeviceError) || request.profile) throw error;
    terminal.note(`no plan: ${error.message}`);
  }
}
