/**
 * Tiled contractions of two factors. A thread computes `rows` × `columns` elements in registers: rows along an index of the
 * first factor, columns (whole vec4s) along an index of the second. Per step of the summed index it loads `rows` scalars and
 * `columns / 4` vectors for `rows * columns` multiply-adds.
 *
 * Factors are read through `valueAt`, so views and cheap elementwise work are part of the loads (prologue), and the result
 * passes through the epilogue before it is stored. How a factor is best loaded (four at a time along the column, the row,
 * or the summed index) is decided by trying each way and counting loads.
 */
import { type Constraint, indexSizes, type Node, parseConstraints, parseSpec } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { lane, literal, splat } from "./block.ts";
import {
  addIndex,
  clampIndex,
  constantIndex,
  type IndexExpression,
  type IndexVariable,
  rangeOf,
  scaleIndex,
  substituteIndex,
  unflatten,
  variableIndex,
} from "./index-expression.ts";
import { arithmeticType, type ScalarExpression } from "./kernel.ts";
import { followEpilogue, kernelName, type LoweredKernel, Lowering } from "./lowering.ts";
import { anyInside, constraintTest, loopBounds } from "./ranges.ts";
import type { ContractionSchedule } from "./schedule.ts";
import { loadColumns, loadRows, range } from "./tile-loads.ts";
import { applyOperation, indexValue, laneIndex, lanes, laneVariable, type RegionSources } from "./values.ts";

/** The roles of the indices of a two-factor contraction. */
export interface TileIndices {
  /** Position of the factor with the rows among the operands; the other one has the columns. */
  readonly rowFactor: 0 | 1;
  readonly row: string;
  readonly column: string;
  /** Kept indices other than the row and the column. */
  readonly outer: readonly string[];
  /** Summed indices, the one that is walked four at a time last. */
  readonly summed: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** The tiling of a contraction, or `undefined` when it has none and is a plain sum (lower-sum.ts). */
export function tileIndices(head: Node): TileIndices | undefined {
  if (head.operands.length !== 2) return undefined;
  const spec = parseSpec(head.attributes.spec as string);
  const [a, b] = spec.operands as [readonly string[], readonly string[]];
  if (new Set(a).size !== a.length || new Set(b).size !== b.length) return undefined;
  const sizes = indexSizes(
    spec,
    head.operands.map((operand) => operand.type),
  );
  const summed = [...sizes.keys()].filter((name) => !spec.result.includes(name));
  if (summed.length === 0 || summed.some((name) => !a.includes(name) || !b.includes(name))) return undefined;
  const only = (own: readonly string[], other: readonly string[]) =>
    spec.result.filter((name) => own.includes(name) && !other.includes(name) && (sizes.get(name) as number) > 1);
  const ofA = only(a, b);
  const ofB = only(b, a);
  const last = (names: readonly string[]) => names[names.length - 1] as string;
  if (ofA.length === 0 || ofB.length === 0) return undefined;
  const columnsInB = spec.result.lastIndexOf(last(ofB)) > spec.result.lastIndexOf(last(ofA));
  const [rowNames, columnNames, rowFactor] = columnsInB ? [ofA, ofB, 0 as const] : [ofB, ofA, 1 as const];
  const column = last(columnNames);
  // Rows along the row factor's own fastest axis can be loaded four at a time.
  const rowOperand = rowFactor === 0 ? a : b;
  const fastest = last(rowOperand);
  const row = rowNames.includes(fastest) ? fastest : last(rowNames);
  // The summed index that is fastest in a factor goes innermost.
  const inner = summed.includes(fastest)
    ? fastest
    : summed.includes(last(rowFactor === 0 ? b : a))
      ? last(rowFactor === 0 ? b : a)
      : last(summed);
  return {
    rowFactor,
    row,
    column,
    outer: spec.result.filter((name) => name !== row && name !== column),
    summed: [...summed.filter((name) => name !== inner), inner],
    sizes,
  };
}

export function lowerContraction(
  group: KernelGroup,
  tile: TileIndices,
  schedule: ContractionSchedule,
  region?: RegionSources,
): LoweredKernel {
  const head = group.heads[0] as Node;
  const root = group.outputs[0] as Node;
  const spec = parseSpec(head.attributes.spec as string);
  const where: readonly Constraint[] = parseConstraints((head.attributes.where as string | undefined) ?? "");
  const size = (name: string) => tile.sizes.get(name) as number;
  const dtype = arithmeticType(head.type.dtype);

  const inner = tile.summed[tile.summed.length - 1] as string;
  const step = innerStep(size(inner));
  const rowIndices = spec.operands[tile.rowFactor] as readonly string[];
  const columnIndices = spec.operands[1 - tile.rowFactor] as readonly string[];
  const loadsVectors = step === 4 || rowIndices[rowIndices.length - 1] === tile.row;
  const work = [...tile.sizes.values()].reduce((product, each) => product * each, 1);
  // In a loop it runs many times.
  const isLight = work < schedule.lightWork && region === undefined;
  const rows = Math.min(isLight ? 1 : loadsVectors ? schedule.rows : schedule.tallRows, size(tile.row));
  const vectors = columnVectors(size(tile.column), isLight ? 1 : schedule.vectors);
  const rowTiles = Math.ceil(size(tile.row) / rows);
  const columnTiles = Math.ceil(size(tile.column) / (4 * vectors));
  const outerShape = tile.outer.map(size);
  const grid = [...outerShape, rowTiles, columnTiles];
  const thread: IndexVariable = { name: "thread", extent: grid.reduce((a, b) => a * b, 1) };
  const lowering = new Lowering(group, thread, region);
  const { block } = lowering;

  const coordinates = unflatten(variableIndex(thread), grid);
  const name = (wish: string, index: IndexExpression) => nameIndex(lowering, wish, index);
  const rowTile = name("row_tile", coordinates[grid.length - 2] as IndexExpression);
  const columnTile = name("column_tile", coordinates[grid.length - 1] as IndexExpression);
  const places = new Map<string, IndexExpression>();
  tile.outer.forEach((index, k) => {
    places.set(index, name(index, coordinates[k] as IndexExpression));
  });

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
  const positionOf = (indices: readonly string[], own: Map<string, IndexExpression>) =>
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

  const innerBody = (walk: IndexExpression) => {
    const along = (k: number) => scaleIndex(walk, step, k);
    const rowValues = loadRows(lowering, rowNode, {
      rows,
      step,
      position: (row, k) =>
        positionOf(
          rowIndices,
          new Map([
            [tile.row, row],
            [inner, k],
          ]),
        ),
      rowAt: (r) => inRange(tile.row, rowAt(r)),
      rowStart: rows === 4 && size(tile.row) % 4 === 0 ? rowAt(0) : undefined,
      along,
    });
    const columnValues = loadColumns(lowering, columnNode, {
      vectors,
      step,
      position: (column, k) =>
        positionOf(
          columnIndices,
          new Map([
            [tile.column, column],
            [inner, k],
          ]),
        ),
      columnAt: (v) => inRange(tile.column, columnAt(v)),
      along,
    });
    for (let k = 0; k < step; k++) {
      const own = new Map(places).set(inner, along(k));
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
  const wholeTile = new Map(places);
  wholeTile.set(tile.row, addIndex(scaleIndex(rowTile, rows), variableIndex(tileRow)));
  wholeTile.set(tile.column, addIndex(scaleIndex(columnTile, 4 * vectors), variableIndex(tileColumn)));
  const nest = (depth: number) => {
    const index = tile.summed[depth];
    if (index === undefined) return;
    const stride = index === inner ? step : 1;
    const turns = size(index) / stride;
    const variable: IndexVariable = { name: block.freshName(index), extent: turns };
    const unknown = new Set(tile.summed.slice(depth));
    if (turns === 1 && summedConstraints.length === 0) {
      if (index === inner) {
        innerBody(constantIndex(0));
        return;
      }
      places.set(index, constantIndex(0));
      wholeTile.set(index, constantIndex(0));
      nest(depth + 1);
      return;
    }
    const bounds = loopBounds(summedConstraints, index, wholeTile, size(index), stride, [tileRow, tileColumn], unknown);
    block.loop(variable, { ...bounds, heavy: true }, () => {
      if (index === inner) {
        innerBody(variableIndex(variable));
        return;
      }
      places.set(index, variableIndex(variable));
      wholeTile.set(index, variableIndex(variable));
      nest(depth + 1);
    });
  };
  const skip = anyInside(keptConstraints, wholeTile, [tileRow, tileColumn]);
  if (skip === undefined) nest(0);
  else block.when(skip, () => nest(0));

  storeTile();
  return lowering.finish(kernelName(group));

  function storeTile() {
    const members = new Set(group.members);
    const wholeRows = size(tile.row) % rows === 0;
    const wholeColumns = size(tile.column) % (4 * vectors) === 0;
    const store = (r: number, column: IndexExpression, value: ScalarExpression) => {
      const row = wholeRows ? rowAt(r) : inRange(tile.row, rowAt(r));
      const own = new Map(places).set(tile.row, row).set(tile.column, column);
      const test = constraintTest(keptConstraints, own);
      const kept = test === undefined ? value : applyOperation("select", [test, value, literal(0, dtype)], dtype);
      const headPosition = spec.result.map((index) => own.get(index) as IndexExpression);
      lowering.computed = (node) => (node === head ? kept : undefined);
      const position = followEpilogue(head, root, members, headPosition);
      lowering.store(root, position, lowering.value(root, position));
    };
    const sumAt = (r: number, v: number) => (sums[r] as ScalarExpression[])[v] as ScalarExpression;
    const rowTest = (r: number) => (wholeRows ? undefined : below(rowAt(r), size(tile.row)));
    if (wholeColumns) {
      for (let r = 0; r < rows; r++) {
        guarded(rowTest(r), () => {
          for (let v = 0; v < vectors; v++) store(r, columnAt(v), sumAt(r, v));
        });
      }
      return;
    }
    // One branch for all rows of a column: many small ones take a driver long to compile.
    for (let v = 0; v < vectors; v++) {
      for (const component of lanes) {
        const column = substituteIndex(columnAt(v), laneVariable, constantIndex(component));
        guarded(below(column, size(tile.column)), () => {
          for (let r = 0; r < rows; r++) {
            guarded(rowTest(r), () => store(r, inRange(tile.column, column), lane(sumAt(r, v), component)));
          }
        });
      }
    }
  }

  function guarded(test: ScalarExpression | undefined, body: () => void) {
    if (test === undefined) body();
    else block.when(test, body);
  }
}

/**
 * Summed elements of one turn of the innermost loop. Four can be loaded as a vector; a short index that is no multiple of four is
 * walked in one turn, so that neighbouring places of a convolution's window, which read the same elements, share their loads.
 */
function innerStep(size: number): number {
  if (size % 4 === 0) return 4;
  return size <= longestTurn ? size : 1;
}

const longestTurn = 3;

/** Vectors of a tile: as many as scheduled, or fewer when that leaves no column over and the edge would weigh. */
export function columnVectors(columns: number, scheduled: number): number {
  const most = Math.max(1, Math.min(scheduled, Math.floor(columns / 4)));
  if (columns >= 16 * 4 * most) return most;
  for (let vectors = most; vectors > 1; vectors--) if (columns % (4 * vectors) === 0) return vectors;
  return columns % 4 === 0 ? 1 : most;
}

/** The test `index < size`, unless the range proves it. */
export function below(index: IndexExpression, size: number): ScalarExpression | undefined {
  if (rangeOf(index).high < size) return undefined;
  return applyOperation("lt", [indexValue(index), literal(size, "i32")], "bool");
}

/** A scalar times a vector. */
export function multiply(
  scalar: ScalarExpression,
  vector: ScalarExpression,
  dtype: ScalarExpression["type"]["dtype"],
): ScalarExpression {
  const row = applyOperation("mul", [scalar, vector], dtype);
  if (row.kind !== "apply") return row;
  // WGSL multiplies a scalar with a vec4 directly; spreading it first would only make the text longer.
  return { ...row, args: [scalar, vector] };
}

/** Gives an index of the thread a name in the text, where it is more than a variable. */
export function nameIndex(lowering: Lowering, wish: string, index: IndexExpression): IndexExpression {
  const { low, high } = rangeOf(index);
  if (index.terms.length === 0 || low !== 0) return index;
  const simple = index.terms.length === 1 && index.constant === 0 && index.terms[0]?.atom.kind === "variable";
  return simple ? index : lowering.namedIndex(wish, index, high + 1);
}
