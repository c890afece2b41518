/** A tile of a contraction that a kernel computes for itself: a few rows by a few vec4s of the walked index, in registers. */
import { lane, literal, type PrivateArray, splat } from "./block.ts";
import { addIndex, type IndexExpression, type IndexVariable, scaleIndex, variableIndex } from "./index-expression.ts";
import type { ScalarExpression } from "./kernel.ts";
import { multiply } from "./lowering.ts";
import { constraintTest } from "./ranges.ts";
import { blockElement } from "./stream-blocks.ts";
import type { InnerFactors, InnerSides } from "./stream-indices.ts";
import { inRange, positionOf, rowAt, type StreamKernel, type StreamTurn, tilePlaces } from "./stream-kernel.ts";
import { type ColumnLoads, loadColumns, loadRows, loadSharedColumns, range, sideBySide } from "./tile-loads.ts";
import { applyOperation, lanes } from "./values.ts";

const zero = literal(0, "f32");

/** `[row][vector]` of an inner contraction at a turn of the walk. */
export function innerTile(kernel: StreamKernel, turn: StreamTurn, inner: InnerFactors): ScalarExpression[][] {
  const { sides, where } = inner;
  const tile = sides === undefined ? productTile(kernel, turn, inner) : sumTile(kernel, turn, sides);
  if (where.length === 0) return tile;
  return tile.map((values, r) =>
    values.map((value, v) => {
      const test = constraintTest(where, tilePlaces(kernel, turn, r, v));
      return test === undefined ? value : applyOperation("select", [test, value, zero], "f32");
    }),
  );
}

/** Where nothing is summed: the factors at the positions of the tile, multiplied. */
function productTile(kernel: StreamKernel, turn: StreamTurn, { operands }: InnerFactors): ScalarExpression[][] {
  return range(kernel.rows).map((r) =>
    range(kernel.vectors).map((v) => {
      const places = tilePlaces(kernel, turn, r, v);
      return operands
        .map(({ node, names }) => kernel.lowering.value(node, positionOf(kernel, names, places)))
        .reduce((a, b) => applyOperation("mul", [a, b], "f32"));
    }),
  );
}

function sumTile(kernel: StreamKernel, turn: StreamTurn, sides: InnerSides): ScalarExpression[][] {
  const { indices, threads, lowering, block, rows, vectors, blocks } = kernel;
  const { rowNode, rowNames, walkedNode, walkedNames, summed, sizes } = sides;
  const tile = range(rows).map((r) => range(vectors).map((v) => block.variable(`score_${r}${v}`, splat(zero))));
  const last = summed.at(-1) as string;
  const { invocation } = threads;
  const widths = [...(invocation === undefined ? [] : [invocation.extent]), 4];
  const width = widths.find((each) => (sizes.get(last) as number) % each === 0) ?? 1;
  const own = new Map<string, IndexExpression>();
  /** Four keys side by side at each point, from workgroup memory. */
  const keysOfTurn = (array: PrivateArray, along: IndexVariable): ScalarExpression[][] => {
    const across = (sizes.get(last) as number) / 4;
    return range(vectors).map((v) => {
      const columns = lanes.map((component) =>
        range(width / 4).flatMap((four) => {
          const vector = scaleIndex(variableIndex(along), width / 4, four);
          const key = block.bind(blockElement(array, 4 * v + component, across, vector), undefined, "key");
          return lanes.map((k) => lane(key, k));
        }),
      );
      return range(width).map((k) => sideBySide(columns.map((points) => points[k] as ScalarExpression)));
    });
  };
  const innermost = (variable: IndexVariable) => {
    const along = (point: IndexExpression) => addIndex(scaleIndex(variableIndex(variable), width), point);
    const loads = { points: width, fours: width % 4 === 0 };
    const ofRows = loadRows(lowering, rowNode, {
      ...loads,
      rows,
      position: (at, point) => positionOf(kernel, rowNames, new Map(own).set(indices.row, at).set(last, along(point))),
      rowAt: (r) => inRange(kernel, indices.row, rowAt(kernel, r)),
      rowStart: undefined,
    });
    const columnLoads: ColumnLoads = {
      ...loads,
      vectors,
      position: (at, point) => {
        const place = new Map(own).set(indices.walked, at).set(last, along(point));
        if (!indices.shared) place.set(indices.row, inRange(kernel, indices.row, rowAt(kernel, 0)));
        return positionOf(kernel, walkedNames, place);
      },
      columnAt: turn.inside,
    };
    const copied = blocks?.keys.get(walkedNode);
    const ofWalked =
      copied !== undefined
        ? keysOfTurn(copied, variable)
        : invocation === undefined
          ? loadColumns(lowering, walkedNode, columnLoads)
          : loadSharedColumns(lowering, walkedNode, columnLoads, invocation);
    for (const k of range(width)) {
      for (const r of range(rows)) {
        for (const v of range(vectors)) {
          const score = (tile[r] as ScalarExpression[])[v] as ScalarExpression;
          const factor = (ofRows[r] as ScalarExpression[])[k] as ScalarExpression;
          const product = multiply(factor, (ofWalked[v] as ScalarExpression[])[k] as ScalarExpression, "f32");
          block.assign(score, applyOperation("add", [score, product], "f32"));
        }
      }
    }
  };
  const nest = (depth: number) => {
    const name = summed[depth] as string;
    const stride = name === last ? width : 1;
    const variable: IndexVariable = { name: block.freshName(name), extent: (sizes.get(name) as number) / stride };
    block.loop(variable, {}, () => {
      if (name === last) {
        innermost(variable);
        return;
      }
      own.set(name, variableIndex(variable));
      nest(depth + 1);
    });
  };
  nest(0);
  return tile;
}
