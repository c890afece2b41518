/**
 * Loading the factors of a tile. A factor can be read element by element, four at a time along the summed index, or four
 * rows or columns at a time; which is best depends on how it lies in memory and on what is fused into its loads, so every
 * way is tried in a scratch block and the one with the fewest loads is taken.
 */
import type { Node } from "../ir/index.ts";
import { Block, lane, splat } from "./block.ts";
import {
  addIndex,
  clampIndex,
  constantIndex,
  type IndexExpression,
  type IndexVariable,
  substituteIndex,
  variableIndex,
} from "./index-expression.ts";
import type { ScalarExpression, Statement } from "./kernel.ts";
import type { Lowering } from "./lowering.ts";
import { laneIndex, lanes, laneVariable, valueAt } from "./values.ts";

export const range = (count: number) => Array.from({ length: count }, (_, k) => k);

/** The places of a factor that one turn of the innermost loop reads. */
interface FactorLoads {
  /** Summed elements of the turn. */
  readonly points: number;
  /** True when four points beginning at a multiple of four are neighbours along one index. */
  readonly fours: boolean;
  readonly position: (across: IndexExpression, point: IndexExpression) => IndexExpression[];
}

export interface RowLoads extends FactorLoads {
  readonly rows: number;
  readonly rowAt: (r: number) => IndexExpression;
  /** First row of the tile, when four rows can be read as one vec4. */
  readonly rowStart: IndexExpression | undefined;
}

/** Scalars of the row factor: `[row][point]`. */
export function loadRows(lowering: Lowering, node: Node, load: RowLoads): ScalarExpression[][] {
  const byElement = (target: LoadTarget) =>
    range(load.rows).map((r) =>
      range(load.points).map((k) => target.value(node, load.position(load.rowAt(r), constantIndex(k)))),
    );
  const byPoint = (target: LoadTarget) =>
    range(load.rows).map((r) =>
      fours(load.points).flatMap((first) => {
        const vector = target.value(node, load.position(load.rowAt(r), addIndex(constantIndex(first), laneIndex)));
        return lanes.map((k) => lane(vector, k));
      }),
    );
  const byRow = (target: LoadTarget) => {
    const start = load.rowStart as IndexExpression;
    const vectors = range(load.points).map((k) =>
      target.value(node, load.position(addIndex(start, laneIndex), constantIndex(k))),
    );
    return lanes.map((r) => vectors.map((vector) => lane(vector, r)));
  };
  const ways = [byElement];
  if (load.fours) ways.push(byPoint);
  if (load.rowStart !== undefined) ways.push(byRow);
  return cheapest(lowering, ways);
}

/**
 * The same where all invocations of a subgroup have the same rows: each loads one point of every row, and hands it to the
 * others. The subgroup has at least as many invocations as the turn has points.
 */
export function loadSharedRows(
  lowering: Lowering,
  node: Node,
  load: RowLoads,
  invocation: IndexVariable,
): ScalarExpression[][] {
  return range(load.rows).map((r) =>
    sharedValues(lowering, load.points, invocation, (point) =>
      lowering.value(node, load.position(load.rowAt(r), point)),
    ),
  );
}

/** `[point]`: what each invocation of the subgroup computes for the point with its number, known to all of them. */
export function sharedValues(
  lowering: Lowering,
  points: number,
  invocation: IndexVariable,
  valueAtPoint: (point: IndexExpression) => ScalarExpression,
): ScalarExpression[] {
  if (points > invocation.extent) throw new Error("a subgroup shares at most one point for each invocation");
  const own = valueAtPoint(clampIndex(variableIndex(invocation), 0, points - 1));
  return range(points).map((from) =>
    lowering.block.bind({ kind: "broadcast", of: own, from, type: own.type, uses: own.uses }, undefined, "shared"),
  );
}

export interface ColumnLoads extends FactorLoads {
  readonly vectors: number;
  readonly columnAt: (v: number) => IndexExpression;
}

/** Vectors of the column factor: `[vector][point]`, each over four columns. */
export function loadColumns(lowering: Lowering, node: Node, load: ColumnLoads): ScalarExpression[][] {
  const byColumn = (target: LoadTarget) =>
    range(load.vectors).map((v) =>
      range(load.points).map((k) => splat(target.value(node, load.position(load.columnAt(v), constantIndex(k))))),
    );
  const byPoint = (target: LoadTarget) =>
    range(load.vectors).map((v) =>
      fours(load.points).flatMap((first) => {
        // Four columns, each read at four points at once, then turned around.
        const columns = lanes.map((component) => {
          const column = substituteIndex(load.columnAt(v), laneVariable, constantIndex(component));
          return target.value(node, load.position(column, addIndex(constantIndex(first), laneIndex)));
        });
        return lanes.map((k) => sideBySide(columns.map((column) => lane(column, k))));
      }),
    );
  return cheapest(lowering, load.fours ? [byColumn, byPoint] : [byColumn]);
}

/** The same where all invocations of a subgroup have the same columns. */
export function loadSharedColumns(
  lowering: Lowering,
  node: Node,
  load: ColumnLoads,
  invocation: IndexVariable,
): ScalarExpression[][] {
  return range(load.vectors).map((v) => {
    const columns = lanes.map((component) => {
      const column = substituteIndex(load.columnAt(v), laneVariable, constantIndex(component));
      return sharedValues(lowering, load.points, invocation, (point) =>
        lowering.value(node, load.position(column, point)),
      );
    });
    return range(load.points).map((k) => sideBySide(columns.map((column) => column[k] as ScalarExpression)));
  });
}

/** Four scalars as a vec4. */
export function sideBySide(of: readonly ScalarExpression[]): ScalarExpression {
  const uses = new Set(of.flatMap((part) => [...part.uses]));
  return { kind: "lanes", of, type: { dtype: (of[0] as ScalarExpression).type.dtype, width: 4 }, uses };
}

const fours = (points: number) => range(points / 4).map((k) => 4 * k);

/** Where loads are written: the kernel, or a scratch block in which ways of loading are compared. */
interface LoadTarget {
  readonly value: (node: Node, position: readonly IndexExpression[]) => ScalarExpression;
}

/** Tries every way in a scratch block, and repeats the one with the fewest loads in the kernel. */
function cheapest(
  lowering: Lowering,
  ways: readonly ((target: LoadTarget) => ScalarExpression[][])[],
): ScalarExpression[][] {
  let best = ways[0] as (typeof ways)[number];
  let fewest = Number.POSITIVE_INFINITY;
  for (const way of ways) {
    const block = new Block();
    const { bufferOf, reads, computed, region } = lowering;
    const sources = { block, bufferOf, reads, computed, region };
    way({ value: (node, position) => valueAt(sources, node, position) });
    const count = countLoads(block.statements);
    if (count < fewest) [best, fewest] = [way, count];
  }
  return best({ value: (node, position) => lowering.value(node, position) });
}

function countLoads(statements: readonly Statement[]): number {
  let count = 0;
  const visit = (expression: ScalarExpression) => {
    if (expression.kind === "load") count++;
    if (expression.kind === "apply") expression.args.forEach(visit);
    if (expression.kind === "lanes") expression.of.forEach(visit);
    if (expression.kind === "splat" || expression.kind === "lane") visit(expression.of);
  };
  for (const statement of statements) if (statement.kind === "let") visit(statement.value);
  return count;
}
