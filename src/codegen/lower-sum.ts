/**
 * Contractions that have no tile: any number of factors, matrix times vector, diagonals, sums of one factor. Every thread
 * computes one element, or four along the fastest axis, of a few rows, and loops over the summed indices.
 */
import { type Constraint, indexSizes, type Node, parseConstraints, parseSpec } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { lane, literal, splat } from "./block.ts";
import {
  addIndex,
  clampIndex,
  constantIndex,
  divideIndex,
  type IndexExpression,
  type IndexVariable,
  remainderIndex,
  scaleIndex,
  unflatten,
  variableIndex,
} from "./index-expression.ts";
import { arithmeticType, type ScalarExpression } from "./kernel.ts";
import { below, followEpilogue, kernelName, type LoweredKernel, Lowering, nameIndex } from "./lowering.ts";
import { constraintTest, loopBounds } from "./ranges.ts";
import type { DeviceSchedule, SumSchedule } from "./schedule.ts";
import { range } from "./tile-loads.ts";
import { applyOperation, fourTimes, indexValue, lanes, laneVariable, type RegionSources } from "./values.ts";
import { type ReducingThreads, reduceTogether, walkTogether } from "./workgroup-reduction.ts";

/** Sums of so few terms can be written out: rows that read the same elements then share their loads. */
const mostWritten = 32;

/** What the indices of a sum are to it. */
function rolesOf(head: Node) {
  const spec = parseSpec(head.attributes.spec as string);
  const sizes = indexSizes(
    spec,
    head.operands.map((operand) => operand.type),
  );
  const summed = [...sizes.keys()].filter((name) => !spec.result.includes(name));
  const lastSummed = summed[summed.length - 1];
  // Vectors run along the result's last index where a factor does, else along a summed index that ends every factor it is in.
  const lastKept = spec.result[spec.result.length - 1];
  const endsWith = (name: string) => spec.operands.some((indices) => indices[indices.length - 1] === name);
  const across =
    lastKept !== undefined &&
    (sizes.get(lastKept) as number) % 4 === 0 &&
    (endsWith(lastKept) || lastSummed === undefined);
  const within =
    !across && lastSummed !== undefined && (sizes.get(lastSummed) as number) % 4 === 0 && endsWith(lastSummed);
  const row = across ? spec.result[spec.result.length - 2] : lastKept;
  // The index whose terms threads can share out: the last where vectors run along it, else the longest.
  const longest = (a: string, b: string) => ((sizes.get(b) as number) > (sizes.get(a) as number) ? b : a);
  const divided = within ? lastSummed : summed.length === 0 ? undefined : summed.reduce(longest);
  const terms = summed.reduce((count, name) => count * (sizes.get(name) as number), 1);
  return { spec, sizes, summed, lastSummed, divided, across, within, row, terms };
}

/** The schedules that a sum may have on a device. */
export function sumSchedules(head: Node, device: DeviceSchedule, repeats: boolean): readonly SumSchedule[] {
  const { row, sizes, terms, summed, within, across, divided } = rolesOf(head);
  const length = row === undefined ? 1 : (sizes.get(row) as number);
  const written = terms <= mostWritten && summed.length > 0 && !within;
  const rows = length >= 4 ? [1, 4] : [1];
  const alone = [false, ...(written ? [true] : [])].flatMap((each) =>
    rows.map((count) => ({ rows: count, written: each })),
  );
  const { workgroupMemory } = device;
  if (workgroupMemory === undefined || repeats || divided === undefined || head.attributes.where !== undefined)
    return alone;
  const steps = (sizes.get(divided) as number) / (within ? 4 : 1);
  // Along the sum neighbouring threads read neighbouring terms; across it they have neighbouring sums.
  const together = across
    ? [4, 16].map((parts) => ({ workgroup: 64, parts }))
    : [32, 64, 256].map((workgroup) => ({ workgroup, parts: workgroup }));
  return [
    ...alone,
    ...together
      .filter(({ workgroup, parts }) => workgroup <= workgroupMemory.threads && steps >= 2 * parts)
      .map((each) => ({ rows: 1, written: false, together: each })),
  ];
}

export function lowerSum(group: KernelGroup, schedule: SumSchedule, region?: RegionSources): LoweredKernel {
  const head = group.heads[0] as Node;
  const root = group.outputs[0] as Node;
  const { spec, sizes, summed, lastSummed, divided, across, within, row } = rolesOf(head);
  const size = (name: string) => sizes.get(name) as number;
  const where: readonly Constraint[] = parseConstraints((head.attributes.where as string | undefined) ?? "");
  const { rows } = schedule;
  const last = spec.result.length - 1;
  const grid = spec.result.map((name, axis) =>
    name === row ? Math.ceil(size(name) / rows) : across && axis === last ? size(name) / 4 : size(name),
  );

  const { lowering, flat, threads, exists } = layOutSums(group, grid, schedule.together, region);
  const { block } = lowering;
  const coordinates = unflatten(flat, grid);
  const kept = spec.result.map((_, axis) =>
    across && axis === last ? fourTimes(coordinates[axis] as IndexExpression) : (coordinates[axis] as IndexExpression),
  );
  const rowAxis = row === undefined ? -1 : spec.result.indexOf(row);
  const rowAt = (r: number) => scaleIndex(kept[rowAxis] as IndexExpression, rows, r);
  const keptAt = (r: number) =>
    rows === 1
      ? kept
      : kept.map((at, axis) => (axis === rowAxis ? clampIndex(rowAt(r), 0, size(row as string) - 1) : at));
  /** Where the summed indices stand. */
  const walked = new Map<string, IndexExpression>();
  const placesOf = (r: number) =>
    new Map([...spec.result.map((name, axis) => [name, keptAt(r)[axis] as IndexExpression] as const), ...walked]);

  const dtype = arithmeticType(head.type.dtype);
  const zero = literal(0, dtype);
  const sums = range(rows).map((r) =>
    block.variable(
      rows === 1 ? (head.name ?? "sum") : `${head.name ?? "sum"}_${r}`,
      across || within ? splat(zero) : zero,
    ),
  );
  const addTerm = () => {
    for (const r of range(rows)) {
      const places = placesOf(r);
      const factors = head.operands.map((operand, k) =>
        lowering.value(
          operand,
          (spec.operands[k] as readonly string[]).map((index) => places.get(index) as IndexExpression),
        ),
      );
      const product = factors.reduce((a, b) => applyOperation("mul", [a, b], dtype));
      const test = constraintTest(where, places);
      const term = test === undefined ? product : applyOperation("select", [test, product, zero], dtype);
      const sum = sums[r] as ScalarExpression;
      block.assign(sum, applyOperation("add", [sum, term], dtype));
    }
  };
  const tileRow: IndexVariable = { name: "tile_row", extent: rows };
  const nest = (depth: number) => {
    const name = summed[depth];
    if (name === undefined) {
      addTerm();
      return;
    }
    if (schedule.written) {
      for (const k of range(size(name))) {
        walked.set(name, constantIndex(k));
        nest(depth + 1);
      }
      return;
    }
    const vector = within && name === lastSummed;
    const steps = vector ? size(name) / 4 : size(name);
    if (threads !== undefined && name === divided) {
      walkTogether(block, threads, steps, (k) => {
        walked.set(name, vector ? fourTimes(k) : k);
        nest(depth + 1);
      });
      return;
    }
    const variable: IndexVariable = { name: block.freshName(name), extent: steps };
    const unknown = new Set(summed.slice(depth));
    // Bounds must hold for all rows of the thread.
    const places = placesOf(0);
    if (rows > 1) places.set(row as string, addIndex(rowAt(0), variableIndex(tileRow)));
    const bounds = loopBounds(where, name, places, size(name), vector ? 4 : 1, [laneVariable, tileRow], unknown);
    block.loop(variable, bounds, () => {
      walked.set(name, vector ? fourTimes(variableIndex(variable)) : variableIndex(variable));
      nest(depth + 1);
    });
  };
  nest(0);

  const members = new Set(group.members);
  for (const r of range(rows)) {
    const own = sums[r] as ScalarExpression;
    const sum = threads === undefined ? own : reduceTogether(lowering, threads, "add", own);
    const result: ScalarExpression = within
      ? block.bind(
          lanes.map((component) => lane(sum, component)).reduce((a, b) => applyOperation("add", [a, b], dtype)),
          undefined,
          "total",
        )
      : sum;
    const store = () => {
      lowering.computed = (node) => (node === head ? result : undefined);
      const position = followEpilogue(head, root, members, keptAt(r));
      lowering.store(root, position, lowering.value(root, position));
    };
    const test = rows === 1 ? exists : below(rowAt(r), size(row as string));
    block.when(test, store);
  }
  return lowering.finish(kernelName(group));
}

/** Threads of a kernel of sums: each has one, or shares it with others of its workgroup. */
function layOutSums(
  group: KernelGroup,
  grid: readonly number[],
  together: SumSchedule["together"],
  region: RegionSources | undefined,
): {
  readonly lowering: Lowering;
  /** Number of the sum. */
  readonly flat: IndexExpression;
  readonly threads?: ReducingThreads;
  /** True for the thread that stores a sum. */
  readonly exists?: ScalarExpression;
} {
  const count = grid.reduce((a, b) => a * b, 1);
  if (together === undefined) {
    const thread: IndexVariable = { name: "thread", extent: count };
    return { lowering: new Lowering(group, thread, region), flat: variableIndex(thread) };
  }
  const { workgroup, parts } = together;
  const sums = workgroup / parts;
  const team: IndexVariable = { name: "team", extent: Math.ceil(count / sums) };
  const member: IndexVariable = { name: "member", extent: workgroup };
  const lowering = new Lowering(group, { name: "thread", extent: team.extent * workgroup });
  lowering.team = { size: workgroup, number: team, member };
  const part = nameIndex(lowering, "part", divideIndex(variableIndex(member), sums));
  const place = addIndex(scaleIndex(variableIndex(team), sums), remainderIndex(variableIndex(member), sums));
  const isFirst = applyOperation("eq", [indexValue(part), literal(0, "i32")], "bool");
  const isSum = below(place, count);
  return {
    lowering,
    flat: nameIndex(lowering, "place", clampIndex(place, 0, count - 1)),
    threads: { member, part, parts, stride: sums },
    exists: isSum === undefined ? isFirst : applyOperation("and", [isFirst, isSum], "bool"),
  };
}
