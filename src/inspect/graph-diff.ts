/** What a pass changed, node by node. */
import type { Id, InspectedGraph, Inspection } from "./inspection.ts";
import { matchSequences } from "./sequence-diff.ts";

/** One node of either graph, in an order that both graphs' orders agree with. */
export type NodeChange =
  /** In both graphs, with operands that correspond. */
  | { readonly kind: "same"; readonly before: Id; readonly after: Id }
  /** The same operation, but on other operands. */
  | { readonly kind: "rewired"; readonly before: Id; readonly after: Id }
  | { readonly kind: "removed"; readonly before: Id }
  | { readonly kind: "added"; readonly after: Id };

/**
 * Compares two graphs of one inspection. Nodes correspond when they do the same operation with the same attributes on values
 * of the same types, in the same order; the longest common subsequence decides among equals, as of layers that repeat.
 */
export function diffGraphs(
  { nodes }: Pick<Inspection, "nodes">,
  before: InspectedGraph,
  after: InspectedGraph,
): readonly NodeChange[] {
  const signatures = new Map<string, number>();
  const signatureOf = (id: Id): number => {
    const node = nodes[id];
    if (node === undefined) throw new RangeError(`there is no node ${id}`);
    // A parameter's or input's name stands among its attributes.
    const key = `${node.type}\n${node.operation}\n${node.attributes}\n${node.bodies?.map((body) => body.nodes.join()).join(";")}`;
    const known = signatures.get(key) ?? signatures.size;
    signatures.set(key, known);
    return known;
  };
  const matches = matchSequences(before.nodes.map(signatureOf), after.nodes.map(signatureOf));
  const partner = new Map(matches.map(([x, y]) => [before.nodes[x] as Id, after.nodes[y] as Id]));
  const changes: NodeChange[] = [];
  let [x, y] = [0, 0];
  for (const [nextX, nextY] of [...matches, [before.nodes.length, after.nodes.length] as const]) {
    for (; x < nextX; x++) changes.push({ kind: "removed", before: before.nodes[x] as Id });
    for (; y < nextY; y++) changes.push({ kind: "added", after: after.nodes[y] as Id });
    if (x === before.nodes.length || y === after.nodes.length) continue;
    const [old, now] = [before.nodes[x++] as Id, after.nodes[y++] as Id];
    const wanted = nodes[now]?.operands ?? [];
    const same = (nodes[old]?.operands ?? []).every((operand, i) => partner.get(operand) === wanted[i]);
    changes.push({ kind: same ? "same" : "rewired", before: old, after: now });
  }
  return changes;
}
