/** Reachability questions of fusion, answered by a bounded walk. */
import type { Node } from "../ir/index.ts";

export interface Convexity {
  /** True when `node` depends on some member of the group, or when finding out would take too long. */
  readonly reaches: (node: Node, group: ReadonlySet<Node>) => boolean;
}

/** Nodes that one question may look at. Beyond it the answer is the safe one: do not fuse. */
const budget = 4000;

export function convexity(position: ReadonlyMap<Node, number>): Convexity {
  const at = (node: Node) => position.get(node) ?? 0;
  return {
    reaches: (node, group) => {
      let earliest = Number.POSITIVE_INFINITY;
      for (const member of group) earliest = Math.min(earliest, at(member));
      const stack = [node];
      const seen = new Set<Node>();
      while (stack.length > 0) {
        const current = stack.pop() as Node;
        if (group.has(current)) return true;
        if (at(current) <= earliest || seen.has(current)) continue;
        seen.add(current);
        if (seen.size > budget) return true;
        stack.push(...current.operands);
      }
      return false;
    },
  };
}
