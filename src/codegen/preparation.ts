/**
 * Work that depends on parameters alone: the scale and shift of a batch norm at inference, folded tables, products of weights. It is done once when
 * parameters are written, and not in every run.
 */
import { byteLength, type Node } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";

/**
 * The groups that prepare, and those of every run, both in their order.
 *
 * What is prepared stays in memory, so a group prepares only where its results take no more bytes than the parameters that they come from:
 * a table that is made large from a small parameter is cheaper to make again than to keep.
 */
export function splitPreparation(
  groups: readonly KernelGroup[],
  isOutput: (node: Node) => boolean,
): { readonly preparation: readonly KernelGroup[]; readonly everyRun: readonly KernelGroup[] } {
  /** Parameters that a prepared node comes from. */
  const sources = new Map<Node, ReadonlySet<Node>>();
  const sourcesOf = (node: Node): ReadonlySet<Node> | undefined => {
    if (node.op === "parameter") return new Set([node]);
    return node.op === "constant" ? new Set() : sources.get(node);
  };
  const preparation: KernelGroup[] = [];
  const everyRun: KernelGroup[] = [];
  for (const group of groups) {
    const read = group.inputs.map(sourcesOf);
    const parameters = new Set(read.flatMap((each) => [...(each ?? [])]));
    const prepares =
      read.every((each) => each !== undefined) &&
      !group.outputs.some(isOutput) &&
      bytesOf(group.outputs) <= bytesOf([...parameters]);
    (prepares ? preparation : everyRun).push(group);
    if (prepares) for (const node of group.outputs) sources.set(node, parameters);
  }
  return { preparation, everyRun };
}

function bytesOf(nodes: readonly Node[]): number {
  return nodes.reduce((sum, { type }) => sum + byteLength(type), 0);
}
