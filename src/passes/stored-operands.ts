/** Giving hand-written kernels what they can bind: every operand a buffer of its own, as it lies. */
import { type Graph, graphNodes, makeNode, type Node, operationOf } from "../ir/index.ts";
import { isTable, storedAs } from "./fusion.ts";
import { mapGraph } from "./rebuild.ts";

/** Copies operands of hand-written kernels that are views, lie in no buffer, or are the same as another operand. */
export function withStoredOperands(graph: Graph): Graph {
  const replacements = new Map<Node, Node>();
  for (const node of graphNodes(graph)) {
    if (operationOf(node.op).family !== "extern") continue;
    const seen = new Set<Node>();
    const operands = node.operands.map((operand) => {
      const stored = storedAs(operand);
      const { family } = operationOf(stored.op);
      const hasNoBuffer = family === "source" && stored.op !== "input" && stored.op !== "parameter" && !isTable(stored);
      if (!hasNoBuffer && family !== "movement" && !seen.has(stored)) {
        seen.add(stored);
        return operand;
      }
      const { dtype, below = 0 } = operand.type;
      return makeNode("cast", [operand], { to: dtype, below }, { origins: node.origins, name: operand.name });
    });
    if (operands.some((operand, k) => operand !== node.operands[k])) replacements.set(node, { ...node, operands });
  }
  return replacements.size === 0 ? graph : mapGraph(graph, replacements);
}
