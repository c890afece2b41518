/** From the options of `weft train` to the graph of a training step, and to the graph of a measurement. */
import { createHash } from "node:crypto";
import { checkSource, type EntryRequest, hasErrors, instantiateModel } from "../compile.ts";
import type { CheckedProgram, EntryInstance, ParameterInfo } from "../frontend/index.ts";
import { type Graph, printGraph, printType, type Shape, type TensorType, tensorType } from "../ir/index.ts";
import { DifferentiationError } from "../passes/index.ts";
import { type ParameterGroup, stepInputs, TrainStepError } from "../train/index.ts";
import { buildTrainingStep, elaborateLoss, optimiserFunctions, type TrainingStep } from "../training.ts";
import { accept, guarded, isIrFile } from "./compilation.ts";
import { InputProblems, SourceErrors, UsageError } from "./exit-status.ts";
import type { InputSources } from "./input-files.ts";
import { pathMatcher } from "./parameter-patterns.ts";
import { readSourceText, sourceReader } from "./source-files.ts";
import type { Terminal } from "./terminal.ts";
import type { TrainingData } from "./training-data.ts";
import type { TrainingOptions } from "./training-options.ts";

/** An input that each batch is given a new seed for: `seed: u32`, not in the data. */
export const seedInput = "seed";

/** An entry whose loss a batch of data has. */
export interface LossEntry {
  readonly graph: Graph;
  readonly parameters: readonly ParameterInfo[];
  /** Name of the output that is the loss. */
  readonly loss: string;
  /** Type of one example, by field of the data. */
  readonly fields: ReadonlyMap<string, TensorType>;
  /** Inputs that are the same for every batch. */
  readonly fixed: readonly string[];
  readonly seeded: boolean;
  readonly sources: ReadonlyMap<string, string>;
}

export interface TrainedEntry extends LossEntry {
  readonly step: TrainingStep;
  /** Tells trainings apart: the step's graph, without comments and places. */
  readonly identity: string;
}

/** A checked source file, read once for training and measuring. */
export interface TrainingSource {
  readonly path: string;
  readonly program: CheckedProgram;
}

/** Reads and checks the text; its errors are thrown. */
export function loadTrainingSource(path: string, terminal: Terminal): TrainingSource {
  if (isIrFile(path))
    throw new UsageError(`${path}: an IR text does not say what is trained and how it starts; give the .weft file`);
  terminal.progress(`checking ${path}`);
  const program = guarded("checking", new Map([[path, readSourceText(path)]]), () =>
    checkSource(path, sourceReader(path)),
  );
  if (hasErrors(program.diagnostics)) throw new SourceErrors(program.diagnostics, program.sources);
  return { path, program };
}

/**
 * Elaborates an entry for batches of data.
 *
 * @param training  the language's constant
 * @throws SourceErrors, InputProblems where entry and data do not fit; UsageError for a loss that is none
 */
export function loadLossEntry(
  { path, program }: TrainingSource,
  request: Pick<TrainingOptions, "model" | "entry" | "preset" | "settings" | "batch"> & { readonly loss?: string },
  data: TrainingData,
  inputs: InputSources,
  training: boolean,
  terminal: Terminal,
): LossEntry {
  const model: EntryRequest = {
    model: request.model,
    entry: request.entry,
    preset: request.preset,
    settings: Object.fromEntries(request.settings),
    training,
  };
  const instance = accept(instantiateModel(program, model), terminal);
  const arguments_ = argumentsOf(instance, data, inputs, request.batch);
  terminal.progress(`building the graph of ${instance.name}`);
  const outcome = guarded("building the graph", program.sources, () =>
    asUsage(path, () => elaborateLoss(program, { ...model, inputShapes: arguments_.shapes, loss: request.loss })),
  );
  const entry = accept(outcome, terminal);
  const types = new Map(entry.graph.inputs.map((node) => [node.attributes.name as string, node.type]));
  const missing = [...types].filter(([name]) => arguments_.shapes[name] === undefined);
  if (missing.length > 0)
    throw new InputProblems([
      `nothing gives ${missing.map(([name, type]) => `${name}: ${printType(type)}`).join(" and ")}; ` +
        `the data has ${[...data.fields.keys()].join(", ")}, and --input NAME=FILE gives what is the same for all examples`,
    ]);
  const seed = types.get(seedInput);
  if (arguments_.seeded && (seed?.dtype !== "u32" || seed.shape.length > 0))
    throw new InputProblems([`nothing gives ${seedInput}; only a \`${seedInput}: u32\` is made up for each batch`]);
  const fields = new Map(
    arguments_.fields.map((name) => {
      const { dtype, shape, below } = types.get(name) as TensorType;
      return [name, tensorType(dtype, shape.slice(1), below)];
    }),
  );
  return { ...entry, fields, fixed: arguments_.fixed, seeded: arguments_.seeded, sources: outcome.sources };
}

/** Which arguments come from the data, which from `--input`, and with what shapes. */
function argumentsOf(instance: EntryInstance, data: TrainingData, inputs: InputSources, batch: number) {
  const names = instance.entry.parameters.map(({ name }) => name.name);
  const shapes: Record<string, Shape> = {};
  const fixed: string[] = [];
  for (const [name, source] of inputs.byName) {
    if (source.kind === "random")
      throw new UsageError(`--input ${name}=random: training takes its data from --data; give a file`);
    shapes[name] = source.shape;
    fixed.push(name);
  }
  if (inputs.restRandom) throw new UsageError("--input all=random: training takes its data from --data");
  const fields = [...data.fields.keys()].filter((name) => !data.offers || names.includes(name));
  const twice = fields.filter((name) => fixed.includes(name) && !data.offers);
  if (twice.length > 0) throw new UsageError(`${twice.join(", ")}: given by --data and by --input`);
  const used = fields.filter((name) => !fixed.includes(name));
  for (const name of used) shapes[name] = [batch, ...(data.fields.get(name) as Shape)];
  const seeded = names.includes(seedInput) && shapes[seedInput] === undefined;
  if (seeded) shapes[seedInput] = [];
  return { shapes, fields: used, fixed, seeded };
}

/** Builds the step that trains an entry. */
export function loadTrainingStep(
  source: TrainingSource,
  entry: LossEntry,
  options: TrainingOptions,
  terminal: Terminal,
): TrainedEntry {
  const { path, program } = source;
  const paths = entry.parameters.map((parameter) => parameter.path);
  for (const [option, patterns] of [
    ["--freeze", options.freeze],
    ["--decay-except", options.noDecay],
    ["--group", options.groups.map(({ pattern }) => pattern)],
  ] as const) {
    for (const pattern of patterns)
      if (!paths.some(pathMatcher([pattern])))
        throw new UsageError(`${option} ${pattern} fits no parameter; \`weft params ${path}\` lists them`);
  }
  terminal.progress("differentiating");
  const step = guarded("differentiation", program.sources, () =>
    asUsage(path, () =>
      buildTrainingStep(entry, {
        optimiser: options.optimiser,
        accumulate: options.accumulate,
        updates: options.updates,
        elaborate: optimiserFunctions(sourceReader(path)),
        isFrozen: pathMatcher(options.freeze),
        groups: parameterGroups(options),
        passes: options,
        lossScale: options.lossScale,
        ...(options.clip === undefined ? {} : { clip: options.clip }),
      }),
    ),
  );
  const text = printGraph(step.graph, { comments: false });
  return { ...entry, step, identity: createHash("sha256").update(text).digest("hex") };
}

/** `--group` in its order; what `--decay-except` names keeps its rate factor and does not decay. */
function parameterGroups({ groups, noDecay }: TrainingOptions): readonly ParameterGroup[] {
  const undecayed = pathMatcher(noDecay);
  const own = groups.map(({ pattern, ...rest }) => ({ ...rest, has: pathMatcher([pattern]) }));
  const withoutDecay = own.map(({ has, ...rest }) => ({
    ...rest,
    has: (path: string) => undecayed(path) && has(path),
    weightDecay: 0,
  }));
  return [...withoutDecay, { has: undecayed, weightDecay: 0 }, ...own];
}

/** Requests that do not fit the entry are wrong usage. */
function asUsage<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof TrainStepError || error instanceof DifferentiationError)
      throw new UsageError(`${error.message}, in ${path}`);
    throw error;
  }
}

/** True for inputs of a step that are made up by the training itself. */
export function isStepInput(name: string): boolean {
  return Object.values(stepInputs).some((input) => input === name);
}
