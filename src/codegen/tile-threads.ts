/** Which tile each thread has, in kernels whose threads compute tiles. */
import type { KernelGroup } from "../passes/index.ts";
import type { TileIndices } from "./contraction-tile.ts";
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
import type { ScalarExpression } from "./kernel.ts";
import { below, Lowering, nameIndex } from "./lowering.ts";
import type { ContractionSchedule, SharedLoads } from "./schedule.ts";
import type { RegionSources } from "./values.ts";

/** An axis along which tiles are counted: an index of the kernel that is not tiled, or the tiles of one that is. */
interface TileAxis {
  readonly name: string;
  readonly extent: number;
}

/** Threads of a kernel and what each has of the axes; `common` axes are the same in all threads of a workgroup that shares loads. */
interface ThreadLayout {
  readonly lowering: Lowering;
  readonly at: ReadonlyMap<string, IndexExpression>;
  /** Position in the subgroup, where loads are shared. */
  readonly invocation?: IndexVariable;
  /** False for threads that only fill up a workgroup; absent when there are none. */
  readonly exists?: ScalarExpression;
  /** The last of `own` axes for any thread of the workgroup: known to be the same in all of them but for the variable `member`. */
  readonly anyLast: IndexExpression;
  readonly inside: readonly IndexVariable[];
}

const product = (axes: readonly TileAxis[]) => axes.reduce((count, { extent }) => count * extent, 1);

/** Threads of a workgroup that work together, perhaps by subgroups. */
type WorkingTogether = Pick<SharedLoads, "workgroup"> & Partial<SharedLoads>;

function layOut(
  group: KernelGroup,
  axes: { readonly common: readonly TileAxis[]; readonly own: readonly TileAxis[] },
  shared: WorkingTogether | undefined,
  region: RegionSources | undefined,
): ThreadLayout {
  const at = new Map<string, IndexExpression>();
  const named = (lowering: Lowering, names: readonly TileAxis[], flat: IndexExpression): IndexExpression[] => {
    const coordinates = unflatten(
      flat,
      names.map(({ extent }) => extent),
    );
    names.forEach(({ name }, k) => {
      at.set(name, nameIndex(lowering, name, coordinates[k] as IndexExpression));
    });
    return coordinates;
  };
  const last = axes.own[axes.own.length - 1] as TileAxis;
  if (shared === undefined) {
    const all = [...axes.common, ...axes.own];
    const thread: IndexVariable = { name: "thread", extent: product(all) };
    const lowering = new Lowering(group, thread, region);
    named(lowering, all, variableIndex(thread));
    return { lowering, at, anyLast: at.get(last.name) as IndexExpression, inside: [] };
  }
  const { workgroup: members, subgroup } = shared;
  const count = product(axes.own);
  const parts = Math.ceil(count / members);
  const team: IndexVariable = { name: "team", extent: product(axes.common) * parts };
  const member: IndexVariable = { name: "member", extent: members };
  const invocation: IndexVariable | undefined =
    subgroup === undefined ? undefined : { name: "invocation", extent: subgroup };
  const lowering = new Lowering(group, { name: "thread", extent: team.extent * members }, region);
  lowering.team = { size: members, member, number: team, ...(invocation === undefined ? {} : { invocation }) };
  named(lowering, axes.common, divideIndex(variableIndex(team), parts));
  const part = remainderIndex(variableIndex(team), parts);
  const every = addIndex(scaleIndex(part, members), variableIndex(member));
  const place = nameIndex(lowering, "place", every);
  named(lowering, axes.own, clampIndex(place, 0, count - 1));
  const exists = below(place, count);
  // Only a single axis of its own is walked in order by the members.
  const anyLast = axes.own.length === 1 ? every : constantIndex(last.extent - 1);
  return {
    lowering,
    at,
    anyLast,
    inside: [member],
    ...(invocation === undefined ? {} : { invocation }),
    ...(exists === undefined ? {} : { exists }),
  };
}

export interface TileThreads {
  readonly lowering: Lowering;
  readonly rowTile: IndexExpression;
  readonly columnTile: IndexExpression;
  /** Where the other kept indices stand. */
  readonly places: Map<string, IndexExpression>;
  /** Position in a subgroup whose threads all have the same rows, where rows are shared. */
  readonly invocation?: IndexVariable;
  readonly exists?: ScalarExpression;
}

/** Threads of a contraction's tiles; where loads are shared, a workgroup has one row tile, and its threads have column tiles. */
export function layOutTiles(
  group: KernelGroup,
  tile: TileIndices,
  schedule: ContractionSchedule,
  region: RegionSources | undefined,
): TileThreads {
  const size = (name: string) => tile.sizes.get(name) as number;
  const axis = (name: string): TileAxis => ({ name, extent: size(name) });
  const rowTiles = { name: "row tile", extent: Math.ceil(size(tile.row) / schedule.rows) };
  const columnTiles = { name: "column tile", extent: Math.ceil(size(tile.column) / (4 * schedule.vectors)) };
  const isShared = schedule.shared !== undefined;
  // Where nothing is shared, threads follow the order of the result.
  const ofRows = tile.outer.filter((name) => !isShared || tile.rowIndices.includes(name));
  const ofColumns = tile.outer.filter((name) => !ofRows.includes(name));
  const { lowering, at, invocation, exists } = layOut(
    group,
    { common: [...ofRows.map(axis), rowTiles], own: [...ofColumns.map(axis), columnTiles] },
    schedule.shared,
    region,
  );
  return {
    lowering,
    rowTile: at.get(rowTiles.name) as IndexExpression,
    columnTile: at.get(columnTiles.name) as IndexExpression,
    places: new Map(tile.outer.map((name) => [name, at.get(name) as IndexExpression])),
    ...(invocation === undefined ? {} : { invocation }),
    ...(exists === undefined ? {} : { exists }),
  };
}

export interface RowThreads {
  readonly lowering: Lowering;
  readonly rowTile: IndexExpression;
  /** The row tile of any thread of a workgroup that shares loads, with the variables `inside` that tell its threads apart. */
  readonly anyRowTile: IndexExpression;
  readonly inside: readonly IndexVariable[];
  readonly places: Map<string, IndexExpression>;
  readonly invocation?: IndexVariable;
  readonly exists?: ScalarExpression;
}

/** Threads of an online softmax's rows; where loads are shared, the threads of a workgroup differ in their row tiles alone. */
export function layOutRows(
  group: KernelGroup,
  rows: { readonly outer: readonly string[]; readonly sizes: ReadonlyMap<string, number>; readonly rowTiles: number },
  shared: WorkingTogether | undefined,
  region: RegionSources | undefined,
): RowThreads {
  const common = rows.outer.map((name) => ({ name, extent: rows.sizes.get(name) as number }));
  const own = [{ name: "row tile", extent: rows.rowTiles }];
  const { lowering, at, invocation, exists, anyLast, inside } = layOut(group, { common, own }, shared, region);
  return {
    lowering,
    rowTile: at.get("row tile") as IndexExpression,
    anyRowTile: anyLast,
    inside,
    places: new Map(rows.outer.map((name) => [name, at.get(name) as IndexExpression])),
    ...(invocation === undefined ? {} : { invocation }),
    ...(exists === undefined ? {} : { exists }),
  };
}
