/** The order in which a growing kernel looks at candidates. */
import type { Node } from "../ir/index.ts";

export interface NodeQueue {
  readonly add: (nodes: readonly Node[]) => void;
  /** Takes out the node that comes first in the graph. */
  readonly next: () => Node | undefined;
}

/** A queue that is kept in the order of the graph; some values have thousands of readers, so it is never sorted anew. */
export function nodeQueue(position: ReadonlyMap<Node, number>): NodeQueue {
  /** Last first. */
  const waiting: { readonly node: Node; readonly place: number }[] = [];
  return {
    add: (nodes) => {
      for (const node of nodes) {
        const place = position.get(node) ?? 0;
        let low = 0;
        let high = waiting.length;
        while (low < high) {
          const middle = (low + high) >> 1;
          if ((waiting[middle] as { place: number }).place > place) low = middle + 1;
          else high = middle;
        }
        waiting.splice(low, 0, { node, place });
      }
    },
    next: () => waiting.pop()?.node,
  };
}
