/** Reachability questions of fusion: does a value depend on a group that is being grown? Answered by bounded walks that remember. */
import type { Node } from "../ir/index.ts";

/** A group that grows from its head over users, and what is known of the values outside of it. */
export interface GrowingGroup {
  readonly members: ReadonlySet<Node>;
  /** True when `node` depends on some member, or when finding out would take too long. */
  readonly reaches: (node: Node) => boolean;
  /** Takes a user of a member in. */
  readonly add: (node: Node) => void;
}

/** Steps that the questions about one group may take. Beyond it the answer is the safe one: do not fuse. */
const budget = 8000;

/** Where nodes stand in the graph's order. */
export interface GraphOrder {
  readonly position: ReadonlyMap<Node, number>;
  /** For each node a place such that it depends on everything from there up to itself. */
  readonly dependsFrom: ReadonlyMap<Node, number>;
}

/** The order of `graphNodes`, in which a node often follows directly on all that it needs. */
export function graphOrder(nodes: readonly Node[]): GraphOrder {
  const position = new Map(nodes.map((node, place) => [node, place]));
  const dependsFrom = new Map<Node, number>();
  /** Nodes whose stretches, one behind the other, make up the order so far. */
  const ends: Node[] = [];
  nodes.forEach((node, place) => {
    let from = place;
    for (let end = ends.at(-1); end !== undefined && node.operands.includes(end); end = ends.at(-1)) {
      from = dependsFrom.get(end) as number;
      ends.pop();
    }
    dependsFrom.set(node, from);
    ends.push(node);
  });
  return { position, dependsFrom };
}

/** A group of one node. Members come after it in the graph's order, so nothing before it depends on them. */
export function growingGroup(head: Node, { position, dependsFrom }: GraphOrder): GrowingGroup {
  const earliest = position.get(head) ?? 0;
  const members = new Set([head]);
  /** Known to depend on a member: stays true while the group grows. */
  const dependent = new Set<Node>();
  /** Known to depend on none, nor does anything below. */
  const independent = new Set<Node>();
  let left = budget;

  const at = (node: Node) => position.get(node) ?? 0;
  const isDependent = (node: Node) =>
    members.has(node) || dependent.has(node) || (at(node) > earliest && (dependsFrom.get(node) ?? 0) <= earliest);
  /** A walk down from the node; when it meets a member, everything on the way there depends on it. */
  const walk = (root: Node): boolean => {
    const path = [{ node: root, next: 0 }];
    for (let top = path[0]; top !== undefined; top = path[path.length - 1]) {
      const operand = top.node.operands[top.next++];
      if (operand === undefined) {
        independent.add(top.node);
        path.pop();
      } else if (left-- <= 0 || isDependent(operand)) {
        for (const { node } of path) dependent.add(node);
        return true;
      } else if (at(operand) > earliest && !independent.has(operand)) path.push({ node: operand, next: 0 });
    }
    return false;
  };

  return {
    members,
    reaches: (node) => {
      if (isDependent(node)) return true;
      if (independent.has(node) || at(node) <= earliest) return false;
      return walk(node);
    },
    add: (node) => {
      members.add(node);
      // What depends on the new member may have been looked at before it was one; otherwise all that is known still holds.
      if (independent.has(node)) independent.clear();
    },
  };
}
