/** Epilogues: the elementwise work on a contraction's or scan's result that its kernel does before storing. */
import { elementCount, type Node, operationOf } from "../ir/index.ts";
import type { FusionGraph } from "./fusion.ts";
import { type GrowingGroup, growingGroup } from "./fusion-convexity.ts";
import { nodeQueue } from "./fusion-queue.ts";
import { isWidening } from "./widening.ts";

/** Largest epilogue; beyond it the text of the kernel grows without saving memory traffic. */
const maxMembers = 48;

export interface Epilogue {
  /** The node that is stored. */
  readonly root: Node;
  /** The head, the root and all between. */
  readonly members: ReadonlySet<Node>;
}

/** Views that keep every element exactly once, so that a result can be stored through them. */
const isPermutation = (node: Node) => node.op === "reshape" || node.op === "transpose";

/**
 * Grows from `head` over users that keep its elements one to one, and keeps the largest prefix with a single value that
 * anyone outside reads.
 *
 * @param beside  what the kernel stores besides: nothing that other kernels make of it may come back, only views of it
 */
export function growEpilogue(
  facts: FusionGraph,
  head: Node,
  free: (node: Node) => boolean,
  beside: readonly Node[] = [],
): Epilogue {
  const growing = withResultsBeside(growingGroup(head, facts), beside, facts);
  const { members } = growing;
  // How a member's position follows from the head's; operands of one node must agree on it.
  const layout = new Map<Node, string>([[head, ""]]);
  const order: Node[] = [head];
  const queue = nodeQueue(facts.position);
  queue.add(facts.users.get(head) ?? []);
  while (order.length < maxMembers) {
    const user = queue.next();
    if (user === undefined) break;
    if (members.has(user) || !free(user)) continue;
    const moved = layoutOf(user, growing, layout, head);
    if (moved === undefined) continue;
    growing.add(user);
    layout.set(user, moved);
    order.push(user);
    queue.add(facts.users.get(user) ?? []);
  }
  for (let length = order.length; length > 1; length--) {
    const prefix = new Set(order.slice(0, length));
    const leaving = [...prefix].filter((node) => leaves(facts, node, prefix));
    const [root] = leaving;
    // Stored before it is widened: its readers do that, at half the traffic.
    if (leaving.length === 1 && root !== undefined && isWidening(root) && !facts.isOutput(root)) continue;
    if (leaving.length === 1 && root !== undefined && operationOf(root.op).family === "elementwise")
      return { root, members: prefix };
    if (leaving.length === 1 && root !== undefined && root.op === "transpose") return { root, members: prefix };
  }
  return { root: head, members: new Set([head]) };
}

function withResultsBeside(growing: GrowingGroup, beside: readonly Node[], facts: FusionGraph): GrowingGroup {
  if (beside.length === 0) return growing;
  const others = beside.map((node) => growingGroup(node, facts));
  const isView = (node: Node): boolean =>
    beside.includes(node) || (operationOf(node.op).family === "movement" && isView(node.operands[0] as Node));
  return {
    ...growing,
    reaches: (node) => growing.reaches(node) || (!isView(node) && others.some((other) => other.reaches(node))),
  };
}

function leaves(facts: FusionGraph, node: Node, members: ReadonlySet<Node>): boolean {
  return facts.isOutput(node) || (facts.users.get(node) ?? []).some((user) => !members.has(user));
}

/** The layout that `user` would have in the epilogue, or `undefined` when it cannot join. */
function layoutOf(
  user: Node,
  { members, reaches }: GrowingGroup,
  layout: ReadonlyMap<Node, string>,
  head: Node,
): string | undefined {
  if (elementCount(user.type.shape) !== elementCount(head.type.shape)) return undefined;
  const inside = user.operands.filter((operand) => members.has(operand));
  const outside = user.operands.filter((operand) => !members.has(operand));
  const [first] = inside;
  if (first === undefined) return undefined;
  if (isPermutation(user)) {
    return `${layout.get(first)}|${user.op} ${user.type.shape.join(",")} ${String(user.attributes.permutation ?? "")}`;
  }
  if (operationOf(user.op).family !== "elementwise") return undefined;
  if (inside.some((operand) => layout.get(operand) !== layout.get(first))) return undefined;
  if (inside.some((operand) => operand.type.shape.length !== user.type.shape.length)) return undefined;
  if (outside.some((operand) => reaches(operand))) return undefined;
  return layout.get(first);
}
