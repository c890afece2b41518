/**
 * A training step as one graph: the loss, its gradients, and what the optimiser makes of them. The outputs are written over the
 * parameters after each run, on the device; the host sends a batch, the number of the step and the rate.
 */
import {
  elementCount,
  type Graph,
  type GraphOutput,
  graphNodes,
  makeNode,
  type Node,
  sameShape,
  type TensorType,
  tensorType,
} from "../ir/index.ts";
import { gradientName, substitute } from "../passes/index.ts";
import type { ElaborateFunction } from "./elaborate-function.ts";
import { callOf, isStatePath, type Optimiser, statePath } from "./optimiser.ts";

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
} as const;

export interface TrainStepRequest {
  /** The loss and `gradient(NAME)` of every parameter to train, from `differentiate`. */
  readonly graph: Graph;
  /** Name of the output that is the loss. */
  readonly loss: string;
  /** Paths of the parameters to train. */
  readonly trained: readonly string[];
  readonly optimiser: Optimiser;
  /** Paths of trained parameters that do not decay. */
  readonly undecayed?: ReadonlySet<string>;
  /** Greatest length of all gradients together. */
  readonly clip?: number;
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

export interface TrainStep {
  readonly graph: Graph;
  readonly carry: readonly CarriedState[];
  /** What is remembered besides parameters and buffers; everything starts as zeros. */
  readonly remembered: readonly { readonly path: string; readonly type: TensorType }[];
  /** Outputs that are numbers: the loss first, then the entry's other numbers, then the length of the gradient. */
  readonly scalars: readonly string[];
}

/** The request does not fit the entry: a parameter of a type that is not trained, an update of another type. */
export class TrainStepError extends Error {
  override readonly name = "TrainStepError";
}

/** Squares above this are taken as not finite; see note: What is not finite. */
const largestSquare = 3e38;

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
  const replace = (old: Node, value: Node, when: Node) => {
    const name = old.attributes.name as string;
    const chosen = build.apply("select", build.filled(when, old), value, old);
    // Equal layers give equal kernels, so names in the kernels have no path.
    outputs.push({
      name: `train.new(${name})`,
      node: { ...chosen, name: `new ${isStatePath(name) ? name.split("/")[1] : "weight"}` },
    });
    carry.push({ output: `train.new(${name})`, to: name });
  };

  const parameters = new Map(graph.parameters.map((node) => [node.attributes.name as string, node]));
  const weights = trained.map((path) => weightOf(parameters, path));
  // Of the sum of gradients so far, where several batches make a step.
  const sums = weights.map((weight) => {
    const path = weight.attributes.name as string;
    const gradient = anonymous(gradients.get(path) as Node);
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
  const scalars = {
    lr: input(stepInputs.rate, "f32"),
    ...(how.countsSteps ? { step: input(stepInputs.step, "f32") } : {}),
  };
  for (const { weight, sum, gradient } of sums) {
    const path = weight.attributes.name as string;
    if (sum !== undefined) replace(sum, gradient, finite);
    const clipped = factor === undefined ? gradient : build.apply("mul", gradient, factor);
    const states = how.remembers.map((name) => remember(statePath(name, path), weight));
    const decay = request.undecayed?.has(path) === true ? 0 : optimiser.weightDecay;
    const { g, settings } = decayed(request, clipped, weight, decay);
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

  const numbers = numbersOf(request);
  const norm = { name: stepOutputs.norm, node: build.apply("sqrt", square) };
  const whole: Graph = {
    name: `${graph.name} (training step)`,
    inputs: [...graph.inputs, ...inputs.values()],
    parameters: [...graph.parameters, ...remembered],
    outputs: [...numbers, norm, ...outputs],
  };
  return {
    graph: withUsedParameters(whole),
    carry,
    remembered: remembered.map((node) => ({ path: node.attributes.name as string, type: node.type })),
    scalars: [...numbers.map(({ name }) => name), norm.name],
  };
}

/** The loss and what else the entry gives that is a single f32. */
function numbersOf({ graph, loss }: TrainStepRequest): GraphOutput[] {
  const single = graph.outputs.filter(
    ({ name, node }) => node.type.dtype === "f32" && node.type.shape.length === 0 && !name.startsWith("gradient("),
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

function outputOf(graph: Graph, name: string): Node {
  const output = graph.outputs.find((each) => each.name === name);
  if (output !== undefined) return output.node;
  const known = graph.outputs.map((each) => each.name).filter((each) => !each.startsWith("gradient("));
  throw new TrainStepError(`${graph.name} has no output ${name}; it has ${known.join(", ")}`);
}

/** Puts nodes in the place of a function's inputs; its results in order. */
function call(graph: Graph, values: Readonly<Record<string, Node>>): readonly Node[] {
  const replaced = new Map(graph.inputs.map((node) => [node, values[node.attributes.name as string] as Node]));
  return substitute({ ...graph, inputs: [] }, replaced).outputs.map(({ node }) => node);
}

type StepBuilder = ReturnType<typeof stepBuilder>;

/** Nodes that come from where the loss comes from. */
function stepBuilder({ origins }: Node) {
  const node = (op: string, operands: readonly Node[], attributes: Parameters<typeof makeNode>[2] = {}) =>
    makeNode(op, operands, attributes, { origins });
  const constant = (value: number) =>
    makeNode("constant", [], { values: [value] }, { origins, declared: tensorType("f32", []) });
  /** A number in every place of a tensor. */
  const filled = (x: Node, like: Node) =>
    sameShape(x.type.shape, like.type.shape) ? x : node("broadcast", [x], { shape: [...like.type.shape], axes: [] });
  return {
    node,
    constant,
    filled,
    apply: (op: string, ...operands: readonly Node[]) => node(op, operands),
    zeros: (like: Node) => filled(constant(0), like),
    source: (op: "input" | "parameter", name: string, declared: TensorType) =>
      makeNode(op, [], { name }, { origins, declared, name }),
  };
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

/**
 * The graph with the mean over all axes of the output `name`, and of other outputs of those axes alone: the loss of an entry over one
 * example that is mapped over a batch.
 */
export function averaged(graph: Graph, name: string): Graph {
  const shape = outputOf(graph, name).type.shape;
  const count = elementCount(shape);
  if (shape.length === 0) return graph;
  const outputs = graph.outputs.map((output): GraphOutput => {
    const { type, origins } = output.node;
    if (type.dtype !== "f32" || !sameShape(type.shape, shape)) return output;
    const build = stepBuilder({ ...output.node, origins });
    const names = shape.map((_, axis) => `i${axis}`);
    const sum = build.node("sum", [output.node], { spec: `${names.join(" ")} -> ` });
    return { name: output.name, node: build.apply("mul", sum, build.constant(1 / count)) };
  });
  return { ...graph, outputs };
}

// Note: What is not finite
//
// Shaders may assume that there are no infinities and no NaN, so tests for exactly these could be folded away. A comparison with a large
// finite number cannot: it is true only of ordinary numbers, and a NaN compares false.
