/**
 * Training as a library: the step of an entry, made ready on a device, and taken batch after batch.
 *
 * Loss, gradients and optimiser are one graph and one submission. Parameters and what the optimiser remembers stay on the device.
 */
import { PlanLimitError } from "./codegen/index.ts";
import { checkSource, compileGraph, type EntryRequest, type PassSelection, type ReadSource } from "./compile.ts";
import { valueOrThrow } from "./compile-error.ts";
import { initialParameters } from "./initial-parameters.ts";
import { elementCount, type TensorType } from "./ir/index.ts";
import { sourcesFor } from "./program-sources.ts";
import {
  DeviceError,
  type HostArray,
  type HostValue,
  InputError,
  openDevice,
  prepareStepper,
  type WeftDevice,
} from "./runtime/index.ts";
import { type LossScale, type Optimiser, stepInputs, stepOutputs, usualLossScale } from "./train/index.ts";
import { buildTrainingStep, elaborateLoss, optimiserFunctions, type TrainingRequest } from "./training.ts";

/** Which entry is trained, how, and where. */
export interface TrainingOptions
  extends Omit<EntryRequest, "training">,
    Pick<TrainingRequest, "loss" | "groups" | "clip" | "isFrozen"> {
  /** Name of the source text in messages, from which `use ./…` is resolved. */
  readonly path?: string;
  /** As for `compile`. */
  readonly readSource?: ReadSource;
  readonly optimiser: Optimiser;
  /** Buffers that an output of the entry is written over after each step: running statistics. */
  readonly updates?: TrainingRequest["updates"];
  /** Precision `f16` keeps activations and their gradients in half precision, and everything that is trained in f32. */
  readonly passes?: PassSelection;
  /** In half precision: the scale of the loss to begin with, a power of two, and the steps after which it doubles. */
  readonly lossScale?: LossScale;
  /** Where to train; there must be a device. */
  readonly device?: "auto" | "gpu" | "software" | WeftDevice;
  /** First values of parameters and buffers by path; those left out start from their initialisers. */
  readonly parameters?: (path: string) => HostValue | undefined | Promise<HostValue | undefined>;
  /** Seed of the initialisers; 0 unless given. */
  readonly seed?: number;
}

/** What a step tells. A step whose loss or gradient is not finite changes nothing. */
export interface StepResult {
  readonly loss: number;
  /** Length of all gradients together, before clipping. */
  readonly gradientNorm: number;
  /** In half precision: by what the loss was multiplied. A step whose gradient overflowed is followed by one with half of it. */
  readonly lossScale?: number;
  /** The entry's other outputs that are single numbers, by name. */
  readonly numbers: Readonly<Record<string, number>>;
}

/** A training under way. */
export interface Training {
  /** Model and entry, or the function's name. */
  readonly name: string;
  /** What each step takes: the arguments of the entry. */
  readonly inputs: Readonly<Record<string, TensorType>>;
  /** Paths of the parameters that are trained. */
  readonly trained: readonly string[];
  /** One line: which device. */
  readonly adapter: string;
  /**
   * Takes one step. The next may be asked for before this one is through; parameters then follow from it.
   *
   * @param rate  learning rate of this step
   * @throws InputError for a missing or ill-fitting input; DeviceError when the device fails
   */
  step(batch: Readonly<Record<string, HostValue>>, rate: number): Promise<StepResult>;
  /** Parameters and buffers by path as they are after all steps so far. @throws InputError for a path that the entry does not use */
  read(paths: readonly string[]): Promise<Record<string, HostArray>>;
  /** The buffer that holds a parameter now, for `Executable.copyParameters`; another after the next step. */
  buffer(path: string): GPUBuffer | undefined;
  /** Frees buffers, and the device unless it was handed in. */
  dispose(): void;
}

/**
 * Makes the training of an entry ready: its loss must be a single f32, or one for each example, which are then averaged.
 *
 * @throws CompileError for mistakes in the text; TrainStepError when the entry cannot be trained so; DifferentiationError where a gradient is
 *   missing; DeviceError when there is no device or it is too small
 */
export async function prepareTraining(source: string, options: TrainingOptions): Promise<Training> {
  const path = options.path ?? "source.weft";
  const readSource = await sourcesFor(path, source, options.readSource);
  const entry = valueOrThrow(elaborateLoss(checkSource(path, readSource), options));
  const elaborate = optimiserFunctions(readSource);
  const lossScale = options.passes?.precision === "f16" ? (options.lossScale ?? usualLossScale) : undefined;
  const updates = options.updates ?? [];
  const step = buildTrainingStep(entry, { ...options, updates, accumulate: 1, elaborate, lossScale });
  const wish = options.device ?? "auto";
  const device = typeof wish === "string" ? await openDevice({ prefer: wish }) : wish;
  const close = () => {
    if (device !== wish) device.close();
  };
  try {
    const { plan } = compileGraph(step.graph, {
      profile: device.profile,
      passes: { ...options.passes, precision: step.precision },
      parametersChange: true,
    });
    const remembered = new Map(step.remembered.map((each) => [each.path, each]));
    const initial = initialParameters(entry.parameters, options.seed ?? 0);
    const first = async (name: string): Promise<HostValue> => {
      const own = remembered.get(name);
      if (own !== undefined) return new Float32Array(elementCount(own.type.shape)).fill(own.start);
      return (await options.parameters?.(name)) ?? initial(name);
    };
    const stepper = await prepareStepper(device, plan, { carry: step.carry, read: step.scalars, parameters: first });
    const own = new Set<string>(Object.values(stepInputs));
    const inputs = plan.inputs.filter(({ name }) => !own.has(name));
    let taken = 0;
    return {
      name: entry.graph.name,
      inputs: Object.fromEntries(inputs.map(({ name, type }) => [name, type])),
      trained: step.trained,
      adapter: device.description,
      step: async (batch, rate) => {
        const missing = inputs.find(({ name }) => !Object.hasOwn(batch, name));
        if (missing !== undefined)
          throw new InputError(missing.name, `input \`${missing.name}\` is missing from the batch`);
        const numbers: Readonly<Record<string, number>> = { [stepInputs.step]: taken + 1, [stepInputs.rate]: rate };
        const given = plan.inputs.filter(({ name }) => Object.hasOwn(numbers, name));
        const told = given.map(({ name }) => [name, Float32Array.of(numbers[name] as number)]);
        const work = stepper.step({ ...batch, ...Object.fromEntries(told) });
        taken++;
        const values = Object.entries(await work).map(([name, data]) => [name, data[0] as number] as const);
        const {
          [step.loss]: loss,
          [stepOutputs.norm]: norm,
          [stepOutputs.scale]: scale,
          ...others
        } = Object.fromEntries(values);
        const scaled = scale === undefined ? {} : { lossScale: scale };
        return { loss: loss as number, gradientNorm: norm as number, numbers: others, ...scaled };
      },
      read: async (paths) => stepper.read(paths),
      buffer: (path) => stepper.buffer(path),
      dispose: () => {
        stepper.dispose();
        close();
      },
    };
  } catch (error) {
    close();
    if (error instanceof PlanLimitError) throw new DeviceError("limit", error.message);
    throw error;
  }
}
