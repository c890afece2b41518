/** `weft tune FILE`: measures ways to compute an entry's kernels on this device, and stores those that beat the default. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { type TunedSchedules, type TuningCases, tuningCases } from "../../codegen/index.ts";
import type { CompiledGraph } from "../../compile.ts";
import { type Node, printGraph } from "../../ir/index.ts";
import { DeviceError, type WeftDevice } from "../../runtime/index.ts";
import { type TuningResult, tuneKernels } from "../../tune.ts";
import { bugIn, compileEntry, initialValuesOf, type LoadedEntry, loadEntry } from "../compilation.ts";
import { exitStatus } from "../exit-status.ts";
import { type InputSources, openInputs } from "../input-files.ts";
import { checkInputs, readInputs } from "../input-values.ts";
import { withMachine } from "../machine.ts";
import { addCompileOptions, type CompileOptions, countingNumber, readCompileOptions } from "../options.ts";
import { printMilliseconds, printPlural } from "../quantities.ts";
import type { Terminal } from "../terminal.ts";
import { earlierSchedules, writeTunedSchedules } from "../tuned-file.ts";
import { casesJson, printCases, printTuning, printWrong, tuningJson } from "../tuning-report.ts";
import type { Verb } from "../verb.ts";
import { packageVersion } from "../versions.ts";
import { openParameters } from "../weights.ts";

interface TuneOptions extends CompileOptions {
  /** Seconds. */
  readonly limit: number;
  readonly dryRun: boolean;
  readonly output: string;
}

interface Tuning {
  readonly entry: LoadedEntry;
  readonly compiled: CompiledGraph;
  readonly found: TuningCases;
  readonly options: TuneOptions;
  readonly sources: InputSources;
  readonly device: WeftDevice;
  readonly terminal: Terminal;
}

export const tuneVerb: Verb = {
  name: "tune",
  describe: (command) => {
    command
      .summary("measure ways to compute an entry's kernels, and store the best for `--schedules`")
      .argument("<file>", ".weft or .ir file");
    addCompileOptions(command);
    command
      .option("--limit <seconds>", "measure no longer than this", countingNumber, 60)
      .option("--dry-run", "say what would be measured, and how long at most")
      .option("-o, --output <file>", "file of schedules, added to where it exists (default: FILE.schedules.json)");
  },
  execute: async ([file], raw, terminal) => {
    const given = readCompileOptions(raw);
    const options: TuneOptions = {
      ...given,
      inputs: new Map([["all", "random"], ...given.inputs]),
      limit: raw.limit as number,
      dryRun: raw.dryRun === true,
      output: (raw.output as string | undefined) ?? `${basename(file as string).replace(/\.\w+$/, "")}.schedules.json`,
    };
    const sources = await openInputs(options.inputs, options.inputsFile);
    try {
      const entry = loadEntry(file as string, options, sources, terminal);
      checkInputs(entry.graph.inputs, sources);
      await withMachine(options.device, terminal, async (machine) => {
        if (machine.kind === "reference") {
          throw new DeviceError(
            "no-adapter",
            "tune times kernels, and there is no WebGPU device; `weft doctor` says what to install",
          );
        }
        const earlier = options.dryRun
          ? undefined
          : earlierSchedules(options.output, existsSync(options.output), machine.profile);
        const compiled = compileEntry(entry, {
          profile: machine.profile,
          passes: options,
          onProgress: (step) => terminal.progress(step),
        });
        terminal.progress("gathering candidates");
        const found = tuningCases(compiled.kernels, machine.profile);
        const tuning: Tuning = { entry, compiled, found, options, sources, device: machine.device, terminal };
        if (options.dryRun) {
          terminal.endProgress();
          if (terminal.json) terminal.printJson(casesJson(found, options.limit, machine.description));
          else terminal.print(printCases(found, options.limit, machine.description));
        } else await tune(tuning, earlier);
      });
    } finally {
      await sources.close();
    }
    return exitStatus.done;
  },
};

async function tune(tuning: Tuning, earlier: TunedSchedules | undefined): Promise<void> {
  const { found, options, device, terminal } = tuning;
  terminal.note(
    `measuring ${printPlural(found.cases.length, "kernel")} for at most ${options.limit} s on the ${device.description}`,
  );
  const started = performance.now();
  const results = await measure(tuning);
  const seconds = (performance.now() - started) / 1000;
  terminal.endProgress();
  const schedules = storedResults(results, earlier, device);
  const stored = Object.keys(schedules.kernels).length > 0 || earlier !== undefined;
  if (stored) writeTunedSchedules(options.output, schedules);
  const report = { results, found, seconds, limit: options.limit, adapter: device.description };
  const output = stored ? options.output : undefined;
  if (terminal.json) terminal.printJson({ ...tuningJson(report), output: output ?? null });
  else terminal.print(printTuning(report, output));
  throwWrong(tuning, results);
}

async function measure({ entry, found, options, sources, device, terminal }: Tuning): Promise<readonly TuningResult[]> {
  const initial = initialValuesOf(entry, options.seed);
  const weights = { file: options.weights, allowMissing: options.allowMissing, initial };
  const parameters = await openParameters(entry.wanted, weights, terminal);
  try {
    const inputs = await readInputs(entry.graph.inputs, sources, options.seed);
    const data = async (node: Node) => {
      const name = node.attributes.name as string;
      if (node.op === "input") return inputs[name];
      return node.op === "parameter" ? parameters.read(name) : undefined;
    };
    return await tuneKernels(device, found.cases, {
      limit: 1000 * options.limit,
      data,
      seed: options.seed,
      onProgress: ({ kernel, kernels, label, doing, candidate, candidates, left }) =>
        terminal.progress(
          `kernel ${kernel + 1} of ${kernels}, ${label}: ${doing} candidate ${candidate + 1} of ${candidates}, ` +
            `${printMilliseconds(Math.max(0, Math.round(left / 100) * 100))} left`,
        ),
    });
  } finally {
    await parameters.close();
  }
}

/** The file's new contents: what was measured now takes the place of what it said of the same kernels. */
function storedResults(
  results: readonly TuningResult[],
  earlier: TunedSchedules | undefined,
  { profile }: WeftDevice,
): TunedSchedules {
  const { vendor, architecture, description } = profile;
  const kernels = new Map(Object.entries(earlier?.kernels ?? {}));
  for (const { tuningCase, verdict, winner, wrong } of results) {
    if (verdict === "default" || wrong.length > 0) kernels.delete(tuningCase.key);
    if (winner === undefined) continue;
    const { candidate: _, ...kernel } = winner;
    kernels.set(tuningCase.key, kernel);
  }
  return {
    format: 1,
    adapter: { vendor, architecture, description },
    date: new Date().toISOString(),
    weft: packageVersion(),
    kernels: Object.fromEntries([...kernels].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

/** @throws InternalFailure when a candidate computed something else than the default */
function throwWrong({ entry, compiled }: Tuning, results: readonly TuningResult[]): void {
  const wrong = results.filter((result) => result.wrong.length > 0);
  if (wrong.length === 0) return;
  const texts = wrong.flatMap(({ tuningCase, wrong: own }) => {
    const positions = [0, ...own.map(({ candidate }) => tuningCase.candidates.indexOf(candidate))];
    return positions.map((position) => {
      const kernel = tuningCase.plan.kernels[position];
      return [`${tuningCase.key}-candidate-${position}.wgsl`, kernel?.wgsl ?? ""] as const;
    });
  });
  const files = new Map([...entry.sources, ["final.ir", printGraph(compiled.finalGraph)], ...texts]);
  throw bugIn("schedules", files, new Error(printWrong(wrong)));
}
