/** What stands around a tensor: padding with a number, or with the tensor itself. */
import { addSizes, constantSize, type Size, subtractSizes } from "../../frontend/index.ts";
import { literalOf } from "../constants.ts";
import { call as apply, binary, type Expression, sizeOf } from "../expression.ts";
import {
  axisOf,
  integers,
  integersFrom,
  type Operator,
  type OperatorTable,
  requireCount,
  single,
  sizesFrom,
  text,
} from "../operator.ts";
import { Refusal } from "../problem.ts";
import { literal, numberOf, variableValue } from "../value.ts";

const one = constantSize(1);
const zero = constantSize(0);

/** Where an element beyond the border comes from. Bounds that hold anyway are what the checker sees them by. */
const borders: Readonly<Record<string, (place: Expression, size: Size) => Expression>> = {
  edge: (place, size) => within(place, size),
  reflect: (place, size) => {
    const last = sizeOf(subtractSizes(size, one));
    const magnitude = apply("max", place, binary("-", sizeOf(zero), place));
    const beyond = binary("-", magnitude, last);
    const back = binary("-", last, apply("max", beyond, binary("-", last, magnitude)));
    return within(back, size);
  },
  wrap: (place, size) => binary("%", place, sizeOf(size)),
};

/** `min(max(place, 0), size - 1)` */
export const within = (place: Expression, size: Size): Expression =>
  apply("min", apply("max", place, sizeOf(zero)), sizeOf(subtractSizes(size, one)));

const pad: Operator = single((call) => {
  const { scope } = call;
  const value = call.input(0);
  const rank = value.shape.length;
  const pads = sizesFrom(call, 1, "pads") ?? (integers(call, "pads") ?? []).map((size) => constantSize(size));
  const axes = (integersFrom(call, 3, "axes") ?? value.shape.map((_, axis) => axis)).map((axis) => axisOf(axis, rank));
  requireCount(pads, 2 * axes.length, "pads");
  const padding = new Map(axes.map((axis, k) => [axis, { low: pads[k] as Size, high: pads[k + axes.length] as Size }]));
  const shape = value.shape.map((size, axis) => {
    const own = padding.get(axis);
    return own === undefined ? size : addSizes(addSizes(size, own.low), own.high);
  });
  const mode = text(call, "mode") ?? "constant";
  const border = borders[mode];
  if (mode !== "constant" && border === undefined) throw new Refusal(`its mode is ${mode}`);
  const fill = call.optional(2);
  const given = fill?.constant === undefined ? undefined : literalOf(fill.constant);
  if (fill !== undefined && given === undefined) throw new Refusal("the value around is no constant");
  const outside = given ?? literal(value.element, 0);
  const source = value.constant === undefined ? { ...variableValue(value.name, scope.named(value)) } : value;
  const read = scope.elements(source);
  return {
    element: value.element,
    shape,
    kind: "computed",
    elements: (subscripts) => {
      let changes = false;
      const places = subscripts.map((subscript, axis) => {
        const own = padding.get(axis);
        if (own === undefined || (numberOf(own.low) === 0 && numberOf(own.high) === 0)) return subscript;
        changes = true;
        const place = binary("-", subscript, sizeOf(own.low));
        return border === undefined ? place : border(place, value.shape[axis] as Size);
      });
      const element = read(places);
      return changes && border === undefined ? ({ ...element, outside } as Expression) : element;
    },
  };
});

export const paddingOperators: OperatorTable = { Pad: pad };
