/**
 * From one evaluated step to a `loop` of the IR.
 *
 * A step is evaluated like anything else, with inputs that stand for the carried values and the step's number. What it uses
 * of the text around it is then cut off: those values become further operands of the loop, its invariants.
 */
import {
  elementCount,
  type Graph,
  graphNodes,
  isInteger,
  makeNode,
  type Node,
  operationOf,
  type TensorType,
} from "../ir/index.ts";
import type { Emitter } from "./node-emitter.ts";

/** A step as it was evaluated. */
export interface EvaluatedStep {
  readonly name: string;
  readonly steps: number;
  /** Inputs of the step for the carried values, their values before the first step, and those after the step. */
  readonly carried: readonly { readonly input: Node; readonly initial: Node; readonly next: Node }[];
  /** The input that stands for the step's number. */
  readonly step: Node;
  /** What the loop collects. */
  readonly row: Node;
}

/** Tables larger than this are computed once outside, not in the body. */
const largestBodyTable = 65_536;

/** The loop whose body is the step; its result has the rows of all steps along a new first axis. */
export function loopOf(emit: Emitter, { name, steps, carried, step, row }: EvaluatedStep): Node {
  const results = [...carried.map(({ next }) => next), row];
  const own = new Set([...carried.map(({ input }) => input), step]);
  const names = new Set([...own].map((node) => node.attributes.name as string));
  const inside = new Set<Node>();
  const literal = new Set<Node>();
  const mapped = new Map<Node, Node>();
  const invariants: Node[] = [];
  const inputs: Node[] = [];

  /** What stands in the body for a node that was evaluated. */
  const inBody = (node: Node): Node => {
    const known = mapped.get(node);
    if (known !== undefined) return known;
    if (own.has(node) || literal.has(node)) return node;
    const label = nameOfInvariant(node, names);
    const input = makeNode("input", [], { name: label }, { declared: node.type, origins: node.origins, name: label });
    invariants.push(node);
    inputs.push(input);
    mapped.set(node, input);
    return input;
  };
  for (const node of graphNodes({
    name,
    inputs: [],
    parameters: [],
    outputs: results.map((each) => ({ name: "", node: each })),
  })) {
    if (own.has(node) || node.operands.some((operand) => inside.has(operand))) inside.add(node);
    else if (isLiteral(node, literal)) literal.add(node);
    if (!inside.has(node) || own.has(node)) continue;
    const operands = node.operands.map(inBody);
    mapped.set(node, operands.every((operand, k) => operand === node.operands[k]) ? node : { ...node, operands });
  }
  const outputs = results.map((node, k) => ({ name: k < carried.length ? `next_${k}` : "row", node: inBody(node) }));
  const body: Graph = {
    name,
    inputs: [...carried.map(({ input }) => input), ...inputs, step],
    parameters: [],
    outputs,
  };
  return emit.region(
    "loop",
    [...carried.map(({ initial }) => initial), ...invariants],
    { steps, carried: carried.length },
    body,
    name,
  );
}

/** What is made of literals and positions alone is written into the body, where more can be known of it. */
function isLiteral(node: Node, literal: ReadonlySet<Node>): boolean {
  if (node.op === "constant" || node.op === "iota") return true;
  if (node.operands.length === 0 || elementCount(node.type.shape) > largestBodyTable) return false;
  const { family } = operationOf(node.op);
  return (family === "elementwise" || family === "movement") && node.operands.every((operand) => literal.has(operand));
}

function nameOfInvariant(node: Node, taken: Set<string>): string {
  const path = node.attributes.name;
  const wished = (typeof path === "string" ? path : (node.name ?? node.op)).replace(/\./g, "_");
  let name = wished;
  for (let count = 2; taken.has(name); count++) name = `${wished}_${count}`;
  taken.add(name);
  return name;
}

// ── Rows ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Whole numbers below this are exact in f32. */
const exactInReal = 2 ** 24;
const halfWord = 2 ** 16;

const isWide = ({ dtype, below }: TensorType) => isInteger(dtype) && (below === undefined || below > exactInReal);

/**
 * Several values of one step side by side as one flat row. Values of different element types go as f32: booleans and
 * whole numbers below 2^24 as they are, others as two halves of 16 bits, so that nothing is lost.
 */
export function packRow(emit: Emitter, parts: readonly Node[]): Node {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const mixed = parts.some((part) => part.type.dtype !== first?.type.dtype);
  const columns = parts.flatMap((part) => (mixed ? asReals(emit, part) : [part]));
  const flat = columns.map((column) => emit.node("reshape", [column], { shape: [elementCount(column.type.shape)] }));
  return emit.node("concat", flat, { axis: 0 });
}

function asReals(emit: Emitter, part: Node): readonly Node[] {
  const real = (node: Node) => (node.type.dtype === "f32" ? node : emit.node("cast", [node], { to: "f32" }));
  if (!isWide(part.type)) return [real(part)];
  const base = emit.source("constant", { values: [halfWord] }, { dtype: part.type.dtype, shape: [] });
  const low = emit.node("mod", [part, base]);
  const high = emit.node("div", [emit.node("sub", [part, low]), base]);
  return [real(high), real(low)];
}

/** The parts of the rows that a loop has collected, each with the steps as its first axis. */
export function unpackRows(emit: Emitter, rows: Node, types: readonly TensorType[]): readonly Node[] {
  const steps = rows.type.shape[0] as number;
  if (types.length === 1) return [rows];
  const mixed = types.some(({ dtype }) => dtype !== types[0]?.dtype);
  let start = 0;
  const take = (shape: readonly number[]): Node => {
    const count = elementCount(shape);
    const part = emit.node("slice", [rows], { starts: [0, start], sizes: [steps, count], steps: [1, 1] });
    start += count;
    return emit.node("reshape", [part], { shape: [steps, ...shape] });
  };
  return types.map((type) => {
    const { dtype, shape, below } = type;
    if (!mixed) return bounded(emit, take(shape), type);
    const back = () => emit.node("cast", [take(shape)], { to: dtype, below: isWide(type) ? 0 : (below ?? 0) });
    if (!isWide(type)) return dtype === "f32" ? take(shape) : back();
    const high = back();
    const base = emit.source("constant", { values: [halfWord] }, { dtype, shape: [] });
    return bounded(emit, emit.node("add", [emit.node("mul", [high, base]), back()]), type);
  });
}

/** An index has its bound again, which side by side with others it could not keep. */
function bounded(emit: Emitter, node: Node, { dtype, below }: TensorType): Node {
  return below === undefined || node.type.below === below ? node : emit.node("cast", [node], { to: dtype, below });
}
