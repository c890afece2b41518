/** `weft train FILE`: trains an entry whose result is a loss. */
import { elementCount } from "../../ir/index.ts";
import type { TensorToStore } from "../../runtime/index.ts";
import { writeWeights } from "../../runtime/node.ts";
import { rateOf } from "../../train/index.ts";
import { optimiserFunctions } from "../../training.ts";
import { compileEntry, initialValuesOf } from "../compilation.ts";
import { checkReferenceLimits, type ParameterValues } from "../execution.ts";
import { type ExitStatus, exitStatus } from "../exit-status.ts";
import { type InputSources, openInputs } from "../input-files.ts";
import { readInputs } from "../input-values.ts";
import { type Machine, withMachine } from "../machine.ts";
import { sourceReader } from "../source-files.ts";
import type { Terminal } from "../terminal.ts";
import {
  type Checkpoint,
  newestCheckpoint,
  openCheckpointFolder,
  saveCheckpoint,
  type TrainingIdentity,
  type TrainingPosition,
} from "../training-checkpoints.ts";
import { openData, type TrainingData } from "../training-data.ts";
import {
  loadLossEntry,
  loadTrainingSource,
  loadTrainingStep,
  type TrainedEntry,
  type TrainingSource,
} from "../training-entry.ts";
import { openLog } from "../training-log.ts";
import { train } from "../training-loop.ts";
import { type TrainingMachine, trainOnDevice, trainOnReference } from "../training-machine.ts";
import { prepareMeasurement } from "../training-measurement.ts";
import { addTrainingOptions, readTrainingOptions, type TrainingOptions } from "../training-options.ts";
import { printTrainingSummary, trainingReport } from "../training-report.ts";
import { addSchedulesOption, readSchedules, reportNotes } from "../tuned-file.ts";
import type { Verb } from "../verb.ts";
import { openParameters } from "../weights.ts";

export const trainVerb: Verb = {
  name: "train",
  describe: (command) => {
    command.summary("train an entry").argument("<file>", ".weft file");
    addTrainingOptions(command);
    addSchedulesOption(command);
  },
  execute: async ([file], raw, terminal) => {
    const options = readTrainingOptions(raw);
    const source = loadTrainingSource(file as string, terminal);
    const inputs = await openInputs(options.inputs, options.inputsFile);
    try {
      const data = await openData({ ...options, paths: options.data });
      const loss = loadLossEntry(source, options, data, inputs, true, terminal);
      const entry = loadTrainingStep(source, loss, options, terminal);
      if (options.checkpoint !== undefined) openCheckpointFolder(options.checkpoint.folder, options.checkpoint.resume);
      return await withMachine(options.device, terminal, (machine) =>
        trainEntry({ source, entry, options, inputs, data, machine, terminal }),
      );
    } finally {
      await inputs.close();
    }
  },
};

interface Training {
  readonly source: TrainingSource;
  readonly entry: TrainedEntry;
  readonly options: TrainingOptions;
  readonly inputs: InputSources;
  readonly data: TrainingData;
  readonly machine: Machine;
  readonly terminal: Terminal;
}

const beginning: TrainingPosition = { step: 0, batches: 0, withoutBetter: 0 };

async function trainEntry(training: Training): Promise<ExitStatus> {
  const { source, entry, options, inputs, data, machine, terminal } = training;
  const identity = identityOf(training);
  const checkpoint =
    options.checkpoint?.resume === true
      ? await newestCheckpoint(options.checkpoint.folder, identity, terminal)
      : undefined;
  if (options.checkpoint?.resume === true && checkpoint === undefined)
    terminal.note(`${options.checkpoint.folder} holds no checkpoint: training begins at the beginning`);
  const fixed = await readInputs(
    entry.graph.inputs.filter(({ attributes }) => entry.fixed.includes(attributes.name as string)),
    inputs,
    options.seed,
  );
  const batches = await data.prepare(entry.fields, true);
  const rate = rateOf(options.schedule, optimiserFunctions(sourceReader(source.path)));
  const started = performance.now();
  const loaded = { ...entry, path: source.path, wanted: entry.parameters, graph: entry.step.graph };
  const compiled = compileEntry(loaded, {
    profile: machine.profile,
    passes: { ...options, precision: entry.step.precision },
    ...readSchedules(options.schedules),
    parametersChange: true,
    onProgress: (step) => terminal.progress(step),
  });
  const compileMs = performance.now() - started;
  reportNotes(compiled, terminal);
  if (machine.kind === "reference") checkReferenceLimits(entry.step.graph, !machine.chosen);
  const weights = await openParameters(
    entry.parameters,
    {
      file: options.weights,
      allowMissing: options.allowMissing,
      initial: initialValuesOf({ ...loaded, graph: entry.graph }, options.seed),
    },
    terminal,
  );
  const values = startingValues(entry, weights.read, checkpoint);
  const log = options.log === undefined ? undefined : openLog(options.log, checkpoint?.position.step);
  const interruption = watchInterruption(terminal);
  let trainer: TrainingMachine | undefined;
  try {
    trainer =
      machine.kind === "reference"
        ? await trainOnReference(compiled, entry.step, values)
        : await trainOnDevice(machine.device, compiled, entry.step, values, terminal);
    const running = trainer;
    const start = checkpoint?.position ?? beginning;
    if (start.step > 0) terminal.note(`going on after step ${start.step}, from ${checkpoint?.path}`);
    const measurement = await prepareMeasurement({ ...training, trainer: running, parameters: values });
    const state = () => trainedTensors(entry, running, values);
    const result = await train({
      entry,
      options,
      machine: running,
      source: batches,
      fixed,
      rate,
      start,
      terminal,
      interrupted: interruption.happened,
      ...(log === undefined ? {} : { log }),
      ...(measurement === undefined ? {} : { measure: measurement.run }),
      ...savers(options, identity, entry, running, state),
    });
    measurement?.dispose();
    if (options.output !== undefined) await writeWeights(options.output, await state());
    log?.close();
    const report = trainingReport({ training, compiled, trainer: running, result, compileMs, data, options });
    if (terminal.json) terminal.printJson(report);
    else terminal.note(printTrainingSummary(report));
    return exitStatus.done;
  } catch (error) {
    closeQuietly(log);
    throw error;
  } finally {
    interruption.end();
    trainer?.dispose();
    await weights.close();
    await checkpoint?.weights.close();
  }
}

/** The error on the way matters more than one of the log. */
function closeQuietly(log: { readonly close: () => void } | undefined): void {
  try {
    log?.close();
  } catch {
    // Reported already, or less important than what is.
  }
}

/** What must not differ between the parts of a training that was broken off. */
function identityOf({ entry, options, data }: Training): TrainingIdentity {
  const { rate, warmup, warmupFrom, steps, fall } = options.schedule;
  return {
    "the step's graph": entry.identity,
    "the data": data.identity,
    "--seed": options.seed,
    "--batch": options.batch,
    "--accumulate": options.accumulate,
    "--schedule": JSON.stringify(fall),
    "--lr": rate,
    "--warmup": warmup,
    "--warmup-from": warmupFrom,
    // A schedule that ends depends on where.
    ...("end" in fall ? { "--steps": steps } : {}),
    ...(options.lossScale === undefined ? {} : { "--loss-scale": options.lossScale.start }),
  };
}

/** First values: from the checkpoint, else what the optimiser begins with, and weights as they start. */
function startingValues(
  entry: TrainedEntry,
  initial: ParameterValues,
  checkpoint: Checkpoint | undefined,
): ParameterValues {
  const remembered = new Map(entry.step.remembered.map((each) => [each.path, each]));
  const types = new Map(entry.parameters.map(({ path, type }) => [path, type]));
  return async (path) => {
    const own = remembered.get(path);
    const type = own?.type ?? types.get(path);
    if (checkpoint?.weights.tensors.has(path) === true && type !== undefined)
      return checkpoint.weights.read(path, type.dtype);
    if (own === undefined) return initial(path);
    const { shape } = own.type;
    return { shape, data: new Float32Array(elementCount(shape)).fill(own.start) };
  };
}

/** All parameters and buffers of the model as they are now, those that are not trained as they started. */
async function trainedTensors(
  entry: TrainedEntry,
  trainer: TrainingMachine,
  initial: ParameterValues,
): Promise<TensorToStore[]> {
  const changed = new Set(entry.step.carry.map(({ to }) => to));
  const tensors: TensorToStore[] = [];
  for (const { path, type } of entry.parameters) {
    const data = changed.has(path) ? await trainer.read(path) : (await initial(path)).data;
    tensors.push({ name: path, dtype: type.dtype, shape: type.shape, data });
  }
  return tensors;
}

function savers(
  options: TrainingOptions,
  identity: TrainingIdentity,
  entry: TrainedEntry,
  trainer: TrainingMachine,
  state: () => Promise<TensorToStore[]>,
) {
  if (options.checkpoint === undefined) return {};
  const { folder, keep } = options.checkpoint;
  // Sums of gradients begin anew with each step.
  const remembered = entry.step.remembered.filter(({ path }) => !path.startsWith("optimiser/sum/"));
  return {
    save: async (position: TrainingPosition) => {
      const tensors = await state();
      for (const { path, type } of remembered)
        tensors.push({ name: path, dtype: type.dtype, shape: type.shape, data: await trainer.read(path) });
      return saveCheckpoint(folder, keep, tensors, position, identity);
    },
    saveBest: async () => writeWeights(`${folder}/best.safetensors`, await state()),
  };
}

/** The first Ctrl-C ends the training after its step, with a checkpoint; the second ends the process. */
function watchInterruption(terminal: Terminal) {
  let happened = false;
  const onSignal = () => {
    if (happened) process.exit(130);
    happened = true;
    terminal.note("ending after this step; once more ends at once");
  };
  process.on("SIGINT", onSignal);
  return { happened: () => happened, end: () => process.off("SIGINT", onSignal) };
}
