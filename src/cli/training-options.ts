/** The options of `weft train`, from text to checked values. */
import { type Command, Option } from "commander";
import {
  callOf,
  type Fall,
  type LossScale,
  type Optimiser,
  type OptimiserName,
  optimiserNames,
  type Schedule,
  usualLossScale,
} from "../train/index.ts";
import { UsageError } from "./exit-status.ts";
import { ascendingSteps, notNegative, positive, powerOfTwo, share, whole } from "./number-options.ts";
import { addCompileOptions, type CompileOptions, countingNumber, readCompileOptions } from "./options.ts";
import { type GroupOption, readGroup } from "./parameter-patterns.ts";

export interface TrainingOptions extends CompileOptions {
  readonly data: readonly string[];
  /** Bytes of one example of a text. */
  readonly window?: number;
  readonly steps: number;
  readonly batch: number;
  readonly accumulate: number;
  readonly optimiser: Optimiser;
  readonly schedule: Schedule;
  readonly clip?: number;
  /** `--precision f16`: activations and their gradients in half precision, the loss scaled for that. */
  readonly lossScale?: LossScale;
  /** A longer gradient stops the training. */
  readonly maxGradient?: number;
  readonly freeze: readonly string[];
  readonly noDecay: readonly string[];
  readonly groups: readonly GroupOption[];
  readonly updates: readonly { readonly buffer: string; readonly output: string }[];
  readonly checkpoint?: {
    readonly folder: string;
    readonly every: number;
    readonly keep: number;
    readonly resume: boolean;
  };
  readonly log?: string;
  readonly output?: string;
  readonly evaluation?: EvaluationOptions;
}

export interface EvaluationOptions {
  /** Absent: the entry that is trained. */
  readonly entry?: string;
  /** Absent: the training data. */
  readonly data?: readonly string[];
  readonly every: number;
  readonly batches: number;
  readonly patience?: number;
}

const collect = (text: string, earlier: readonly string[] = []): string[] => [...earlier, text];

/** Adds everything that `weft train` takes. */
export function addTrainingOptions(command: Command): void {
  addCompileOptions(command);
  command
    .option(
      "--data <path>",
      ".safetensors, a folder of .npy files, NAME=FILE.npy, a text, or a module (.ts, .mjs) that makes batches; repeatable",
      collect,
    )
    .option("--window <n>", "of a text: bytes of one example", countingNumber)
    .option("--steps <n>", "steps of the optimiser", countingNumber)
    .option("--batch <n>", "examples in a batch", countingNumber, 8)
    .option("--accumulate <n>", "batches whose gradients are averaged for one step", countingNumber, 1)
    .addOption(new Option("--optimiser <name>", "how parameters change").choices(optimiserNames).default("adam"))
    .option("--lr <rate>", "highest learning rate", positive, 1e-3)
    .addOption(
      new Option("--schedule <kind>", "how the rate goes after the warm-up")
        .choices(["constant", "cosine", "linear", "polynomial", "step", "milestones"])
        .default("constant"),
    )
    .option("--warmup <n>", "steps in which the rate rises in a straight line", whole, 0)
    .option("--warmup-from <share>", "share of the rate that the warm-up rises from", share, 0)
    .option("--final-lr <rate>", "cosine, linear, polynomial: rate at the end (default 0)", notNegative)
    .option("--power <p>", "polynomial: the rate falls as (1 - t/T)^p", positive)
    .option("--decay-every <n>", "step: steps between two decays", countingNumber)
    .option("--decay-at <steps>", "milestones: steps at which the rate falls, as 4000,6000", ascendingSteps)
    .option("--decay-factor <x>", "step, milestones: by which the rate is multiplied (default 0.1)", positive)
    .option("--momentum <x>", "of momentum and nesterov (default 0.9)", share)
    .option("--beta1 <x>", "of adam and adamw (default 0.9)", share)
    .option("--beta2 <x>", "of adam and adamw (default 0.999)", share)
    .option("--alpha <x>", "of rmsprop (default 0.99)", share)
    .option("--eps <x>", "of adam, adamw and rmsprop (default 1e-8)", positive)
    .option("--weight-decay <x>", "adamw: of the weights (default 0.01); others: added to the gradient", notNegative)
    .option(
      "--decay-except <pattern>",
      "paths of parameters that do not decay; `*` stands for anything; repeatable",
      collect,
    )
    .option(
      "--group <pattern=factor[,decay]>",
      "parameters whose rate is multiplied by the factor, and their own weight decay; the first that fits counts; repeatable",
      collect,
    )
    .option("--clip <norm>", "shorten all gradients together to this length", positive)
    .option("--loss-scale <x>", "f16: first scale of the loss, a power of two (default 65536)", powerOfTwo)
    .option("--loss-scale-every <n>", "f16: good steps after which the scale doubles (default 2000)", countingNumber)
    .option("--max-gradient <norm>", "stop when all gradients together are longer", positive)
    .option(
      "--freeze <pattern>",
      "paths of parameters that keep their values; `*` stands for anything; repeatable",
      collect,
    )
    .option(
      "--update <buffer=output>",
      "write an output of the entry over a buffer after each batch; repeatable",
      collect,
    )
    .option("--checkpoint <folder>", "save weights, optimiser and position here")
    .option("--every <n>", "steps between two checkpoints", countingNumber, 100)
    .option("--keep <n>", "checkpoints kept", countingNumber, 3)
    .option("--resume", "go on from the newest checkpoint")
    .option("--log <file>", "write a line of JSON for each step (.jsonl), and the curves beside it (.svg)")
    .option(
      "--eval <entry>",
      "entry whose loss is measured now and then (default: the trained one, if --eval-data is given)",
    )
    .option("--eval-data <path>", "data to measure on, as --data; repeatable", collect)
    .option("--eval-every <n>", "steps between two measurements", countingNumber, 100)
    .option("--eval-batches <n>", "batches of one measurement", countingNumber, 10)
    .option("--patience <n>", "stop after so many measurements without a better one", countingNumber)
    .option("--output <file>", "write the trained parameters and buffers to a .safetensors file");
}

/**
 * The options as values.
 *
 * @throws UsageError for what is missing, malformed, or does not go together
 */
export function readTrainingOptions(raw: Readonly<Record<string, unknown>>): TrainingOptions {
  const compile = readCompileOptions(raw);
  const data = (raw.data as readonly string[] | undefined) ?? [];
  const steps = raw.steps as number | undefined;
  if (data.length === 0) throw new UsageError("--data says what to train on: give a file, a folder or a module");
  if (steps === undefined)
    throw new UsageError("--steps says how long to train: give a number, for example --steps 1000");
  for (const [option, given] of [
    ["--gradient", compile.gradient],
    ["--verify", compile.verify || undefined],
    ["--training", raw.training],
  ] as const) {
    if (given !== undefined)
      throw new UsageError(`${option} has no meaning for \`weft train\`; it belongs to \`weft run\``);
  }
  const output = raw.output as string | undefined;
  if (output !== undefined && !output.endsWith(".safetensors"))
    throw new UsageError(`--output ${output}: parameters are written as .safetensors; give the file that ending`);
  const window = raw.window as number | undefined;
  const log = raw.log as string | undefined;
  return {
    ...compile,
    // Measurements, and what is kept, are f32: half precision is a matter of the step alone.
    precision: undefined,
    ...readLossScale(raw),
    data,
    ...(window === undefined ? {} : { window }),
    steps,
    batch: raw.batch as number,
    accumulate: raw.accumulate as number,
    optimiser: readOptimiser(raw),
    schedule: readSchedule(raw, steps),
    ...optional(raw, "clip"),
    ...optional(raw, "maxGradient"),
    freeze: (raw.freeze as readonly string[] | undefined) ?? [],
    noDecay: (raw.decayExcept as readonly string[] | undefined) ?? [],
    groups: ((raw.group as readonly string[] | undefined) ?? []).map(readGroup),
    updates: ((raw.update as readonly string[] | undefined) ?? []).map(readUpdate),
    ...readCheckpoint(raw),
    ...(log === undefined ? {} : { log }),
    ...(output === undefined ? {} : { output }),
    ...readEvaluation(raw),
  };
}

function optional(raw: Readonly<Record<string, unknown>>, name: string): Readonly<Record<string, number>> {
  return raw[name] === undefined ? {} : { [name]: raw[name] as number };
}

function readOptimiser(raw: Readonly<Record<string, unknown>>): Optimiser {
  const name = raw.optimiser as OptimiserName;
  const { settings, decays } = callOf({ name, settings: {} });
  const given: Record<string, number> = {};
  for (const setting of ["momentum", "beta1", "beta2", "alpha", "eps"]) {
    const value = raw[setting] as number | undefined;
    if (value === undefined) continue;
    if (!settings.includes(setting)) {
      const has = settings
        .filter((one) => one !== "weight_decay")
        .map((one) => `--${one}`)
        .join(", ");
      throw new UsageError(`--${setting} has no meaning for ${name}, which has ${has || "no such number"}`);
    }
    given[setting] = value;
  }
  const weightDecay = raw.weightDecay as number | undefined;
  if (raw.decayExcept !== undefined && weightDecay === undefined && !decays)
    throw new UsageError("--decay-except says what --weight-decay leaves out; give both");
  return { name, settings: given, ...(weightDecay === undefined ? {} : { weightDecay }) };
}

function readLossScale(raw: Readonly<Record<string, unknown>>): Pick<TrainingOptions, "lossScale"> {
  const given = { start: raw.lossScale as number | undefined, every: raw.lossScaleEvery as number | undefined };
  if (raw.precision === "f16")
    return {
      lossScale: { start: given.start ?? usualLossScale.start, every: given.every ?? usualLossScale.every },
    };
  const [option] = Object.entries({ "--loss-scale": given.start, "--loss-scale-every": given.every }).find(
    ([, value]) => value !== undefined,
  ) ?? [undefined];
  if (option !== undefined) throw new UsageError(`${option} belongs to --precision f16`);
  return {};
}

function readSchedule(raw: Readonly<Record<string, unknown>>, steps: number): Schedule {
  const warmup = raw.warmup as number;
  const fall = readFall(raw);
  if ("end" in fall && warmup >= steps)
    throw new UsageError(`--warmup ${warmup} leaves none of the ${steps} steps to --schedule ${raw.schedule}`);
  return { rate: raw.lr as number, warmup, warmupFrom: raw.warmupFrom as number, steps, fall };
}

/** Options that only some schedules have, by the schedule. */
const fallOptions = {
  constant: [],
  cosine: ["finalLr"],
  linear: ["finalLr"],
  polynomial: ["finalLr", "power"],
  step: ["decayEvery", "decayFactor"],
  milestones: ["decayAt", "decayFactor"],
} as const;

function readFall(raw: Readonly<Record<string, unknown>>): Fall {
  const kind = raw.schedule as keyof typeof fallOptions;
  const own: readonly string[] = fallOptions[kind];
  for (const option of new Set(Object.values(fallOptions).flat()))
    if (raw[option] !== undefined && !own.includes(option)) {
      const kinds = Object.entries(fallOptions).filter(([, names]) => names.some((name) => name === option));
      throw new UsageError(`${flagOf(option)} belongs to --schedule ${kinds.map(([name]) => name).join(" or ")}`);
    }
  const needed = <T>(option: string, example: string): T => {
    if (raw[option] === undefined) throw new UsageError(`--schedule ${kind} needs ${flagOf(option)} ${example}`);
    return raw[option] as T;
  };
  const end = (raw.finalLr as number | undefined) ?? 0;
  const factor = (raw.decayFactor as number | undefined) ?? 0.1;
  switch (kind) {
    case "constant":
      return { kind };
    case "cosine":
      return { kind, end };
    case "linear":
      return { kind: "polynomial", end, power: 1 };
    case "polynomial":
      return { kind, end, power: needed("power", "P") };
    case "step":
      return { kind, every: needed("decayEvery", "N"), factor };
    case "milestones":
      return { kind, at: needed("decayAt", "N,N"), factor };
    default:
      return kind satisfies never;
  }
}

function flagOf(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function readUpdate(text: string): { readonly buffer: string; readonly output: string } {
  const [buffer = "", output = "", more] = text.split("=").map((part) => part.trim());
  if (buffer === "" || output === "" || more !== undefined)
    throw new UsageError(`--update ${text}: it must have the form BUFFER=OUTPUT`);
  return { buffer, output };
}

function readCheckpoint(raw: Readonly<Record<string, unknown>>): Pick<TrainingOptions, "checkpoint"> {
  const folder = raw.checkpoint as string | undefined;
  const resume = raw.resume === true;
  if (folder !== undefined)
    return { checkpoint: { folder, every: raw.every as number, keep: raw.keep as number, resume } };
  if (resume) throw new UsageError("--resume goes on from a checkpoint; say where with --checkpoint FOLDER");
  return {};
}

function readEvaluation(raw: Readonly<Record<string, unknown>>): Pick<TrainingOptions, "evaluation"> {
  const entry = raw.eval as string | undefined;
  const data = raw.evalData as readonly string[] | undefined;
  const patience = raw.patience as number | undefined;
  if (entry === undefined && data === undefined) {
    if (patience === undefined) return {};
    throw new UsageError("--patience waits for a better measurement; say what is measured with --eval or --eval-data");
  }
  return {
    evaluation: {
      ...(entry === undefined ? {} : { entry }),
      ...(data === undefined ? {} : { data }),
      every: raw.evalEvery as number,
      batches: raw.evalBatches as number,
      ...(patience === undefined ? {} : { patience }),
    },
  };
}
