/** The schedules that a contraction may have on a device; which of them is best, a model of their cost says, or a measurement. */
import type { TileIndices } from "./contraction-tile.ts";
import { blockBytes } from "./lower-blocked-contraction.ts";
import type { ContractionSchedule, DeviceSchedule, WorkgroupBlock } from "./schedule.ts";
import { slicedIndex } from "./workgroup-slices.ts";

/** A turn that loads four neighbours at once, or a whole short index, so that places of a window share their loads. */
const longestWindow = 3;

/** In a loop (`repeats`) even little work is done many times. */
export function contractionSchedules(
  tile: TileIndices,
  device: DeviceSchedule,
  repeats: boolean,
): readonly ContractionSchedule[] {
  const size = (name: string) => tile.sizes.get(name) as number;
  const work = [...tile.sizes.values()].reduce((product, each) => product * each, 1);
  const schedule = (rows: number, vectors: number, turn: ContractionSchedule["turn"]) =>
    tileSchedule(tile, rows, vectors, turn);
  const inner = tile.summed[tile.summed.length - 1] as string;
  const turn = { [inner]: innerTurn(size(inner)) };
  if (work < device.lightWork && !repeats) return [schedule(1, 1, turn)];
  const single = { [inner]: 1 };
  const own = [schedule(4, 2, turn), schedule(4, 1, turn), schedule(8, 2, single), schedule(8, 1, single)];
  const { subgroup, workgroupMemory } = device;
  if (workgroupMemory !== undefined && !repeats && tile.where.length === 0)
    own.push(...blockedSchedules(tile, blocks, workgroupMemory));
  if (subgroup === undefined || repeats || !rowsDecide(tile)) return distinct(own);
  const shared = [
    ...windowTurns(tile, subgroup).flatMap((each) => [schedule(8, 1, each), schedule(8, 2, each)]),
    ...tile.summed.filter((name) => size(name) % 2 === 0).map((name) => schedule(8, 2, { [name]: 2 })),
    ...tile.summed.filter((name) => size(name) % 4 === 0).map((name) => schedule(8, 1, { [name]: 4 })),
  ];
  return distinct([
    ...own,
    ...shared.map((each) => ({ ...each, shared: { workgroup: usualTeam * subgroup, subgroup } })),
  ]);
}

/** Rows and vec4 columns of a thread, for measurements to choose from. */
const widerTiles: readonly (readonly [rows: number, vectors: number])[] = [
  [1, 1],
  [2, 1],
  [4, 1],
  [8, 1],
  [16, 1],
  [2, 2],
  [4, 2],
  [8, 2],
  [16, 2],
  [4, 4],
  [8, 4],
];

const widerTurns = [1, 2, 4, 8];

/** Subgroups of a workgroup that shares its loads; other numbers than the usual are tried with the usual tiles alone. */
const usualTeam = 2;
const otherTeams = [1, 4];
const usualRows = 8;

/** Multiply-adds of a turn, written out; with more a kernel takes longer to compile than any measurement is worth. */
const mostWritten = 128;

/** Invocations of a workgroup that every device has. */
const mostInvocations = 256;

/** Many more schedules, for `weft tune`: the model of costs is not asked to tell them apart. */
export function widerContractionSchedules(tile: TileIndices, device: DeviceSchedule): readonly ContractionSchedule[] {
  const size = (name: string) => tile.sizes.get(name) as number;
  const inner = tile.summed[tile.summed.length - 1] as string;
  const turnsOf = (name: string, most: number) =>
    widerTurns.filter((length) => length <= most && size(name) % length === 0).map((length) => ({ [name]: length }));
  const tiles = (turns: readonly ContractionSchedule["turn"][]) =>
    widerTiles
      .flatMap(([rows, vectors]) => turns.map((turn) => tileSchedule(tile, rows, vectors, turn)))
      .filter(({ rows, vectors, turn }) => {
        const points = Object.values(turn).reduce((product, length) => product * length, 1);
        return rows * vectors * points <= mostWritten;
      });
  const own = tiles([{ [inner]: innerTurn(size(inner)) }, ...turnsOf(inner, Number.POSITIVE_INFINITY)]);
  const { subgroup, workgroupMemory } = device;
  const blocked =
    workgroupMemory === undefined || tile.where.length > 0
      ? []
      : blockedSchedules(tile, [...blocks, ...widerBlocks], workgroupMemory);
  if (subgroup === undefined || !rowsDecide(tile)) return distinct([...own, ...blocked]);
  const turns = [...windowTurns(tile, subgroup), ...tile.summed.flatMap((name) => turnsOf(name, subgroup))];
  const shared = tiles(turns).flatMap((schedule) =>
    [usualTeam, ...(schedule.rows === usualRows ? otherTeams : [])]
      .map((count) => count * subgroup)
      .filter((workgroup) => workgroup <= mostInvocations)
      .map((workgroup) => ({ ...schedule, shared: { workgroup, subgroup } })),
  );
  return distinct([...own, ...blocked, ...shared]);
}

function tileSchedule(
  tile: TileIndices,
  rows: number,
  vectors: number,
  turn: ContractionSchedule["turn"],
): ContractionSchedule {
  const size = (name: string) => tile.sizes.get(name) as number;
  return { rows: Math.min(rows, size(tile.row)), vectors: columnVectors(size(tile.column), vectors), turn };
}

type BlockOfTiles = WorkgroupBlock & Pick<ContractionSchedule, "rows" | "vectors">;

/** Threads in rows and columns, rows and vectors of each, and the depth of a slice: from many small tiles to few large ones. */
const blocks: readonly BlockOfTiles[] = [
  { threadRows: 8, threadColumns: 8, depth: 32, rows: 4, vectors: 1 },
  { threadRows: 16, threadColumns: 16, depth: 16, rows: 4, vectors: 1 },
  { threadRows: 16, threadColumns: 8, depth: 16, rows: 8, vectors: 1 },
  { threadRows: 16, threadColumns: 8, depth: 8, rows: 8, vectors: 2 },
];

const widerBlocks: readonly BlockOfTiles[] = [
  { threadRows: 8, threadColumns: 8, depth: 16, rows: 8, vectors: 1 },
  { threadRows: 8, threadColumns: 8, depth: 16, rows: 8, vectors: 2 },
  { threadRows: 8, threadColumns: 16, depth: 16, rows: 8, vectors: 1 },
  { threadRows: 16, threadColumns: 16, depth: 8, rows: 8, vectors: 1 },
  { threadRows: 16, threadColumns: 16, depth: 16, rows: 8, vectors: 1 },
  { threadRows: 16, threadColumns: 16, depth: 8, rows: 8, vectors: 2 },
  { threadRows: 32, threadColumns: 8, depth: 8, rows: 4, vectors: 2 },
];

/** Blocks of which rows and columns are at least half filled. */
function blockedSchedules(
  tile: TileIndices,
  from: readonly BlockOfTiles[],
  memory: NonNullable<DeviceSchedule["workgroupMemory"]>,
): readonly ContractionSchedule[] {
  const size = (name: string) => tile.sizes.get(name) as number;
  return from.flatMap(({ rows, vectors, ...threads }) => {
    const block = { ...threads, depth: Math.min(threads.depth, size(slicedIndex(tile))) };
    const schedule: ContractionSchedule = { rows, vectors, turn: {}, block };
    const fits =
      blockBytes(schedule, block) <= memory.bytes && block.threadRows * block.threadColumns <= memory.threads;
    const filled =
      2 * size(tile.row) >= block.threadRows * rows && 2 * size(tile.column) >= 4 * block.threadColumns * vectors;
    return fits && filled ? [schedule] : [];
  });
}

function distinct(schedules: readonly ContractionSchedule[]): readonly ContractionSchedule[] {
  return [...new Map(schedules.map((schedule) => [JSON.stringify(schedule), schedule])).values()];
}

/** Subgroups share rows only where all threads of a workgroup walk alike: no restricted range depends on what is theirs alone. */
function rowsDecide(tile: TileIndices): boolean {
  const ofColumns = [tile.column, ...tile.outer.filter((name) => !tile.rowIndices.includes(name))];
  return tile.where.every(({ terms }) => !ofColumns.some((name) => terms.has(name)));
}

/** Turns that walk a whole short index, with some elements of another: places of a window share their loads. */
function windowTurns(tile: TileIndices, subgroup: number): readonly ContractionSchedule["turn"][] {
  const size = (name: string) => tile.sizes.get(name) as number;
  const short = tile.summed.filter((name) => size(name) > 1 && size(name) <= subgroup);
  return short.map((name) => {
    const most = Math.floor(subgroup / size(name));
    const partner = tile.summed.find((other) => other !== name && most > 1 && size(other) % most === 0);
    return partner === undefined ? { [name]: size(name) } : { [name]: size(name), [partner]: most };
  });
}

/**
 * Summed elements of one turn of the innermost loop. Four can be loaded as a vector; a short index that is no multiple of four is
 * walked in one turn, so that neighbouring places of a convolution's window, which read the same elements, share their loads.
 */
function innerTurn(size: number): number {
  if (size % 4 === 0) return 4;
  return size <= longestWindow ? size : 1;
}

/** Vectors of a tile: as many as wished for, or fewer when that leaves no column over and the edge would weigh. */
export function columnVectors(columns: number, wished: number): number {
  const most = Math.max(1, Math.min(wished, Math.floor(columns / 4)));
  if (columns >= 16 * 4 * most) return most;
  for (let vectors = most; vectors > 1; vectors--) if (columns % (4 * vectors) === 0) return vectors;
  return columns % 4 === 0 ? 1 : most;
}
