/** Poolings: one number for each window of a feature map. */
import { addSizes, constantSize, type Size } from "../../frontend/index.ts";
import {
  call as apply,
  at,
  binary,
  type Expression,
  type Index,
  number,
  plus,
  reduce,
  sizeOf,
  times,
} from "../expression.ts";
import { type Call, integer, integers, type Operator, type OperatorTable, requireRank, single } from "../operator.ts";
import { Refusal } from "../problem.ts";
import { type Draft, place, type Value, variableValue } from "../value.ts";
import { isSquare, settings, uniform, type Walk, walked, walksOf } from "./spatial.ts";

function windowOf(call: Call): { x: Value; walks: Walk[]; shape: Size[] } {
  const x = call.input(0);
  requireRank(x, 3, "at least");
  const walks = walksOf(call, x.shape.slice(2), integers(call, "kernel_shape") ?? []);
  return { x, walks, shape: [...x.shape.slice(0, 2), ...walks.map(({ length }) => length)] };
}

const hasCeiling = (call: Call) => integer(call, "ceil_mode") === 1;

/** A pooling that the library has as a function of square windows. */
function libraryPooling(
  call: Call,
  name: string,
  x: Value,
  walks: readonly Walk[],
  shape: readonly Size[],
): Draft | undefined {
  const plain = walks.length === 2 && isSquare(walks) && !hasCeiling(call) ? uniform(walks) : undefined;
  if (plain === undefined || (name === "average_pool2d" && plain.dilation !== 1)) return undefined;
  const { kernel, stride, low, dilation } = plain;
  const { scope } = call;
  scope.use("std/pool", name);
  const whole: Expression = {
    kind: "call",
    name,
    arguments: [scope.whole(x), place(kernel), place(stride)],
    named: settings({ padding: [low, 0], dilation: [dilation, 1] }),
  };
  return { element: "f32", shape, kind: "computed", whole };
}

/** A reduction over the window, with this value outside of the image. */
function windowReduction(
  call: Call,
  reducer: string,
  outside: number,
  x: Value,
  walks: readonly Walk[],
  shape: readonly Size[],
): Draft {
  const source = call.scope.named(x);
  return {
    element: "f32",
    shape,
    kind: "reduced",
    elements: ([b, c, ...places]) => {
      const taps = walks.map(({ kernel }): Index => ({ size: constantSize(kernel) }));
      const window = walks.map((walk, axis) => walked(walk, places[axis] as Expression, at(taps[axis] as Index)));
      return reduce(reducer, taps, {
        kind: "read",
        variable: source,
        subscripts: [b as Expression, c as Expression, ...window],
        outside: number(outside),
      });
    },
  };
}

const maxPool: Operator = (call) => {
  if (call.isUsed(1)) throw new Refusal("the places of its extremes are used, which Weft's poolings do not give");
  if (integer(call, "storage_order") === 1) throw new Refusal("it is stored by columns");
  const { x, walks, shape } = windowOf(call);
  return [
    libraryPooling(call, "max_pool2d", x, walks, shape) ??
      windowReduction(call, "max", Number.NEGATIVE_INFINITY, x, walks, shape),
  ];
};

const averagePool: Operator = single((call) => {
  const { x, walks, shape } = windowOf(call);
  const padded = walks.some(({ low, high }) => low + high > 0);
  const countsPadding = integer(call, "count_include_pad") === 1;
  if (!hasCeiling(call) && (countsPadding || !padded)) {
    return libraryPooling(call, "average_pool2d", x, walks, shape) ?? windowReduction(call, "mean", 0, x, walks, shape);
  }
  if (walks.some(({ dilation }) => dilation !== 1)) throw new Refusal("it is dilated and leaves padding out");
  const sum = windowReduction(call, "sum", 0, x, walks, shape);
  // As many elements as lie in the window and in the image, or where padding counts, in the padded image.
  const count = (walk: Walk, at: Expression): Expression => {
    const start = plus(times(constantSize(walk.stride), at), constantSize(-walk.low));
    const end = addSizes(walk.size, constantSize(countsPadding ? walk.high : 0));
    const last = apply("min", plus(start, constantSize(walk.kernel)), sizeOf(end));
    return binary("-", last, countsPadding ? start : apply("max", start, place(0)));
  };
  return {
    ...sum,
    elements: (subscripts) => {
      const counts = walks.map((walk, axis) => count(walk, subscripts[axis + 2] as Expression));
      const all = counts.reduce((x, y) => ({ kind: "binary", operator: "*", left: x, right: y }));
      const total = (sum.elements as NonNullable<Draft["elements"]>)(subscripts);
      return { kind: "binary", operator: "/", left: total, right: apply("f32", all) };
    },
  };
});

/** One number for a whole feature map. */
const globalPool = (reducer: "mean" | "max"): Operator =>
  single((call) => {
    const { scope } = call;
    const x = call.input(0);
    requireRank(x, 3, "at least");
    const axes = x.shape.slice(2);
    const shape = [...x.shape.slice(0, 2), ...axes.map(() => constantSize(1))];
    if (reducer === "mean" && axes.length === 2) {
      const name = scope.use("std/pool", "global_average_pool");
      const variable = scope.variable(call.nameOf(0), { element: "f32", shape: x.shape.slice(0, 2) });
      scope.emit({ kind: "whole", variables: [variable], body: apply(name, scope.whole(x)) });
      const read = scope.elements(variableValue(variable.name, variable));
      return { element: "f32", shape, kind: "view", elements: (subscripts) => read(subscripts.slice(0, 2)) };
    }
    const read = scope.elements(x);
    return {
      element: "f32",
      shape,
      kind: "reduced",
      elements: (subscripts) => {
        const indices = axes.map((size): Index => ({ size }));
        return reduce(reducer, indices, read([...subscripts.slice(0, 2), ...indices.map(at)]));
      },
    };
  });

export const poolingOperators: OperatorTable = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalPool("mean"),
  GlobalMaxPool: globalPool("max"),
};
