/** The options that several verbs share, from text to checked values. */
import { type Command, InvalidArgumentError } from "commander";
import { UsageError } from "./exit-status.ts";

/** `--device`: where to run. */
export type DeviceChoice = "auto" | "gpu" | "software" | "reference";

/** Options common to the verbs that compile an entry. */
export interface CompileOptions {
  readonly model?: string;
  readonly entry?: string;
  readonly preset?: string;
  /** `--set k=v`, by name. */
  readonly settings: ReadonlyMap<string, number | boolean>;
  readonly weights?: string;
  readonly allowMissing: boolean;
  readonly seed: number;
  /** `--input NAME=FILE`, by name. */
  readonly inputs: ReadonlyMap<string, string>;
  /** `--inputs F.safetensors`. */
  readonly inputsFile?: string;
  readonly device: DeviceChoice;
  readonly disable: readonly string[];
  readonly only?: readonly string[];
  readonly optimise: boolean;
  /** `--approx favor` or `--approx favor:256`. */
  readonly approximation?: { readonly features: number; readonly seed: number };
  /** `--precision f16`. */
  readonly precision?: "f16";
  /** `--schedules F.json`. */
  readonly schedules?: string;
  readonly verify: boolean;
  /** `--training`: the language's constant `training` is true. */
  readonly training?: boolean;
  /** `--gradient all` or names. */
  readonly gradient?: readonly string[] | "all";
  /** `--loss NAME`. */
  readonly loss?: string;
}

/** Gathers an option that may be repeated. */
export const collect = (text: string, earlier: readonly string[] = []): string[] => [...earlier, text];

/** A number of `--set`, `--seed` and the like that must be whole and not negative. */
export function wholeNumber(text: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

/** The number of features of `favor` or `favor:256`; 0 leaves it to the compiler. */
function approximation(text: string): number {
  const [, features = "0"] = /^favor(?::([1-9]\d{0,6}))?$/.exec(text) ?? [undefined, "none"];
  if (features === "none") throw new InvalidArgumentError("It must be favor or favor:FEATURES.");
  return Number(features);
}

/** As `wholeNumber`, from 1 on. */
export function countingNumber(text: string): number {
  const value = wholeNumber(text);
  if (value < 1) throw new InvalidArgumentError("It must be at least 1.");
  return value;
}

function oneOf<T extends string>(...choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((choice) => choice === text);
    if (found === undefined) throw new InvalidArgumentError(`It must be ${choices.join(" or ")}.`);
    return found;
  };
}

/** Adds the options that choose a model and its configuration. */
export function addModelOptions(command: Command): void {
  command
    .option("--model <name>", "model to use, when the file has several")
    .option("--entry <name>", "entry or bare function (default: the first)")
    .option("--preset <name>", "named configuration of the model")
    .option("--set <k=v>", "model parameter, or generic size that no input fixes; repeatable", collect);
}

/** Adds the options that say what the compiler does with the graph. */
export function addPassOptions(command: Command): void {
  command
    .option(
      "--precision <type>",
      "f32, or f16 to keep parameters and large values in half precision",
      oneOf("f32", "f16"),
      "f32",
    )
    .option("--disable <pass>", "leave a pass out; repeatable", collect)
    .option("--only <passes>", "run these passes alone, separated by commas", collect)
    .option("-O <level>", "0: no optimisation, every node its own kernel; 1 (default)", oneOf("0", "1"))
    .option(
      "--approx <kind>",
      "approximate softmax attention: favor, or favor:256 for so many random features",
      approximation,
    )
    .option(
      "--gradient <names>",
      "add gradients of the loss: all (parameters), or names separated by commas; repeatable",
      collect,
    )
    .option("--loss <output>", "output to differentiate, when several are a single f32")
    .option("--training", "compile for training: dropout draws, batch norm takes the statistics of the batch");
}

/** Adds the options of `CompileOptions` to a verb. */
export function addCompileOptions(command: Command): void {
  addModelOptions(command);
  command
    .option("--weights <file>", "parameters by path, .safetensors or an index of shards")
    .option("--allow-missing", "initialise parameters that --weights lacks, and ignore what it has too many")
    .option("--seed <n>", "seed of initial parameters and random inputs", wholeNumber, 0)
    .option(
      "--input <name=file>",
      "an argument from .safetensors, .npy, .png, .jpg or text, or `random`; `all=random` for the rest; repeatable",
      collect,
    )
    .option("--inputs <file>", "arguments by name from one .safetensors file")
    .option(
      "--device <kind>",
      "auto, gpu, software or reference",
      oneOf("auto", "gpu", "software", "reference"),
      "auto",
    );
  addPassOptions(command);
  command.option("--verify", "check the graph and compare it with the reference after every pass");
}

/**
 * The options as values.
 *
 * @throws UsageError for what is malformed, repeated, or not supported yet
 */
export function readCompileOptions(raw: Readonly<Record<string, unknown>>): CompileOptions {
  const only = raw.only as readonly string[] | undefined;
  return {
    model: raw.model as string | undefined,
    entry: raw.entry as string | undefined,
    preset: raw.preset as string | undefined,
    settings: readSettings((raw.set as readonly string[] | undefined) ?? []),
    weights: raw.weights as string | undefined,
    allowMissing: raw.allowMissing === true,
    seed: (raw.seed as number | undefined) ?? 0,
    inputs: readInputs((raw.input as readonly string[] | undefined) ?? []),
    inputsFile: raw.inputs as string | undefined,
    device: (raw.device as DeviceChoice | undefined) ?? "auto",
    disable: (raw.disable as readonly string[] | undefined) ?? [],
    only: only
      ?.flatMap((text) => text.split(","))
      .map((name) => name.trim())
      .filter((name) => name !== ""),
    optimise: raw.O !== "0",
    ...(raw.approx === undefined
      ? {}
      : { approximation: { features: raw.approx as number, seed: (raw.seed as number | undefined) ?? 0 } }),
    verify: raw.verify === true,
    ...(raw.precision === "f16" ? { precision: "f16" } : {}),
    ...(raw.schedules === undefined ? {} : { schedules: raw.schedules as string }),
    ...(raw.training === true ? { training: true } : {}),
    gradient: readGradient(raw.gradient as readonly string[] | undefined),
    loss: raw.loss as string | undefined,
  };
}

function readGradient(texts: readonly string[] | undefined): readonly string[] | "all" | undefined {
  const names = texts?.flatMap((text) => text.split(",")).map((name) => name.trim());
  if (names === undefined) return undefined;
  return names.includes("all") ? "all" : names.filter((name) => name !== "");
}

/** `d=64`, `eps=1e-5`, `causal=true`. */
export function readSettings(texts: readonly string[]): ReadonlyMap<string, number | boolean> {
  const settings = new Map<string, number | boolean>();
  for (const text of texts) {
    const [name, value] = splitAssignment("--set", text, "NAME=VALUE, for example --set L=128");
    settings.set(name, settingValue(text, value));
  }
  return settings;
}

function settingValue(text: string, value: string): number | boolean {
  if (value === "true" || value === "false") return value === "true";
  const number = /^[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?$/.test(value)
    ? Number(value.replaceAll("_", ""))
    : Number.NaN;
  if (!Number.isFinite(number))
    throw new UsageError(`--set ${text}: \`${value}\` is neither a number nor true or false`);
  return number;
}

function readInputs(texts: readonly string[]): ReadonlyMap<string, string> {
  const inputs = new Map<string, string>();
  for (const text of texts) {
    const [name, file] = splitAssignment(
      "--input",
      text,
      "NAME=FILE, for example --input tokens=book.txt or --input x=random",
    );
    if (inputs.has(name)) throw new UsageError(`--input ${name} is given twice`);
    inputs.set(name, file);
  }
  return inputs;
}

function splitAssignment(option: string, text: string, form: string): [string, string] {
  const equals = text.indexOf("=");
  const name = text.slice(0, equals).trim();
  const value = text.slice(equals + 1).trim();
  if (equals < 0 || name === "" || value === "")
    throw new UsageError(`${option} ${text}: it must have the form ${form}`);
  return [name, value];
}
