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
 * Joins map groups of one shape that share a whole tensor they read. Only results that no other kernel reads are joined, so the
 * order in which kernels run stays possible.
 */
export function joinResults(groups: readonly KernelGroup[], { maxBindings, users }: JoinOptions): KernelGroup[] {
  /** Where a group stood that a later one has taken up, there is none. */
  const joined: (KernelGroup | undefined)[] = [];
  /** Places of results by the tensors that they read. */
  const readers = new Map<Node, number[]>();
  for (const group of groups) {
    if (!isResult(group, users)) {
      joined.push(group);
      continue;
    }
    const sharing = new Set(group.inputs.flatMap((input) => readers.get(input) ?? []));
    const fitting = [...sharing]
      .sort((a, b) => a - b)
      .find((place) => {
        const other = joined[place];
        return other !== undefined && fits(other, group, maxBindings);
      });
    // Where the later one stood, everything that either reads has been computed.
    const result = fitting === undefined ? group : together(joined[fitting] as KernelGroup, group);
    if (fitting !== undefined) joined[fitting] = undefined;
    for (const input of result.inputs) {
      if (input.type.shape.length === 0) continue;
      const places = (readers.get(input) ?? []).filter((place) => joined[place] !== undefined);
      readers.set(input, [...places, joined.length]);
    }
    joined.push(result);
  }
  return joined.filter((group) => group !== undefined);
}

function isResult({ kind, outputs, members }: KernelGroup, users: JoinOptions["users"]): boolean {
  if (kind !== "map") return false;
  const own = new Set(members);
  return outputs.every((node) => (users.get(node) ?? []).every((user) => own.has(user)));
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
