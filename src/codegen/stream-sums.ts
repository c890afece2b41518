/** Running weighted sums of a thread's rows, of kernels that walk an index (stream-kernel.ts), and how they are stored. */
import type { Node } from "../ir/index.ts";
import { type Block, lane, literal, type PrivateArray, splat } from "./block.ts";
import {
  addIndex,
  asConstant,
  constantIndex,
  type IndexExpression,
  type IndexVariable,
  scaleIndex,
  substituteIndex,
  variableIndex,
} from "./index-expression.ts";
import type { ScalarExpression } from "./kernel.ts";
import { below, followEpilogue, multiply } from "./lowering.ts";
import { blockElement } from "./stream-blocks.ts";
import { inRange, positionOf, rowAt, type StreamKernel, type StreamTurn } from "./stream-kernel.ts";
import { range, sharedValues } from "./tile-loads.ts";
import { applyOperation, laneIndex, lanes, laneVariable } from "./values.ts";

/** vec4 accumulators that a thread keeps in registers at most. */
const mostRegisters = 64;

/** The sums of a thread: a whole row of columns for each of its rows. */
export interface WeightedSums {
  readonly kernel: StreamKernel;
  /** `[row][column vector]`, one behind the other. */
  readonly values: PrivateArray;
  /** True where they lie in registers, which only constant indices reach. */
  readonly unrolled: boolean;
}

export function openSums(kernel: StreamKernel): WeightedSums {
  const { block, rows } = kernel;
  const count = rows * columnVectorsOf(kernel);
  // Registers where they suffice; an array that a loop indexes lies in slow memory on some devices.
  const unrolled = count <= mostRegisters;
  const values = unrolled ? registers(block, count) : block.array("weighted", count, { dtype: "f32", width: 4 });
  return { kernel, values, unrolled };
}

/** Variables that can be used as an array with constant indices. */
function registers(block: Block, count: number): PrivateArray {
  const variables = range(count).map((k) => block.variable(`weighted_${k}`, splat(literal(0, "f32"))));
  const at = (index: IndexExpression) => variables[asConstant(index) as number] as ScalarExpression;
  return { at, set: (index, value) => block.assign(at(index), value) };
}

const columnVectorsOf = ({ indices }: StreamKernel) => Math.ceil((indices.sizes.get(indices.column) as number) / 4);

function forEachColumn({ kernel, unrolled }: WeightedSums, body: (across: IndexExpression) => void): void {
  const extent = columnVectorsOf(kernel);
  if (unrolled) {
    for (const v of range(extent)) body(constantIndex(v));
    return;
  }
  const across: IndexVariable = { name: kernel.block.freshName(kernel.indices.column), extent };
  kernel.block.loop(across, {}, () => body(variableIndex(across)));
}

/** The weights of a row in a turn, one by one, and what its sums are multiplied with before they are added to. */
export interface RowWeights {
  readonly weights: readonly ScalarExpression[];
  readonly correction?: ScalarExpression;
}

/** The values at all places of a turn: from workgroup memory, shared by a subgroup, or each loaded. */
function loadedValues(
  { threads, lowering, vectors, blocks, indices }: StreamKernel,
  across: IndexExpression,
  loadAt: (place: IndexExpression) => ScalarExpression,
): ScalarExpression[] {
  const step = 4 * vectors;
  if (blocks !== undefined) {
    const width = (indices.sizes.get(indices.column) as number) / 4;
    return range(step).map((k) => blockElement(blocks.values, k, width, across));
  }
  const { invocation } = threads;
  if (invocation === undefined) return range(step).map((k) => loadAt(constantIndex(k)));
  return turnsOf(step, invocation.extent).flatMap(({ first, points }) =>
    sharedValues(lowering, points, invocation, (point) => loadAt(addIndex(point, constantIndex(first)))),
  );
}

/** Adds a turn's weighted values to the sums of all rows. */
export function addWeighted(sums: WeightedSums, turn: StreamTurn, rowWeights: readonly RowWeights[]): void {
  const { kernel, values } = sums;
  const { indices, threads, lowering, vectors } = kernel;
  const { walked, column, row, valueNode, valueNames } = indices;
  const step = 4 * vectors;
  const columnVectors = columnVectorsOf(kernel);
  forEachColumn(sums, (across) => {
    const columnIndex = inRange(kernel, column, addIndex(scaleIndex(across, 4), laneIndex));
    const loadAt = (k: IndexExpression) => {
      const place = inRange(kernel, walked, addIndex(scaleIndex(variableIndex(turn.variable), step), k));
      const own = new Map(threads.places).set(walked, place).set(column, columnIndex);
      if (!indices.shared) own.set(row, inRange(kernel, row, rowAt(kernel, 0)));
      return splat(lowering.value(valueNode, positionOf(kernel, valueNames, own)));
    };
    const loaded = loadedValues(kernel, across, loadAt);
    rowWeights.forEach(({ correction, weights }, r) => {
      const place = addIndex(across, constantIndex(r * columnVectors));
      const before = values.at(place);
      let sum = correction === undefined ? before : multiply(correction, before, "f32");
      weights.forEach((weight, k) => {
        sum = applyOperation("add", [sum, multiply(weight, loaded[k] as ScalarExpression, "f32")], "f32");
      });
      values.set(place, sum);
    });
  });
}

/** The parts of a turn of which a subgroup loads one element for each invocation. */
function turnsOf(step: number, subgroup: number) {
  const count = Math.ceil(step / subgroup);
  return range(count).map((k) => ({ first: k * subgroup, points: Math.min(subgroup, step - k * subgroup) }));
}

/** What is stored of a row. */
export interface RowResults {
  /** The weighted sum's element from the sum of a row. */
  readonly result: (r: number, sum: ScalarExpression) => ScalarExpression;
  /** Other values of a row that the epilogue reads or the kernel stores. */
  readonly ofRow: (r: number, node: Node) => ScalarExpression | undefined;
  /** Values of rows that are stored besides, with their indices. */
  readonly beside: readonly { readonly node: Node; readonly names: readonly string[] }[];
}

/** Stores the rows of a thread by way of the epilogue. */
export function storeRows(sums: WeightedSums, results: RowResults): void {
  const { kernel } = sums;
  const { block, rows, threads, indices } = kernel;
  const size = indices.sizes.get(indices.row) as number;
  block.when(threads.exists, () => {
    for (const r of range(rows)) block.when(below(rowAt(kernel, r), size), () => storeRow(sums, r, results));
  });
}

function storeRow(sums: WeightedSums, r: number, { result, ofRow, beside }: RowResults): void {
  const { kernel, values } = sums;
  const { group, indices, threads, lowering, block } = kernel;
  const { weighted, spec, column, row } = indices;
  const columns = indices.sizes.get(column) as number;
  const root = group.outputs[0] as Node;
  const members = new Set(group.members);
  const places = new Map(threads.places).set(row, inRange(kernel, row, rowAt(kernel, r)));
  for (const { node, names } of beside) {
    const value = ofRow(r, node);
    if (value === undefined) throw new Error(`no value of ${node.op} to store`);
    lowering.store(node, positionOf(kernel, names, places), value);
  }
  const store = (index: IndexExpression, value: ScalarExpression) => {
    lowering.computed = (node) => (node === weighted ? value : ofRow(r, node));
    const head = positionOf(kernel, spec.result, new Map(places).set(column, index));
    const position = followEpilogue(weighted, root, members, head);
    lowering.store(root, position, lowering.value(root, position));
    lowering.computed = () => undefined;
  };
  forEachColumn(sums, (across) => {
    const place = addIndex(across, constantIndex(r * columnVectorsOf(kernel)));
    const value = block.bind(result(r, values.at(place)), undefined, "sum");
    const at = addIndex(scaleIndex(across, 4), laneIndex);
    if (columns % 4 === 0) {
      store(at, value);
      return;
    }
    for (const component of lanes) {
      const index = substituteIndex(at, laneVariable, constantIndex(component));
      block.when(below(index, columns), () => store(inRange(kernel, column, index), lane(value, component)));
    }
  });
}
