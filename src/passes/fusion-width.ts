/** Kernels that would read more buffers than a device binds: which of the values they evaluate in place are stored instead. */
import { type Node, operationOf } from "../ir/index.ts";
import type { KernelGroup } from "./fusion.ts";

/** Buffers that a group's kernel binds. */
export const bindingsOf = (group: KernelGroup) => group.inputs.length + group.outputs.length;

/**
 * Nodes of a group to store, so that what evaluates each of them, and what is left of the group, fits into `maxBindings`.
 * Operands first, the widest that fits is taken whenever the next node would be too wide: a sum of n terms becomes about
 * n / (maxBindings - 2) kernels. Empty when nothing can be stored. Time grows with the group, not with its square.
 *
 * @param forced  nodes that are stored already
 */
export function widthSplits(group: KernelGroup, maxBindings: number, forced: ReadonlySet<Node>): Node[] {
  const members = new Set(group.members);
  const leaves = new Set(group.inputs);
  const chosen: Node[] = [];
  /** Leaves that a member reads, as far as it has been looked at. */
  const reads = new Map<Node, ReadonlySet<Node>>();
  const readOf = (nodes: readonly Node[]) => {
    const union = new Set<Node>();
    for (const node of nodes) {
      if (leaves.has(node)) union.add(node);
      else for (const leaf of reads.get(node) ?? []) union.add(leaf);
    }
    return union;
  };
  const isCandidate = (node: Node) => {
    const { family } = operationOf(node.op);
    // Where parts are joined, as many buffers are read as there are parts.
    const joins = family === "elementwise" || (family === "movement" && node.operands.length > 1);
    return joins && !group.outputs.includes(node) && !forced.has(node);
  };
  /** Stores values below the given nodes until these together read no more than `most` buffers, or nothing is left to store. */
  const narrow = (roots: readonly Node[], most: number): void => {
    while (readOf(roots).size > most) {
      const below = operandsFirst(roots, (node) => members.has(node) && !leaves.has(node));
      let widest: Node | undefined;
      let width = 1;
      for (const node of below) {
        reads.set(node, readOf(node.operands));
        const own = (reads.get(node) as ReadonlySet<Node>).size;
        if (own > width && own < maxBindings && !roots.includes(node) && isCandidate(node))
          [widest, width] = [node, own];
      }
      if (widest === undefined) return;
      leaves.add(widest);
      chosen.push(widest);
      for (const node of below) if (!leaves.has(node)) reads.set(node, readOf(node.operands));
    }
  };
  for (const node of operandsFirst(group.outputs, (other) => members.has(other) && !leaves.has(other))) {
    reads.set(node, readOf(node.operands));
    narrow([node], maxBindings - 1);
  }
  narrow(group.outputs, maxBindings - group.outputs.length);
  return chosen;
}

/** The nodes that `inside` admits, reached from the roots; operands before users, without recursion. */
function operandsFirst(roots: readonly Node[], inside: (node: Node) => boolean): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const stack = roots.map((node) => ({ node, next: 0 })).reverse();
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as { node: Node; next: number };
    if (top.next === 0 && (seen.has(top.node) || !inside(top.node))) {
      stack.pop();
      continue;
    }
    seen.add(top.node);
    const operand = top.node.operands[top.next++];
    if (operand === undefined) {
      order.push(top.node);
      stack.pop();
    } else stack.push({ node: operand, next: 0 });
  }
  return order;
}
