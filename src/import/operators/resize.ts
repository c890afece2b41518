/** Resizing images: the library's functions where they are the same, else interpolation written out axis by axis. */
import {
  constantSize,
  floorDivideSizes,
  multiplySizes,
  printSize,
  type Size,
  scaleSize,
  sizesEqual,
  subtractSizes,
} from "../../frontend/index.ts";
import { call as apply, binary, type Expression, number, plus, sizeOf, times } from "../expression.ts";
import { plainNumber } from "../fold.ts";
import {
  axisOf,
  type Call,
  float,
  integer,
  integers,
  type Operator,
  type OperatorTable,
  requireCount,
  single,
  sizesFrom,
  text,
} from "../operator.ts";
import { Refusal } from "../problem.ts";
import { type Draft, isOne, numberOf, type Value, variableValue } from "../value.ts";
import { within } from "./padding.ts";
import { viewOf } from "./pointwise.ts";

const operate = (operator: string, left: Expression, right: Expression): Expression => ({
  kind: "binary",
  operator,
  left,
  right,
});

/** A position on the operand's axis as a fraction: `numerator / denominator`, for a place of the result. */
interface Position {
  readonly numerator: (place: Expression) => Expression;
  readonly denominator: Size;
}

const one = constantSize(1);
const two = constantSize(2);
const atLeastOne = (size: Size): Size => (numberOf(size) === 0 ? one : size);

/** Positions by the coordinate transformation, as fractions of whole numbers, which are exact. */
const positions: Readonly<Record<string, (from: Size, to: Size) => Position>> = {
  asymmetric: (from, to) => ({ numerator: (place) => times(from, place), denominator: to }),
  half_pixel: halfPixel,
  pytorch_half_pixel: (from, to) =>
    isOne(to) ? { numerator: () => sizeOf(constantSize(0)), denominator: one } : halfPixel(from, to),
  align_corners: (from, to) => ({
    numerator: (place) => times(subtractSizes(from, one), place),
    denominator: atLeastOne(subtractSizes(to, one)),
  }),
};

function halfPixel(from: Size, to: Size): Position {
  return {
    numerator: (place) => plus(times(from, plus(times(two, place), one)), scaleSize(to, -1n)),
    denominator: multiplySizes(two, to),
  };
}

/** Whole places from positions, by how ties are broken. */
const roundings: Readonly<Record<string, (position: Position, place: Expression) => Expression>> = {
  floor: ({ numerator, denominator }, place) => binary("//", numerator(place), sizeOf(denominator)),
  ceil: ({ numerator, denominator }, place) =>
    binary("//", plus(numerator(place), subtractSizes(denominator, one)), sizeOf(denominator)),
  round_prefer_floor: ({ numerator, denominator }, place) =>
    binary(
      "//",
      plus(times(two, numerator(place)), subtractSizes(denominator, one)),
      sizeOf(multiplySizes(two, denominator)),
    ),
  round_prefer_ceil: ({ numerator, denominator }, place) =>
    binary("//", plus(times(two, numerator(place)), denominator), sizeOf(multiplySizes(two, denominator))),
};

/** Sizes of the result, from the sizes or the scales that the node gives. */
function wantedShape(call: Call, value: Value, axes: readonly number[]): Size[] {
  const sizes = sizesFrom(call, 3, "sizes");
  const shape = [...value.shape];
  if (sizes !== undefined && sizes.length > 0) {
    if ((text(call, "keep_aspect_ratio_policy") ?? "stretch") !== "stretch")
      throw new Refusal("it keeps the aspect ratio");
    requireCount(sizes, axes.length, "sizes");
    for (const [k, axis] of axes.entries()) shape[axis] = sizes[k] as Size;
    return shape;
  }
  const { constant } = call.input(2);
  if (constant === undefined) throw new Refusal("its scales depend on the data");
  for (const [k, axis] of axes.entries()) {
    const scale = plainNumber(constant.at(k)) as number;
    const size = value.shape[axis] as Size;
    const known = numberOf(size);
    if (Number.isInteger(scale)) shape[axis] = multiplySizes(size, constantSize(scale));
    else if (Number.isInteger(1 / scale)) shape[axis] = floorDivideSizes(size, constantSize(1 / scale));
    else if (known !== undefined) shape[axis] = constantSize(Math.floor(known * scale));
    else throw new Refusal(`its scale ${scale} needs sizes that are numbers; give ${printSize(size)} with --set`);
    const made = numberOf(shape[axis] as Size);
    // Positions are computed from lengths: a scale that does not fit them would move the pixels.
    const fits =
      known === undefined || made === undefined
        ? Number.isInteger(scale)
        : Math.abs(known * scale - made) < 1e-6 * made;
    if (!fits) throw new Refusal(`its scale ${scale} does not give a whole number of pixels; export it with sizes`);
  }
  return shape;
}

/** Functions of the library on the last two axes, by mode and coordinates. */
const libraryFunctions: Readonly<Record<string, string>> = {
  "linear half_pixel": "resize_bilinear",
  "linear pytorch_half_pixel": "resize_bilinear",
  "linear align_corners": "resize_bilinear_corners",
  "cubic half_pixel": "resize_bicubic",
  "cubic pytorch_half_pixel": "resize_bicubic",
  "cubic align_corners": "resize_bicubic_corners",
  "nearest asymmetric": "resize_nearest",
};

const resize: Operator = single((call) => {
  const { scope } = call;
  const value = call.input(0);
  const rank = value.shape.length;
  const axes = (integers(call, "axes") ?? value.shape.map((_, axis) => axis)).map((axis) => axisOf(axis, rank));
  const mode = text(call, "mode") ?? "nearest";
  const coordinates = text(call, "coordinate_transformation_mode") ?? "half_pixel";
  const rounding = text(call, "nearest_mode") ?? "round_prefer_floor";
  if (integer(call, "antialias") === 1) throw new Refusal("it filters against aliasing");
  if (integer(call, "exclude_outside") === 1) throw new Refusal("it leaves what lies outside out of its weights");
  const shape = wantedShape(call, value, axes);
  const position = positions[coordinates];
  const toWhole = roundings[rounding];
  if (position === undefined) throw new Refusal(`its coordinates are ${coordinates}`);
  if (toWhole === undefined) throw new Refusal(`it rounds by ${rounding}`);
  const changed = shape.flatMap((size, axis) => (sizesEqual(size, value.shape[axis] as Size) ? [] : [axis]));
  if (changed.length === 0) return viewOf(call, value);
  const [height, width] = shape.slice(-2) as [Size, Size];
  const isImage = rank === 4 && changed.every((axis) => axis > 1);
  const isSingle = coordinates === "pytorch_half_pixel" && (isOne(height) || isOne(width));
  const name =
    isImage && !isSingle && (mode !== "nearest" || rounding === "floor")
      ? libraryFunctions[`${mode} ${coordinates}`]
      : undefined;
  if (name !== undefined && (mode !== "cubic" || (float(call, "cubic_coeff_a") ?? -0.75) === -0.75)) {
    scope.use("std/resize", name);
    return {
      element: "f32",
      shape,
      kind: "computed",
      whole: apply(name, scope.whole(value), sizeOf(height), sizeOf(width)),
    };
  }
  if (mode === "nearest") {
    const read = scope.elements(value);
    return {
      element: value.element,
      shape,
      kind: "computed",
      elements: (subscripts) =>
        read(
          subscripts.map((subscript, axis) => {
            const from = value.shape[axis] as Size;
            if (!changed.includes(axis)) return subscript;
            return within(toWhole(position(from, shape[axis] as Size), subscript), from);
          }),
        ),
    };
  }
  if (mode !== "linear")
    throw new Refusal(`its mode is ${mode} with coordinates ${coordinates}, which the library has no function for`);
  // Linear interpolation is separable: one axis after the other.
  let current = value;
  for (const axis of changed) {
    const made = interpolated(
      call,
      current,
      axis,
      position(current.shape[axis] as Size, shape[axis] as Size),
      shape[axis] as Size,
    );
    const named: Value = { ...made, name: call.nameOf(0) };
    current = variableValue(named.name, scope.named(named));
  }
  return viewOf(call, current);
});

function interpolated(
  { scope }: Call,
  value: Value,
  axis: number,
  { numerator, denominator }: Position,
  length: Size,
): Draft {
  const read = scope.elements(value);
  const size = value.shape[axis] as Size;
  return {
    element: "f32",
    shape: value.shape.with(axis, length),
    kind: "named",
    elements: (subscripts) => {
      const top = numerator(subscripts[axis] as Expression);
      const whole = binary("//", top, sizeOf(denominator));
      const part = operate(
        "/",
        apply("f32", binary("-", top, binary("*", whole, sizeOf(denominator)))),
        sizeOf(denominator),
      );
      const neighbour = (place: Expression) => read(subscripts.with(axis, within(place, size)));
      return operate(
        "+",
        operate("*", operate("-", number(1), part), neighbour(whole)),
        operate("*", part, neighbour(plus(whole, one))),
      );
    },
  };
}

export const resizeOperators: OperatorTable = { Resize: resize };
