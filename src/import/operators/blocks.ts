/** Blocks of pixels and triangles of matrices. */
import { constantSize, floorDivideSizes, multiplySizes, type Size } from "../../frontend/index.ts";
import { at, choose, type Expression, type Index, plus } from "../expression.ts";
import { integer, integersFrom, type Operator, type OperatorTable, requireRank, single, text } from "../operator.ts";
import { freshIndices, literal, variableValue } from "../value.ts";
import { viewOf } from "./pointwise.ts";

/** Depth and blocks of pixels exchanged; the order of the three parts of the depth is told by letters. */
const depthToSpace: Operator = single((call) => {
  const value = call.input(0);
  requireRank(value, 4);
  const side = constantSize(integer(call, "blocksize") ?? 1);
  const columnFirst = text(call, "mode") === "CRD";
  const [batch, depth, height, width] = value.shape as [Size, Size, Size, Size];
  const channels = floorDivideSizes(depth, multiplySizes(side, side));
  const [b, c, u, v] = freshIndices([batch, channels, height, width], ["b", "c", "u", "v"]) as [
    Index,
    Index,
    Index,
    Index,
  ];
  const [p, q] = freshIndices([side, side], ["p", "q"]) as [Index, Index];
  const order = columnFirst ? [c, p, q] : [p, q, c];
  const parts = order.map((index) => ({ at: at(index), size: index.size }));
  const { scope } = call;
  const shape = [batch, channels, multiplySizes(height, side), multiplySizes(width, side)];
  const variable = scope.variable(call.nameOf(0), { element: value.element, shape });
  scope.emit({
    kind: "equation",
    variable,
    targets: [
      { kind: "index", index: b },
      { kind: "index", index: c },
      { kind: "group", indices: [u, p] },
      { kind: "group", indices: [v, q] },
    ],
    body: scope.elements(value)([at(b), { kind: "flat", parts }, at(u), at(v)]),
  });
  return viewOf(call, variableValue(variable.name, variable));
});

const spaceToDepth: Operator = single((call) => {
  const value = call.input(0);
  requireRank(value, 4);
  const side = constantSize(integer(call, "blocksize") ?? 1);
  const [batch, channels, height, width] = value.shape as [Size, Size, Size, Size];
  const [rows, columns] = [floorDivideSizes(height, side), floorDivideSizes(width, side)];
  const indices = freshIndices([batch, channels, rows, columns], ["b", "c", "u", "v"]) as [Index, Index, Index, Index];
  const [b, c, u, v] = indices;
  const [p, q] = freshIndices([side, side], ["p", "q"]) as [Index, Index];
  const { scope } = call;
  const shape = [batch, multiplySizes(channels, multiplySizes(side, side)), rows, columns];
  const variable = scope.variable(call.nameOf(0), { element: value.element, shape });
  const flat = (x: Index, y: Index): Expression => ({
    kind: "flat",
    parts: [
      { at: at(x), size: x.size },
      { at: at(y), size: y.size },
    ],
  });
  scope.emit({
    kind: "equation",
    variable,
    targets: [
      { kind: "index", index: b },
      { kind: "group", indices: [p, q, c] },
      { kind: "index", index: u },
      { kind: "index", index: v },
    ],
    body: scope.elements(value)([at(b), at(c), flat(u, p), flat(v, q)]),
  });
  return viewOf(call, variableValue(variable.name, variable));
});

const trilu: Operator = single((call) => {
  const value = call.input(0);
  const shift = integersFrom(call, 1, "k")?.[0] ?? 0;
  requireRank(value, 2, "at least");
  const operator = (integer(call, "upper") ?? 1) === 1 ? ">=" : "<=";
  const read = call.scope.elements(value);
  const nothing = literal(value.element, 0);
  return {
    element: value.element,
    shape: value.shape,
    kind: "computed",
    elements: (subscripts) => {
      const [row, column] = subscripts.slice(-2) as [Expression, Expression];
      const kept: Expression = { kind: "binary", operator, left: column, right: plus(row, constantSize(shift)) };
      return choose(kept, read(subscripts), nothing);
    },
  };
});

const eyeLike: Operator = single((call) => {
  const value = call.input(0);
  requireRank(value, 2);
  const shift = integer(call, "k") ?? 0;
  return {
    element: "f32",
    shape: value.shape,
    kind: "computed",
    elements: ([row, column]) => {
      const kept: Expression = {
        kind: "binary",
        operator: "==",
        left: column as Expression,
        right: plus(row as Expression, constantSize(shift)),
      };
      return choose(kept, literal("f32", 1), literal("f32", 0));
    },
  };
});

export const blockOperators: OperatorTable = {
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Trilu: trilu,
  EyeLike: eyeLike,
};
