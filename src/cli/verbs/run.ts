/** `weft run FILE`: compiles an entry and runs it. */
import { Option } from "commander";
import type { CompiledGraph } from "../../compile.ts";
import type { Inspection } from "../../inspect/index.ts";
import { elementCount, graphNodes, printGraph } from "../../ir/index.ts";
import { DeviceError, type HostTensor, PlanError } from "../../runtime/index.ts";
import { writeWeights } from "../../runtime/node.ts";
import { agrees, type ComparisonReport, compareWithReference, printComparison } from "../compare.ts";
import { bugIn, compileEntry, initialValuesOf, type LoadedEntry, loadEntry } from "../compilation.ts";
import { printHottestKernels } from "../cost-report.ts";
import {
  checkReferenceLimits,
  type Execution,
  hostParameters,
  type ParameterValues,
  runOnDevice,
  runOnReference,
  tensorsOf,
} from "../execution.ts";
import { type ExitStatus, exitStatus, InputProblems, UsageError } from "../exit-status.ts";
import { type InputSources, openInputs } from "../input-files.ts";
import { checkInputs, readInputs } from "../input-values.ts";
import { type Machine, withMachine } from "../machine.ts";
import { addCompileOptions, type CompileOptions, countingNumber, readCompileOptions } from "../options.ts";
import { inspectEntry, requireDevice, writeTraceFile } from "../profiling.ts";
import { makeRunReport, printOutput, printRunSummary, type RunReport } from "../run-report.ts";
import type { Terminal } from "../terminal.ts";
import { addSchedulesOption, readSchedules, reportNotes } from "../tuned-file.ts";
import type { Verb } from "../verb.ts";
import { passVerification } from "../verification.ts";
import { openParameters } from "../weights.ts";

interface RunOptions extends CompileOptions {
  readonly output?: string;
  readonly repeat: number;
  readonly compare: boolean;
  readonly profile: boolean;
  readonly trace?: string;
}

export const runVerb: Verb = {
  name: "run",
  describe: (command) => {
    command.summary("compile an entry and run it").argument("<file>", ".weft or .ir file");
    addCompileOptions(command);
    addSchedulesOption(command);
    command
      .option("--output <file>", "write the results by name to a .safetensors file")
      .option("--repeat <n>", "time this many runs and report the median", countingNumber, 1)
      .option("--profile", "time every dispatch, and show the hottest kernels with their source lines")
      .option("--trace <file>", "with the profile, write a trace for chrome://tracing or Perfetto (.json)")
      .addOption(
        new Option("--compare <with>", "after the run, name the first value outside its error bound").choices([
          "reference",
        ]),
      );
  },
  execute: async ([file], raw, terminal) => {
    const options: RunOptions = {
      ...readCompileOptions(raw),
      output: raw.output as string | undefined,
      repeat: raw.repeat as number,
      compare: raw.compare === "reference",
      profile: raw.profile === true || raw.trace !== undefined,
      trace: raw.trace as string | undefined,
    };
    if (options.output !== undefined && !options.output.endsWith(".safetensors")) {
      throw new UsageError(
        `--output ${options.output}: results are written as .safetensors; give the file that ending`,
      );
    }
    const sources = await openInputs(options.inputs, options.inputsFile);
    try {
      const started = performance.now();
      const entry = loadEntry(file as string, options, sources, terminal);
      const frontMs = performance.now() - started;
      checkInputs(entry.graph.inputs, sources);
      const initial = initialValuesOf(entry, options.seed);
      const weights = { file: options.weights, allowMissing: options.allowMissing, initial };
      if (entry.parameters === undefined && options.weights === undefined && entry.wanted.length > 0) {
        terminal.note(
          `${file} does not say how parameters start and --weights gives none: they are drawn from the seed`,
        );
      }
      const parameters = await openParameters(entry.wanted, weights, terminal);
      try {
        return await withMachine(options.device, terminal, (machine) =>
          runEntry({ entry, options, sources, parameters: parameters.read, frontMs, machine, terminal }),
        );
      } finally {
        await parameters.close();
      }
    } finally {
      await sources.close();
    }
  },
};

interface Run {
  readonly entry: LoadedEntry;
  readonly options: RunOptions;
  readonly sources: InputSources;
  readonly parameters: ParameterValues;
  /** ms spent on the text so far. */
  readonly frontMs: number;
  readonly machine: Machine;
  readonly terminal: Terminal;
}

type Inputs = Readonly<Record<string, HostTensor>>;

async function runEntry(run: Run): Promise<ExitStatus> {
  const { entry, options, sources, parameters, machine, terminal } = run;
  if (options.profile) requireDevice(machine);
  const readValues = () => readInputs(entry.graph.inputs, sources, options.seed);
  const verify = options.verify ? await passVerification(entry, readValues, parameters, terminal) : undefined;
  const started = performance.now();
  const compiled = compileEntry(entry, {
    profile: machine.profile,
    passes: options,
    ...readSchedules(options.schedules),
    verify,
    onProgress: (step) => terminal.progress(step),
    now: () => performance.now(),
  });
  const compileMs = run.frontMs + performance.now() - started;
  reportNotes(compiled, terminal);
  if (machine.kind === "reference") checkReferenceLimits(entry.graph, !machine.chosen);
  // Only now: what does not fit the device is refused before anything is drawn or read.
  const inputs = await readValues();
  const execution = await execute(run, compiled, inputs);
  const report = makeRunReport(machine.description, compiled, entry.graph, { compile: compileMs, ...execution.ms });
  if (options.output !== undefined) await writeOutputs(options.output, entry, execution);
  const comparison = options.compare ? await compare(run, compiled, inputs, execution) : undefined;
  terminal.endProgress();
  const profiled =
    execution.profile === undefined
      ? undefined
      : inspectEntry(entry, compiled, machine.description, { profile: execution.profile });
  if (profiled !== undefined && options.trace !== undefined) writeTraceFile(options.trace, profiled);
  printResults(run, report, execution, comparison, profiled);
  if (comparison?.compared !== true || agrees(comparison)) return exitStatus.done;
  const place = comparison.first === undefined ? "fused kernels" : `kernels of ${comparison.first.node}`;
  throw bugIn(place, reproducerFiles(entry, compiled), new Error(printComparison(comparison).join("\n")));
}

async function execute(run: Run, compiled: CompiledGraph, inputs: Inputs): Promise<Execution> {
  const { entry, options, parameters, machine, terminal } = run;
  const values = { inputs, parameters };
  if (machine.kind === "reference") return runOnReference(compiled.reference, values, terminal);
  try {
    return await runOnDevice(machine.device, compiled.plan, values, options, terminal);
  } catch (error) {
    // WebGPU refusing what Weft generated is Weft's fault, not the device's.
    const isOurs =
      error instanceof PlanError || (error instanceof DeviceError && ["kernel", "validation"].includes(error.code));
    if (!isOurs) throw error;
    const kernel = error instanceof DeviceError ? error.kernel : undefined;
    const written = graphNodes(compiled.finalGraph).find(
      ({ op, attributes }) => op === "extern" && attributes.name === kernel,
    );
    if (kernel !== undefined && written !== undefined)
      throw new InputProblems([`the hand-written ${(error as Error).message}`]);
    throw bugIn(
      kernel === undefined ? "running the plan" : `kernel ${kernel}`,
      reproducerFiles(entry, compiled),
      error,
    );
  }
}

function reproducerFiles(entry: LoadedEntry, compiled: CompiledGraph): Map<string, string> {
  const kernels = compiled.plan.kernels.map(({ name, wgsl }, i) => [`${i}-${name}.wgsl`, wgsl] as const);
  return new Map([
    ...entry.sources,
    ["final.ir", printGraph(compiled.finalGraph)],
    ["written.ir", printGraph(entry.graph)],
    ...kernels,
  ]);
}

async function writeOutputs(path: string, { graph }: LoadedEntry, { outputs }: Execution): Promise<void> {
  const tensors = graph.outputs.flatMap(({ name, node: { type } }) => {
    const data = outputs[name];
    return data === undefined ? [] : [{ name, dtype: type.dtype, shape: type.shape, data }];
  });
  await writeWeights(path, tensors);
}

async function compare(
  { entry, options, parameters, machine, terminal }: Run,
  compiled: CompiledGraph,
  inputs: Inputs,
  { outputs }: Execution,
): Promise<ComparisonReport> {
  if (machine.kind === "reference")
    return { compared: false, reason: "the reference evaluator itself computed the results" };
  const values = {
    inputs: tensorsOf(entry.graph.inputs, inputs),
    parameters: await hostParameters(compiled.reference, parameters),
  };
  return compareWithReference(
    {
      written: compiled.reference,
      compiled: compiled.finalGraph,
      fuse: options.optimise,
      outputs,
      inputs,
      parameters,
      values,
    },
    machine.device,
    terminal,
  );
}

function printResults(
  { entry, terminal, options }: Run,
  report: RunReport,
  { outputs }: Execution,
  comparison: ComparisonReport | undefined,
  profiled: Inspection | undefined,
): void {
  if (comparison !== undefined) for (const line of printComparison(comparison)) terminal.note(line);
  if (terminal.json) {
    const { profile } = profiled ?? {};
    terminal.printJson({
      ...report,
      ...(comparison === undefined ? {} : { comparison }),
      ...(profile === undefined
        ? {}
        : { profile: { ...profile, labels: profiled?.launches.map(({ label, steps }) => ({ label, steps })) } }),
    });
    return;
  }
  for (const { name, node } of entry.graph.outputs) {
    const data = outputs[name];
    if (data !== undefined && elementCount(node.type.shape) > 0) terminal.print(printOutput(name, node.type, data));
  }
  terminal.note(printRunSummary(report));
  if (profiled !== undefined) terminal.print(`\n${printHottestKernels(profiled)}`);
  if (options.output !== undefined) terminal.note(`results written to ${options.output}`);
  if (options.trace !== undefined) terminal.note(`trace written to ${options.trace}`);
}
