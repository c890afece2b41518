/**
 * Map kernels that write several results of a graph: what an optimiser makes of a parameter is its new value and all that it remembers, each from
 * the same gradient. One kernel reads what they share once.
 */
import { type Node, sameShape } from "../ir/index.ts";
import type { KernelGroup } from "./fusion.ts";

export interface JoinOptions {
  readonly maxBindings: number;
  /** Nodes that read a node. */
  readonly users: ReadonlyMap<Node, readonly Node[]>;
}

/**
 * Joins map groups of one shape that share a whole tensor they read. Only results that nothing in the graph reads are joined, so the
 * order in which kernels run stays possible.
 */
export function joinResults(groups: readonly KernelGroup[], { maxBindings, users }: JoinOptions): KernelGroup[] {
  const joined: KernelGroup[] = [];
  for (const group of groups) {
    const fitting = isResult(group, users)
      ? joined.findIndex((other) => isResult(other, users) && fits(other, group, maxBindings))
      : -1;
    if (fitting < 0) joined.push(group);
    else {
      // Where the later one stood, everything that either reads has been computed.
      const [other] = joined.splice(fitting, 1) as [KernelGroup];
      joined.push(together(other, group));
    }
  }
  return joined;
}

function isResult({ kind, outputs }: KernelGroup, users: JoinOptions["users"]): boolean {
  return kind === "map" && outputs.every((node) => (users.get(node) ?? []).length === 0);
}

function fits(a: KernelGroup, b: KernelGroup, maxBindings: number): boolean {
  const shape = (group: KernelGroup) => (group.outputs[0] as Node).type.shape;
  if (!sameShape(shape(a), shape(b))) return false;
  const shared = a.inputs.filter((input) => b.inputs.includes(input));
  if (!shared.some(({ type }) => type.shape.length > 0)) return false;
  return a.inputs.length + b.inputs.length - shared.length + a.outputs.length + b.outputs.length <= maxBindings;
}

function together(a: KernelGroup, b: KernelGroup): KernelGroup {
  return {
    ...a,
    outputs: [...a.outputs, ...b.outputs],
    inputs: [...new Set([...a.inputs, ...b.inputs])],
    members: [...new Set([...a.members, ...b.members])],
  };
}
