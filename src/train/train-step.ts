/**
 * A training step as one graph: the loss, its gradients, and what the optimiser makes of them. The outputs are written over the
 * parameters after each run, on the device; the host sends a batch, the number of the step and the rate.
 */
import {
  type Graph,
  type GraphOutput,
  graphNodes,
  type Node,
  sameShape,
  type TensorType,
  tensorType,
} from "../ir/index.ts";
import { gradientName, substitute } from "../passes/index.ts";
import type { ElaborateFunction } from "./elaborate-function.ts";
import { type LossScale, scalingOf } from "./loss-scale.ts";
import { callOf, isStatePath, type Optimiser, statePath } from "./optimiser.ts";
import { type ParameterGroup, settingsOf } from "./parameter-groups.ts";
import { type StepBuilder, stepBuilder } from "./step-builder.ts";
import { isWrittenByAuthor, outputOf, TrainStepError } from "./step-outputs.ts";

/** Inputs of a step besides the batch. Names of a text have no dots, so that none is taken. */
export const stepInputs = {
  /** Number of the optimiser's step, from 1: f32. */
  step: "train.step",
  /** Learning rate: f32. */
  rate: "train.rate",
  /** Is this the first batch of those whose gradients are added up? bool; only when they are. */
  first: "train.first",
  /** Is this the last of them, after which the parameters change? bool; only when they are added up. */
  last: "train.last",
} as const;

/** Outputs of a step besides the loss and the new values. */
export const stepOutputs = {
  /** Length of all gradients together, before clipping: f32. With accumulation, of the sum so far. */
  norm: "train.gradient-norm",
  /** By what the loss was multiplied for its gradient: f32; only when it was. */
  scale: "train.loss-scale",
} as const;

export interface TrainStepRequest {
  /** The loss and `gradient(NAME)` of every parameter to train, from `differentiate`. */
  readonly graph: Graph;
  /** Name of the output that is the loss. */
  readonly loss: string;
  /** Paths of the parameters to train. */
  readonly trained: readonly string[];
  readonly optimiser: Optimiser;
  /** Parameters with a rate or a weight decay of their own. */
  readonly groups?: readonly ParameterGroup[];
  /** Greatest length of all gradients together. */
  readonly clip?: number;
  /** The gradients are those of a loss that was multiplied by a scale (`withScaledLoss`), which they are freed of here. */
  readonly lossScale?: LossScale;
  /** Batches whose gradients are averaged for one step of the optimiser. */
  readonly accumulate: number;
  /** Buffers that an output of the entry is written over: running statistics. */
  readonly updates: readonly { readonly buffer: string; readonly output: string }[];
  readonly elaborate: ElaborateFunction;
}

/** A parameter or what an optimiser remembers, and the output that replaces it. */
export interface CarriedState {
  readonly output: string;
  readonly to: string;
}

/** A tensor that a training carries from step to step besides the model's own. */
export interface RememberedTensor {
  readonly path: string;
  readonly type: TensorType;
  readonly start: number;
}

export interface TrainStep {
  readonly graph: Graph;
  readonly carry: readonly CarriedState[];
  /** What is remembered besides parameters and buffers, and the number that fills it at first. */
  readonly remembered: readonly RememberedTensor[];
  /** Outputs that are numbers: the loss first, then the entry's other numbers, then the length of the gradient and the scale of the loss. */
  readonly scalars: readonly string[];
}

/** Squares above this are taken as not finite; see note: What is not finite. */
const largestSquare = 3e38;

/** Whether a step that gave this loss and this length of the gradient changed the parameters. */
export function isTaken(loss: number, norm: number): boolean {
  return Math.abs(loss) < largestSquare && norm * norm < largestSquare;
}

/**
 * Builds the graph of a training step.
 *
 * A step whose loss or gradient is not finite leaves everything as it was; the loss and the gradient's length that come out tell.
 *
 * @throws TrainStepError when the request does not fit the graph
 */
export function trainStep(request: TrainStepRequest): TrainStep {
  const { graph, trained, optimiser, accumulate } = request;
  const loss = outputOf(graph, request.loss);
  const build = stepBuilder(loss);
  const gradients = new Map(trained.map((path) => [path, outputOf(graph, gradientName(path))]));
  const inputs = new Map<string, Node>();
  const input = (name: string, dtype: "f32" | "bool") => {
    const known = inputs.get(name) ?? build.source("input", name, tensorType(dtype, []));
    inputs.set(name, known);
    return known;
  };
  const remembered: Node[] = [];
  const remember = (path: string, like: Node) => {
    const node = build.source("parameter", path, like.type);
    remembered.push(node);
    return node;
  };
  const outputs: GraphOutput[] = [];
  const carry: CarriedState[] = [];
  const replace = (old: Node, value: Node, when?: Node) => {
    const name = old.attributes.name as string;
    const chosen = when === undefined ? value : build.apply("select", build.filled(when, old), value, old);
    // Equal layers give equal kernels, so names in the kernels have no path.
    outputs.push({
      name: `train.new(${name})`,
      node: { ...chosen, name: `new ${isStatePath(name) ? name.split("/")[1] : "weight"}` },
    });
    carry.push({ output: `train.new(${name})`, to: name });
  };

  const parameters = new Map(graph.parameters.map((node) => [node.attributes.name as string, node]));
  const weights = trained.map((path) => weightOf(parameters, path));
  const scaling =
    request.lossScale === undefined
      ? undefined
      : scalingOf(graph, request.lossScale, build, (path) => remember(path, loss));
  // Of the sum of gradients so far, where several batches make a step.
  const sums = weights.map((weight) => {
    const path = weight.attributes.name as string;
    const found = anonymous(gradients.get(path) as Node);
    const gradient = scaling === undefined ? found : build.apply("mul", found, scaling.inverse);
    if (accumulate === 1) return { weight, sum: undefined, gradient };
    const scaled = build.apply("mul", gradient, build.constant(1 / accumulate));
    const sum = remember(statePath("sum", path), weight);
    const first = build.filled(input(stepInputs.first, "bool"), sum);
    return { weight, sum, gradient: build.apply("add", build.apply("select", first, build.zeros(sum), sum), scaled) };
  });
  const square = squaredNorm(
    build,
    sums.map(({ gradient }) => gradient),
  );
  const small = (x: Node) => build.apply("lt", x, build.constant(largestSquare));
  const finite = build.apply("and", small(build.apply("abs", loss)), small(square));
  const apply = accumulate === 1 ? finite : build.apply("and", finite, input(stepInputs.last, "bool"));
  const factor =
    request.clip === undefined
      ? undefined
      : call(request.elaborate("clip_factor", { max_norm: request.clip }, { squared_norm: [] }), {
          squared_norm: square,
        })[0];

  const how = callOf(optimiser);
  const rate = input(stepInputs.rate, "f32");
  const steps: Readonly<Record<string, Node>> = how.countsSteps
    ? { step: scaling?.step ?? input(stepInputs.step, "f32") }
    : {};
  for (const { weight, sum, gradient } of sums) {
    const path = weight.attributes.name as string;
    // What overflows must show in the last batch of a step, which leaves the step out.
    if (sum !== undefined) replace(sum, gradient, scaling === undefined ? finite : undefined);
    const clipped = factor === undefined ? gradient : build.apply("mul", gradient, factor);
    const states = how.remembers.map((name) => remember(statePath(name, path), weight));
    const { rateFactor, weightDecay } = settingsOf(path, request.groups ?? [], optimiser.weightDecay);
    const lr = rateFactor === 1 ? rate : build.apply("mul", rate, build.constant(rateFactor));
    const scalars = { lr, ...steps };
    const { g, settings } = decayed(request, clipped, weight, weightDecay);
    const operands = { w: weight, g, ...Object.fromEntries(how.remembers.map((name, k) => [name, states[k] as Node])) };
    const shapes = Object.fromEntries(Object.keys(operands).map((name) => [name, weight.type.shape]));
    const scalarShapes = Object.fromEntries(Object.keys(scalars).map((name) => [name, []]));
    const function_ = request.elaborate(how.function, settings, { ...shapes, ...scalarShapes });
    const [next, ...nextStates] = call(function_, { ...operands, ...scalars });
    replace(weight, next as Node, apply);
    states.forEach((state, k) => {
      replace(state, nextStates[k] as Node, apply);
    });
  }
  for (const { buffer, output } of request.updates) {
    const [old, value] = [updatedBuffer(request, parameters, buffer), outputOf(graph, output)];
    if (old.type.dtype !== value.type.dtype || !sameShape(old.type.shape, value.type.shape))
      throw new TrainStepError(`the output ${output} has not the type of the buffer ${buffer}, which it is to replace`);
    replace(old, value, finite);
  }

  for (const { old, value } of scaling?.next(finite) ?? [])
    replace(old, value, accumulate === 1 ? undefined : input(stepInputs.last, "bool"));

  const numbers = numbersOf(request);
  const norm = { name: stepOutputs.norm, node: build.apply("sqrt", square) };
  const told = [norm, ...(scaling === undefined ? [] : [{ name: stepOutputs.scale, node: scaling.factor }])];
  const whole: Graph = {
    name: `${graph.name} (training step)`,
    inputs: [...graph.inputs, ...inputs.values()],
    parameters: [...graph.parameters, ...remembered],
    outputs: [...numbers, ...told, ...outputs],
  };
  return {
    graph: withUsedParameters(whole),
    carry,
    remembered: [...(scaling === undefined ? [] : [scaling.factor]), ...remembered].map(({ attributes, type }) => {
      const path = attributes.name as string;
      return { path, type, start: scaling?.starts.get(path) ?? 0 };
    }),
    scalars: [...numbers, ...told].map(({ name }) => name),
  };
}

/** The loss and what else the entry gives that is a single f32. */
function numbersOf({ graph, loss }: TrainStepRequest): GraphOutput[] {
  const single = graph.outputs.filter(
    ({ name, node }) => node.type.dtype === "f32" && node.type.shape.length === 0 && isWrittenByAuthor(name),
  );
  return [...single.filter(({ name }) => name === loss), ...single.filter(({ name }) => name !== loss)];
}

/** λ either goes to the optimiser's own function or to `decayed`. */
function decayed(
  { optimiser, elaborate }: TrainStepRequest,
  gradient: Node,
  weight: Node,
  decay: number | undefined,
): { readonly g: Node; readonly settings: Readonly<Record<string, number>> } {
  const { settings } = optimiser;
  if (callOf(optimiser).decays)
    return { g: gradient, settings: decay === undefined ? settings : { ...settings, weight_decay: decay } };
  if (decay === undefined || decay === 0) return { g: gradient, settings };
  const { shape } = weight.type;
  const [g] = call(elaborate("decayed", { weight_decay: decay }, { g: shape, w: shape }), { g: gradient, w: weight });
  return { g: g as Node, settings };
}

function weightOf(parameters: ReadonlyMap<string, Node>, path: string): Node {
  const weight = parameters.get(path);
  if (weight === undefined) throw new TrainStepError(`the entry has no parameter ${path}`);
  if (weight.type.dtype !== "f32")
    throw new TrainStepError(`${path} is ${weight.type.dtype}; only parameters of type f32 are trained, freeze it`);
  return weight;
}

function updatedBuffer({ trained }: TrainStepRequest, parameters: ReadonlyMap<string, Node>, path: string): Node {
  const node = parameters.get(path);
  if (node === undefined)
    throw new TrainStepError(`${path} is no buffer that the entry reads, so nothing would come of updating it`);
  if (trained.includes(path)) throw new TrainStepError(`${path} is trained; only a buffer can be updated`);
  return node;
}

/** Puts nodes in the place of a function's inputs; its results in order. */
function call(graph: Graph, values: Readonly<Record<string, Node>>): readonly Node[] {
  const replaced = new Map(graph.inputs.map((node) => [node, values[node.attributes.name as string] as Node]));
  return substitute({ ...graph, inputs: [] }, replaced).outputs.map(({ node }) => node);
}

/** Sum of the squares of all elements of all gradients. */
function squaredNorm(build: StepBuilder, gradients: readonly Node[]): Node {
  const squares = gradients.map((gradient) => {
    const names = gradient.type.shape.map((_, axis) => `i${axis}`);
    const square = build.apply("mul", gradient, gradient);
    return names.length === 0 ? square : build.node("sum", [square], { spec: `${names.join(" ")} -> ` });
  });
  const [first, ...others] = squares;
  if (first === undefined) throw new TrainStepError("there is no parameter to train");
  return others.reduce((sum, square) => build.apply("add", sum, square), first);
}

/** The gradient without the path of its parameter in its name. */
function anonymous(gradient: Node): Node {
  return gradient.name?.startsWith("gradient(") === true ? { ...gradient, name: "gradient" } : gradient;
}

/** Lists only parameters that something reads; the rest need no place on the device. */
function withUsedParameters(graph: Graph): Graph {
  const used = new Set(graphNodes({ ...graph, parameters: [] }));
  return { ...graph, parameters: graph.parameters.filter((node) => used.has(node)) };
}

// Note: What is not finite
//
// Shaders may assume that there are no infinities and no NaN, so tests for exactly these could be folded away. A comparison with a large
// finite number cannot: it is true only of ordinary numbers, and a NaN compares false.
