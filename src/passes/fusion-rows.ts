/** Row kernels: several reductions over the same rows, with the elementwise work between and after them. */
import { type Node, operationOf, parseSpec, sameShape } from "../ir/index.ts";
import type { FusionGraph } from "./fusion.ts";
import { growingGroup } from "./fusion-convexity.ts";
import { nodeQueue } from "./fusion-queue.ts";
import { isWidening } from "./widening.ts";

const maxMembers = 96;
/** Whole rows that one kernel may store. */
const maxOutputs = 3;

export interface RowGroup {
  readonly heads: Node[];
  readonly outputs: Node[];
  readonly members: ReadonlySet<Node>;
}

/** Axes of a reduction's operand that it keeps. */
export function keptAxes(reduction: Node): number[] {
  const spec = parseSpec(reduction.attributes.spec as string);
  const own = spec.operands[0] as readonly string[];
  return own.flatMap((name, axis) => (spec.result.includes(name) ? [axis] : []));
}

const isPositional = (node: Node) => operationOf(node.op).reducer?.positional === true;
const list = (values: readonly number[]) => values.join(",");

/**
 * Grows from one reduction over users that are one value a row (`row`) or one value an element of the row (`full`),
 * further reductions of the same rows among them. Every member that somebody else reads is stored.
 */
export function growRows(facts: FusionGraph, head: Node, free: (node: Node) => boolean): RowGroup {
  const operand = head.operands[0] as Node;
  const fullShape = operand.type.shape;
  const kept = keptAxes(head);
  const roles = new Map<Node, "row" | "full">([[head, "row"]]);
  const growing = growingGroup(head, facts);
  const { members } = growing;
  const order = [head];
  const queue = nodeQueue(facts.position);
  queue.add(facts.users.get(head) ?? []);

  const roleOf = (user: Node): "row" | "full" | undefined => {
    const inside = user.operands.filter((other) => members.has(other));
    const role = roles.get(inside[0] as Node);
    const family = operationOf(user.op).family;
    if (family === "elementwise") {
      if (inside.some((other) => roles.get(other) !== role)) return undefined;
      const wanted = role === "row" ? head.type.shape : fullShape;
      return sameShape(user.type.shape, wanted) ? role : undefined;
    }
    if (user.op === "broadcast" && role === "row") {
      const axes = user.attributes.axes as readonly number[];
      return sameShape(user.type.shape, fullShape) && list(axes) === list(kept) ? "full" : undefined;
    }
    if (family === "reduce" && role === "full") {
      // Positions are searched element by element, which would cost the other reductions their vectors.
      if (isPositional(user) || isPositional(head)) return undefined;
      const sameRows =
        sameShape((user.operands[0] as Node).type.shape, fullShape) && list(keptAxes(user)) === list(kept);
      return sameRows ? "row" : undefined;
    }
    return undefined;
  };

  while (order.length < maxMembers) {
    const user = queue.next();
    if (user === undefined) break;
    if (members.has(user) || !free(user)) continue;
    const role = roleOf(user);
    if (role === undefined) continue;
    if (user.operands.some((other) => !members.has(other) && growing.reaches(other))) continue;
    growing.add(user);
    roles.set(user, role);
    order.push(user);
    if (!facts.isCut(user)) queue.add(facts.users.get(user) ?? []);
  }

  for (let length = order.length; length > 1; length--) {
    const prefix = order.slice(0, length);
    const group = new Set(prefix);
    const outputs = prefix.filter((node) => isRead(facts, node, group));
    const storable = outputs.every(
      (node) => operationOf(node.op).family !== "movement" && (facts.isOutput(node) || !isWidening(node)),
    );
    if (storable && outputs.length <= maxOutputs) {
      return { heads: prefix.filter((node) => operationOf(node.op).family === "reduce"), outputs, members: group };
    }
  }
  return { heads: [head], outputs: [head], members: new Set([head]) };
}

function isRead(facts: FusionGraph, node: Node, group: ReadonlySet<Node>): boolean {
  return facts.isOutput(node) || (facts.users.get(node) ?? []).some((user) => !group.has(user));
}
