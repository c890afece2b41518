/**
 * What depends on constants alone is computed by the compiler. Index numbers are constants too, but most of what is made of them
 * (addresses, conditions) is cheaper computed where it is read than loaded from a table; only what takes real work there, such as
 * the positions of a resized image with their divisions, becomes a table.
 */
import {
  elementCount,
  type Graph,
  graphNodes,
  isConstant,
  makeNode,
  type Node,
  operationOf,
  type Tensor,
  type TensorType,
  tensorOf,
  tensorType,
} from "../ir/index.ts";
import { nodeCost } from "./cost.ts";
import type { Pass, PassContext, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";

export const foldConstants: Pass = {
  name: "fold-constants",
  summary: "Computes what depends on literals and index numbers alone, in float64, rounding once at the end.",
  run: fold,
};

/** A known value: one number for all elements, or all of them. Kept unrounded until something not constant reads it. */
type Known = { readonly kind: "filled"; readonly value: number } | { readonly kind: "table"; readonly tensor: Tensor };

/** An element made of index numbers becomes part of a table when it takes at least this many operations. */
const tableWorth = 12;
/** Tables made of index numbers have at most this many elements. */
const largestIndexTable = 8192;

/** Operands may be this many times larger than what may be written out: a sum over a table is worth doing. */
const operandFactor = 16;

function fold(graph: Graph, context: PassContext): PassResult {
  const known = new Map<Node, Known>();
  const nodes = graphNodes(graph);
  for (const node of nodes) {
    const value = knownValue(node, known, context);
    if (value !== undefined) known.set(node, value);
  }
  // Only values that something unknown reads (or that are outputs) become constants of the graph.
  const wanted = new Set<Node>();
  const fromIndices = indexNumbersAmong(nodes, known);
  const want = (node: Node): void => {
    if (!known.has(node) || node.op === "constant" || node.op === "iota") return;
    // A view of a table need not be written out.
    if (fromIndices.has(node) && operationOf(node.op).family === "movement") node.operands.forEach(want);
    else wanted.add(node);
  };
  for (const node of nodes) if (!known.has(node)) node.operands.forEach(want);
  for (const output of graph.outputs) want(output.node);
  dropCheapTables(nodes, wanted, fromIndices);

  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  for (const node of nodes) {
    if (!wanted.has(node)) continue;
    const values = valuesOf(known.get(node) as Known, node.type);
    if (values.some((value) => !Number.isFinite(value))) continue;
    const replacement = makeNode(
      "constant",
      [],
      { values },
      { origins: node.origins, name: node.name, declared: node.type },
    );
    replacements.set(node, replacement);
    const before = nodeCost(node);
    rewrites.push({
      pass: "fold-constants",
      rule: "constant operands",
      reason: "the value is the same on every run",
      before: describeNode(node),
      after: describeNode(replacement),
      origins: node.origins,
      flopsBefore: before.flops,
      flopsAfter: 0,
      bytesBefore: before.bytes,
      bytesAfter: 0,
    });
  }
  return rewrites.length === 0 ? { graph, rewrites } : { graph: mapGraph(graph, replacements), rewrites };
}

/** Known nodes that depend on an index number and are not the same everywhere. */
function indexNumbersAmong(nodes: readonly Node[], known: ReadonlyMap<Node, Known>): ReadonlySet<Node> {
  const found = new Set<Node>();
  for (const node of nodes) {
    if (known.get(node)?.kind !== "table") continue;
    if (node.op === "iota" || node.operands.some((operand) => found.has(operand))) found.add(node);
  }
  return found;
}

/** Takes out of `wanted` what is cheaper computed by its readers, with the tables that stay in it at hand. */
function dropCheapTables(nodes: readonly Node[], wanted: Set<Node>, fromIndices: ReadonlySet<Node>): void {
  const work = new Map<Node, number>();
  for (const node of nodes) {
    if (!fromIndices.has(node)) continue;
    const count = elementCount(node.type.shape);
    const own = nodeCost(node).flops / count;
    const total = node.operands.reduce((sum, operand) => sum + (work.get(operand) ?? 0), own);
    const isTable = wanted.has(node) && total >= tableWorth && count <= largestIndexTable;
    if (!isTable) wanted.delete(node);
    work.set(node, isTable ? 0 : total);
  }
}

function knownValue(node: Node, known: ReadonlyMap<Node, Known>, context: PassContext): Known | undefined {
  const operation = operationOf(node.op);
  if (node.op === "constant") {
    if (isConstant(node)) return { kind: "filled", value: (node.attributes.values as readonly number[])[0] as number };
    return { kind: "table", tensor: tensorOf(node.type, node.attributes.values as readonly number[]) };
  }
  const isNoConstant = node.op !== "iota" && node.operands.length === 0;
  if (isNoConstant || operation.evaluate === undefined || node.regions !== undefined) return undefined;
  const operands = node.operands.map((operand) => known.get(operand));
  if (!operands.every((operand) => operand !== undefined)) return undefined;
  const filled = filledResult(node, operands);
  if (filled !== undefined) return { kind: "filled", value: filled };
  const limit = context.foldedElements;
  if (elementCount(node.type.shape) > limit) return undefined;
  if (node.operands.some((operand) => elementCount(operand.type.shape) > operandFactor * limit)) return undefined;
  const tensors = operands.map((operand, k) => tensorOfKnown(operand, (node.operands[k] as Node).type));
  return { kind: "table", tensor: operation.evaluate(tensors, node.attributes, node.type) };
}

/** The one value of a result whose operands are all filled, found without writing any tensor out. */
function filledResult(node: Node, operands: readonly Known[]): number | undefined {
  const values: number[] = [];
  for (const operand of operands) {
    if (operand.kind !== "filled") return undefined;
    values.push(operand.value);
  }
  const { family, evaluate, attributes } = operationOf(node.op);
  if (family === "elementwise") {
    const scalars = values.map((value, k) => tensorOf(tensorType((node.operands[k] as Node).type.dtype, []), [value]));
    return evaluate?.(scalars, node.attributes, tensorType(node.type.dtype, [])).data[0];
  }
  // A view shows the one value everywhere, except where it pads with another.
  const same = values.every((value) => value === values[0]);
  const padding = (node.attributes.value as number | undefined) ?? 0;
  const pads = attributes.value !== undefined;
  return family === "movement" && same && (!pads || padding === values[0]) ? values[0] : undefined;
}

function tensorOfKnown(known: Known, type: TensorType): Tensor {
  if (known.kind === "table") return known.tensor;
  return { type, data: new Float64Array(elementCount(type.shape)).fill(known.value) };
}

function valuesOf(known: Known, type: TensorType): number[] {
  const round = type.dtype === "f32" ? Math.fround : (value: number) => value;
  if (known.kind === "filled") return [round(known.value)];
  const values = [...known.tensor.data].map(round);
  const first = values[0];
  return first !== undefined && values.every((value) => Object.is(value, first)) ? [first] : values;
}
