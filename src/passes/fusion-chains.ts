/**
 * Map kernels that follow one another element by element, where the first is stored all the same: one kernel computes both, and
 * the second does not read what the first has just written. Recurrences end their steps so (a cell and what is shown of it).
 */
import { elementCount, type Node, operationOf } from "../ir/index.ts";
import type { KernelGroup } from "./fusion.ts";

/** Joins map groups with those whose results they read at the same element. `groups` are in an order in which they can run. */
export function joinChains(
  groups: readonly KernelGroup[],
  { maxBindings, mustStore }: { readonly maxBindings: number; readonly mustStore: (node: Node) => boolean },
): KernelGroup[] {
  const joined: (KernelGroup | undefined)[] = [...groups];
  const placeOf = new Map<Node, number>();
  /** Places of the groups that read a node, in order; those that have been joined with it are left out. */
  const readers = new Map<Node, number[]>();
  groups.forEach((group, place) => {
    for (const output of group.outputs) placeOf.set(output, place);
    for (const input of group.inputs) {
      const known = readers.get(input);
      if (known === undefined) readers.set(input, [place]);
      else known.push(place);
    }
  });
  groups.forEach((original, place) => {
    if (original.kind !== "map") return;
    const producers = new Set(original.inputs.map((input) => placeOf.get(input)).filter((each) => each !== undefined));
    for (const earlier of producers) {
      const first = joined[earlier] as KernelGroup;
      // It may be computed as late as the second when nobody reads it before; then nothing that the second needs can need it either.
      if (first.outputs.some((output) => (readers.get(output)?.[0] ?? place) < place)) continue;
      const second = joined[place] as KernelGroup;
      if (!follows(first, second, maxBindings)) continue;
      joined[earlier] = undefined;
      for (const output of first.outputs) {
        placeOf.set(output, place);
        readers.set(
          output,
          (readers.get(output) ?? []).filter((reader) => reader > place),
        );
      }
      const stored = first.outputs.filter((output) => mustStore(output) || (readers.get(output) ?? []).length > 0);
      joined[place] = together(first, second, stored);
    }
  });
  return joined.filter((group) => group !== undefined);
}

/** True when the second reads results of the first at its own element only, and one kernel can bind what both do. */
function follows(first: KernelGroup, second: KernelGroup, maxBindings: number): boolean {
  if (first.kind !== "map") return false;
  const [a, b] = [first.outputs[0] as Node, second.outputs[0] as Node];
  if (elementCount(a.type.shape) !== elementCount(b.type.shape)) return false;
  const inputs = new Set([...first.inputs, ...second.inputs]);
  for (const output of first.outputs) inputs.delete(output);
  if (inputs.size + first.outputs.length + second.outputs.length > maxBindings) return false;
  const results = new Set(first.outputs);
  return second.outputs.every((output) => readsInPlace(output, results, new Set(second.inputs)));
}

/** True when every way from the node to one of the results keeps to its element. */
function readsInPlace(node: Node, results: ReadonlySet<Node>, inputs: ReadonlySet<Node>): boolean {
  /** Nodes whose element is read somewhere else, or in place only. */
  const moved = new Set<Node>();
  const seen = new Set<Node>();
  const stack: { readonly node: Node; readonly isMoved: boolean }[] = [{ node, isMoved: false }];
  while (stack.length > 0) {
    const { node: current, isMoved } = stack.pop() as (typeof stack)[number];
    if (isMoved ? moved.has(current) : seen.has(current)) continue;
    (isMoved ? moved : seen).add(current);
    if (results.has(current)) {
      if (isMoved) return false;
      continue;
    }
    if (inputs.has(current)) continue;
    // A reshape keeps the order of the elements, and threads are numbered in that order.
    const inPlace = operationOf(current.op).family === "elementwise" || current.op === "reshape";
    for (const operand of current.operands) stack.push({ node: operand, isMoved: isMoved || !inPlace });
  }
  return true;
}

/** One kernel of both; of the first's results those that somebody else reads are `stored`. */
function together(first: KernelGroup, second: KernelGroup, stored: readonly Node[]): KernelGroup {
  const results = new Set(first.outputs);
  return {
    ...second,
    outputs: [...stored, ...second.outputs],
    inputs: [...new Set([...first.inputs, ...second.inputs])].filter((input) => !results.has(input)),
    members: [...new Set([...first.members, ...second.members])],
  };
}
