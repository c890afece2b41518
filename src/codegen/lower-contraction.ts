/**
 * Tiled contractions of two factors. A thread computes `rows` × `columns` elements in registers: rows along an index of the
 * first factor, columns (whole vec4s) along an index of the second. Per step of the summed index it loads `rows` scalars and
 * `columns / 4` vectors for `rows * columns` multiply-adds.
 *
 * Factors are read through `valueAt`, so views and cheap elementwise work are part of the loads (prologue), and the result
 * passes through the epilogue before it is stored. How a factor is best loaded (four at a time along the column, the row,
 * or the summed index) is decided by trying each way and counting loads.
 */
import type { Constraint, Node } from "../ir/index.ts";
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
import { kernelName, type LoweredKernel, multiply } from "./lowering.ts";
import { anyInside, constraintTest, loopBounds } from "./ranges.ts";
import type { ContractionSchedule } from "./schedule.ts";
import { storeTile } from "./store-tile.ts";
import { loadColumns, loadRows, loadSharedRows, range } from "./tile-loads.ts";
import { layOutTiles } from "./tile-threads.ts";
import { applyOperation, laneIndex, type RegionSources } from "./values.ts";

export function lowerContraction(
  group: KernelGroup,
  tile: TileIndices,
  schedule: ContractionSchedule,
  region?: RegionSources,
): LoweredKernel {
  const head = group.heads[0] as Node;
  const { where, rowIndices, columnIndices } = tile;
  const size = (name: string) => tile.sizes.get(name) as number;
  const dtype = arithmeticType(head.type.dtype);
  const { rows, vectors } = schedule;
  const threads = layOutTiles(group, tile, schedule, region);
  const { lowering, rowTile, columnTile, places } = threads;
  const { block } = lowering;

  const inRange = (index: string, at: IndexExpression) => clampIndex(at, 0, size(index) - 1);
  const rowAt = (r: number) => scaleIndex(rowTile, rows, r);
  const columnAt = (v: number) => addIndex(scaleIndex(columnTile, 4 * vectors, 4 * v), laneIndex);

  const sums = range(rows).map((r) =>
    range(vectors).map((v) =>
      block.variable(`${head.name ?? "sum"}_${r}${vectors > 1 ? v : ""}`, splat(literal(0, dtype))),
    ),
  );

  const rowNode = head.operands[tile.rowFactor] as Node;
  const columnNode = head.operands[1 - tile.rowFactor] as Node;
  const inner = tile.summed[tile.summed.length - 1] as string;
  const turnOf = (index: string) => schedule.turn[index] ?? 1;
  const turn = tile.summed.map(turnOf);
  const points = turn.reduce((product, count) => product * count, 1);
  /** Places of the summed indices at a point of the turn; `walked` has the turn's number along each. */
  const walked = new Map<string, IndexExpression>();
  const summedAt = (point: IndexExpression): [string, IndexExpression][] => {
    const parts = unflatten(point, turn);
    return tile.summed.map((index, depth) => [
      index,
      addIndex(scaleIndex(walked.get(index) as IndexExpression, turnOf(index)), parts[depth] as IndexExpression),
    ]);
  };
  const positionOf = (indices: readonly string[], own: ReadonlyMap<string, IndexExpression>) =>
    indices.map((index) => own.get(index) ?? (places.get(index) as IndexExpression));

  // The tests of a restricted range fall on the factor that has all its indices; what neither has, on the result.
  const touches = (constraint: Constraint, index: string) => constraint.terms.has(index);
  const summedConstraints = where.filter((constraint) => tile.summed.some((index) => touches(constraint, index)));
  const keptConstraints = where.filter((constraint) => !summedConstraints.includes(constraint));
  const onRows = summedConstraints.filter((constraint) => !touches(constraint, tile.column));
  const onColumns = summedConstraints.filter(
    (constraint) => touches(constraint, tile.column) && !touches(constraint, tile.row),
  );
  if (summedConstraints.length !== onRows.length + onColumns.length) {
    throw new Error(`no tile for the condition "${head.attributes.where}" of "${head.attributes.spec}"`);
  }

  const fours = turnOf(inner) % 4 === 0;
  const innerBody = () => {
    const rowLoads = {
      rows,
      points,
      fours,
      position: (row: IndexExpression, point: IndexExpression) =>
        positionOf(rowIndices, new Map([[tile.row, row], ...summedAt(point)])),
      rowAt: (r: number) => inRange(tile.row, rowAt(r)),
      rowStart: rows === 4 && size(tile.row) % 4 === 0 ? rowAt(0) : undefined,
    };
    const { invocation } = threads;
    const rowValues =
      invocation === undefined
        ? loadRows(lowering, rowNode, rowLoads)
        : loadSharedRows(lowering, rowNode, rowLoads, invocation);
    const columnValues = loadColumns(lowering, columnNode, {
      vectors,
      points,
      fours,
      position: (column, point) => positionOf(columnIndices, new Map([[tile.column, column], ...summedAt(point)])),
      columnAt: (v) => inRange(tile.column, columnAt(v)),
    });
    for (let k = 0; k < points; k++) {
      const own = new Map([...places, ...summedAt(constantIndex(k))]);
      for (let r = 0; r < rows; r++) {
        let factor = (rowValues[r] as ScalarExpression[])[k] as ScalarExpression;
        const rowTest = constraintTest(onRows, new Map(own).set(tile.row, rowAt(r)));
        if (rowTest !== undefined) {
          factor = block.bind(applyOperation("select", [rowTest, factor, literal(0, dtype)], dtype), undefined, "kept");
        }
        for (let v = 0; v < vectors; v++) {
          let other = (columnValues[v] as ScalarExpression[])[k] as ScalarExpression;
          const columnTest = constraintTest(onColumns, new Map(own).set(tile.column, columnAt(v)));
          if (columnTest !== undefined) other = applyOperation("select", [columnTest, other, literal(0, dtype)], dtype);
          const sum = (sums[r] as ScalarExpression[])[v] as ScalarExpression;
          block.assign(sum, applyOperation("add", [sum, multiply(factor, other, dtype)], dtype));
        }
      }
    }
  };

  // Bounds must hold for the whole tile: rows and columns vary inside it.
  const tileRow: IndexVariable = { name: "tile_row", extent: rows };
  const tileColumn: IndexVariable = { name: "tile_column", extent: 4 * vectors };
  const insideTile = [tileRow, tileColumn];
  const wholeTile = new Map(places);
  wholeTile.set(tile.row, addIndex(scaleIndex(rowTile, rows), variableIndex(tileRow)));
  wholeTile.set(tile.column, addIndex(scaleIndex(columnTile, 4 * vectors), variableIndex(tileColumn)));
  const nest = (depth: number) => {
    const index = tile.summed[depth];
    if (index === undefined) {
      innerBody();
      return;
    }
    const stride = turnOf(index);
    const turns = size(index) / stride;
    const at = (walk: IndexExpression) => {
      walked.set(index, walk);
      // A bound on an inner index must hold for all places of the turn.
      const within: IndexVariable = { name: `turn_${index}`, extent: stride };
      wholeTile.set(index, addIndex(scaleIndex(walk, stride), variableIndex(within)));
      insideTile.push(within);
      nest(depth + 1);
    };
    if (turns === 1 && summedConstraints.length === 0) {
      at(constantIndex(0));
      return;
    }
    const variable: IndexVariable = { name: block.freshName(index), extent: turns };
    const unknown = new Set(tile.summed.slice(depth));
    const bounds = loopBounds(summedConstraints, index, wholeTile, size(index), stride, insideTile, unknown);
    block.loop(variable, { ...bounds, heavy: true }, () => at(variableIndex(variable)));
  };
  const skip = anyInside(keptConstraints, wholeTile, insideTile);
  block.when(skip, () => nest(0));

  block.when(threads.exists, () =>
    storeTile(lowering, { group, tile, dtype, sums, rowAt, columnAt, places, where: keptConstraints }),
  );
  return lowering.finish(kernelName(group));
}
