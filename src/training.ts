/** Training steps from source texts: the loss entry, its gradients, and the optimisers of `std/optim`, as one graph. */
import {
  checkSource,
  type ElaboratedProgram,
  type EntryRequest,
  elaborateProgram,
  type MixedPrecision,
  type Outcome,
  type PassSelection,
  type ReadSource,
  withGradients,
} from "./compile.ts";
import { type CheckedProgram, type ParameterInfo, writtenPath } from "./frontend/index.ts";
import type { Graph, Node } from "./ir/index.ts";
import {
  averaged,
  type ElaborateFunction,
  scaledLossName,
  stepBuilder,
  type TrainStep,
  TrainStepError,
  type TrainStepRequest,
  trainStep,
  unscalingPath,
  withScaledLoss,
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
  extends Pick<
    TrainStepRequest,
    "optimiser" | "groups" | "clip" | "lossScale" | "accumulate" | "updates" | "elaborate"
  > {
  /** Name of the output that is the loss; may be left out when only one output is a single f32. */
  readonly loss?: string;
  /** True for paths of parameters that keep their values. */
  readonly isFrozen?: (path: string) => boolean;
  readonly passes?: PassSelection;
}

/** The graph of a training step, and the parameters that it changes. */
export interface TrainingStep extends TrainStep {
  readonly loss: string;
  /** Paths of trained parameters. */
  readonly trained: readonly string[];
  /** How to compile it where the loss is scaled: activations and their gradients in f16. */
  readonly precision?: MixedPrecision;
}

/** The entry as a graph with `training` true, its loss averaged where it is mapped over examples. */
export function elaborateLoss(
  program: CheckedProgram,
  request: EntryRequest & { readonly loss?: string },
): Outcome<ElaboratedProgram & { readonly loss: string }> {
  const training = request.training ?? true;
  const { value, ...found } = elaborateProgram(program, { ...request, training, withWritten: training });
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
  const { lossScale } = request;
  const start = lossScale === undefined ? entry : { ...entry, graph: scaled(graph, loss) };
  const differentiated = withGradients(
    start,
    { gradient: trained, loss: lossScale === undefined ? loss : scaledLossName },
    request.passes,
  );
  const updates = [...request.updates, ...ownUpdates(graph, request)];
  const step = trainStep({ ...request, updates, graph: differentiated, loss, trained });
  const precision: MixedPrecision | undefined = lossScale && { kind: "mixed", fullAfter: unscalingPath };
  return { ...step, loss, trained, ...(precision === undefined ? {} : { precision }) };
}

function scaled(graph: Graph, loss: string): Graph {
  const node = graph.outputs.find(({ name }) => name === loss)?.node as Node;
  return withScaledLoss(graph, node, stepBuilder(node));
}

/** The buffers that the text writes, unless they are frozen or the request gives them another value. */
function ownUpdates(graph: Graph, { updates, isFrozen }: TrainingRequest): TrainingRequest["updates"] {
  const given = new Set(updates.map(({ buffer }) => buffer));
  return graph.outputs.flatMap(({ name: output }) => {
    const buffer = writtenPath(output);
    return buffer === undefined || given.has(buffer) || isFrozen?.(buffer) === true ? [] : [{ buffer, output }];
  });
}
