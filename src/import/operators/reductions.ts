/** Sums, extremes and the like over axes, orders, and functions along one axis. */
import { constantSize, type Size } from "../../frontend/index.ts";
import { along, call as apply, at, type Expression, type Index, number, reduce } from "../expression.ts";
import {
  axisOf,
  type Call,
  integer,
  integers,
  integersFrom,
  type Operator,
  type OperatorTable,
  single,
} from "../operator.ts";
import { Refusal } from "../problem.ts";
import { type Draft, freshIndices, numberOf, subscriptsOf, type Value, variableValue } from "../value.ts";
import { viewOf } from "./pointwise.ts";
import { productOf, reshaped } from "./reshape.ts";

/** The axes that a reduction takes together; all of them where it says nothing. */
function reducedAxes(call: Call, rank: number): readonly number[] | undefined {
  const given = integers(call, "axes") ?? integersFrom(call, 1, "axes");
  if (given !== undefined && given.length > 0) return given.map((axis) => axisOf(axis, rank)).sort((a, b) => a - b);
  return integer(call, "noop_with_empty_axes") === 1 ? undefined : Array.from({ length: rank }, (_, axis) => axis);
}

/**
 * A reduction over some axes, which stay as axes of one element with `keepdims`.
 *
 * @param inside   what is reduced, of an element
 * @param outside  what is made of the result
 */
const reduction = (
  reducer: string,
  inside: (x: Expression) => Expression = (x) => x,
  outside: (x: Expression) => Expression = (x) => x,
): Operator =>
  single((call) => {
    const value = call.input(0);
    const axes = reducedAxes(call, value.shape.length);
    if (axes === undefined) return viewOf(call, value);
    const { shape, places } = withoutAxes(value, axes, integer(call, "keepdims") !== 0);
    const read = call.scope.elements(value);
    return {
      element: value.element,
      shape,
      kind: "reduced",
      elements: (subscripts) => {
        const indices = axes.map((axis): Index => ({ size: value.shape[axis] as Size }));
        const whole = places(subscripts, indices.map(at));
        return outside(reduce(reducer, indices, inside(read(whole))));
      },
    };
  });

interface Reduced {
  readonly shape: readonly Size[];
  /** Subscripts of the operand, from those of the result and of the reduced axes. */
  readonly places: (subscripts: readonly Expression[], reduced: readonly Expression[]) => Expression[];
}

function withoutAxes({ shape }: Value, axes: readonly number[], keep: boolean): Reduced {
  const isReduced = new Set(axes);
  return {
    shape: keep
      ? shape.map((size, axis) => (isReduced.has(axis) ? constantSize(1) : size))
      : shape.filter((_, axis) => !isReduced.has(axis)),
    places: (subscripts, reduced) => {
      let next = 0;
      return shape.map((_, axis) => {
        if (isReduced.has(axis)) return reduced[axes.indexOf(axis)] as Expression;
        return subscripts[keep ? axis : next++] as Expression;
      });
    },
  };
}

/** The first place of an extreme along one axis. */
const extreme = (reducer: "argmax" | "argmin"): Operator =>
  single((call) => {
    if (integer(call, "select_last_index") === 1)
      throw new Refusal("it takes the last of equal elements, and Weft the first");
    const value = call.input(0);
    const axis = axisOf(integer(call, "axis") ?? 0, value.shape.length);
    const { shape, places } = withoutAxes(value, [axis], integer(call, "keepdims") !== 0);
    const read = call.scope.elements(value);
    const size = value.shape[axis] as Size;
    return {
      element: "i32",
      shape,
      below: size,
      kind: "named",
      elements: (subscripts) => {
        const index: Index = { size };
        return reduce(reducer, [index], read(places(subscripts, [at(index)])));
      },
    };
  });

/**
 * A function of a vector along one axis, or before operator set 13 along all axes from one on; `single` is set where a pattern has been
 * recognised, which is along one in any case.
 */
const normalised = (name: "softmax" | "log_softmax"): Operator =>
  single((call) => {
    const value = call.input(0);
    const rank = value.shape.length;
    const isOld = call.scope.opset < 13 && !call.node.attributes.has("single");
    const axis = axisOf(integer(call, "axis") ?? (isOld ? 1 : -1), rank);
    if (isOld && axis < rank - 1 && value.shape.slice(axis + 1).some((size) => numberOf(size) !== 1)) {
      const rows = reshaped(call, value, [productOf(value.shape.slice(0, axis)), productOf(value.shape.slice(axis))]);
      const flat: Value = { ...rows, name: call.nameOf(0) };
      const result: Value = { ...alongAxis(call, flat, 1, name), name: call.nameOf(0) };
      return reshaped(call, variableValue(result.name, call.scope.named(result)), value.shape);
    }
    return alongAxis(call, value, axis, name);
  });

function alongAxis({ scope }: Call, value: Value, axis: number, name: string): Draft {
  const read = scope.elements(value, "reduced");
  return {
    element: value.element,
    shape: value.shape,
    kind: "named",
    elements: (subscripts) => {
      const place = subscripts[axis] as Expression;
      if (place.kind !== "index") throw new TypeError("functions along an axis are written by equations");
      return along(name, place.index, read(subscripts));
    },
  };
}

const cumulative: Operator = single((call) => {
  const value = call.input(0);
  const axis = axisOf(integersFrom(call, 1, "axis")?.[0] ?? 0, value.shape.length);
  const [exclusive, reverse] = [integer(call, "exclusive") === 1, integer(call, "reverse") === 1];
  const operator = `${reverse ? ">" : "<"}${exclusive ? "" : "="}`;
  const read = call.scope.elements(value);
  const size = value.shape[axis] as Size;
  return {
    element: value.element,
    shape: value.shape,
    kind: "named",
    elements: (subscripts) => {
      const index: Index = { size };
      const where: Expression = { kind: "binary", operator, left: at(index), right: subscripts[axis] as Expression };
      return reduce("sum", [index], read(subscripts.with(axis, at(index))), where);
    },
  };
});

/** The greatest or least elements along an axis, and where they stand. */
const topK: Operator = (call) => {
  const { scope } = call;
  const value = call.input(0);
  const axis = axisOf(integer(call, "axis") ?? -1, value.shape.length);
  const count = integersFrom(call, 1, "k")?.[0];
  if (count === undefined) throw new Refusal("it does not say how many elements it takes");
  const size = value.shape[axis] as Size;
  const order = integer(call, "largest") === 0 ? "argsort" : "argsort_descending";
  const ordered = scope.variable(`${call.nameOf(1)}_order`, { element: "i32", shape: value.shape, below: size });
  const indices = freshIndices(value.shape);
  const read = scope.elements(value);
  scope.emit({
    kind: "equation",
    variable: ordered,
    targets: indices.map((index) => ({ kind: "index", index })),
    body: along(order, indices[axis] as Index, read(subscriptsOf(indices))),
  });
  const shape = value.shape.with(axis, constantSize(count));
  const places: Draft = {
    element: "i32",
    shape,
    below: size,
    kind: "view",
    elements: (subscripts) => ({ kind: "read", variable: ordered, subscripts }),
  };
  const values: Draft = {
    element: value.element,
    shape,
    kind: "named",
    elements: (subscripts) => read(subscripts.with(axis, { kind: "read", variable: ordered, subscripts })),
  };
  return [values, places];
};

const square = (x: Expression): Expression => ({ kind: "binary", operator: "^", left: x, right: number(2) });

/** Normalised by a length over one axis. */
const lengthNormalised: Operator = single((call) => {
  const value = call.input(0);
  const axis = axisOf(integer(call, "axis") ?? -1, value.shape.length);
  const isFirst = integer(call, "p") === 1;
  const read = call.scope.elements(value);
  return {
    element: "f32",
    shape: value.shape,
    kind: "named",
    elements: (subscripts) => {
      const index: Index = { size: value.shape[axis] as Size };
      const own = read(subscripts.with(axis, at(index)));
      const sum = reduce("sum", [index], isFirst ? apply("abs", own) : square(own));
      return { kind: "binary", operator: "/", left: read(subscripts), right: isFirst ? sum : apply("sqrt", sum) };
    },
  };
});

export const reductionOperators: OperatorTable = {
  ReduceSum: reduction("sum"),
  ReduceMean: reduction("mean"),
  ReduceMax: reduction("max"),
  ReduceMin: reduction("min"),
  ReduceProd: reduction("prod"),
  ReduceSumSquare: reduction("sum", square),
  ReduceL1: reduction("sum", (x) => apply("abs", x)),
  ReduceL2: reduction("sum", square, (x) => apply("sqrt", x)),
  ReduceLogSum: reduction("sum", undefined, (x) => apply("log", x)),
  ReduceLogSumExp: reduction("logsumexp"),
  ArgMax: extreme("argmax"),
  ArgMin: extreme("argmin"),
  Softmax: normalised("softmax"),
  LogSoftmax: normalised("log_softmax"),
  CumSum: cumulative,
  TopK: topK,
  LpNormalization: lengthNormalised,
};
