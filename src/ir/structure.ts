/** When two graphs are the same, and a short name for what a graph is. */

import { type Attributes, type AttributeValue, type Graph, graphNodes, type Node } from "./graph.ts";
import { hash64 } from "./hash.ts";
import { printGraph } from "./print.ts";
import type { Origins } from "./span.ts";
import { sameType } from "./types.ts";

/** What counts when graphs are compared. */
export interface SameGraphOptions {
  /** Whether origins and author's names count; they do unless this is false. */
  readonly provenance?: boolean;
}

/**
 * True when both graphs have the same name, the same inputs, parameters and outputs in the same order, and are made of the
 * same nodes, shared in the same places.
 */
export function sameGraph(a: Graph, b: Graph, options: SameGraphOptions = {}): boolean {
  const [nodesA, nodesB] = [graphNodes(a), graphNodes(b)];
  if (a.name !== b.name || nodesA.length !== nodesB.length) return false;
  if (a.inputs.length !== b.inputs.length || a.parameters.length !== b.parameters.length) return false;
  const numbersA = numbering(nodesA);
  const numbersB = numbering(nodesB);
  const sameNodes = nodesA.every((node, i) => {
    const other = nodesB[i] as Node;
    return (
      node.op === other.op &&
      sameType(node.type, other.type) &&
      sameAttributes(node.attributes, other.attributes) &&
      sameReferences(node.operands, numbersA, other.operands, numbersB) &&
      sameRegions(node.regions, other.regions, options) &&
      (options.provenance === false || (node.name === other.name && sameOrigins(node.origins, other.origins)))
    );
  });
  const nodesOf = (graph: Graph) => graph.outputs.map((output) => output.node);
  return (
    sameNodes &&
    sameReferences(a.inputs, numbersA, b.inputs, numbersB) &&
    sameReferences(a.parameters, numbersA, b.parameters, numbersB) &&
    sameReferences(nodesOf(a), numbersA, nodesOf(b), numbersB) &&
    a.outputs.every((output, i) => output.name === b.outputs[i]?.name)
  );
}

const numbering = (nodes: readonly Node[]) => new Map(nodes.map((node, number) => [node, number]));

function sameReferences(
  a: readonly Node[],
  numbersA: ReadonlyMap<Node, number>,
  b: readonly Node[],
  numbersB: ReadonlyMap<Node, number>,
): boolean {
  return a.length === b.length && a.every((node, i) => numbersA.get(node) === numbersB.get(b[i] as Node));
}

/** True when both have the same attributes with the same values. */
export function sameAttributes(a: Attributes, b: Attributes): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && sameValue(a[name], b[name]));
}

/** Equality of two attribute values, element by element; nan equals nan, and 0 is not -0. */
export function sameValue(a: AttributeValue | undefined, b: AttributeValue | undefined): boolean {
  if (typeof a !== "object" || typeof b !== "object") return Object.is(a, b);
  return a.length === b.length && a.every((element, i) => Object.is(element, b[i]));
}

function sameOrigins(a: Origins, b: Origins): boolean {
  const keys = ["file", "start", "end", "line", "column"] as const;
  return a.length === b.length && a.every((span, i) => keys.every((key) => span[key] === b[i]?.[key]));
}

function sameRegions(a: readonly Graph[] = [], b: readonly Graph[] = [], options: SameGraphOptions): boolean {
  return a.length === b.length && a.every((region, i) => sameGraph(region, b[i] as Graph, options));
}

/**
 * 16 hexadecimal digits that stand for what a graph computes: graphs that differ only in origins and author's names share
 * them. A 64-bit FNV-1a of the text form, so good for telling changes, not for security.
 */
export function graphHash(graph: Graph): string {
  return hash64(printGraph(graph, { comments: false }))
    .toString(16)
    .padStart(16, "0");
}
