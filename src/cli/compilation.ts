/** From the command's arguments to a graph and a plan: what `run`, `inspect`, `params` and `start` share. */

import { PlanLimitError } from "../codegen/index.ts";
import {
  type CompiledGraph,
  CompilerBug,
  checkSource,
  compileGraph,
  elaborateProgram,
  type LoweringOptions,
  type OptimisedGraph,
  type Outcome,
  optimiseGraph,
  planGraph,
  readGraph,
  withGradients,
} from "../compile.ts";
import type { Diagnostic, ParameterInfo } from "../frontend/index.ts";
import { drawnParameter, initialParameters } from "../initial-parameters.ts";
import { type Graph, InitialiserError, IrTextError, printGraph, type Shape, verifyGraph } from "../ir/index.ts";
import { DifferentiationError, PassSelectionError } from "../passes/index.ts";
import { DeviceError } from "../runtime/index.ts";
import type { ParameterValues } from "./execution.ts";
import { InputProblems, InternalFailure, SourceErrors, UsageError } from "./exit-status.ts";
import { reportDiagnostics } from "./failure.ts";
import type { InputSources } from "./input-files.ts";
import type { CompileOptions } from "./options.ts";
import { writeReproducer } from "./reproducer.ts";
import { readSourceText, sourceReader } from "./source-files.ts";
import type { Terminal } from "./terminal.ts";
import type { WantedParameter } from "./weights.ts";

/** An entry, or the graph of an IR text, before any pass. */
export interface LoadedEntry {
  /** The file that was asked for. */
  readonly path: string;
  readonly graph: Graph;
  /** Every parameter that weights may give: the whole model's, or those of the IR text. */
  readonly wanted: readonly WantedParameter[];
  /** With roles and initialisers; absent for IR texts. */
  readonly parameters?: readonly ParameterInfo[];
  /** Texts that were compiled, by path, for reproducers. */
  readonly sources: ReadonlyMap<string, string>;
}

/** True for IR texts, which `weft inspect --after PASS` prints. */
export function isIrFile(path: string): boolean {
  return path.endsWith(".ir");
}

/**
 * Parses, checks and elaborates what the arguments name. Warnings are shown.
 *
 * @throws SourceErrors, InputProblems, IrTextError for mistakes in the files; UsageError for options that do not fit them
 */
export function loadEntry(
  path: string,
  options: CompileOptions,
  inputs: InputSources | undefined,
  terminal: Terminal,
): LoadedEntry {
  const entry = isIrFile(path) ? loadIr(path, options) : loadSource(path, options, shapesOf(inputs), terminal);
  return differentiated(path, entry, options);
}

/** The entry with the gradients that `--gradient` asks for. */
function differentiated(path: string, entry: LoadedEntry, options: CompileOptions): LoadedEntry {
  if (options.gradient === undefined) {
    if (options.loss !== undefined) throw new UsageError("--loss says what --gradient differentiates; give both");
    return entry;
  }
  return guarded("differentiation", entry.sources, () => {
    try {
      return { ...entry, graph: withGradients(entry, options, options) };
    } catch (error) {
      if (error instanceof DifferentiationError) throw new UsageError(`--gradient: ${error.message}, in ${path}`);
      throw error;
    }
  });
}

function loadIr(path: string, options: CompileOptions): LoadedEntry {
  for (const [option, given] of [
    ["--model", options.model],
    ["--entry", options.entry],
    ["--preset", options.preset],
    ["--set", options.settings.keys().next().value],
  ] as const) {
    if (given !== undefined)
      throw new UsageError(`${option} has no meaning for ${path}: an IR text is one graph with fixed sizes`);
  }
  const text = readSourceText(path);
  const graph = parseIr(path, text);
  const violations = verifyGraph(graph, { origins: false });
  if (violations.length > 0) throw new InputProblems(violations.map(({ message }) => `${path}: ${message}`));
  const wanted = graph.parameters.map((node) => ({ path: node.attributes.name as string, type: node.type }));
  return { path, graph, wanted, sources: new Map([[path, text]]) };
}

function parseIr(path: string, text: string): Graph {
  try {
    return readGraph(text);
  } catch (error) {
    if (error instanceof IrTextError) throw new InputProblems([`${path}:${error.message}`]);
    throw error;
  }
}

function loadSource(
  path: string,
  options: CompileOptions,
  inputShapes: Readonly<Record<string, Shape>>,
  terminal: Terminal,
): LoadedEntry {
  terminal.progress(`checking ${path}`);
  const checked = guarded("checking", new Map([[path, readSourceText(path)]]), () =>
    checkSource(path, sourceReader(path)),
  );
  terminal.progress("building the graph");
  const outcome = guarded("building the graph", checked.sources, () =>
    elaborateProgram(checked, {
      model: options.model,
      entry: options.entry,
      preset: options.preset,
      settings: Object.fromEntries(options.settings),
      ...(options.training === undefined ? {} : { training: options.training }),
      inputShapes,
    }),
  );
  const { graph, parameters } = accept(outcome, terminal);
  return { path, graph, parameters, wanted: parameters, sources: outcome.sources };
}

/** The value of a stage; its warnings are shown, its errors thrown. */
export function accept<T>(outcome: Outcome<T>, terminal: Terminal): T {
  if (outcome.value === undefined) throw new SourceErrors(outcome.diagnostics, outcome.sources);
  const warnings: readonly Diagnostic[] = outcome.diagnostics;
  reportDiagnostics(warnings, outcome.sources, terminal);
  return outcome.value;
}

function shapesOf(inputs: InputSources | undefined): Readonly<Record<string, Shape>> {
  const shapes: Record<string, Shape> = {};
  for (const [name, source] of inputs?.byName ?? []) if (source.kind === "file") shapes[name] = source.shape;
  return shapes;
}

/** First values of parameters that no file of weights gives. */
export function initialValuesOf(entry: LoadedEntry, seed: number): ParameterValues {
  const types = new Map(entry.wanted.map(({ path, type }) => [path, type]));
  const initial = entry.parameters === undefined ? undefined : initialParameters(entry.parameters, seed);
  return async (path) => {
    try {
      const type = types.get(path);
      if (type === undefined) throw new RangeError(`there is no parameter ${path}`);
      return initial?.(path) ?? drawnParameter(path, type, seed);
    } catch (error) {
      if (error instanceof InitialiserError) throw new InputProblems([`the initialiser of ${path}: ${error.message}`]);
      throw error;
    }
  };
}

/** Runs the passes and plans, with failures as the command reports them. */
export function compileEntry(entry: LoadedEntry, options: LoweringOptions): CompiledGraph {
  return asCommandFailures(entry, () => compileGraph(entry.graph, options));
}

/** Runs the passes alone. */
export function optimiseEntry(entry: LoadedEntry, options: Omit<LoweringOptions, "profile">): OptimisedGraph {
  return asCommandFailures(entry, () => optimiseGraph(entry.graph, options));
}

/** Plans what `optimiseEntry` gave. */
export function planEntry(entry: LoadedEntry, optimised: OptimisedGraph, options: LoweringOptions): CompiledGraph {
  return asCommandFailures(entry, () => planGraph(optimised, options));
}

function asCommandFailures<T>(entry: LoadedEntry, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PassSelectionError) throw new UsageError(error.message);
    if (error instanceof PlanLimitError) throw new DeviceError("limit", error.message);
    if (!(error instanceof CompilerBug)) throw bugIn("the compiler", entry.sources, error);
    throw bugIn(error.stage, new Map([...entry.sources, ...graphFile(error.graph)]), error.cause);
  }
}

/** The graph at fault as a file; none when it is too broken to be printed. */
function graphFile(graph: Graph): readonly (readonly [string, string])[] {
  try {
    return [[`before-${graph.name}.ir`, printGraph(graph)]];
  } catch {
    return [];
  }
}

/** Wraps what a step of the compiler must never throw; errors of the user pass through. */
export function guarded<T>(stage: string, files: ReadonlyMap<string, string>, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof InputProblems || error instanceof UsageError) throw error;
    throw bugIn(stage, files, error);
  }
}

/** A bug as the command reports it, with a reproducer written. */
export function bugIn(stage: string, files: ReadonlyMap<string, string>, error: unknown): InternalFailure {
  return new InternalFailure(stage, error, writeReproducer({ stage, error, files }));
}
