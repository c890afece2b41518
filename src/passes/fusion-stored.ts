/** Which of the values between kernels lie in memory, and which every reader evaluates for itself. */
import { elementCount, type Node, operationOf } from "../ir/index.ts";
import type { FusionGraph, FusionOptions } from "./fusion.ts";
import { isWidening } from "./widening.ts";

const familyOf = (node: Node) => operationOf(node.op).family;
const isHead = (node: Node) =>
  ["contract", "reduce", "scan", "order", "scatter", "loop", "extern"].includes(familyOf(node));

/**
 * Decides which of the remaining nodes are stored. `evaluations` counts how often an element would be evaluated in
 * place; storing costs one evaluation, one write, and a read in place of every other evaluation.
 */
export function chooseStored(
  facts: FusionGraph,
  options: FusionOptions,
  claimed: ReadonlySet<Node>,
  stored: Set<Node>,
): void {
  const { nodes, users } = facts;
  const storable = (node: Node) =>
    familyOf(node) === "elementwise" || familyOf(node) === "indexed" || node.op === "concat";
  const candidate = (node: Node) =>
    storable(node) && !claimed.has(node) && !stored.has(node) && !(options.fuse && isWidening(node));
  // A value whose one reader could be stored instead, at no more elements, is left to that reader: chains are stored at their end.
  const leftToReader = (node: Node) => {
    let reader = node;
    do {
      const [next, ...others] = users.get(reader) ?? [];
      if (next === undefined || others.length > 0 || facts.isOutput(reader)) return false;
      if (elementCount(next.type.shape) > 2 * elementCount(node.type.shape)) return false;
      reader = next;
    } while (familyOf(reader) === "movement" && reader.op !== "concat");
    return candidate(reader);
  };
  const evaluations = new Map<Node, number>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i] as Node;
    let total = 0;
    for (const user of users.get(node) ?? []) {
      if (isHead(user)) total += elementCount(node.type.shape) * readsPerElement(user, node);
      else if (stored.has(user) || claimed.has(user)) total += elementCount(user.type.shape);
      else total += evaluations.get(user) ?? 0;
    }
    evaluations.set(node, total);
  }
  // Work and bytes of one evaluation in place, down to stored values.
  const work = new Map<Node, number>();
  const bytes = new Map<Node, number>();
  for (const node of nodes) {
    if (stored.has(node) || isHead(node)) {
      work.set(node, 0);
      bytes.set(node, 4);
      continue;
    }
    const elements = Math.max(1, elementCount(node.type.shape));
    let flops =
      operationOf(node.op).flops(
        node.operands.map((operand) => operand.type),
        node.type,
        node.attributes,
      ) / elements;
    let moved = 0;
    for (const operand of new Set(node.operands)) {
      // An operand with fewer elements is read from a cache, mostly.
      const share = Math.min(1, elementCount(operand.type.shape) / elements);
      flops += work.get(operand) ?? 0;
      moved += (bytes.get(operand) ?? 0) * share;
    }
    if (candidate(node)) {
      const count = evaluations.get(node) ?? 0;
      const inPlace = count * (flops + moved * options.flopsPerByte);
      const inMemory = elements * (flops + (moved + 4) * options.flopsPerByte) + count * 4 * options.flopsPerByte;
      const everyNode = !options.fuse;
      if (everyNode ? familyOf(node) !== "movement" : inPlace > inMemory && !leftToReader(node)) {
        stored.add(node);
        flops = 0;
        moved = 4;
      }
    }
    work.set(node, flops);
    bytes.set(node, moved);
  }
}

/** How often a head reads each element of an operand: once, times the outputs along indices that the operand lacks, over a tile. */
function readsPerElement(head: Node, operand: Node): number {
  if (familyOf(head) === "loop") return head.attributes.steps as number;
  if (familyOf(head) !== "contract") return 1;
  const operandElements = Math.max(1, elementCount(operand.type.shape));
  const missing = Math.max(1, elementCount(head.type.shape) / operandElements);
  return Math.max(1, missing / 8);
}
