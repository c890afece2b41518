/**
 * Weft as a library: compile a model written as equations, look at what became of it, run it.
 *
 * ```ts
 * import { compile } from "weft";
 *
 * const program = await compile(
 *   `fn attention<L, S, d, e>(Q: f32[L, d], K: f32[S, d], V: f32[S, e]) -> f32[L, e] {
 *      let A[i, j] = softmax[j](sum[c] Q[i, c] * K[j, c] / sqrt(d))
 *      let Y[i, c] = sum[j] A[i, j] * V[j, c]
 *      return Y
 *    }`,
 *   { settings: { L: 128, S: 128, d: 64, e: 64 } },
 * );
 * const { attention } = await program.run({ Q, K, V }); // Float32Array each
 * console.log(program.ir, program.kernels.length, program.adapter);
 * program.dispose();
 * ```
 */
import { PlanLimitError, type PlannedKernel, type TunedSchedules } from "./codegen/index.ts";
import {
  CompilerBug,
  compileSource,
  type EntryRequest,
  type GradientRequest,
  hostProfile,
  type PassSelection,
  type ReadSource,
} from "./compile.ts";
import { CompileError, valueOrThrow } from "./compile-error.ts";
import type { Diagnostic, ParameterInfo } from "./frontend/index.ts";
import { initialParameters } from "./initial-parameters.ts";
import { printGraph, type TensorType } from "./ir/index.ts";
import { DifferentiationError, gradientName, type RewriteSummary } from "./passes/index.ts";
import { prepareTraining, type StepResult, type Training, type TrainingOptions } from "./prepare-training.ts";
import { sourcesFor } from "./program-sources.ts";
import { runOnReference } from "./reference-run.ts";
import {
  DeviceError,
  type DeviceErrorCode,
  type Executable,
  type HostArray,
  type HostTensor,
  type HostValue,
  InputError,
  openDevice,
  prepare,
  type WeftDevice,
  WeightsError,
} from "./runtime/index.ts";
import { openWeightsAnywhere as openWeights } from "./runtime/standalone/files.ts";
import { TrainStepError } from "./train/index.ts";

export type {
  DeviceErrorCode,
  Diagnostic,
  HostArray,
  HostTensor,
  HostValue,
  ParameterInfo,
  PlannedKernel,
  RewriteSummary,
  StepResult,
  TensorType,
  Training,
  TrainingOptions,
  TunedSchedules,
  WeftDevice,
};
export {
  CompileError,
  CompilerBug,
  DeviceError,
  DifferentiationError,
  gradientName,
  InputError,
  openDevice,
  openWeights,
  prepareTraining,
  TrainStepError,
  WeightsError,
};

/** What to compile, and where it runs. */
export interface CompileOptions extends EntryRequest, GradientRequest {
  /** Name of the source text in messages, from which `use ./…` is resolved. */
  readonly path?: string;
  /**
   * Texts of the files that `use` names and of the standard library (`std/prelude.weft`, …). In Node, the library's own come
   * from the installed package unless this gives them.
   */
  readonly readSource?: ReadSource;
  /** Which passes run, half precision, approximation; all passes and f32 unless given. */
  readonly passes?: PassSelection;
  /** Where to run; `auto` takes the best device, and the reference evaluator where there is none. */
  readonly device?: "auto" | "gpu" | "software" | "reference" | WeftDevice;
  /** Values of parameters by path; those left out start from their initialisers. */
  readonly parameters?: (path: string) => HostValue | undefined | Promise<HostValue | undefined>;
  /** Seed of the initialisers; 0 unless given. */
  readonly seed?: number;
  /** Schedules that `weft tune` measured on this device: the text of its file, or its contents parsed. None are looked for unless given. */
  readonly schedules?: string | TunedSchedules;
}

/** A compiled entry, ready to run. */
export interface Program {
  /** Model and entry, or the function's name. */
  readonly name: string;
  /** Element type and shape of every argument, by name. */
  readonly inputs: Readonly<Record<string, TensorType>>;
  /** The same of every result; gradients are called `gradient(NAME)`. */
  readonly outputs: Readonly<Record<string, TensorType>>;
  /** Every parameter and buffer of the model. */
  readonly parameters: readonly ParameterInfo[];
  /** The optimised graph as text. */
  readonly ir: string;
  /** The graph before the passes. */
  readonly writtenIr: string;
  /** What the passes changed, with the work and traffic before and after. */
  readonly rewrites: readonly RewriteSummary[];
  /** One for each launch, with its WGSL. */
  readonly kernels: readonly PlannedKernel[];
  /** Which of the given `schedules` were left aside, and why. */
  readonly notes: readonly string[];
  /** One line: which device runs it, or that the reference evaluator does, and why. */
  readonly adapter: string;
  /**
   * Runs once; runs of one program follow each other. Data is flat and row-major: floats travel as Float32Array, i32 and idx as Int32Array, u32 as Uint32Array, bool as Uint8Array.
   *
   * @throws InputError for a missing or ill-fitting input; DeviceError when the device fails
   */
  run(inputs: Readonly<Record<string, HostValue>>): Promise<Record<string, HostArray>>;
  /** Frees buffers, and the device unless it was handed in. */
  dispose(): void;
}

/**
 * Compiles one entry of a source text, with the gradients of its loss where `gradient` asks for them: outputs `gradient(NAME)`.
 *
 * @throws CompileError for mistakes in the text; DifferentiationError for gradients that do not fit the entry; DeviceError when the device wanted
 *   is missing ("no-adapter") or too small ("limit"); InputError for a parameter that does not fit; CompilerBug for a bug of Weft
 */
export async function compile(source: string, options: CompileOptions = {}): Promise<Program> {
  const path = options.path ?? "source.weft";
  const readSource = await sourcesFor(path, source, options.readSource);
  const { device, owned, adapter } = await chooseDevice(options.device ?? "auto");
  try {
    const profile = device?.profile ?? hostProfile;
    const value = valueOrThrow(compileSource({ ...options, path, readSource, profile }));
    const initial = initialParameters(value.parameters, options.seed ?? 0);
    const parameters = async (name: string) => (await options.parameters?.(name)) ?? initial(name);
    const executable = device === undefined ? undefined : await prepare(device, value.plan, { parameters });
    const { graph, finalGraph, kernels, notes, rewrites } = value;
    return {
      name: graph.name,
      inputs: typesOf(graph.inputs.map((node) => [node.attributes.name as string, node.type])),
      outputs: typesOf(graph.outputs.map(({ name, node }) => [name, node.type])),
      parameters: value.parameters,
      ir: printGraph(finalGraph),
      writtenIr: printGraph(graph),
      rewrites,
      kernels,
      notes,
      adapter,
      run: (inputs) => executable?.run(inputs) ?? runOnReference(value.reference, inputs, parameters),
      dispose: () => release(executable, owned),
    };
  } catch (error) {
    release(undefined, owned);
    if (error instanceof PlanLimitError) throw new DeviceError("limit", error.message);
    throw error;
  }
}

function release(executable: Executable | undefined, device: WeftDevice | undefined): void {
  executable?.dispose();
  device?.close();
}

function typesOf(entries: readonly (readonly [string, TensorType])[]): Readonly<Record<string, TensorType>> {
  return Object.fromEntries(entries);
}

interface ChosenDevice {
  /** Absent for the reference evaluator. */
  readonly device?: WeftDevice;
  /** Present when this program must close it. */
  readonly owned?: WeftDevice;
  readonly adapter: string;
}

async function chooseDevice(wish: NonNullable<CompileOptions["device"]>): Promise<ChosenDevice> {
  if (wish === "reference") return { adapter: "reference evaluator (asked for)" };
  if (typeof wish !== "string") return { device: wish, adapter: wish.description };
  try {
    const device = await openDevice({ prefer: wish });
    return { device, owned: device, adapter: device.description };
  } catch (error) {
    if (wish !== "auto" || !(error instanceof DeviceError) || error.code !== "no-adapter") throw error;
    return { adapter: `reference evaluator (${error.message.split(". ")[0]})` };
  }
}
