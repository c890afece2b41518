/** The schedules that a contraction may have on a device; which of them is best, a model of their cost says, or a measurement. */
import type { TileIndices } from "./contraction-tile.ts";
import type { ContractionSchedule, DeviceSchedule } from "./schedule.ts";

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
  const schedule = (rows: number, vectors: number, turn: ContractionSchedule["turn"]): ContractionSchedule => ({
    rows: Math.min(rows, size(tile.row)),
    vectors: columnVectors(size(tile.column), vectors),
    turn,
  });
  const inner = tile.summed[tile.summed.length - 1] as string;
  const turn = { [inner]: innerTurn(size(inner)) };
  if (work < device.lightWork && !repeats) return [schedule(1, 1, turn)];
  const own = [schedule(4, 2, turn), schedule(8, 2, turn), schedule(4, 1, turn)];
  const { subgroup } = device;
  if (subgroup === undefined || repeats || !rowsDecide(tile)) return distinct(own);
  const shared = sharedTurns(tile, subgroup).flatMap((each) =>
    [schedule(8, 1, each), schedule(8, 2, each)].map((one) => ({
      ...one,
      shared: { workgroup: 2 * subgroup, subgroup },
    })),
  );
  return distinct([...own, ...shared]);
}

function distinct(schedules: readonly ContractionSchedule[]): readonly ContractionSchedule[] {
  return [...new Map(schedules.map((schedule) => [JSON.stringify(schedule), schedule])).values()];
}

/** Subgroups share rows only where all threads of a workgroup walk alike: no restricted range depends on what is theirs alone. */
function rowsDecide(tile: TileIndices): boolean {
  const ofColumns = [tile.column, ...tile.outer.filter((name) => !tile.rowIndices.includes(name))];
  return tile.where.every(({ terms }) => !ofColumns.some((name) => terms.has(name)));
}

/** Turns of at most one element for each invocation of a subgroup. */
function sharedTurns(tile: TileIndices, subgroup: number): readonly ContractionSchedule["turn"][] {
  const size = (name: string) => tile.sizes.get(name) as number;
  const turns: Record<string, number>[] = [];
  for (const name of tile.summed) {
    const length = size(name);
    if (length % subgroup === 0) turns.push({ [name]: subgroup });
    if (length > subgroup) continue;
    // A whole short index, with some of another: places of a window share their loads.
    const rest = tile.summed.filter((other) => other !== name);
    const most = Math.floor(subgroup / length);
    const partner = rest.find((other) => most > 1 && size(other) % most === 0);
    turns.push(partner === undefined ? { [name]: length } : { [name]: length, [partner]: most });
  }
  if (turns.length > 0) return turns;
  const inner = tile.summed[tile.summed.length - 1] as string;
  return size(inner) % 4 === 0 ? [{ [inner]: 4 }] : [];
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
