/** Running the pipeline: which passes, what is checked after each, and what is reported. */
import { checkGraph, type Graph, type GraphValues, graphNodes, type Node } from "../ir/index.ts";
import { type AgreementReference, checkAgreement, referenceOf } from "./agreement.ts";
import { defaultContext, type Pass, type PassContext, type PassResult } from "./pass.ts";
import { passNames, pipeline } from "./pipeline.ts";
import { mapGraph } from "./rebuild.ts";
import { type RewriteSummary, type RewriteTrace, summariseRewrites } from "./trace.ts";

export interface PipelineOptions {
  /** Names of passes to leave out. */
  readonly disable?: readonly string[];
  /** Names of the only passes to run. */
  readonly only?: readonly string[];
  /** False (`-O0`) leaves the graph as it is. */
  readonly optimise?: boolean;
  readonly context?: Partial<PassContext>;
  /** Checks after every pass; none when absent. */
  readonly verify?: PassVerification;
  /** Called before each pass. */
  readonly onPass?: (name: string) => void;
  /** Clock in milliseconds, for timing passes; this folder has none of its own. */
  readonly now?: () => number;
  /** The passes to choose from: the pipeline, unless a test brings its own. */
  readonly passes?: readonly Pass[];
}

export interface PassVerification {
  /** Values on which the graphs before and after each pass are compared; without them only the form is checked. */
  readonly values?: GraphValues;
  /** Graphs that cost more elementary operations on the reference evaluator are not compared. */
  readonly maximumOperations?: number;
  /** False for graphs that have no source text. */
  readonly origins?: boolean;
}

/** The graph after one pass. */
export interface PassStage {
  readonly name: string;
  readonly graph: Graph;
  readonly rewrites: readonly RewriteTrace[];
  /** False when the pass gave back the very graph it was given. */
  readonly changed: boolean;
  /** True when the pass may have changed values, because the author allows an approximation. */
  readonly changesValues?: boolean;
  /** Milliseconds, when a clock was given. */
  readonly ms?: number;
}

export interface PipelineResult {
  readonly graph: Graph;
  /** One for each pass that ran, in order. */
  readonly stages: readonly PassStage[];
  readonly rewrites: readonly RewriteSummary[];
}

/** A name that is no pass was given by the user. */
export class PassSelectionError extends Error {
  override readonly name = "PassSelectionError";
  constructor(
    readonly unknown: readonly string[],
    readonly known: readonly string[],
  ) {
    super(`there is no pass ${unknown.join(" or ")}; the passes are ${known.join(", ")}`);
  }
}

/** A pass threw, or gave back a graph that is not well formed or computes something else: a bug in Weft. */
export class PassFailure extends Error {
  override readonly name = "PassFailure";
  constructor(
    readonly pass: string,
    /** The graph that the pass was given. */
    readonly graph: Graph,
    override readonly cause: unknown,
  ) {
    super(`${pass}: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/**
 * Runs the passes on a graph and on the bodies of its loops.
 *
 * @throws PassSelectionError when `disable` or `only` names no pass
 * @throws PassFailure when a pass fails, or the checks that `verify` asks for do
 */
export function runPipeline(graph: Graph, options: PipelineOptions = {}): PipelineResult {
  const context: PassContext = { ...defaultContext, ...options.context };
  const stages: PassStage[] = [];
  let current = graph;
  let reference: AgreementReference | undefined;
  for (const pass of selectPasses(options)) {
    options.onPass?.(pass.name);
    const start = options.now?.();
    try {
      const result = runEverywhere(pass, current, context);
      const changed = result.graph !== current;
      const ms = start === undefined || options.now === undefined ? undefined : options.now() - start;
      if (options.verify !== undefined && changed) {
        checkGraph(result.graph, { origins: options.verify.origins });
      }
      if (pass.changesValues === true && changed) reference = undefined;
      else if (options.verify !== undefined && changed) {
        reference ??= referenceOf(current, options.verify);
        if (reference !== undefined) checkAgreement(result.graph, reference, options.verify);
      }
      const approximates = pass.changesValues === true && changed;
      stages.push({
        name: pass.name,
        ...result,
        changed,
        ...(approximates ? { changesValues: true } : {}),
        ...(ms === undefined ? {} : { ms }),
      });
      current = result.graph;
    } catch (error) {
      throw new PassFailure(pass.name, current, error);
    }
  }
  return { graph: current, stages, rewrites: summariseRewrites(stages.flatMap((stage) => stage.rewrites)) };
}

function selectPasses(options: PipelineOptions): readonly Pass[] {
  const { disable = [], only, optimise = true, passes = pipeline } = options;
  const known = options.passes === undefined ? passNames : [...new Set(passes.map((pass) => pass.name))];
  const unknown = [...disable, ...(only ?? [])].filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new PassSelectionError([...new Set(unknown)], known);
  if (!optimise) return [];
  return passes.filter(({ name }) => !disable.includes(name) && (only === undefined || only.includes(name)));
}

/** Runs a pass on the bodies that nodes carry, innermost first, then on the graph. Bodies nest as deep as loops do. */
function runEverywhere(pass: Pass, graph: Graph, context: PassContext): PassResult {
  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  for (const node of graphNodes(graph)) {
    if (node.regions === undefined) continue;
    const results = node.regions.map((region) => runEverywhere(pass, region, context));
    rewrites.push(...results.flatMap((result) => result.rewrites));
    const regions = results.map((result) => result.graph);
    if (regions.some((region, i) => region !== node.regions?.[i])) replacements.set(node, { ...node, regions });
  }
  const withBodies = replacements.size === 0 ? graph : mapGraph(graph, replacements);
  const result = pass.run(withBodies, context);
  return { graph: result.graph, rewrites: [...rewrites, ...result.rewrites] };
}
