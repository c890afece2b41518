/**
 * Sums over more than a device binds at once. A kernel can be divided by its results (codegen/binding-windows.ts), but one result that reads
 * all of a large tensor cannot: such a sum becomes a sum of partial sums, each over a part that fits.
 */
import {
  byteLength,
  type Graph,
  graphNodes,
  indexSizes,
  makeBuilder,
  type Node,
  operationOf,
  parseSpec,
  printSpec,
} from "../ir/index.ts";
import { mapGraph } from "./rebuild.ts";

/** The graph with long sums over tensors of more than `maxBindingBytes` divided; the same graph when there is none. */
export function withPartialSums(graph: Graph, maxBindingBytes: number): Graph {
  const replacements = new Map<Node, Node>();
  for (const node of graphNodes(graph)) {
    const partial = partialSum(node, maxBindingBytes);
    if (partial !== undefined) replacements.set(node, partial);
  }
  return replacements.size === 0 ? graph : mapGraph(graph, replacements);
}

function partialSum(node: Node, maxBindingBytes: number): Node | undefined {
  const { family, reducer } = operationOf(node.op);
  const isReduction = family === "reduce" && reducer?.positional !== true;
  if ((family !== "contract" && !isReduction) || node.attributes.where !== undefined) return undefined;
  const joins = family === "contract" ? "sum" : node.op;
  if (node.operands.every((operand) => boundBytes(operand) <= maxBindingBytes)) return undefined;
  const spec = parseSpec(node.attributes.spec as string);
  const sizes = indexSizes(
    spec,
    node.operands.map((operand) => operand.type),
  );
  for (const [name, size] of sizes) {
    if (spec.result.includes(name)) continue;
    const parts = partsOf(name, size);
    if (parts === 1) continue;
    const part = [...sizes.keys()].includes("part") ? `${name}_part` : "part";
    const split = (names: readonly string[]) => names.flatMap((each) => (each === name ? [part, name] : [each]));
    const builder = makeBuilder(node.origins);
    const operands = node.operands.map((operand, k) => {
      const axis = (spec.operands[k] as readonly string[]).indexOf(name);
      if (axis < 0) return operand;
      const shape = operand.type.shape.flatMap((extent, a) => (a === axis ? [parts, extent / parts] : [extent]));
      return builder.reshape(operand, shape);
    });
    const splitOperands = spec.operands.map(split);
    // The parts stand where they stand in an operand, so that what belongs to one result of a batch lies together; where the result has
    // its indices in another order they come first, since the sum over them must keep it.
    const long = splitOperands.find((names) => names.includes(part)) as readonly string[];
    const before = spec.result.filter((each) => long.includes(each) && long.indexOf(each) < long.indexOf(part));
    const leading = before.every((each, k) => each === spec.result[k]) ? before.length : 0;
    const result = [...spec.result.slice(0, leading), part, ...spec.result.slice(leading)];
    const inner = builder.node(node.op, operands, {
      ...node.attributes,
      spec: printSpec({ operands: splitOperands, result }),
    });
    const outer = builder.node(joins, [inner], { spec: printSpec({ operands: [result], result: spec.result }) });
    return node.name === undefined ? outer : { ...outer, name: node.name };
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
