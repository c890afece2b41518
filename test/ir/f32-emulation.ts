/**
 * An emulated f32 device for judging error bounds: every scalar operation is rounded, functions are as inaccurate as their
 * rows allow, sums run in a chosen order, and numbers below the smallest normal one vanish.
 */
import {
  type Attributes,
  type Graph,
  type GraphValues,
  graphNodes,
  indexSizes,
  isFloat,
  type Node,
  newTensor,
  operationOf,
  parseConstraints,
  parseSpec,
  type Reducer,
  satisfies,
  stridesOf,
  type Tensor,
} from "../../src/ir/index.ts";
import { uniforms } from "./random-graph.ts";

export type SummationOrder = "rising" | "shuffled" | "pairwise";

/** Rounds to f32 and flushes what is too small. */
const toDevice = (x: number) => {
  const rounded = Math.fround(x);
  return Math.abs(rounded) < 2 ** -126 ? 0 : rounded;
};

/** Outputs of the graph as the emulated device gives them. */
export function emulate(
  graph: Graph,
  values: GraphValues,
  order: SummationOrder,
  seed: number,
): Record<string, Tensor> {
  const next = uniforms(seed);
  const tensors = new Map<Node, Tensor>();
  for (const node of graphNodes(graph)) {
    const operands = node.operands.map((operand) => tensors.get(operand) as Tensor);
    tensors.set(node, emulateNode(node, operands, values, order, next));
  }
  return Object.fromEntries(graph.outputs.map(({ name, node }) => [name, tensors.get(node) as Tensor]));
}

function emulateNode(
  node: Node,
  operands: readonly Tensor[],
  values: GraphValues,
  order: SummationOrder,
  next: () => number,
): Tensor {
  const operation = operationOf(node.op);
  const name = node.attributes.name as string;
  if (node.op === "input") return stored(values.inputs[name] as Tensor);
  if (node.op === "parameter") return stored(values.parameters[name] as Tensor);
  if (operation.family === "elementwise" && node.op !== "cast") return emulateElementwise(node, operands, next);
  if (operation.family === "contract") {
    const factors = (offsets: readonly number[]) =>
      offsets.map((offset, k) => (operands[k] as Tensor).data[offset] as number).reduce((a, b) => toDevice(a * b));
    return combineTerms(node, operands, factors, 0, (a, b) => toDevice(a + b), order, next);
  }
  const reducer = operation.reducer;
  if (operation.family === "reduce" && reducer !== undefined && reducer.positional !== true) {
    const element = ([offset]: readonly number[]) => (operands[0] as Tensor).data[offset as number] as number;
    const start = reducer.identity(node.type.dtype);
    return combineTerms(node, operands, element, start, rounded(reducer), order, next);
  }
  if (operation.family === "scan" && reducer !== undefined)
    return emulateScan(operands[0] as Tensor, node.attributes, reducer);
  // What is left only moves or compares values: the reference does it exactly.
  return stored(operation.evaluate?.(operands, node.attributes, node.type) as Tensor);
}

const stored = (tensor: Tensor): Tensor =>
  isFloat(tensor.type.dtype) ? { type: tensor.type, data: tensor.data.map(toDevice) } : tensor;

const rounded = (reducer: Reducer) => (a: number, b: number) => toDevice(reducer.combine(a, b));

/** A function's result moved by a random part of what its accuracy leaves open, then rounded. */
function emulateElementwise(node: Node, operands: readonly Tensor[], next: () => number): Tensor {
  const result = newTensor(node.type);
  const row = operationOf(node.op).scalar;
  for (let i = 0; i < result.data.length; i++) {
    const args = operands.map((operand) => operand.data[operand.type.shape.length === 0 ? 0 : i] as number);
    const exact = row?.evaluate(args, operands[0]?.type.dtype ?? "f32") ?? Number.NaN;
    if (!isFloat(node.type.dtype)) result.data[i] = exact;
    else {
      const open = Math.max(0, (row?.roundoff(args, exact) ?? 0) - 2 ** -24 * Math.abs(exact));
      result.data[i] = toDevice(exact + (2 * next() - 1) * open);
    }
  }
  return result;
}

function combineTerms(
  node: Node,
  operands: readonly Tensor[],
  term: (offsets: readonly number[]) => number,
  start: number,
  combine: (a: number, b: number) => number,
  order: SummationOrder,
  next: () => number,
): Tensor {
  const result = newTensor(node.type);
  const terms: number[][] = Array.from(result.data, () => []);
  const shapes = operands.map((operand) => operand.type.shape);
  eachPoint(
    node.attributes.spec as string,
    (node.attributes.where as string | undefined) ?? "",
    shapes,
    (offsets, out) => {
      (terms[out] as number[]).push(term(offsets));
    },
  );
  terms.forEach((own, out) => {
    result.data[out] = combineInOrder(own, start, combine, order, next);
  });
  return result;
}

function combineInOrder(
  terms: number[],
  start: number,
  combine: (a: number, b: number) => number,
  order: SummationOrder,
  next: () => number,
): number {
  if (order === "shuffled") {
    for (let i = terms.length - 1; i > 0; i--) {
      const j = Math.floor(next() * (i + 1));
      [terms[i], terms[j]] = [terms[j] as number, terms[i] as number];
    }
  }
  if (order !== "pairwise") return terms.reduce(combine, start);
  let level = terms;
  while (level.length > 1) {
    level = Array.from({ length: Math.ceil(level.length / 2) }, (_, i) => {
      const right = level[2 * i + 1];
      return right === undefined ? (level[2 * i] as number) : combine(level[2 * i] as number, right);
    });
  }
  return level[0] ?? start;
}

function emulateScan(operand: Tensor, attributes: Attributes, reducer: Reducer): Tensor {
  const result = newTensor(operand.type);
  const axis = attributes.axis as number;
  const length = operand.type.shape[axis] as number;
  const stride = stridesOf(operand.type.shape)[axis] as number;
  const combine = rounded(reducer);
  for (let at = 0; at < operand.data.length; at++) {
    const position = Math.floor(at / stride) % length;
    const first = at - position * stride;
    const line = Array.from({ length }, (_, step) => operand.data[first + step * stride] as number);
    const before = attributes.reverse === true ? line.slice(position + 1).reverse() : line.slice(0, position);
    const covered = attributes.exclusive === true ? before : [...before, line[position] as number];
    result.data[at] = covered.reduce(combine, reducer.identity(operand.type.dtype));
  }
  return result;
}

/** Every assignment of a spec's indices that satisfies `where`, with the offsets it means, straight from the definition. */
export function eachPoint(
  specText: string,
  where: string,
  shapes: readonly (readonly number[])[],
  visit: (offsets: readonly number[], out: number) => void,
): void {
  const spec = parseSpec(specText);
  const sizes = indexSizes(
    spec,
    shapes.map((shape) => ({ dtype: "f32", shape })),
  );
  const names = [...sizes.keys()];
  const conditions = parseConstraints(where);
  const offset = (indices: readonly string[], at: ReadonlyMap<string, number>) => {
    const strides = stridesOf(indices.map((name) => sizes.get(name) as number));
    return indices.reduce((sum, name, axis) => sum + (at.get(name) as number) * (strides[axis] as number), 0);
  };
  const total = names.reduce((count, name) => count * (sizes.get(name) as number), 1);
  for (let point = 0; point < total; point++) {
    const at = new Map<string, number>();
    let rest = point;
    for (const name of names) {
      at.set(name, rest % (sizes.get(name) as number));
      rest = Math.floor(rest / (sizes.get(name) as number));
    }
    if (!satisfies(conditions, (name) => at.get(name) as number)) continue;
    visit(
      spec.operands.map((indices) => offset(indices, at)),
      offset(spec.result, at),
    );
  }
}
