/** Training steps from source texts: the loss entry, its gradients, and the optimisers of `std/optim`, as one graph. */
import {
  checkSource,
  type ElaboratedProgram,
  type EntryRequest,
  elaborateProgram,
  type Outcome,
  type PassSelection,
  type ReadSource,
  withGradients,
} from "./compile.ts";
import type { CheckedProgram, ParameterInfo } from "./frontend/index.ts";
import type { Graph } from "./ir/index.ts";
import {
  averaged,
  type ElaborateFunction,
  type TrainStep,
  TrainStepError,
  type TrainStepRequest,
  trainStep,
} from "./train/index.ts";

/** Path of the library file that holds the optimisers. */
const optimiserLibrary = "std/optim.weft";

/** Functions of `std/optim` by name, each elaborated once for its settings and shapes. */
export function optimiserFunctions(readSource: ReadSource): ElaborateFunction {
  let checked: CheckedProgram | undefined;
  const known = new Map<string, Graph>();
  return (name, settings, inputShapes) => {
    const key = JSON.stringify([name, settings, inputShapes]);
    const before = known.get(key);
    if (before !== undefined) return before;
    checked ??= checkSource(optimiserLibrary, readSource);
    const { value, diagnostics } = elaborateProgram(checked, { entry: name, settings, inputShapes });
    // The library is ours, and callers check what they hand to it.
    if (value === undefined)
      throw new Error(`${name} of ${optimiserLibrary}: ${diagnostics.map(({ title }) => title).join("; ")}`);
    known.set(key, value.graph);
    return value.graph;
  };
}

/** How an entry is trained, without what follows from the entry itself. */
export interface TrainingRequest
  extends Pick<TrainStepRequest, "optimiser" | "clip" | "accumulate" | "updates" | "elaborate"> {
  /** Name of the output that is the loss; may be left out when only one output is a single f32. */
  readonly loss?: string;
  /** True for paths of parameters that keep their values. */
  readonly isFrozen?: (path: string) => boolean;
  /** True for paths of parameters that do not decay. */
  readonly isUndecayed?: (path: string) => boolean;
  readonly passes?: PassSelection;
}

/** The graph of a training step, and the parameters that it changes. */
export interface TrainingStep extends TrainStep {
  readonly loss: string;
  /** Paths of trained parameters. */
  readonly trained: readonly string[];
}

/** The entry as a graph with `training` true, its loss averaged where it is mapped over examples. */
export function elaborateLoss(
  program: CheckedProgram,
  request: EntryRequest & { readonly loss?: string },
): Outcome<ElaboratedProgram & { readonly loss: string }> {
  const { value, ...found } = elaborateProgram(program, { training: true, ...request });
  if (value === undefined) return found;
  const loss = lossName(value.graph, request.loss);
  return { ...found, value: { ...value, loss, graph: averaged(value.graph, loss) } };
}

/** The output that is to become small: the one named, or the only one that is an f32 or, mapped over examples, has an f32 for each. */
function lossName(graph: Graph, wanted: string | undefined): string {
  if (wanted !== undefined) return wanted;
  const floats = graph.outputs.filter(({ node }) => node.type.dtype === "f32");
  const rank = Math.min(...floats.map(({ node }) => node.type.shape.length));
  const fitting = floats.filter(({ node }) => node.type.shape.length === rank && rank <= 1);
  const [only, ...others] = fitting;
  const names = graph.outputs.map(({ name }) => name).join(", ");
  if (only === undefined)
    throw new TrainStepError(`${graph.name} has no loss: none of its outputs is a single f32 (${names})`);
  if (others.length > 0)
    throw new TrainStepError(
      `${graph.name} has several outputs that could be the loss (${names}); name one with --loss`,
    );
  return only.name;
}

/**
 * Builds the training step of an entry.
 *
 * @throws TrainStepError, DifferentiationError when the request does not fit the entry
 */
export function buildTrainingStep(
  entry: { readonly graph: Graph; readonly parameters: readonly ParameterInfo[]; readonly loss: string },
  request: TrainingRequest,
): TrainingStep {
  const { graph, parameters, loss } = entry;
  const roles = new Map(parameters.map(({ path, role }) => [path, role]));
  const trained = graph.parameters
    .filter((node) => roles.get(node.attributes.name as string) === "param" && node.type.dtype.includes("f"))
    .map((node) => node.attributes.name as string)
    .filter((path) => request.isFrozen?.(path) !== true);
  if (trained.length === 0)
    throw new TrainStepError(
      `${graph.name} has no parameter to train${parameters.length > 0 ? ": all are frozen, buffers, or not read" : ""}`,
    );
  const differentiated = withGradients(entry, { gradient: trained, loss }, request.passes);
  const undecayed = new Set(trained.filter((path) => request.isUndecayed?.(path) === true));
  const step = trainStep({ ...request, graph: differentiated, loss, trained, undecayed });
  return { ...step, loss, trained };
}
