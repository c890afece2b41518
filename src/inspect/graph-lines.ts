/** A graph of an inspection as the lines of its text form. */
import type { Id, InspectedGraph, InspectedNode, Inspection } from "./inspection.ts";

/** One line: a node, or what opens or closes a graph. */
export interface GraphLine {
  readonly text: string;
  /** Nesting of loops' bodies. */
  readonly depth: number;
  readonly node?: Id;
}

/** Numbers of a graph's nodes, as `%7` in its text. */
export function numbersOf(graph: InspectedGraph): ReadonlyMap<Id, number> {
  return new Map(graph.nodes.map((id, number) => [id, number]));
}

/** `%7: f32[8, 64] = contract "i j, j k -> i k" %5, %6`. */
export function nodeLine(id: Id, node: InspectedNode, numbers: ReadonlyMap<Id, number>): string {
  const operands = node.operands.map((operand) => `%${numbers.get(operand) ?? "?"}`).join(", ");
  return `%${numbers.get(id) ?? "?"}: ${node.type} = ${node.operation}${operands === "" ? "" : ` ${operands}`}${node.attributes}`;
}

/** All lines of a graph, bodies of loops below their node. */
export function graphLines(inspection: Pick<Inspection, "nodes">, graph: InspectedGraph, depth = 0): GraphLine[] {
  const numbers = numbersOf(graph);
  const lines: GraphLine[] = [{ text: `graph ${graph.name} {`, depth }];
  for (const id of graph.nodes) {
    const node = inspection.nodes[id];
    if (node === undefined) continue;
    lines.push({ text: nodeLine(id, node, numbers), depth: depth + 1, node: id });
    for (const body of node.bodies ?? []) lines.push(...graphLines(inspection, body, depth + 2));
  }
  const outputs = graph.outputs.map(({ name, node }) => `${name} = %${numbers.get(node)}`).join(", ");
  lines.push({ text: `return ${outputs}`, depth: depth + 1 }, { text: "}", depth });
  return lines;
}

/** The graph after a stage: its own, or that of the last stage before it that changed something. */
export function graphAfter({ stages }: Pick<Inspection, "stages">, stage: number): InspectedGraph {
  for (let i = stage; i >= 0; i--) {
    const { graph } = stages[i] ?? {};
    if (graph !== undefined) return graph;
  }
  throw new RangeError(`there is no stage ${stage}`);
}
