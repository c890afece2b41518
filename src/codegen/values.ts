/**
 * What a node's element is at a position, as kernel code. Views become index arithmetic, elementwise nodes become
 * expressions, tensors in buffers become loads: this recursion *is* the fusion of everything that is not a loop.
 *
 * In vector code a position contains the variable `lane` (0..3) and the value is a vec4 over it.
 */
import { type Node, operationOf, stridesOf, type TensorType, type ViewSource } from "../ir/index.ts";
import { type Block, indexUses, lane, literal, splat, unionUses } from "./block.ts";
import {
  clampIndex,
  constantIndex,
  dependsOn,
  flatten,
  type IndexExpression,
  type IndexVariable,
  indexAlgebra,
  isMultipleOf,
  rangeOf,
  scaleIndex,
  strideAlong,
  substituteIndex,
  valueIndex,
  variableIndex,
} from "./index-expression.ts";
import { arithmeticType, type ScalarExpression, type ScalarType } from "./kernel.ts";

export type Position = readonly IndexExpression[];

/** The position within a vec4. */
export const laneVariable: IndexVariable = { name: "lane", extent: 4 };
export const laneIndex = variableIndex(laneVariable);

export const lanes = [0, 1, 2, 3] as const;

/** Where the values of a kernel come from. */
export interface ValueSources {
  readonly block: Block;
  /** Binding that holds the node's elements, if the node lies in a buffer that this kernel reads. */
  readonly bufferOf: (node: Node) => number | undefined;
  /** True for the stored nodes that this kernel reads. */
  readonly reads: (node: Node) => boolean;
  /** Inside a loop's body: what an input of the body stands for outside. */
  readonly region?: RegionSources;
  /** Values that the kernel has computed itself: accumulators of its reductions. */
  readonly computed: (node: Node, position: Position) => ScalarExpression | undefined;
}

/** Where the inputs and results of a loop's body lie. */
export interface RegionSources {
  /** Stored nodes outside the body that it may read. */
  readonly outer: ReadonlySet<Node>;
  /** The outer node and position that an input stands for, or its value; `undefined` for a node that is no input. */
  readonly input: (
    node: Node,
    position: Position,
  ) => { readonly node: Node; readonly position: Position } | ScalarExpression | undefined;
  /** The outer node and position to which a result is stored; `undefined` for values that stay in the body. */
  readonly result: (node: Node, position: Position) => { readonly node: Node; readonly position: Position } | undefined;
}

const identities = new WeakMap<Node, number>();
let nextIdentity = 0;

function identityOf(node: Node): number {
  let identity = identities.get(node);
  if (identity === undefined) {
    identity = nextIdentity++;
    identities.set(node, identity);
  }
  return identity;
}

const onLanes = (position: Position) => position.some((index) => dependsOn(index, laneVariable));

export function atLane(position: Position, component: number): IndexExpression[] {
  return position.map((index) => substituteIndex(index, laneVariable, constantIndex(component)));
}

/** The value of `node` at `position`: a vec4 when the position depends on the lane, else a scalar. */
export function valueAt(sources: ValueSources, node: Node, position: Position): ScalarExpression {
  const computed = sources.computed(node, position);
  if (computed !== undefined) return computed;
  const key = `${identityOf(node)}@${position.map((index) => index.key).join("|")}`;
  const outside = sources.region?.input(node, position);
  if (outside !== undefined) return "node" in outside ? valueAt(sources, outside.node, outside.position) : outside;
  const known = sources.block.find(key);
  if (known !== undefined) return known;
  const value = compute(sources, node, position);
  return sources.block.bind(value, key, wishedName(node), node.name !== undefined);
}

/** What a value is called in the kernel: as in the source, or after the parameter's last words, or after the operation. */
export function wishedName(node: Node): string {
  const path = node.attributes.name;
  if (typeof path !== "string") return node.name ?? node.op;
  // Without layer numbers, so that equal layers give equal text and share a pipeline.
  return path
    .split(".")
    .filter((part) => !/^\d+$/.test(part))
    .slice(-2)
    .join("_");
}

function compute(sources: ValueSources, node: Node, position: Position): ScalarExpression {
  // A result of a loop's body that another of its kernels has stored: it lies where results lie.
  const result = sources.reads(node) ? sources.region?.result(node, position) : undefined;
  if (result !== undefined) return valueAt(sources, result.node, result.position);
  const buffer = sources.bufferOf(node);
  if (buffer !== undefined) return loadAt(sources.block, buffer, node.type, position);
  const operation = operationOf(node.op);
  switch (operation.family) {
    case "source":
      return sourceValue(node, position);
    case "elementwise": {
      if (operation.scalar === undefined) break;
      const args = node.operands.map((operand) =>
        valueAt(sources, operand, operand.type.shape.length === 0 ? [] : position),
      );
      return applyRow(operation.scalar, args, node.type);
    }
    case "movement":
      if (operation.indexMap === undefined) break;
      return viewValue(
        sources,
        node,
        operation.indexMap(
          indexAlgebra,
          position,
          node.operands.map((operand) => operand.type),
          node.attributes,
        ),
      );
    case "indexed":
      return gatherValue(sources, node, position);
    default:
      break;
  }
  throw new Error(`${node.op} cannot be evaluated element by element: it needs a kernel of its own`);
}

/** Applies a row of the elementwise table; scalars are spread when another argument is a vec4. */
export function applyRow(
  row: NonNullable<ReturnType<typeof operationOf>["scalar"]>,
  args: readonly ScalarExpression[],
  result: Pick<TensorType, "dtype">,
): ScalarExpression {
  const width = args.some((arg) => arg.type.width === 4) ? 4 : 1;
  const spread = width === 4 ? args.map(splat) : args;
  return {
    kind: "apply",
    row,
    args: spread,
    type: { dtype: arithmeticType(result.dtype), width },
    uses: unionUses(args),
  };
}

/** Applies an elementwise operation by name. */
export function applyOperation(
  op: string,
  args: readonly ScalarExpression[],
  dtype: ScalarType["dtype"],
): ScalarExpression {
  const row = operationOf(op).scalar;
  if (row === undefined) throw new Error(`${op} is not elementwise`);
  return applyRow(row, args, { dtype });
}

function sourceValue(node: Node, position: Position): ScalarExpression {
  const dtype = arithmeticType(node.type.dtype);
  const values = node.attributes.values as readonly number[] | undefined;
  if (values !== undefined && values.length === 1) return literal(values[0] as number, dtype);
  if (node.op === "iota") return indexValue(position[0] as IndexExpression);
  throw new Error(`${node.op} ${String(node.attributes.name ?? "")} is in no buffer of this kernel`);
}

/** An index as an i32 value. */
export function indexValue(index: IndexExpression): ScalarExpression {
  const stride = strideAlong(index, laneVariable);
  if (stride === undefined) {
    const of = lanes.map((component) => indexValue(substituteIndex(index, laneVariable, constantIndex(component))));
    return { kind: "lanes", of, type: { dtype: "i32", width: 4 }, uses: unionUses(of) };
  }
  const base = substituteIndex(index, laneVariable, constantIndex(0));
  return {
    kind: "index",
    index: base,
    laneStride: stride,
    type: { dtype: "i32", width: stride === 0 ? 1 : 4 },
    uses: indexUses(base),
  };
}

/** Reads a tensor in a buffer: one vec4 where the four lanes lie side by side at a multiple of four. */
export function loadAt(block: Block, buffer: number, type: TensorType, position: Position): ScalarExpression {
  const address = flatten(position, stridesOf(type.shape));
  const dtype = arithmeticType(type.dtype);
  const stride = strideAlong(address, laneVariable);
  const base = substituteIndex(address, laneVariable, constantIndex(0));
  const load = (at: IndexExpression, width: 1 | 4): ScalarExpression => ({
    kind: "load",
    buffer,
    address: at,
    type: { dtype, width },
    uses: indexUses(at),
  });
  if (stride === 0) return load(base, 1);
  if (stride === 1 && isMultipleOf(base, 4)) return load(base, 4);
  const of = lanes.map((component) => {
    const at = substituteIndex(address, laneVariable, constantIndex(component));
    return block.bind(load(at, 1), `${buffer}[${at.key}]`, "element");
  });
  return { kind: "lanes", of, type: { dtype, width: 4 }, uses: unionUses(of) };
}

function viewValue(
  sources: ValueSources,
  node: Node,
  candidates: readonly ViewSource<IndexExpression>[],
): ScalarExpression {
  const dtype = arithmeticType(node.type.dtype);
  const padding = node.attributes.value ?? operationOf(node.op).attributes.value?.default;
  let value: ScalarExpression | undefined = typeof padding === "number" ? literal(padding, dtype) : undefined;
  for (const candidate of [...candidates].reverse()) {
    const operand = node.operands[candidate.operand] as Node;
    const conditions = candidate.inside.flatMap(({ index, low, high }) => boundConditions(index, low, high));
    if (conditions.length === 0) {
      value = valueAt(sources, operand, candidate.position);
      continue;
    }
    if (conditions.some((condition) => condition === "never")) continue;
    const clamped = candidate.position.map((index, axis) =>
      clampIndex(index, 0, (operand.type.shape[axis] as number) - 1),
    );
    const inside = valueAt(sources, operand, clamped);
    const tests = conditions as ScalarExpression[];
    const test = tests.reduce((a, b) => applyOperation("and", [a, b], "bool"));
    // The last operand of a concat needs no test: where no earlier one holds the position, it does.
    value = value === undefined ? inside : applyOperation("select", [test, inside, value], dtype);
  }
  if (value === undefined) throw new Error(`${node.op} reads nothing`);
  return value;
}

/** The tests of `low <= index <= high` that the index's range does not already decide. */
function boundConditions(index: IndexExpression, low: number, high: number): (ScalarExpression | "never")[] {
  const range = rangeOf(index);
  if (range.high < low || range.low > high) return ["never"];
  const conditions: ScalarExpression[] = [];
  const value = () => indexValue(index);
  if (range.low < low) conditions.push(applyOperation("ge", [value(), literal(low, "i32")], "bool"));
  if (range.high > high) conditions.push(applyOperation("le", [value(), literal(high, "i32")], "bool"));
  return conditions;
}

function gatherValue(sources: ValueSources, node: Node, position: Position): ScalarExpression {
  const [data, positions] = node.operands as readonly [Node, Node];
  const [from, to] = (node.attributes.spec as string).split("->") as [string, string];
  const [dataIndices, indexIndices] = from.split(",").map((side) => side.trim().split(/\s+/).filter(Boolean)) as [
    string[],
    string[],
  ];
  const result = to.trim().split(/\s+/).filter(Boolean);
  const at = (name: string) => position[result.indexOf(name)] as IndexExpression;
  const indexPosition = indexIndices.map(at);
  if (onLanes(indexPosition)) {
    const of = lanes.map((component) => valueAt(sources, node, atLane(position, component)));
    return { kind: "lanes", of, type: { dtype: arithmeticType(node.type.dtype), width: 4 }, uses: unionUses(of) };
  }
  const looked = valueAt(sources, positions, indexPosition);
  const key = `${identityOf(positions)}@${indexPosition.map((index) => index.key).join("|")}`;
  // A position that is computed from indices (the step of a loop) stays arithmetic, and addresses stay simple.
  const direct = looked.kind === "index" && looked.laneStride === 0 ? looked.index : undefined;
  const row =
    direct ??
    valueIndex(
      looked,
      key,
      positions.type.below ?? (data.type.shape[dataIndices.indexOf(node.attributes.at as string)] as number),
    );
  return valueAt(
    sources,
    data,
    dataIndices.map((name) => (name === node.attributes.at ? row : at(name))),
  );
}

/** One component of a vec4 value, or the value itself when it is the same in all lanes. */
export const componentOf = lane;

/** `4 * index + lane`: a position along an axis walked four elements at a time. */
export function fourTimes(index: IndexExpression): IndexExpression {
  return indexAlgebra.add(scaleIndex(index, 4), laneIndex);
}
