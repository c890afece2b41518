/** Giving every output of a graph storage of its own. */
import { type Graph, makeNode, type Node, operationOf } from "../ir/index.ts";
import { storedAs } from "./fusion.ts";

/** Copies every output that shows an input or the same node as another output. */
export function withOwnOutputs(graph: Graph): Graph {
  const seen = new Set<Node>();
  const outputs = graph.outputs.map(({ name, node }) => {
    const stored = storedAs(node);
    const shared = seen.has(stored) || operationOf(stored.op).family === "source";
    seen.add(stored);
    if (!shared) return { name, node };
    const copy = makeNode(
      "cast",
      [node],
      { to: node.type.dtype, below: node.type.below ?? 0 },
      { origins: node.origins, name: node.name },
    );
    return { name, node: copy };
  });
  return { ...graph, outputs };
}
