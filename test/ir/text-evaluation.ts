/** Evaluates small graphs given as text, for tests that want to show operation, operands and result in one line. */
import { evaluateGraph, type Graph, type GraphValues, type Node, parseGraph, tensorOf } from "../../src/ir/index.ts";

/** The graph of one line, with inputs `%x`, `%y`, `%z` of the given types and the line's value `%r` as its only output. */
export function graphOf(types: readonly string[], line: string): Graph {
  const inputs = types.map((type, i) => `  %${"xyz"[i]}: ${type} = input "${"xyz"[i]}"`);
  return parseGraph(["graph line {", ...inputs, `  %r: ${line}`, "  return r = %r", "}"].join("\n"));
}

/** Values for the inputs of `graphOf`, each as a flat list. */
export function valuesFor(graph: Graph, lists: readonly (readonly number[])[]): GraphValues {
  const inputs = graph.inputs.map((node: Node, i) => [node.attributes.name, tensorOf(node.type, lists[i] ?? [])]);
  return { inputs: Object.fromEntries(inputs), parameters: {} };
}

/** The output of `graphOf` as a flat list. */
export function evaluateLine(types: readonly string[], line: string, lists: readonly (readonly number[])[]): number[] {
  const graph = graphOf(types, line);
  return Array.from(evaluateGraph(graph, valuesFor(graph, lists)).r?.data ?? []);
}
