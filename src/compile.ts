/**
 * The whole compiler in one place: text → checked program → graph → better graphs → plan. The only file that sees all stages.
 * Pure apart from the callbacks it is handed.
 */
import { languageBuiltins } from "./builtins.ts";
import {
  baselineProfile,
  chooseTuned,
  type DeviceProfile,
  makePlan,
  type Plan,
  PlanLimitError,
  type PlannedKernel,
  type PlanResult,
  type TunedSchedules,
} from "./codegen/index.ts";
import {
  type CheckedProgram,
  check,
  type Diagnostic,
  type EntryInstance,
  elaborateEntry,
  instantiate,
  type ParameterInfo,
  solveForInstance,
} from "./frontend/index.ts";
import { type Graph, parseGraph, type Shape } from "./ir/index.ts";
import {
  approximateSoftmax,
  defaultContext,
  differentiate,
  type PassContext,
  PassFailure,
  type PassStage,
  type PassVerification,
  type RewriteSummary,
  runPipeline,
} from "./passes/index.ts";

/** Where source texts come from, by path. */
export type ReadSource = (path: string) => string | undefined;

/** What to build of a source text. Names that are left out are chosen: the only model, its first entry. */
export interface EntryRequest {
  readonly model?: string;
  readonly entry?: string;
  readonly preset?: string;
  /** Model parameters, and generic sizes that no input fixes. */
  readonly settings?: Readonly<Record<string, number | boolean>>;
  /** Shapes of the inputs that are known already; generic sizes follow from them. */
  readonly inputShapes?: Readonly<Record<string, Shape>>;
  /** The language's constant `training`. */
  readonly training?: boolean;
}

/** Which passes run. */
export interface PassSelection {
  readonly disable?: readonly string[];
  readonly only?: readonly string[];
  /** False (`-O0`): no passes, and every node its own kernel. */
  readonly optimise?: boolean;
  /** Permission to approximate softmax attention everywhere, as `@approx(favor)` gives it to a call; 0 features: chosen. */
  readonly approximation?: { readonly features: number; readonly seed: number };
  /** `f16` keeps parameters and large values in half precision, where the device has it; arithmetic stays f32. */
  readonly precision?: "f32" | "f16" | MixedPrecision;
}

/** Large values in half precision, all parameters in f32, and f32 also for what follows from one of them. */
export interface MixedPrecision {
  readonly kind: "mixed";
  /** Path of that parameter. */
  readonly fullAfter: string;
}

export interface LoweringOptions {
  readonly profile: DeviceProfile;
  readonly passes?: PassSelection;
  /** What `weft tune` measured, or the text of its file. What cannot be used is left aside, with a note. */
  readonly schedules?: TunedSchedules | string | undefined;
  /** True to use schedules that were measured on another adapter than `profile` is of. */
  readonly schedulesOfAnyAdapter?: boolean;
  /** True where runs change parameters, as in training: then nothing is computed from them once. */
  readonly parametersChange?: boolean;
  /** Checks the graph after every pass; leaving it out checks nothing. */
  readonly verify?: PassVerification;
  /** Called before each step of the compiler with its name. */
  readonly onProgress?: (step: string) => void;
  /** Clock in milliseconds, for timing passes; there is none in here. */
  readonly now?: () => number;
}

/** A graph before and after the passes. */
export interface OptimisedGraph {
  /** The graph as it came in. */
  readonly graph: Graph;
  /** The graph after each pass, in order. */
  readonly stages: readonly PassStage[];
  readonly finalGraph: Graph;
  /** What the final graph must compute: the graph as it came in, or where an approximation is allowed, that with it. */
  readonly reference: Graph;
  readonly rewrites: readonly RewriteSummary[];
}

/** A graph made ready for a device. */
export interface CompiledGraph extends OptimisedGraph {
  readonly plan: Plan;
  readonly kernels: readonly PlannedKernel[];
  readonly memory: PlanResult["memory"];
  /** What became of tuned schedules that were not used. */
  readonly notes: readonly string[];
}

/** A compiled entry of a source text. */
export interface CompiledProgram extends CompiledGraph {
  /** All parameters and buffers of the model, also those that the entry does not use. */
  readonly parameters: readonly ParameterInfo[];
}

/** An entry as a graph, before any pass. */
export interface ElaboratedProgram {
  readonly graph: Graph;
  readonly parameters: readonly ParameterInfo[];
}

/** What came of a stage that can find mistakes in the source text. */
export interface Outcome<T> {
  /** Absent when there are errors. */
  readonly value?: T;
  readonly diagnostics: readonly Diagnostic[];
  /** Texts of all files read, by path, for showing the diagnostics. */
  readonly sources: ReadonlyMap<string, string>;
}

/** A step of the compiler threw what it must never throw. */
export class CompilerBug extends Error {
  override readonly name = "CompilerBug";
  constructor(
    /** Name of the pass, or `planning`. */
    readonly stage: string,
    /** The graph that the step was given. */
    readonly graph: Graph,
    override readonly cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause));
  }
}

/**
 * What plans are made for where the reference evaluator computes: nothing is launched, so nothing is too large. The plan then
 * only tells what a device would have done.
 */
export const hostProfile: DeviceProfile = {
  ...baselineProfile,
  features: { ...baselineProfile.features, f16: true },
  vendor: "none",
  architecture: "host",
  description: "the reference evaluator",
  limits: {
    ...baselineProfile.limits,
    maxBindingBytes: 2 ** 48,
    maxBufferBytes: 2 ** 48,
    maxWorkgroupsPerDimension: 2 ** 31,
  },
};

/** Parses and checks a source file and all that it uses. */
export function checkSource(path: string, readSource: ReadSource): CheckedProgram {
  return check(path, { builtins: languageBuiltins(), readSource });
}

/** Builds the model that a request means, without its entry: enough to list parameters. */
export function instantiateModel(program: CheckedProgram, request: EntryRequest): Outcome<EntryInstance> {
  const { sources } = program;
  if (hasErrors(program.diagnostics)) return { diagnostics: program.diagnostics, sources };
  const { value, diagnostics } = instantiate(program, request);
  const all = [...program.diagnostics, ...diagnostics];
  return value === undefined ? { diagnostics: all, sources } : { value, diagnostics: all, sources };
}

/** Turns an entry of a checked program into a graph; `withWritten` adds the buffers that the text writes as outputs `written(PATH)`. */
export function elaborateProgram(
  program: CheckedProgram,
  request: EntryRequest & { readonly withWritten?: boolean },
): Outcome<ElaboratedProgram> {
  const { value: instance, diagnostics, sources } = instantiateModel(program, request);
  if (instance === undefined) return { diagnostics, sources };
  const solved = solveForInstance(instance, request.inputShapes ?? {});
  if (hasErrors(solved.diagnostics)) return { diagnostics: [...diagnostics, ...solved.diagnostics], sources };
  const settings = new Map([...instance.settings, ...Object.entries(solved.sizes)]);
  const { mapped, shared } = solved;
  const result = elaborateEntry({ ...instance, settings }, { mapped, shared, withWritten: request.withWritten });
  const all = [...diagnostics, ...result.diagnostics];
  return result.graph === undefined || hasErrors(all)
    ? { diagnostics: all, sources }
    : { value: { graph: result.graph, parameters: result.parameters }, diagnostics: all, sources };
}

/** Which gradients to add to an entry. */
export interface GradientRequest {
  /** Names of inputs and parameters, or `all`: what is trained, every `param` (or where there is none every input) of a floating-point type. */
  readonly gradient?: readonly string[] | "all";
  /** Name of the output to differentiate, a single f32; may be left out when only one output is that. */
  readonly loss?: string;
}

/**
 * The graph with the outputs `gradient(NAME)` that the request asks for. Permitted approximations are made first: the gradient is that of
 * what is computed.
 *
 * @throws DifferentiationError when the request does not fit the graph
 */
export function withGradients(
  { graph, parameters }: { readonly graph: Graph; readonly parameters?: readonly ParameterInfo[] },
  request: GradientRequest,
  passes: PassSelection = {},
): Graph {
  if (request.gradient === undefined) return graph;
  const { name } = approximateSoftmax;
  const left = passes.optimise === false || passes.disable?.includes(name) || passes.only?.includes(name) === false;
  const context = passes.approximation === undefined ? {} : { approximation: passes.approximation };
  const start = left ? graph : approximateSoftmax.run(graph, { ...defaultContext, ...context }).graph;
  const buffers = new Set(parameters?.filter(({ role }) => role === "buffer").map(({ path }) => path));
  return differentiate(start, { by: request.gradient, of: request.loss, except: buffers });
}

/**
 * Runs the passes on a graph.
 *
 * @throws CompilerBug when a pass fails; PassSelectionError for a name that is no pass
 */
export function optimiseGraph(graph: Graph, options: Omit<LoweringOptions, "profile">): OptimisedGraph {
  const { passes = {}, verify, onProgress, now } = options;
  try {
    const result = runPipeline(graph, {
      ...passes,
      context: {
        ...(passes.approximation === undefined ? {} : { approximation: passes.approximation }),
        ...storageOf(passes),
      },
      verify,
      now,
      onPass: (name) => onProgress?.(`pass ${name}`),
    });
    const reference = result.stages.findLast(({ changesValues }) => changesValues === true)?.graph ?? graph;
    return { graph, stages: result.stages, finalGraph: result.graph, reference, rewrites: result.rewrites };
  } catch (error) {
    if (error instanceof PassFailure) throw new CompilerBug(`pass ${error.pass}`, error.graph, error.cause);
    throw error;
  }
}

function storageOf({ precision }: PassSelection): Pick<PassContext, "storage"> {
  if (precision === undefined || precision === "f32") return {};
  return { storage: precision === "f16" ? {} : { fullAfter: precision.fullAfter } };
}

/**
 * Runs the passes and plans kernels and memory for a device.
 *
 * @throws CompilerBug when a step fails; PlanLimitError when the graph does not fit the device
 */
export function compileGraph(graph: Graph, options: LoweringOptions): CompiledGraph {
  return planGraph(optimiseGraph(graph, options), options);
}

/** The second half of `compileGraph`. */
export function planGraph(optimised: OptimisedGraph, options: LoweringOptions): CompiledGraph {
  options.onProgress?.("planning kernels and memory");
  const { profile, schedules, schedulesOfAnyAdapter = false } = options;
  const tuned =
    schedules === undefined ? undefined : chooseTuned(schedules, schedulesOfAnyAdapter ? undefined : profile);
  try {
    const { plan, kernels, memory } = makePlan(optimised.finalGraph, profile, {
      fuse: options.passes?.optimise ?? true,
      prepare: !(options.parametersChange ?? false),
      ...(tuned === undefined ? {} : { choose: tuned.choose }),
    });
    return { ...optimised, plan, kernels, memory, notes: tuned?.notes() ?? [] };
  } catch (error) {
    if (error instanceof PlanLimitError) throw error;
    throw new CompilerBug("planning", optimised.finalGraph, error);
  }
}

/**
 * Compiles an entry of a source text, from text to plan.
 *
 * @throws CompilerBug when a step fails; PlanLimitError when the graph does not fit the device; DifferentiationError when the gradients
 *   asked for do not fit the entry
 */
export function compileSource(
  request: EntryRequest &
    GradientRequest &
    LoweringOptions & { readonly path: string; readonly readSource: ReadSource },
): Outcome<CompiledProgram> {
  request.onProgress?.("checking");
  const checked = checkSource(request.path, request.readSource);
  request.onProgress?.("building the graph");
  const { value, ...found } = elaborateProgram(checked, request);
  if (value === undefined) return found;
  const graph = withGradients(value, request, request.passes);
  return { ...found, value: { ...compileGraph(graph, request), parameters: value.parameters } };
}

/**
 * The graph of an IR text, as `weft inspect --after PASS` prints them.
 *
 * @throws IrTextError at the first fault of the text
 */
export function readGraph(text: string): Graph {
  return parseGraph(text);
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === "error");
}
