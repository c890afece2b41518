/** Which inputs are places in a table: they become `idx<N>`, and reading by them needs no check. */
import { constantSize, type Size, sizesEqual } from "../frontend/index.ts";
import type { OnnxGraph, OnnxNode } from "./onnx-model.ts";

/** Operators that hand whole numbers on as they are. */
const handing = new Set([
  "Identity",
  "Cast",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Flatten",
  "Transpose",
  "Expand",
  "Slice",
  "Split",
]);

/** For each input that `Gather` reads by, the length of the shortest axis that it reads. */
export function indexBounds(
  nodes: readonly OnnxNode[],
  graph: OnnxGraph,
  shapes: ReadonlyMap<string, readonly Size[]>,
): ReadonlyMap<string, Size> {
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const bounds = new Map<string, Size>();
  for (const node of nodes) {
    if (node.operator !== "Gather") continue;
    const [table, places] = node.inputs as readonly [string, string];
    const shape = graph.initialisers.get(table)?.shape.map((size) => constantSize(size)) ?? shapes.get(table);
    const axis = node.attributes.get("axis");
    const given = axis?.kind === "integer" ? axis.value : 0;
    const size = shape?.[given < 0 ? given + shape.length : given];
    const input = sourceOf(places, producers);
    if (size === undefined || !shapes.has(input)) continue;
    const known = bounds.get(input);
    bounds.set(input, known === undefined || sizesEqual(known, size) ? size : smaller(known, size));
  }
  return bounds;
}

/** The input or other value that places come from unchanged. */
function sourceOf(name: string, producers: ReadonlyMap<string, OnnxNode>): string {
  const producer = producers.get(name);
  if (producer === undefined || !handing.has(producer.operator)) return name;
  return sourceOf(producer.inputs[0] as string, producers);
}

function smaller(a: Size, b: Size): Size {
  const [m, n] = [a, b].map((size) => size.terms[0]?.coefficient ?? 0n) as [bigint, bigint];
  return n < m ? b : a;
}
