/**
 * Contractions in blocks of workgroup memory, for GPUs. The threads of a workgroup stand in rows and columns, each with a tile of its own in
 * registers. Slice by slice of one summed index they copy what the block reads of both factors into workgroup memory, neighbouring threads
 * neighbouring elements, wait for each other, and multiply. So each element is read from a buffer once a block and not once a thread.
 *
 * Factors are read through `valueAt`, once per element and block: prologues cost as little as they can.
 */
import type { Node } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { literal, splat } from "./block.ts";
import type { TileIndices } from "./contraction-tile.ts";
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
import { arithmeticType, type ScalarExpression } from "./kernel.ts";
import { kernelName, type LoweredKernel, Lowering, multiply, nameIndex } from "./lowering.ts";
import type { ContractionSchedule, WorkgroupBlock } from "./schedule.ts";
import { storeTile } from "./store-tile.ts";
import { range } from "./tile-loads.ts";
import { applyOperation, laneIndex } from "./values.ts";
import { copySlice, type Slicing, walkSlices } from "./workgroup-slices.ts";

/** Bytes of workgroup memory of a schedule. */
export function blockBytes({ rows, vectors }: ContractionSchedule, block: WorkgroupBlock): number {
  return 4 * block.depth * (block.threadRows * rows + 4 * block.threadColumns * vectors);
}

export function lowerBlockedContraction(
  group: KernelGroup,
  tile: TileIndices,
  schedule: ContractionSchedule,
  { threadRows, threadColumns, depth }: WorkgroupBlock,
): LoweredKernel {
  const head = group.heads[0] as Node;
  const dtype = arithmeticType(head.type.dtype);
  const zero = literal(0, dtype);
  const size = (name: string) => tile.sizes.get(name) as number;
  const { rows, vectors } = schedule;
  const threads = threadRows * threadColumns;
  const blockRows = threadRows * rows;
  const blockVectors = threadColumns * vectors;

  const grid = [
    ...tile.outer.map(size),
    Math.ceil(size(tile.row) / blockRows),
    Math.ceil(size(tile.column) / (4 * blockVectors)),
  ];
  const team: IndexVariable = { name: "team", extent: grid.reduce((a, b) => a * b, 1) };
  const member: IndexVariable = { name: "member", extent: threads };
  const lowering = new Lowering(group, { name: "thread", extent: team.extent * threads });
  lowering.team = { size: threads, number: team, member };
  const { block } = lowering;
  const coordinates = unflatten(variableIndex(team), grid);
  const places = new Map<string, IndexExpression>();
  tile.outer.forEach((name, k) => {
    places.set(name, nameIndex(lowering, name, coordinates[k] as IndexExpression));
  });
  const rowBlock = nameIndex(lowering, "row_block", coordinates[tile.outer.length] as IndexExpression);
  const columnBlock = nameIndex(lowering, "column_block", coordinates[tile.outer.length + 1] as IndexExpression);
  const [inRows, inColumns] = unflatten(variableIndex(member), [threadRows, threadColumns]) as [
    IndexExpression,
    IndexExpression,
  ];
  const threadRow = nameIndex(lowering, "thread_row", inRows);
  const threadColumn = nameIndex(lowering, "thread_column", inColumns);
  const rowAt = (r: number) => addIndex(scaleIndex(rowBlock, blockRows), scaleIndex(threadRow, rows, r));
  // Neighbouring threads have neighbouring vectors, so that they store side by side.
  const vectorAt = (v: number) => addIndex(threadColumn, constantIndex(v * threadColumns));
  const columnAt = (v: number) =>
    addIndex(scaleIndex(addIndex(scaleIndex(columnBlock, blockVectors), vectorAt(v)), 4), laneIndex);

  const sums = range(rows).map((r) =>
    range(vectors).map((v) => block.variable(`${head.name ?? "sum"}_${r}${vectors > 1 ? v : ""}`, splat(zero))),
  );
  const rowSlice = lowering.workgroupArray("row_slice", depth * blockRows, { dtype, width: 1 });
  const columnSlice = lowering.workgroupArray("column_slice", depth * blockVectors, { dtype, width: 4 });

  const inRange = (index: string, at: IndexExpression) => clampIndex(at, 0, size(index) - 1);
  const slicing: Slicing = { tile, dtype, member, depth, places };
  const multiplySlice = (slice: IndexExpression) => {
    copySlice(lowering, slicing, slice, {
      node: head.operands[tile.rowFactor] as Node,
      indices: tile.rowIndices,
      across: tile.row,
      width: blockRows,
      at: (place) => inRange(tile.row, addIndex(scaleIndex(rowBlock, blockRows), place)),
      store: (k, place, value) => rowSlice.set(addIndex(scaleIndex(k, blockRows), place), value),
    });
    copySlice(lowering, slicing, slice, {
      node: head.operands[1 - tile.rowFactor] as Node,
      indices: tile.columnIndices,
      across: tile.column,
      width: blockVectors,
      at: (place) => {
        const first = scaleIndex(addIndex(scaleIndex(columnBlock, blockVectors), place), 4);
        // Whole vectors are inside or outside where four divides the number of columns.
        return size(tile.column) % 4 === 0
          ? addIndex(clampIndex(first, 0, size(tile.column) - 4), laneIndex)
          : inRange(tile.column, addIndex(first, laneIndex));
      },
      store: (k, place, value) => columnSlice.set(addIndex(scaleIndex(k, blockVectors), place), splat(value)),
    });
    block.barrier("workgroup");
    const k: IndexVariable = { name: block.freshName("k"), extent: depth };
    block.loop(k, {}, () => {
      const rowValues = range(rows).map((r) => {
        const at = addIndex(scaleIndex(variableIndex(k), blockRows), scaleIndex(threadRow, rows, r));
        return block.bind(rowSlice.at(at), undefined, "row");
      });
      for (const v of range(vectors)) {
        const at = addIndex(scaleIndex(variableIndex(k), blockVectors), vectorAt(v));
        const column = block.bind(columnSlice.at(at), undefined, "column");
        rowValues.forEach((row, r) => {
          const sum = (sums[r] as ScalarExpression[])[v] as ScalarExpression;
          block.assign(sum, applyOperation("add", [sum, multiply(row, column, dtype)], dtype));
        });
      }
    });
    block.barrier("workgroup");
  };

  walkSlices(lowering, tile, depth, places, multiplySlice);
  storeTile(lowering, { group, tile, dtype, sums, rowAt, columnAt, places, where: [] });
  return lowering.finish(kernelName(group));
}
