/**
 * Contractions by the matrix instructions of subgroups (`chromium_experimental_subgroup_matrix`), where a device has them. As in
 * lower-blocked-contraction.ts, a workgroup copies slices of both factors into its own memory; then each of its subgroups multiplies
 * matrices from there, and hands each result through workgroup memory to the threads that store it.
 */
import type { Node } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import type { PrivateArray } from "./block.ts";
import type { TileIndices } from "./contraction-tile.ts";
import type { MatrixProduct } from "./device-profile.ts";
import {
  addIndex,
  clampIndex,
  constantIndex,
  type IndexExpression,
  type IndexVariable,
  scaleIndex,
  unflatten,
  variableIndex,
} from "./index-expression.ts";
import { arithmeticType, type ScalarExpression, type SubgroupMatrix } from "./kernel.ts";
import { below, kernelName, type LoweredKernel, Lowering, nameIndex } from "./lowering.ts";
import type { MatrixSchedule } from "./schedule.ts";
import { storeTile } from "./store-tile.ts";
import { range } from "./tile-loads.ts";
import { laneIndex } from "./values.ts";
import { copySlice, type SlicedFactor, type Slicing, slicedIndex, walkSlices } from "./workgroup-slices.ts";

/** Bytes of workgroup memory of a schedule. */
export function matrixBytes({ product, rows, columns, subgroupRows, subgroupColumns, depth }: MatrixSchedule): number {
  const bytes = product.component === "f16" ? 2 : 4;
  const across = subgroupRows * rows * product.rows + subgroupColumns * columns * product.columns;
  return bytes * depth * across + 4 * subgroupRows * subgroupColumns * product.rows * product.columns;
}

export function lowerMatrixContraction(group: KernelGroup, tile: TileIndices, schedule: MatrixSchedule): LoweredKernel {
  const { product, subgroup: lanesOfSubgroup, subgroupRows, subgroupColumns, rows, columns, depth } = schedule;
  const head = group.heads[0] as Node;
  const size = (name: string) => tile.sizes.get(name) as number;
  const half = product.component === "f16";
  const [blockRows, blockColumns] = [subgroupRows * rows * product.rows, subgroupColumns * columns * product.columns];
  const threads = subgroupRows * subgroupColumns * lanesOfSubgroup;

  const grid = [
    ...tile.outer.map(size),
    Math.ceil(size(tile.row) / blockRows),
    Math.ceil(size(tile.column) / blockColumns),
  ];
  const team: IndexVariable = { name: "team", extent: grid.reduce((a, b) => a * b, 1) };
  const member: IndexVariable = { name: "member", extent: threads };
  const invocation: IndexVariable = { name: "invocation", extent: lanesOfSubgroup };
  const subgroup: IndexVariable = { name: "subgroup", extent: subgroupRows * subgroupColumns };
  const lowering = new Lowering(group, { name: "thread", extent: team.extent * threads });
  lowering.team = { size: threads, number: team, member, invocation, subgroup };
  const { block } = lowering;
  const coordinates = unflatten(variableIndex(team), grid);
  const places = new Map<string, IndexExpression>();
  tile.outer.forEach((name, k) => {
    places.set(name, nameIndex(lowering, name, coordinates[k] as IndexExpression));
  });
  const firstRow = scaleIndex(
    nameIndex(lowering, "row_block", coordinates[tile.outer.length] as IndexExpression),
    blockRows,
  );
  const columnBlock = nameIndex(lowering, "column_block", coordinates[tile.outer.length + 1] as IndexExpression);
  const firstColumn = scaleIndex(columnBlock, blockColumns);
  const [ofRows, ofColumns] = unflatten(variableIndex(subgroup), [subgroupRows, subgroupColumns]) as [
    IndexExpression,
    IndexExpression,
  ];
  /** Rows and columns of a matrix of this subgroup, counted from the first of the block. */
  const rowOf = (r: number) => scaleIndex(ofRows, rows * product.rows, r * product.rows);
  const columnOf = (c: number) => scaleIndex(ofColumns, columns * product.columns, c * product.columns);

  const inHalf = (length: number, wish: string) =>
    lowering.workgroupArray(wish, length, { dtype: "f32", width: 1 }, half);
  const rowSlice = inHalf(blockRows * depth, "row_slice");
  const columnSlice = inHalf(depth * blockColumns, "column_slice");
  const resultLength = product.rows * product.columns;
  const results = lowering.workgroupArray("results", subgroup.extent * resultLength, { dtype: "f32", width: 1 });

  const matrixOf = (role: SubgroupMatrix["role"]): SubgroupMatrix => ({
    role,
    component: role === "result" ? "f32" : product.component,
    rows: role === "right" ? product.depth : product.rows,
    columns: role === "left" ? product.depth : product.columns,
  });
  const sums = range(rows).map((r) =>
    range(columns).map((c) => block.matrix(`${head.name ?? "sum"}_${r}${c}`, matrixOf("result"))),
  );

  const slicing: Slicing = { tile, dtype: "f32", member, depth, places };
  const factor = (
    node: Node,
    indices: readonly string[],
    across: string,
    own: {
      readonly first: IndexExpression;
      readonly width: number;
      readonly array: PrivateArray;
      readonly byRow: boolean;
    },
  ): SlicedFactor => ({
    node,
    indices,
    across,
    width: own.width,
    at: (place) => clampIndex(addIndex(own.first, place), 0, size(across) - 1),
    store: (k, place, value) => {
      const [line, position, length] = own.byRow ? [place, k, depth] : [k, place, own.width];
      own.array.set(addIndex(scaleIndex(line, length), position), value);
    },
  });
  const rowFactor = factor(head.operands[tile.rowFactor] as Node, tile.rowIndices, tile.row, {
    first: firstRow,
    width: blockRows,
    array: rowSlice,
    byRow: true,
  });
  const columnFactor = factor(head.operands[1 - tile.rowFactor] as Node, tile.columnIndices, tile.column, {
    first: firstColumn,
    width: blockColumns,
    array: columnSlice,
    byRow: false,
  });
  walkSlices(lowering, tile, depth, places, (slice) => {
    copySlice(lowering, slicing, slice, rowFactor);
    copySlice(lowering, slicing, slice, columnFactor);
    block.barrier("workgroup");
    for (const k of range(depth / product.depth)) {
      const lefts = range(rows).map((r) => {
        const offset = addIndex(scaleIndex(rowOf(r), depth), constantIndex(k * product.depth));
        return block.loadMatrix("left", matrixOf("left"), { array: rowSlice.name, offset, stride: depth });
      });
      for (const c of range(columns)) {
        const offset = addIndex(columnOf(c), constantIndex(k * product.depth * blockColumns));
        const right = block.loadMatrix("right", matrixOf("right"), {
          array: columnSlice.name,
          offset,
          stride: blockColumns,
        });
        lefts.forEach((left, r) => {
          block.multiplyMatrices((sums[r] as string[])[c] as string, left, right);
        });
      }
    }
    block.barrier("workgroup");
  });

  // One matrix after another: each subgroup has room for one.
  const ownResults = scaleIndex(variableIndex(subgroup), resultLength);
  const vectors = resultLength / 4;
  for (const [r, c] of range(rows).flatMap((row) => range(columns).map((column) => [row, column] as const))) {
    const name = (sums[r] as string[])[c] as string;
    block.storeMatrix({ name, array: results.name, offset: ownResults, stride: product.columns });
    block.barrier("workgroup");
    for (const turn of range(Math.ceil(vectors / lanesOfSubgroup))) {
      const vector = addIndex(variableIndex(invocation), constantIndex(turn * lanesOfSubgroup));
      const [line, across] = unflatten(vector, [product.rows, product.columns / 4]) as [
        IndexExpression,
        IndexExpression,
      ];
      const first = addIndex(ownResults, scaleIndex(vector, 4));
      const store = () => {
        const sum: ScalarExpression = {
          kind: "lanes",
          of: range(4).map((k) => results.at(addIndex(first, constantIndex(k)))),
          type: { dtype: "f32", width: 4 },
          uses: results.at(first).uses,
        };
        storeTile(lowering, {
          group,
          tile,
          dtype: "f32",
          sums: [[block.bind(sum, undefined, "sum")]],
          rowAt: () => addIndex(firstRow, addIndex(rowOf(r), line)),
          columnAt: () => addIndex(firstColumn, addIndex(columnOf(c), addIndex(scaleIndex(across, 4), laneIndex))),
          places,
          where: [],
        });
      };
      block.when(below(vector, vectors), store);
    }
    block.barrier("workgroup");
  }
  return lowering.finish(kernelName(group));
}

/** True where every element is a number in half precision. */
function isOfHalves(node: Node): boolean {
  return node.type.dtype === "f16" || (node.op === "cast" && (node.operands[0] as Node).type.dtype === "f16");
}

/** Numbers of matrices of a subgroup, and of subgroups, from few to many; a slice is as deep as `slices` matrices. */
const shapes = [
  { rows: 1, columns: 1, subgroupRows: 2, subgroupColumns: 2, slices: 2 },
  { rows: 2, columns: 2, subgroupRows: 2, subgroupColumns: 2, slices: 2 },
  { rows: 4, columns: 2, subgroupRows: 2, subgroupColumns: 2, slices: 1 },
  { rows: 4, columns: 4, subgroupRows: 1, subgroupColumns: 4, slices: 1 },
];

/** The ways to compute a contraction by matrix instructions; only a measurement recommends them. */
export function matrixSchedules(
  head: Node,
  tile: TileIndices,
  device: {
    readonly matrices: readonly MatrixProduct[];
    readonly subgroup: number;
    readonly memory: { readonly bytes: number; readonly threads: number };
  },
): readonly MatrixSchedule[] {
  if (arithmeticType(head.type.dtype) !== "f32" || tile.where.length > 0) return [];
  const length = tile.sizes.get(slicedIndex(tile)) as number;
  // Elements that lie in half precision lose nothing in matrices of it; others would.
  const isHalf = head.operands.every(isOfHalves);
  return device.matrices
    .filter(({ component, columns }) => (component === "f32" || isHalf) && columns % 4 === 0)
    .flatMap((product) =>
      shapes.map(({ slices, ...shape }): MatrixSchedule => {
        return { ...shape, product, subgroup: device.subgroup, depth: slices * product.depth };
      }),
    )
    .filter((schedule) => {
      const { product, rows, columns, subgroupRows, subgroupColumns, subgroup, depth } = schedule;
      return (
        subgroupRows * subgroupColumns * subgroup <= device.memory.threads &&
        matrixBytes(schedule) <= device.memory.bytes &&
        // Larger blocks than the result, and deeper slices than the sum, only add zeros.
        subgroupRows * rows * product.rows < 2 * (tile.sizes.get(tile.row) as number) &&
        subgroupColumns * columns * product.columns < 2 * (tile.sizes.get(tile.column) as number) &&
        depth < 2 * length
      );
    });
}
