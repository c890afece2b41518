/**
 * Reverse-mode differentiation: a graph with a loss becomes the graph of the loss and its gradients.
 *
 * Every node's record says what gradient its operands get from the node's own; here these are added up, from the loss
 * backwards. What comes out is ordinary IR: it shares the forward values it needs, and everything after (contraction order, fusion)
 * treats both directions as one graph. Values that are cheap to compute again are not stored for the way back, because fusion
 * evaluates them where they are read.
 */
import {
  type Attributes,
  type DifferentiationContext,
  elementCount,
  type Graph,
  type GraphOutput,
  graphNodes,
  isConstant,
  isDifferentiable,
  makeNode,
  type Node,
  operationOf,
  sameType,
  tensorType,
} from "../ir/index.ts";
import { differentiateLoop } from "./differentiate-loop.ts";
import { mapGraph, substitute } from "./rebuild.ts";
import { describeNode } from "./trace.ts";

export interface DifferentiationRequest {
  /** Name of the output to differentiate, a single f32; may be left out when only one output is that. */
  readonly of?: string;
  /** Names of inputs and parameters, or `all`: every parameter (or where there is none every input) of a floating-point type. */
  readonly by: readonly string[] | "all";
  /** Parameters that `all` leaves out. */
  readonly except?: ReadonlySet<string>;
}

/** The request does not fit the graph: no such output, input or parameter, or one without a gradient. */
export class DifferentiationError extends Error {
  override readonly name = "DifferentiationError";
}

/** Name of the output that holds the gradient by an input or a parameter. */
export function gradientName(name: string): string {
  return `gradient(${name})`;
}

/**
 * The graph with an output `gradient(NAME)` for each name asked for, after the outputs that it has already. A gradient has its
 * input's type; what the loss does not depend on has zeros.
 *
 * @throws DifferentiationError when the request does not fit the graph
 */
export function differentiate(graph: Graph, request: DifferentiationRequest): Graph {
  const loss = lossOf(graph, request.of);
  const targets = targetsOf(graph, request);
  const one = makeNode("constant", [], { values: [1] }, { declared: loss.node.type, origins: loss.node.origins });
  const { contributions, replacements } = backpropagate(new Map([[loss.node, [one]]]), new Set(targets));
  const gradients = targets.map((target): GraphOutput => {
    const name = target.attributes.name as string;
    const total = addUp(target, contributions.get(target) ?? []) ?? zerosLike(target);
    return { name: gradientName(name), node: named(total, gradientName(name)) };
  });
  const complete = { ...graph, outputs: [...graph.outputs, ...gradients] };
  return mapGraph(complete, replacements);
}

function lossOf(graph: Graph, name: string | undefined): GraphOutput {
  const scalars = graph.outputs.filter(({ node }) => node.type.dtype === "f32" && node.type.shape.length === 0);
  const known = graph.outputs.map((output) => output.name).join(", ");
  if (name === undefined) {
    const [only, ...others] = scalars;
    if (only !== undefined && others.length === 0) return only;
    const found = only === undefined ? "none of its outputs is a single f32" : "several outputs are a single f32";
    throw new DifferentiationError(`${graph.name} has no loss: ${found} (${known})`);
  }
  const output = graph.outputs.find((each) => each.name === name);
  if (output === undefined) throw new DifferentiationError(`${graph.name} has no output ${name}; it has ${known}`);
  if (!scalars.includes(output))
    throw new DifferentiationError(`the output ${name} of ${graph.name} is not a single f32`);
  return output;
}

function targetsOf(graph: Graph, { by: names, except }: DifferentiationRequest): readonly Node[] {
  if (names === "all") {
    const trained = graph.parameters.filter((node) => except?.has(node.attributes.name as string) !== true);
    const all = trained.filter(isDifferentiable);
    if (all.length > 0) return all;
    return graph.inputs.filter(isDifferentiable);
  }
  const sources = [...graph.inputs, ...graph.parameters];
  return [...new Set(names)].map((name) => {
    const found = sources.filter((node) => node.attributes.name === name);
    const [source, second] = found;
    if (source === undefined) throw new DifferentiationError(`${graph.name} has no input or parameter ${name}`);
    if (second !== undefined) throw new DifferentiationError(`${graph.name} has both an input and a parameter ${name}`);
    if (!isDifferentiable(source))
      throw new DifferentiationError(`${name} is ${source.type.dtype}, which has no gradient`);
    return source;
  });
}

/** The node under a name, where it has none; sources stay what they are. */
function named(node: Node, name: string): Node {
  return node.name !== undefined || operationOf(node.op).family === "source" ? node : { ...node, name };
}

/** What came of going backwards. */
export interface Backpropagation {
  /** For each target, what its users contribute; their sum is the gradient. A target that nothing reaches is missing. */
  readonly contributions: ReadonlyMap<Node, readonly Node[]>;
  /** Forward nodes that are to be computed in another way, so that the gradients find what they need (loops). */
  readonly replacements: ReadonlyMap<Node, Node>;
}

/**
 * Gradients by `targets` from the gradients by some nodes after them.
 *
 * @param seeds contributions to the gradients of the nodes to start from
 */
export function backpropagate(seeds: ReadonlyMap<Node, readonly Node[]>, targets: ReadonlySet<Node>): Backpropagation {
  const outputs = [...seeds.keys()].map((node) => ({ name: "", node }));
  const nodes = graphNodes({ name: "", inputs: [], parameters: [], outputs });
  // Only what depends on a target needs a gradient.
  const active = new Set<Node>();
  for (const node of nodes) {
    if (isDifferentiable(node) && (targets.has(node) || node.operands.some((operand) => active.has(operand))))
      active.add(node);
  }
  const contributions = new Map<Node, Node[]>();
  for (const [node, own] of seeds) contributions.set(node, [...own]);
  const replacements = new Map<Node, Node>();
  for (const node of nodes.reverse()) {
    if (!active.has(node) || targets.has(node)) continue;
    const own = contributions.get(node) ?? [];
    if (own.length === 0) continue;
    contributions.delete(node);
    const needed = node.operands.map((operand) => active.has(operand));
    for (const gradient of separately(node, own)) {
      operandGradients(node, gradient, needed, replacements).forEach((contribution, k) => {
        const operand = node.operands[k] as Node;
        if (contribution === undefined || !needed[k]) return;
        if (!sameType(contribution.type, operand.type)) {
          throw new Error(`the gradient of ${node.op} by operand ${k} has another type than the operand`);
        }
        const known = contributions.get(operand);
        if (known === undefined) contributions.set(operand, [contribution]);
        else known.push(contribution);
      });
    }
  }
  return { contributions: new Map([...contributions].filter(([node]) => targets.has(node))), replacements };
}

/**
 * The contributions to a node's gradient as they go on from here: all in one sum, mostly.
 *
 * A contraction is linear in its gradient, so contributions may pass it one by one. Worth it for those made of something
 * smaller: a broadcast, whose contraction is cheap, and a product of smaller factors (`g Vᵀ` of the size of an attention matrix), which
 * in a product of three can be multiplied in a better order and never be formed. In a sum with others, it would have to be.
 */
function separately(node: Node, contributions: readonly Node[]): readonly Node[] {
  if (contributions.length > 1 && operationOf(node.op).family === "contract") {
    const size = (of: Node) => elementCount(of.type.shape);
    const isOuter = node.operands.every((operand) => size(operand) < size(node));
    const isSmall = (contribution: Node) =>
      operationOf(contribution.op).family === "contract" ? isOuter : contribution.op === "broadcast";
    const whole = addUp(
      node,
      contributions.filter((each) => !isSmall(each)),
    );
    return [...(whole === undefined ? [] : [whole]), ...contributions.filter(isSmall)];
  }
  return [addUp(node, contributions) as Node];
}

/** Gradients by the operands of one node; those that nobody needs may be missing. */
function operandGradients(
  node: Node,
  gradient: Node,
  needed: readonly boolean[],
  replacements: Map<Node, Node>,
): readonly (Node | undefined)[] {
  const operation = operationOf(node.op);
  if (operation.family === "loop") {
    // A body is differentiated by the same walk, which records cannot call.
    const { gradients, forward } = differentiateLoop(node, gradient, needed, backpropagate);
    if (forward !== undefined) replacements.set(node, forward);
    return gradients;
  }
  const [reference] = node.regions ?? [];
  if (operation.family === "extern" && reference !== undefined)
    return throughReference(node, reference, gradient, needed, replacements);
  if (operation.differentiate === undefined) {
    throw new DifferentiationError(`the loss depends on ${describeNode(node)}, and ${node.op} has no gradient`);
  }
  return operation.differentiate(contextFor(node, gradient));
}

/** A hand-written kernel has the gradient of its reference. */
function throughReference(
  { operands }: Node,
  reference: Graph,
  gradient: Node,
  needed: readonly boolean[],
  found: Map<Node, Node>,
): readonly (Node | undefined)[] {
  const inlined = substitute(
    { ...reference, inputs: [] },
    new Map(reference.inputs.map((input, k) => [input, operands[k] as Node])),
  );
  const result = (inlined.outputs[0] as GraphOutput).node;
  const wanted = new Set(operands.filter((_, k) => needed[k]));
  const { contributions, replacements } = backpropagate(new Map([[result, [gradient]]]), wanted);
  for (const [node, replacement] of replacements) found.set(node, replacement);
  // An operand that stands in several places gets its whole gradient at the first.
  return operands.map((operand, k) =>
    operands.indexOf(operand) === k ? addUp(operand, contributions.get(operand) ?? []) : undefined,
  );
}

/** Builds nodes that come from the same places as the node; trivial products are left out. */
function contextFor(node: Node, gradient: Node): DifferentiationContext {
  const { origins } = node;
  const build = (op: string, operands: readonly Node[], attributes?: Attributes) =>
    makeNode(op, operands, attributes, { origins });
  const dtype = isDifferentiable(node) ? node.type.dtype : "f32";
  return {
    node,
    gradient,
    build,
    apply: (op, ...operands) => {
      const [x, y] = operands as [Node, Node];
      if (op === "mul" && isConstant(y, 1)) return x;
      if (op === "mul" && isConstant(y, -1)) return build("neg", [x]);
      return build(op, operands);
    },
    constant: (value) => makeNode("constant", [], { values: [value] }, { declared: tensorType(dtype, []), origins }),
  };
}

/** The sum of all contributions to a node's gradient; `undefined` when there are none. */
export function addUp(node: Node, contributions: readonly Node[]): Node | undefined {
  const [first, ...others] = contributions;
  return others.reduce<Node | undefined>(
    (sum, contribution) =>
      sum === undefined ? contribution : makeNode("add", [sum, contribution], {}, { origins: node.origins }),
    first,
  );
}

/** Zeros of a node's type. */
export function zerosLike({ type, origins }: Node): Node {
  const zero = makeNode("constant", [], { values: [0] }, { declared: tensorType(type.dtype, []), origins });
  return type.shape.length === 0
    ? zero
    : makeNode("broadcast", [zero], { shape: [...type.shape], axes: [] }, { origins });
}
