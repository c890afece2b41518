/** The end of a contraction: a thread's tile goes through the epilogue and is stored, rows and columns beyond the edges left out. */
import type { Constraint, Node } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { lane, literal } from "./block.ts";
import type { TileIndices } from "./contraction-tile.ts";
import {
  addIndex,
  clampIndex,
  constantIndex,
  type IndexExpression,
  isMultipleOf,
  rangeOf,
  substituteIndex,
} from "./index-expression.ts";
import type { ScalarExpression, ScalarType } from "./kernel.ts";
import { below, followEpilogue, type Lowering } from "./lowering.ts";
import { constraintTest } from "./ranges.ts";
import { range } from "./tile-loads.ts";
import { applyOperation, laneIndex, lanes, laneVariable } from "./values.ts";

export interface ComputedTile {
  readonly group: KernelGroup;
  readonly tile: TileIndices;
  readonly dtype: ScalarType["dtype"];
  /** `[row][vector]`: vec4 over four columns. */
  readonly sums: readonly (readonly ScalarExpression[])[];
  readonly rowAt: (r: number) => IndexExpression;
  readonly columnAt: (v: number) => IndexExpression;
  /** Where the other kept indices stand. */
  readonly places: ReadonlyMap<string, IndexExpression>;
  /** Conditions on the result's own indices: 0 where they do not hold. */
  readonly where: readonly Constraint[];
}

export function storeTile(lowering: Lowering, computed: ComputedTile): void {
  const { group, tile, dtype, sums, rowAt, columnAt, places, where } = computed;
  const { block } = lowering;
  const head = group.heads[0] as Node;
  const root = group.outputs[0] as Node;
  const members = new Set(group.members);
  const size = (name: string) => tile.sizes.get(name) as number;
  const inRange = (index: string, at: IndexExpression) => clampIndex(at, 0, size(index) - 1);
  const rows = sums.length;
  const vectors = sums[0]?.length ?? 0;
  const wholeRows = range(rows).every((r) => rangeOf(rowAt(r)).high < size(tile.row));
  const store = (r: number, column: IndexExpression, value: ScalarExpression) => {
    const row = wholeRows ? rowAt(r) : inRange(tile.row, rowAt(r));
    const own = new Map(places).set(tile.row, row).set(tile.column, column);
    const test = constraintTest(where, own);
    const kept = test === undefined ? value : applyOperation("select", [test, value, literal(0, dtype)], dtype);
    const headPosition = tile.result.map((index) => own.get(index) as IndexExpression);
    lowering.computed = (node) => (node === head ? kept : undefined);
    const position = followEpilogue(head, root, members, headPosition);
    lowering.store(root, position, lowering.value(root, position));
  };
  const sumAt = (r: number, v: number) => (sums[r] as readonly ScalarExpression[])[v] as ScalarExpression;
  const rowTest = (r: number) => (wholeRows ? undefined : below(rowAt(r), size(tile.row)));
  // One branch for all rows of a column: many small ones take a driver long to compile.
  const storeRows = (
    v: number,
    columnTest: ScalarExpression | undefined,
    column: IndexExpression,
    component?: number,
  ) =>
    block.when(columnTest, () => {
      for (const r of range(rows)) {
        const value = component === undefined ? sumAt(r, v) : lane(sumAt(r, v), component);
        block.when(rowTest(r), () => store(r, column, value));
      }
    });
  const start = (v: number) => substituteIndex(columnAt(v), laneVariable, constantIndex(0));
  const inside = (v: number) => rangeOf(columnAt(v)).high < size(tile.column);
  if (range(vectors).every(inside)) {
    for (const r of range(rows)) {
      block.when(rowTest(r), () => {
        for (const v of range(vectors)) store(r, columnAt(v), sumAt(r, v));
      });
    }
    return;
  }
  for (const v of range(vectors)) {
    // Where four divides the number of columns and the first, all four of a vector are inside or none is.
    if (size(tile.column) % 4 === 0 && isMultipleOf(start(v), 4)) {
      storeRows(
        v,
        below(start(v), size(tile.column)),
        addIndex(clampIndex(start(v), 0, size(tile.column) - 4), laneIndex),
      );
      continue;
    }
    for (const component of lanes) {
      const column = substituteIndex(columnAt(v), laneVariable, constantIndex(component));
      storeRows(v, below(column, size(tile.column)), inRange(tile.column, column), component);
    }
  }
}
