/** A step of a loop as `factor * state + term`, where it is that. */
import { type Algebra, isConstant, makeBuilder, type Node, operationOf } from "../../ir/index.ts";

/** `factor * state + term`, element by element; no factor stands for 1, no term for 0. Single numbers hold for every element. */
export interface AffineStep {
  readonly factor?: Node;
  readonly term?: Node;
}

/**
 * Reads a step off its elementwise operations: one whose slopes by what contains the state are free of the state is affine in it.
 * Undefined for every other step.
 *
 * @param next   what the step leaves
 * @param state  the carried value as the body reads it
 */
export function affineStep(next: Node, state: Node): AffineStep | undefined {
  const known = new Map<Node, AffineStep | undefined | "free">();
  const readsState = stateReaders(state);
  const stack = [next];
  while (stack.length > 0) {
    const node = stack[stack.length - 1] as Node;
    if (node === state || !readsState(node)) known.set(node, node === state ? {} : "free");
    const waiting = known.has(node) ? [] : node.operands.filter((operand) => !known.has(operand));
    if (waiting.length > 0) {
      stack.push(...waiting);
      continue;
    }
    stack.pop();
    if (!known.has(node)) known.set(node, ofOperation(node, known, readsState));
  }
  const found = known.get(next);
  return found === "free" ? undefined : found;
}

function ofOperation(
  node: Node,
  known: ReadonlyMap<Node, AffineStep | undefined | "free">,
  readsState: (node: Node) => boolean,
): AffineStep | undefined {
  const row = operationOf(node.op).scalar;
  const parts = node.operands.map((operand) => known.get(operand));
  if (row?.partials === undefined || row.discontinuous || node.type.dtype !== "f32") return undefined;
  if (parts.includes(undefined)) return undefined;
  const b = makeBuilder(node.origins);
  const algebra: Algebra<Node> = { apply: b.apply, constant: (value) => b.constant(value) };
  const slopes = row.partials(algebra, node.operands as unknown as readonly [Node, Node, Node], node);
  const factors: Node[] = [];
  for (const [k, part] of parts.entries()) {
    if (part === "free" || part === undefined) continue;
    const slope = slopes[k];
    if (slope === undefined || readsState(slope)) return undefined;
    const inner = part.factor ?? b.constant(1);
    factors.push(isConstant(slope, 1) ? inner : isConstant(inner, 1) ? slope : b.apply("mul", slope, inner));
  }
  // The term is what the operation makes of state 0, so of the operands' own terms.
  const terms = parts.map((part, k) =>
    part === "free" ? (node.operands[k] as Node) : ((part as AffineStep).term ?? b.constant(0)),
  );
  return {
    factor: factors.reduce((sum, factor) => b.apply("add", sum, factor)),
    term: b.node(node.op, terms, node.attributes),
  };
}

/** Whether a node reads the state, also for nodes made later. */
function stateReaders(state: Node): (node: Node) => boolean {
  const known = new Map<Node, boolean>([[state, true]]);
  return (root) => {
    const stack = [root];
    while (stack.length > 0) {
      const node = stack[stack.length - 1] as Node;
      const waiting = known.has(node) ? [] : node.operands.filter((operand) => !known.has(operand));
      if (waiting.length > 0) {
        stack.push(...waiting);
        continue;
      }
      stack.pop();
      if (!known.has(node))
        known.set(
          node,
          node.operands.some((operand) => known.get(operand)),
        );
    }
    return known.get(root) as boolean;
  };
}
