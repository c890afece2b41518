/**
 * The reference evaluator: what a graph means, in float64 on the host.
 *
 * Every value of the compiler is judged against this one, so it is written for being right first. Element types do not
 * round here (an f32 value may hold what no f32 can); the error bounds of error-bound.ts say how far a device may be off.
 */
import { type Graph, graphNodes, type Node } from "./graph.ts";
import { IrError } from "./operation.ts";
import { operationOf } from "./operations/index.ts";
import type { Tensor } from "./tensor.ts";
import { elementCount, isInteger, printType, sameShape } from "./types.ts";

/** Values by name, for the inputs and the parameters of a graph. */
export interface GraphValues {
  readonly inputs: Readonly<Record<string, Tensor>>;
  readonly parameters: Readonly<Record<string, Tensor>>;
}

export interface EvaluationOptions {
  /** Largest number of elementary operations (floating-point operations plus elements written) that is accepted. */
  readonly maximumOperations?: number;
  /** Called before each node, with its position among `total`; whoever wants to stop the evaluation throws here. */
  readonly onNode?: (node: Node, position: number, total: number) => void;
}

/** The graph would take longer on the reference evaluator than the caller allows. */
export class ReferenceTooLarge extends Error {
  override readonly name = "ReferenceTooLarge";
  constructor(
    readonly graph: string,
    readonly operations: number,
    readonly maximum: number,
  ) {
    super(
      `the reference evaluator would need ${operations.toExponential(1)} operations for ${graph}, more than the ${maximum.toExponential(1)} allowed`,
    );
  }
}

/** Values handed over do not fit the graph: one is missing, has another shape, or holds an index out of range. */
export class GraphValueError extends Error {
  override readonly name = "GraphValueError";
}

/** Elementary operations that evaluating the graph takes: floating-point operations plus elements written. */
export function evaluationCost(graph: Graph): number {
  let cost = 0;
  for (const node of graphNodes(graph)) {
    const types = node.operands.map((operand) => operand.type);
    cost += operationOf(node.op).flops(types, node.type, node.attributes) + elementCount(node.type.shape);
    // A body of a loop runs once for each step, other bodies once.
    const times = (node.attributes.steps as number | undefined) ?? 1;
    for (const body of node.regions ?? []) cost += times * evaluationCost(body);
  }
  return cost;
}

/**
 * Outputs of the graph by name. Values are dropped once nothing needs them any more.
 *
 * @throws GraphValueError when a value is missing or does not fit its type
 * @throws ReferenceTooLarge when the graph exceeds `maximumOperations`
 */
export function evaluateGraph(
  graph: Graph,
  values: GraphValues,
  options: EvaluationOptions = {},
): Record<string, Tensor> {
  const wanted = new Set(graph.outputs.map((output) => output.node));
  const tensors = evaluateKeeping(graph, values, options, (node) => wanted.has(node));
  return Object.fromEntries(graph.outputs.map(({ name, node }) => [name, tensors.get(node) as Tensor]));
}

/**
 * Values of the chosen nodes, or of all of them. Keeping all takes as much memory as every value of the graph together, in
 * float64.
 *
 * @throws GraphValueError when a value is missing or does not fit its type
 * @throws ReferenceTooLarge when the graph exceeds `maximumOperations`
 */
export function evaluateNodes(
  graph: Graph,
  values: GraphValues,
  options: EvaluationOptions & { readonly nodes?: Iterable<Node> } = {},
): Map<Node, Tensor> {
  const wanted = options.nodes === undefined ? undefined : new Set(options.nodes);
  return evaluateKeeping(graph, values, options, (node) => wanted?.has(node) ?? true);
}

function evaluateKeeping(
  graph: Graph,
  values: GraphValues,
  options: EvaluationOptions,
  keep: (node: Node) => boolean,
): Map<Node, Tensor> {
  if (options.maximumOperations !== undefined) {
    const cost = evaluationCost(graph);
    if (cost > options.maximumOperations) throw new ReferenceTooLarge(graph.name, cost, options.maximumOperations);
  }
  const nodes = graphNodes(graph);
  const tensors = new Map<Node, Tensor>();
  const lastReads = lastReadsOf(nodes);
  nodes.forEach((node, position) => {
    options.onNode?.(node, position, nodes.length);
    tensors.set(node, evaluateNode(node, tensors, values));
    for (const dead of lastReads[position] as readonly Node[]) if (!keep(dead)) tensors.delete(dead);
  });
  return tensors;
}

/** For each position, the nodes whose value nothing after it reads (the node itself, if nothing ever reads it). */
export function lastReadsOf(nodes: readonly Node[]): readonly (readonly Node[])[] {
  const seen = new Set<Node>();
  const last: Node[][] = nodes.map(() => []);
  for (let position = nodes.length - 1; position >= 0; position--) {
    const node = nodes[position] as Node;
    for (const value of [node, ...node.operands]) {
      if (seen.has(value)) continue;
      seen.add(value);
      (last[position] as Node[]).push(value);
    }
  }
  return last;
}

/** Value of one node whose operands have theirs in `tensors`. */
export function evaluateNode(node: Node, tensors: ReadonlyMap<Node, Tensor>, values: GraphValues): Tensor {
  if (node.op === "input" || node.op === "parameter") return boundValue(node, values);
  const operation = operationOf(node.op);
  if (operation.evaluate === undefined) throw new IrError(`${node.op} has no reference semantics`);
  const operands = node.operands.map((operand) => tensors.get(operand) as Tensor);
  const regions = node.regions && {
    graphs: node.regions,
    evaluate: (graph: Graph, inputs: Readonly<Record<string, Tensor>>) =>
      evaluateGraph(graph, { inputs, parameters: {} }),
  };
  return operation.evaluate(operands, node.attributes, node.type, regions);
}

/** The value given for an input or a parameter, checked against its type. */
function boundValue(node: Node, values: GraphValues): Tensor {
  const name = node.attributes.name as string;
  const given = node.op === "input" ? values.inputs : values.parameters;
  const tensor = Object.hasOwn(given, name) ? given[name] : undefined;
  if (tensor === undefined) throw new GraphValueError(`no value for the ${node.op} ${name}: ${printType(node.type)}`);
  if (!sameShape(tensor.type.shape, node.type.shape) || tensor.data.length !== elementCount(node.type.shape)) {
    throw new GraphValueError(
      `the ${node.op} ${name} is ${printType(node.type)}; the value given has shape [${tensor.type.shape.join(", ")}]`,
    );
  }
  checkElements(node, name, tensor.data);
  return tensor.type === node.type ? tensor : { type: node.type, data: tensor.data };
}

function checkElements(node: Node, name: string, data: Float64Array) {
  const { dtype, below } = node.type;
  if (!isInteger(dtype) && dtype !== "bool") return;
  const [low, high] =
    below !== undefined
      ? [0, below - 1]
      : dtype === "i32"
        ? [-(2 ** 31), 2 ** 31 - 1]
        : dtype === "u32"
          ? [0, 2 ** 32 - 1]
          : [0, 1];
  const wrong = data.findIndex((element) => !(element >= low && element <= high && Number.isInteger(element)));
  if (wrong >= 0) {
    throw new GraphValueError(
      `element ${wrong} of the ${node.op} ${name} is ${data[wrong]}; ${printType({ ...node.type, shape: [] })} allows whole numbers from ${low} to ${high}`,
    );
  }
}
