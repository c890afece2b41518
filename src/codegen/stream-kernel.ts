/**
 * What kernels have in common that walk an index with a tile of scores in registers: which rows a thread has, the walk, and which
 * places of a tile count.
 */
import type { KernelGroup } from "../passes/index.ts";
import type { Block } from "./block.ts";
import {
  addIndex,
  clampIndex,
  type IndexExpression,
  type IndexVariable,
  scaleIndex,
  variableIndex,
} from "./index-expression.ts";
import type { ScalarExpression } from "./kernel.ts";
import { below, type Lowering } from "./lowering.ts";
import { constraintTest, loopBounds } from "./ranges.ts";
import type { DeviceSchedule, OnlineSoftmaxSchedule } from "./schedule.ts";
import { blockBytesOf, canBlock, copyBlocks, declareBlocks, type StreamBlocks } from "./stream-blocks.ts";
import { type StreamIndices, streamIndices } from "./stream-indices.ts";
import { layOutRows, type RowThreads } from "./tile-threads.ts";
import { applyOperation, laneIndex, type RegionSources } from "./values.ts";

/** A kernel under construction. */
export interface StreamKernel {
  readonly group: KernelGroup;
  readonly indices: StreamIndices;
  readonly threads: RowThreads;
  readonly lowering: Lowering;
  readonly block: Block;
  /** Rows of a thread, and vec4s of scores of a row in one turn. */
  readonly rows: number;
  readonly vectors: number;
  /** What a turn reads, where the workgroup copies it. */
  readonly blocks?: StreamBlocks;
}

/** One turn of the walk: `4 * vectors` places of the walked index. */
export interface StreamTurn {
  readonly variable: IndexVariable;
  /** Places of a vector: `at` may be beyond the end, `inside` is clamped. */
  readonly at: (v: number) => IndexExpression;
  readonly inside: (v: number) => IndexExpression;
}

/** The schedules that a kernel of this kind may have on a device. */
export function streamSchedules(
  group: KernelGroup,
  device: DeviceSchedule,
  repeats: boolean,
): readonly OnlineSoftmaxSchedule[] {
  const { subgroup, workgroupMemory } = device;
  const own: OnlineSoftmaxSchedule = { rows: 4, vectors: 2 };
  const indices = streamIndices(group);
  if (repeats || !indices.shared) return [own];
  const copied =
    workgroupMemory === undefined || !canBlock(indices)
      ? []
      : copyingSchedules.filter(
          ({ vectors, copying }) =>
            copying <= workgroupMemory.threads && blockBytesOf(indices, vectors) <= workgroupMemory.bytes,
        );
  if (subgroup === undefined) return [own, ...copied];
  const shared = { workgroup: 2 * subgroup, subgroup };
  return [own, { ...own, shared }, { rows: 2, vectors: 2, shared }, ...copied];
}

/** One row or two of a thread, in workgroups of few threads or of many. */
const copyingSchedules = [
  { rows: 1, vectors: 4, copying: 64 },
  { rows: 2, vectors: 4, copying: 64 },
  { rows: 1, vectors: 4, copying: 128 },
] as const satisfies readonly OnlineSoftmaxSchedule[];

export function openStream(
  group: KernelGroup,
  schedule: OnlineSoftmaxSchedule,
  region: RegionSources | undefined,
): StreamKernel {
  const indices = streamIndices(group);
  const { sizes, outer } = indices;
  const size = (name: string) => sizes.get(name) as number;
  const rows = indices.shared ? Math.min(schedule.rows, size(indices.row)) : 1;
  const vectors = Math.min(schedule.vectors, Math.max(1, Math.floor(size(indices.walked) / 4)));
  const rowTiles = Math.ceil(size(indices.row) / rows);
  const together = schedule.copying === undefined ? schedule.shared : { workgroup: schedule.copying };
  const threads = layOutRows(group, { outer, sizes, rowTiles }, together, region);
  const { lowering } = threads;
  const kernel: StreamKernel = { group, indices, threads, lowering, block: lowering.block, rows, vectors };
  if (schedule.copying === undefined) return kernel;
  return { ...kernel, blocks: declareBlocks(lowering, indices, vectors) };
}

export const rowAt = ({ threads, rows }: StreamKernel, r: number) => scaleIndex(threads.rowTile, rows, r);

/** An index kept within its size. */
export function inRange({ indices }: StreamKernel, name: string, at: IndexExpression): IndexExpression {
  return clampIndex(at, 0, (indices.sizes.get(name) as number) - 1);
}

/** A position by index names; those that `own` does not place are the thread's. */
export function positionOf(
  { threads }: StreamKernel,
  names: readonly string[],
  own: ReadonlyMap<string, IndexExpression>,
): IndexExpression[] {
  return names.map((name) => own.get(name) ?? (threads.places.get(name) as IndexExpression));
}

/** Where row `r` and vector `v` of a turn stand, within range. */
export function tilePlaces(kernel: StreamKernel, turn: StreamTurn, r: number, v: number): Map<string, IndexExpression> {
  const { row, walked } = kernel.indices;
  return new Map(kernel.threads.places).set(row, inRange(kernel, row, rowAt(kernel, r))).set(walked, turn.inside(v));
}

/** Walks the summed index, turn by turn, within the range that the rows of a thread have in common. */
export function walkStream(kernel: StreamKernel, body: (turn: StreamTurn) => void): void {
  const { indices, threads, block, rows, vectors } = kernel;
  const { walked, row, where } = indices;
  const size = indices.sizes.get(walked) as number;
  const step = 4 * vectors;
  const variable: IndexVariable = { name: block.freshName(walked), extent: Math.ceil(size / step) };
  const tileRow: IndexVariable = { name: "tile_row", extent: rows };
  const anyRow = addIndex(scaleIndex(threads.anyRowTile, rows), variableIndex(tileRow));
  const places = new Map(threads.places).set(row, anyRow);
  const bounds = loopBounds(where, walked, places, size, step, [tileRow, ...threads.inside], new Set([walked]));
  const at = (v: number) => addIndex(scaleIndex(variableIndex(variable), step, 4 * v), laneIndex);
  const turn: StreamTurn = { variable, at, inside: (v) => inRange(kernel, walked, at(v)) };
  block.loop(variable, bounds, () => {
    if (kernel.blocks !== undefined) copyBlocks(kernel, kernel.blocks, turn);
    body(turn);
  });
}

/** False beyond the end of the walked index and outside its restriction; `undefined` where neither can be. */
export function keepTest(kernel: StreamKernel, turn: StreamTurn, r: number, v: number): ScalarExpression | undefined {
  const { row, walked, where, sizes } = kernel.indices;
  const own = new Map(kernel.threads.places).set(row, rowAt(kernel, r)).set(walked, turn.at(v));
  return allOf([constraintTest(where, own), below(turn.at(v), sizes.get(walked) as number)]);
}

/** Both, or all, of the tests that there are. */
export function allOf(tests: readonly (ScalarExpression | undefined)[]): ScalarExpression | undefined {
  const present = tests.filter((test) => test !== undefined);
  return present.length === 0 ? undefined : present.reduce((a, b) => applyOperation("and", [a, b], "bool"));
}
