/**
 * Sums over more than a device binds at once. A kernel can be divided by its results (codegen/binding-windows.ts), but one result that reads
 * all of a large tensor cannot: such a sum becomes a sum of partial sums, each over a part that fits.
 */
import { byteLength, type Graph, graphNodes, indexSizes, type Node, operationOf, parseSpec } from "../ir/index.ts";
import { defaultFusionOptions, fuseKernels } from "./fusion.ts";
import { mapGraph } from "./rebuild.ts";
import { reducedInParts } from "./reduce-in-parts.ts";

/** The graph with long sums over tensors of more than `maxBindingBytes` divided; the same graph when there is none. */
export function withPartialSums(graph: Graph, maxBindingBytes: number): Graph {
  const replacements = new Map<Node, Node>();
  for (const node of graphNodes(graph)) {
    const partial = partialSum(node, maxBindingBytes);
    if (partial !== undefined) replacements.set(node, partial);
  }
  if (replacements.size === 0) return graph;
  for (const node of sumsOverNothingStored(graph)) replacements.delete(node);
  return mapGraph(graph, replacements);
}

/** Contractions whose kernels compute the larger factor themselves: it needs no binding. */
function sumsOverNothingStored(graph: Graph): readonly Node[] {
  const groups = fuseKernels(graph, { ...defaultFusionOptions, maxBindings: Number.POSITIVE_INFINITY });
  return groups.flatMap(({ online, streamed, heads }) => (online === undefined && streamed === undefined ? [] : heads));
}

function partialSum(node: Node, maxBindingBytes: number): Node | undefined {
  const { family, reducer } = operationOf(node.op);
  const isReduction = family === "reduce" && reducer?.positional !== true;
  if ((family !== "contract" && !isReduction) || node.attributes.where !== undefined) return undefined;
  if (node.operands.every((operand) => boundBytes(operand) <= maxBindingBytes)) return undefined;
  const spec = parseSpec(node.attributes.spec as string);
  const sizes = indexSizes(
    spec,
    node.operands.map((operand) => operand.type),
  );
  for (const [name, size] of sizes) {
    if (spec.result.includes(name)) continue;
    const parts = partsOf(name, size);
    if (parts > 1) return reducedInParts(node, name, parts);
  }
  return undefined;

  /** The least number of equal parts of an index with which what one result reads of each operand fits. */
  function partsOf(name: string, size: number): number {
    let least = 1;
    node.operands.forEach((operand, k) => {
      const names = spec.operands[k] as readonly string[];
      const axis = names.indexOf(name);
      if (axis < 0 || boundBytes(operand) <= maxBindingBytes) return;
      // A result fixes the indices that it keeps; those before the summed one divide what it reads into runs.
      const before = names.slice(0, axis);
      const runs = before.every((each) => spec.result.includes(each))
        ? operand.type.shape.slice(0, axis).reduce((product, extent) => product * extent, 1)
        : 1;
      least = Math.max(least, Math.ceil(byteLength(operand.type) / runs / maxBindingBytes));
    });
    if (least === 1) return 1;
    // Half a binding, so that windows may begin at a multiple of the device's alignment.
    for (let parts = 2 * least; parts <= size; parts++) if (size % parts === 0) return parts;
    return 1;
  }
}

/** Bytes that a kernel binds in order to read a value: of a view those of what it looks at, however often a window repeats it. */
function boundBytes(node: Node): number {
  if (operationOf(node.op).family !== "movement") return byteLength(node.type);
  return node.operands.reduce((most, operand) => Math.max(most, boundBytes(operand)), 0);
}
