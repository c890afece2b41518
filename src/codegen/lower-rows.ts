/**
 * Row kernels: a thread takes one row (or four neighbouring rows, when the rows lie across the fastest axis) and walks it
 * once for every level of reductions that wait for each other, then once more to store whole rows. Or the threads of a workgroup take
 * a row together: each walks a part of it, and they reduce what they have found in workgroup memory, always in the same order.
 */
import {
  type Constraint,
  elementCount,
  type Node,
  operationOf,
  parseConstraints,
  parseSpec,
  type Reducer,
} from "../ir/index.ts";
import { type KernelGroup, keptAxes } from "../passes/index.ts";
import { indexUses, lane, literal, splat } from "./block.ts";
import {
  addIndex,
  type IndexExpression,
  type IndexVariable,
  scaleIndex,
  unflatten,
  variableIndex,
} from "./index-expression.ts";
import { arithmeticType, type ScalarExpression } from "./kernel.ts";
import { kernelName, type LoweredKernel, Lowering } from "./lowering.ts";
import { constraintTest, loopBounds } from "./ranges.ts";
import type { DeviceSchedule, RowSchedule } from "./schedule.ts";
import { applyOperation, fourTimes, indexValue, laneIndex, lanes, laneVariable, type RegionSources } from "./values.ts";
import { reduceTogether, walkTogether, wholeWorkgroup } from "./workgroup-reduction.ts";

/** `across`: four rows a thread; `within`: four elements of a row at a time; `scalar`: neither. */
type VectorMode = "across" | "within" | "scalar";

interface RowSpace {
  readonly fullShape: readonly number[];
  readonly kept: readonly number[];
  readonly reduced: readonly number[];
  readonly mode: VectorMode;
  /** Number of a thread among those that walk a row together. */
  readonly member?: IndexVariable;
}

/** The schedules that a row kernel may have on a device. */
export function rowSchedules(group: KernelGroup, device: DeviceSchedule, repeats: boolean): readonly RowSchedule[] {
  const { fullShape, reduced, mode } = rowSpace(group, 1);
  const alone = { threads: 1 };
  const positional = group.heads.some((node) => operationOf(node.op).reducer?.positional === true);
  const { workgroupMemory } = device;
  if (workgroupMemory === undefined || repeats || mode === "across" || positional) return [alone];
  const steps = (fullShape[reduced[reduced.length - 1] as number] as number) / (mode === "within" ? 4 : 1);
  const together = [32, 64, 256].filter((threads) => threads <= workgroupMemory.threads && 2 * steps >= threads);
  return [alone, ...together.map((threads) => ({ threads }))];
}

export function lowerRows(group: KernelGroup, { threads }: RowSchedule, region?: RegionSources): LoweredKernel {
  const space = rowSpace(group, threads);
  const rowShape = space.kept.map((axis) => space.fullShape[axis] as number);
  const rows = elementCount(rowShape);
  const row: IndexVariable = { name: "row", extent: space.mode === "across" ? rows / 4 : rows };
  const lowering = new Lowering(group, threads === 1 ? row : { name: "thread", extent: rows * threads }, region);
  if (space.member !== undefined) lowering.team = { size: threads, number: row, member: space.member };
  const flat = space.mode === "across" ? addIndex(scaleIndex(variableIndex(row), 4), laneIndex) : variableIndex(row);
  const rowPosition = unflatten(flat, rowShape);

  const results = new Map<Node, ScalarExpression>();
  lowering.computed = (node) => results.get(node);
  for (const level of levels(group)) reduceLevel(lowering, space, rowPosition, level, results);

  const outputs = group.outputs.filter((node) => !isRowShaped(group, node));
  if (outputs.length > 0) {
    walkRow(lowering, space, rowPosition, [], (position) => {
      for (const output of outputs) lowering.store(output, position, lowering.value(output, position));
    });
  }
  // One thread stores what a row has once.
  const isFirst =
    space.member === undefined
      ? undefined
      : applyOperation("eq", [indexValue(variableIndex(space.member)), literal(0, "i32")], "bool");
  for (const output of group.outputs.filter((node) => isRowShaped(group, node))) {
    lowering.block.when(isFirst, () => lowering.store(output, rowPosition, lowering.value(output, rowPosition)));
  }
  return lowering.finish(kernelName(group));
}

function rowSpace(group: KernelGroup, threads: number): RowSpace {
  const head = group.heads[0] as Node;
  const fullShape = (head.operands[0] as Node).type.shape;
  const kept = keptAxes(head);
  const reduced = fullShape.flatMap((_, axis) => (kept.includes(axis) ? [] : [axis]));
  const last = fullShape.length - 1;
  const divisible = (fullShape[last] ?? 1) % 4 === 0;
  const positional = group.heads.some((node) => operationOf(node.op).reducer?.positional === true);
  const mode: VectorMode = !divisible ? "scalar" : kept.includes(last) ? "across" : positional ? "scalar" : "within";
  return { fullShape, kept, reduced, mode, ...(threads === 1 ? {} : { member: { name: "member", extent: threads } }) };
}

/** A value per row: what the heads give, and what follows from them without being spread along the row again. */
function isRowShaped(group: KernelGroup, node: Node): boolean {
  const head = group.heads[0] as Node;
  const rank = (head.operands[0] as Node).type.shape.length;
  return node.type.shape.length === head.type.shape.length && head.type.shape.length < rank;
}

/** Heads by how many other heads of the group they wait for. */
function levels(group: KernelGroup): Node[][] {
  const level = new Map<Node, number>();
  const members = new Set(group.members);
  const heads = new Set(group.heads);
  const depth = (node: Node): number => {
    const known = level.get(node);
    if (known !== undefined) return known;
    let deepest = 0;
    for (const operand of node.operands) if (members.has(operand)) deepest = Math.max(deepest, depth(operand));
    const own = heads.has(node) ? deepest + 1 : deepest;
    level.set(node, own);
    return own;
  };
  const result: Node[][] = [];
  for (const head of group.heads) {
    const index = depth(head) - 1;
    const list = result[index];
    if (list === undefined) result[index] = [head];
    else list.push(head);
  }
  return result.filter((heads) => heads !== undefined);
}

function whereOf(node: Node): readonly Constraint[] {
  return parseConstraints((node.attributes.where as string | undefined) ?? "");
}

/** Loops over a row; the body is told the position in the full space. */
function walkRow(
  lowering: Lowering,
  space: RowSpace,
  rowPosition: readonly IndexExpression[],
  bounded: readonly Node[],
  body: (position: readonly IndexExpression[]) => void,
): void {
  const position = new Array<IndexExpression>(space.fullShape.length);
  space.kept.forEach((axis, k) => {
    position[axis] = rowPosition[k] as IndexExpression;
  });
  const nest = (depth: number) => {
    const axis = space.reduced[depth];
    if (axis === undefined) {
      body(position);
      return;
    }
    const size = space.fullShape[axis] as number;
    const vector = space.mode === "within" && depth === space.reduced.length - 1;
    const count = vector ? size / 4 : size;
    if (space.member !== undefined && depth === space.reduced.length - 1) {
      walkTogether(lowering.block, wholeWorkgroup(space.member), count, (k) => {
        position[axis] = vector ? fourTimes(k) : k;
        nest(depth + 1);
      });
      return;
    }
    const variable: IndexVariable = { name: lowering.block.freshName("k"), extent: count };
    const bounds = sharedBounds(space, bounded, axis, depth, position, vector ? 4 : 1);
    lowering.block.loop(variable, bounds, () => {
      position[axis] = vector ? fourTimes(variableIndex(variable)) : variableIndex(variable);
      nest(depth + 1);
    });
  };
  nest(0);
}

/** Loop bounds that all reductions of the level agree on; where they differ, the tests inside do the work. */
function sharedBounds(
  space: RowSpace,
  heads: readonly Node[],
  axis: number,
  depth: number,
  position: readonly IndexExpression[],
  step: number,
) {
  const [head, ...others] = heads;
  if (head === undefined || others.some((other) => other.attributes.where !== head.attributes.where)) return {};
  const names = parseSpec(head.attributes.spec as string).operands[0] as readonly string[];
  const places = new Map(names.map((name, k) => [name, position[k] as IndexExpression]));
  const unknown = new Set(space.reduced.slice(depth).map((k) => names[k] as string));
  return loopBounds(
    whereOf(head),
    names[axis] as string,
    places,
    space.fullShape[axis] as number,
    step,
    [laneVariable],
    unknown,
  );
}

function reduceLevel(
  lowering: Lowering,
  space: RowSpace,
  rowPosition: readonly IndexExpression[],
  heads: readonly Node[],
  results: Map<Node, ScalarExpression>,
): void {
  const { block } = lowering;
  const accumulators = heads.map((head) => {
    const reducer = operationOf(head.op).reducer as Reducer;
    const from = (head.operands[0] as Node).type.dtype;
    const start = literal(reducer.identity(from), arithmeticType(from));
    const spreadStart = space.mode === "scalar" ? start : splat(start);
    const value = block.variable(`${head.name ?? head.op}`, spreadStart);
    const place = reducer.positional
      ? block.variable(
          `${head.name ?? head.op}_at`,
          space.mode === "across" ? splat(literal(0, "i32")) : literal(0, "i32"),
        )
      : undefined;
    return { head, reducer, from, start, value, place };
  });
  walkRow(lowering, space, rowPosition, heads, (position) => {
    for (const { head, reducer, from, start, value, place } of accumulators) {
      const operand = head.operands[0] as Node;
      const names = parseSpec(head.attributes.spec as string).operands[0] as readonly string[];
      const places = new Map(names.map((name, k) => [name, position[k] as IndexExpression]));
      const test = constraintTest(whereOf(head), places);
      const element = lowering.value(operand, position);
      const dtype = arithmeticType(from);
      const kept = test === undefined ? element : applyOperation("select", [test, element, start], dtype);
      if (place === undefined) {
        block.assign(value, applyOperation(reducer.operation, [value, kept], dtype));
        continue;
      }
      const along = position[space.reduced[0] as number] as IndexExpression;
      const comparison = applyOperation(reducer.operation, [kept, value], "bool");
      // The best so far changes from step to step, so the comparison may not leave the loop.
      const better = block.bind(
        { ...comparison, uses: new Set([...comparison.uses, ...indexUses(along)]) },
        undefined,
        "better",
      );
      block.assign(value, applyOperation("select", [better, kept, value], dtype));
      block.assign(place, applyOperation("select", [better, indexValue(along), place], "i32"));
    }
  });
  for (const { head, reducer, from, value, place } of accumulators) {
    if (place !== undefined) {
      results.set(head, place);
      continue;
    }
    let whole = value;
    if (space.mode === "within") {
      const parts = lanes.map((component) => lane(value, component));
      const joined = parts.reduce((a, b) => applyOperation(reducer.operation, [a, b], arithmeticType(from)));
      whole = block.bind(joined, undefined, head.name ?? head.op);
    }
    results.set(
      head,
      space.member === undefined
        ? whole
        : reduceTogether(lowering, wholeWorkgroup(space.member), reducer.operation, whole),
    );
  }
}
