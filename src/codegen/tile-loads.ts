/**
 * Loading the factors of a tile. A factor can be read element by element, four at a time along the summed index, or four
 * rows or columns at a time; which is best depends on how it lies in memory and on what is fused into its loads, so every
 * way is tried in a scratch block and the one with the fewest loads is taken.
 */
import type { Node } from "../ir/index.ts";
import { Block, lane, splat } from "./block.ts";
import { addIndex, constantIndex, type IndexExpression, substituteIndex } from "./index-expression.ts";
import type { ScalarExpression, Statement } from "./kernel.ts";
import type { Lowering } from "./lowering.ts";
import { laneIndex, lanes, laneVariable, valueAt } from "./values.ts";

export const range = (count: number) => Array.from({ length: count }, (_, k) => k);

export interface RowLoads {
  readonly rows: number;
  readonly step: number;
  readonly position: (row: IndexExpression, k: IndexExpression) => IndexExpression[];
  readonly rowAt: (r: number) => IndexExpression;
  /** First row of the tile, when four rows can be read as one vec4. */
  readonly rowStart: IndexExpression | undefined;
  readonly along: (k: number) => IndexExpression;
}

/** Scalars of the row factor: `[row][k]`. */
export function loadRows(lowering: Lowering, node: Node, load: RowLoads): ScalarExpression[][] {
  const byElement = (target: LoadTarget) =>
    range(load.rows).map((r) =>
      range(load.step).map((k) => target.value(node, load.position(load.rowAt(r), load.along(k)))),
    );
  const byStep = (target: LoadTarget) =>
    range(load.rows).map((r) => {
      const vector = target.value(node, load.position(load.rowAt(r), addIndex(load.along(0), laneIndex)));
      return lanes.map((k) => lane(vector, k));
    });
  const byRow = (target: LoadTarget) => {
    const start = load.rowStart as IndexExpression;
    const vectors = range(load.step).map((k) =>
      target.value(node, load.position(addIndex(start, laneIndex), load.along(k))),
    );
    return lanes.map((r) => vectors.map((vector) => lane(vector, r)));
  };
  const ways = [byElement];
  if (load.step === 4) ways.push(byStep);
  if (load.rowStart !== undefined) ways.push(byRow);
  return cheapest(lowering, ways);
}

export interface ColumnLoads {
  readonly vectors: number;
  readonly step: number;
  readonly position: (column: IndexExpression, k: IndexExpression) => IndexExpression[];
  readonly columnAt: (v: number) => IndexExpression;
  readonly along: (k: number) => IndexExpression;
}

/** Vectors of the column factor: `[vector][k]`, each over four columns. */
export function loadColumns(lowering: Lowering, node: Node, load: ColumnLoads): ScalarExpression[][] {
  const byColumn = (target: LoadTarget) =>
    range(load.vectors).map((v) =>
      range(load.step).map((k) => splat(target.value(node, load.position(load.columnAt(v), load.along(k))))),
    );
  const byStep = (target: LoadTarget) =>
    range(load.vectors).map((v) => {
      // Four columns, each read four steps at a time, then turned around.
      const columns = lanes.map((component) => {
        const column = substituteIndex(load.columnAt(v), laneVariable, constantIndex(component));
        return target.value(node, load.position(column, addIndex(load.along(0), laneIndex)));
      });
      return lanes.map((k): ScalarExpression => {
        const of = columns.map((column) => lane(column, k));
        const uses = new Set(of.flatMap((part) => [...part.uses]));
        return { kind: "lanes", of, type: { dtype: (of[0] as ScalarExpression).type.dtype, width: 4 }, uses };
      });
    });
  return cheapest(lowering, load.step === 4 ? [byColumn, byStep] : [byColumn]);
}

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
