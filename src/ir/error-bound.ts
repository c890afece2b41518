/**
 * How far a device may be from the reference: values in float64 and, beside them, bounds of the absolute error of an f32
 * evaluation, carried from node to node by the operations' records. Tolerances follow from the graph; none is guessed.
 */
import {
  type EvaluationOptions,
  evaluateNode,
  evaluationCost,
  type GraphValues,
  lastReadsOf,
  ReferenceTooLarge,
} from "./evaluate.ts";
import { type Graph, graphNodes, type Node } from "./graph.ts";
import { IrError } from "./operation.ts";
import { operationOf } from "./operations/index.ts";
import { precisionOf } from "./operations/precision.ts";
import { newTensor, type Tensor } from "./tensor.ts";
import { isFloat } from "./types.ts";

/** A value and, element by element, how far an evaluation in the graph's own types can be from it. Infinite: anywhere. */
export interface BoundedTensor {
  readonly value: Tensor;
  readonly bound: Tensor;
}

/**
 * Outputs of the graph by name, with their bounds. Takes a few times as long and twice the memory of `evaluateGraph`.
 *
 * @throws GraphValueError when a value is missing or does not fit its type
 * @throws ReferenceTooLarge when the graph exceeds `maximumOperations`
 */
export function evaluateWithBounds(
  graph: Graph,
  values: GraphValues,
  options: EvaluationOptions = {},
): Record<string, BoundedTensor> {
  const outputs = new Set(graph.outputs.map((output) => output.node));
  const bounded = boundNodes(graph, values, options, (node) => outputs.has(node));
  return Object.fromEntries(graph.outputs.map(({ name, node }) => [name, bounded.get(node) as BoundedTensor]));
}

/** The same for every node of the graph, for finding the first one that is off. */
export function evaluateNodesWithBounds(
  graph: Graph,
  values: GraphValues,
  options: EvaluationOptions = {},
): Map<Node, BoundedTensor> {
  return boundNodes(graph, values, options, () => true);
}

function boundNodes(
  graph: Graph,
  given: GraphValues,
  options: EvaluationOptions,
  keep: (node: Node) => boolean,
  knownBounds: ReadonlyMap<string, Tensor> = new Map(),
): Map<Node, BoundedTensor> {
  if (options.maximumOperations !== undefined) {
    const cost = 4 * evaluationCost(graph);
    if (cost > options.maximumOperations) throw new ReferenceTooLarge(graph.name, cost, options.maximumOperations);
  }
  const nodes = graphNodes(graph);
  const values = new Map<Node, Tensor>();
  const bounds = new Map<Node, Tensor>();
  const kept = new Map<Node, BoundedTensor>();
  const lastReads = lastReadsOf(nodes);
  nodes.forEach((node, position) => {
    options.onNode?.(node, position, nodes.length);
    const value = evaluateNode(node, values, given);
    const bound = nodeBound(node, value, values, bounds, knownBounds);
    values.set(node, value);
    bounds.set(node, bound);
    if (keep(node)) kept.set(node, { value, bound });
    for (const dead of lastReads[position] as readonly Node[]) {
      values.delete(dead);
      bounds.delete(dead);
    }
  });
  return kept;
}

/** A body, whose inputs come with the errors they already have. */
function evaluateRegion(
  graph: Graph,
  inputs: Readonly<Record<string, { readonly value: Tensor; readonly bound: Tensor }>>,
): Record<string, BoundedTensor> {
  const values = Object.fromEntries(Object.entries(inputs).map(([name, { value }]) => [name, value]));
  const known = new Map(Object.entries(inputs).map(([name, { bound }]) => [name, bound]));
  const outputs = new Set(graph.outputs.map((output) => output.node));
  const bounded = boundNodes(graph, { inputs: values, parameters: {} }, {}, (node) => outputs.has(node), known);
  return Object.fromEntries(graph.outputs.map(({ name, node }) => [name, bounded.get(node) as BoundedTensor]));
}

function nodeBound(
  node: Node,
  value: Tensor,
  values: ReadonlyMap<Node, Tensor>,
  bounds: ReadonlyMap<Node, Tensor>,
  given: ReadonlyMap<string, Tensor>,
): Tensor {
  const operation = operationOf(node.op);
  if (node.op === "input" || node.op === "parameter") {
    return given.get(node.attributes.name as string) ?? withLimits(value, storageBound(value));
  }
  if (operation.errorBound === undefined) {
    const exact = node.operands.every((operand) => (bounds.get(operand) as Tensor).data.every((e) => e === 0));
    if (exact && operation.family === "source") return newTensor(value.type);
    throw new IrError(`${node.op} has no error bound`);
  }
  const operands = node.operands.map((operand) => values.get(operand) as Tensor);
  const errors = node.operands.map((operand) => bounds.get(operand) as Tensor);
  const regions = node.regions && { graphs: node.regions, evaluateWithBounds: evaluateRegion };
  const bound = operation.errorBound(operands, errors, value, node.attributes, regions);
  return operation.family === "movement" ? bound : withLimits(value, bound);
}

/** What storing a value in its own type costs: nothing when it is representable, else one rounding. */
function storageBound(value: Tensor): Tensor {
  const bound = newTensor(value.type);
  const { dtype } = value.type;
  if (!isFloat(dtype)) return bound;
  const { unit, underflow } = precisionOf(dtype);
  for (let i = 0; i < bound.data.length; i++) {
    const x = value.data[i] as number;
    if (dtype === "f32") bound.data[i] = Math.abs(x - Math.fround(x));
    else if (!isShort(x, unit)) bound.data[i] = unit * Math.abs(x) + underflow;
  }
  return bound;
}

/** True when the significand of x has no more bits than a type with this unit. */
function isShort(x: number, unit: number): boolean {
  if (x === 0) return true;
  const scaled = Math.abs(x) / 2 ** Math.floor(Math.log2(Math.abs(x)));
  return Number.isInteger(scaled / unit);
}

/**
 * Adds what the ends of the type's range do. A value that may be smaller than the smallest normal number may be flushed to
 * zero; one that may exceed the largest finite number may come out as anything.
 */
function withLimits(value: Tensor, bound: Tensor): Tensor {
  if (!isFloat(value.type.dtype)) return bound;
  const { underflow, largest } = precisionOf(value.type.dtype);
  for (let i = 0; i < bound.data.length; i++) {
    const size = Math.abs(value.data[i] as number);
    const e = bound.data[i] as number;
    if (!(size + e <= largest)) bound.data[i] = Number.POSITIVE_INFINITY;
    else if (size - e < underflow) bound.data[i] = Math.max(e, size);
  }
  return bound;
}

/** The element that is furthest off, measured in bounds. */
export interface WorstElement {
  /** Row-major position. */
  readonly index: number;
  readonly got: number;
  readonly want: number;
  /** The bound times the factor. */
  readonly bound: number;
  /** |got - want| / bound: 1 or less is within. Infinite for a difference where none is allowed, or for NaN. */
  readonly ratio: number;
}

/**
 * Compares what a device gave with the reference and returns the worst element, or undefined for an empty tensor.
 *
 * @param got     as many elements as the reference, in row-major order
 * @param factor  how many bounds are allowed
 * @throws RangeError when the numbers of elements differ
 */
export function compareWithin(
  got: ArrayLike<number>,
  value: Tensor,
  bound: Tensor,
  factor: number,
): WorstElement | undefined {
  if (got.length !== value.data.length) {
    throw new RangeError(`${got.length} elements to compare with ${value.data.length}`);
  }
  let worst: WorstElement | undefined;
  for (let index = 0; index < got.length; index++) {
    const [mine, want] = [got[index] as number, value.data[index] as number];
    const allowed = (bound.data[index] as number) * factor;
    const ratio = ratioOf(mine, want, allowed);
    if (worst === undefined || ratio > worst.ratio) worst = { index, got: mine, want, bound: allowed, ratio };
  }
  return worst;
}

function ratioOf(got: number, want: number, allowed: number): number {
  if (Object.is(got, want) || got === want || allowed === Number.POSITIVE_INFINITY) return 0;
  const ratio = Math.abs(got - want) / allowed;
  return Number.isNaN(ratio) ? Number.POSITIVE_INFINITY : ratio;
}
