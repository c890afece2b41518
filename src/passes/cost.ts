/** What nodes cost, before anything is fused: the figures that rewrites report as saved. */
import { byteLength, type Node, operationOf } from "../ir/index.ts";

/** Floating-point operations, and bytes read and written. */
export interface Cost {
  readonly flops: number;
  readonly bytes: number;
}

export const noCost: Cost = { flops: 0, bytes: 0 };

export function addCosts(a: Cost, b: Cost): Cost {
  return { flops: a.flops + b.flops, bytes: a.bytes + b.bytes };
}

/** Floating-point operations of one node, from its record; a multiply-add counts 2. */
export function nodeFlops(node: Node): number {
  const operands = node.operands.map((operand) => operand.type);
  return operationOf(node.op).flops(operands, node.type, node.attributes);
}

/** True for nodes that name or rearrange values that lie in memory already. */
export function isView(node: Node): boolean {
  const { family } = operationOf(node.op);
  return family === "source" || family === "movement";
}

/** Cost of one node as a kernel of its own: every operand read once, the result written once. Views are free. */
export function nodeCost(node: Node): Cost {
  if (isView(node)) return noCost;
  let bytes = byteLength(node.type);
  for (const operand of node.operands) bytes += byteLength(operand.type);
  return { flops: nodeFlops(node), bytes };
}

/** Sum of `nodeCost` over different nodes. */
export function costOf(nodes: Iterable<Node>): Cost {
  let total = noCost;
  for (const node of nodes) total = addCosts(total, nodeCost(node));
  return total;
}
