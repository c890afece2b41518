/** Evaluates expressions whose numbers are all known: the shape arithmetic of exporters vanishes this way. */
import {
  addSizes,
  constantSize,
  constantValue,
  floorDivideSizes,
  moduloSizes,
  multiplySizes,
  type Size,
  sizesEqual,
  subtractSizes,
} from "../frontend/index.ts";
import type { Constant, Expression, Index } from "./expression.ts";

/** A known number: whole numbers are sizes, which may be symbolic; truth values are 0 and 1. */
export type Known = number | Size | undefined;

export const isSize = (value: Known): value is Size => typeof value === "object";

/** A known number as a plain one; undefined where it is symbolic. */
export function plainNumber(value: Known): number | undefined {
  if (!isSize(value)) return value;
  const constant = constantValue(value);
  return constant === undefined ? undefined : Number(constant);
}

/**
 * The value of an expression for numbers in place of its indices, or undefined where it depends on data.
 * Whole-number arithmetic stays symbolic where sizes are.
 */
export function evaluate(expression: Expression, indices: ReadonlyMap<Index, number>): Known {
  const inner = (part: Expression) => evaluate(part, indices);
  switch (expression.kind) {
    case "number":
      return expression.value;
    case "boolean":
      return expression.value ? 1 : 0;
    case "size":
      return expression.size;
    case "index": {
      const place = indices.get(expression.index);
      return place === undefined ? undefined : constantSize(place);
    }
    case "flat":
      return expression.parts.reduce<Known>((sum, { at, size }) => {
        const part = inner(at);
        return isSize(sum) && isSize(part) ? addSizes(multiplySizes(sum, size), part) : undefined;
      }, constantSize(0));
    case "element":
      return elementAt(expression.constant, expression.subscripts.map(inner), expression.outside, inner);
    case "binary":
      return arithmetic(expression.operator, inner(expression.left), inner(expression.right));
    case "negative": {
      const value = inner(expression.operand);
      return isSize(value) ? subtractSizes(constantSize(0), value) : value === undefined ? undefined : -value;
    }
    case "not": {
      const value = plainNumber(inner(expression.operand));
      return value === undefined ? undefined : value === 0 ? 1 : 0;
    }
    case "call":
      return applied(expression.name, expression.arguments.map(inner));
    case "choose": {
      const condition = plainNumber(inner(expression.condition));
      return condition === undefined ? undefined : inner(condition === 0 ? expression.no : expression.yes);
    }
    case "reduce":
      return reduced(expression, indices);
    case "along":
    case "read":
    case "list":
      return undefined;
    default:
      return expression satisfies never;
  }
}

function elementAt(
  { shape, at }: Constant,
  subscripts: readonly Known[],
  outside: Expression | undefined,
  inner: (part: Expression) => Known,
): Known {
  if (subscripts.length !== shape.length) return undefined;
  let position = 0;
  for (const [axis, subscript] of subscripts.entries()) {
    const place = plainNumber(subscript);
    if (place === undefined) return undefined;
    const size = shape[axis] as number;
    if (place < 0 || place >= size) return outside === undefined ? undefined : inner(outside);
    position = position * size + place;
  }
  return at(position);
}

const ordered: Readonly<Record<string, (order: number) => boolean>> = {
  "==": (order) => order === 0,
  "!=": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

const onSizes: Readonly<Record<string, (a: Size, b: Size) => Size | undefined>> = {
  "+": addSizes,
  "-": subtractSizes,
  "*": multiplySizes,
  "//": (a, b) => (plainNumber(b) === 0 ? undefined : floorDivideSizes(a, b)),
  "%": (a, b) => (plainNumber(b) === 0 ? undefined : moduloSizes(a, b)),
};

const onNumbers: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "^": (a, b) => a ** b,
  and: (a, b) => (a !== 0 && b !== 0 ? 1 : 0),
  or: (a, b) => (a !== 0 || b !== 0 ? 1 : 0),
};

function arithmetic(operator: string, left: Known, right: Known): Known {
  if (left === undefined || right === undefined) return undefined;
  const compare = ordered[operator];
  if (compare !== undefined) {
    if (isSize(left) && isSize(right)) {
      if (sizesEqual(left, right)) return compare(0) ? 1 : 0;
      const difference = plainNumber(subtractSizes(left, right));
      if (difference !== undefined) return compare(difference) ? 1 : 0;
      // A symbolic size is at least 1 and, as far as its name says, no particular number.
      const negative = [left, right].map(plainNumber).findIndex((value) => value !== undefined && value <= 0);
      return negative === -1 ? undefined : compare(negative === 0 ? -1 : 1) ? 1 : 0;
    }
    const [a, b] = [plainNumber(left), plainNumber(right)];
    return a === undefined || b === undefined ? undefined : compare(a - b) ? 1 : 0;
  }
  if (isSize(left) && isSize(right)) {
    const exact = onSizes[operator];
    if (exact !== undefined) return exact(left, right);
  }
  const [a, b] = [plainNumber(left), plainNumber(right)];
  return a === undefined || b === undefined ? undefined : onNumbers[operator]?.(a, b);
}

const functions: Readonly<Record<string, (...operands: number[]) => number>> = {
  abs: Math.abs,
  floor: Math.floor,
  ceil: Math.ceil,
  sqrt: Math.sqrt,
  exp: Math.exp,
  log: Math.log,
  max: Math.max,
  min: Math.min,
};

function applied(name: string, operands: readonly Known[]): Known {
  const [first, second] = operands;
  if (first === undefined) return undefined;
  if (name === "i32") {
    if (isSize(first)) return first;
    return Number.isFinite(first) ? constantSize(BigInt(Math.trunc(first))) : undefined;
  }
  if (name === "f32") return plainNumber(first);
  if (name === "bool") {
    const value = plainNumber(first);
    return value === undefined ? undefined : value === 0 ? 0 : 1;
  }
  const plain = operands.map(plainNumber);
  const compute = functions[name];
  if (compute === undefined) return undefined;
  if (plain.every((value) => value !== undefined)) {
    const value = compute(...plain);
    return operands.every(isSize) && Number.isInteger(value) ? constantSize(BigInt(value)) : value;
  }
  if ((name === "max" || name === "min") && isSize(first) && isSize(second)) {
    const least = arithmetic("<=", first, second);
    if (least === undefined) return undefined;
    return (name === "min") === (least === 1) ? first : second;
  }
  return undefined;
}

/** Combination and start of the reductions that shape arithmetic uses. */
const reducers: Readonly<Record<string, readonly [string, number]>> = { sum: ["+", 0], prod: ["*", 1] };

function reduced(
  { reducer, indices: bound, body, where }: Extract<Expression, { kind: "reduce" }>,
  indices: ReadonlyMap<Index, number>,
): Known {
  const rule = reducers[reducer];
  const sizes = bound.map(({ size }) => plainNumber(size));
  if (rule === undefined || where !== undefined || sizes.some((size) => size === undefined || size > 64))
    return undefined;
  let places: ReadonlyMap<Index, number>[] = [indices];
  for (const [k, index] of bound.entries()) {
    places = places.flatMap((map) =>
      Array.from({ length: sizes[k] as number }, (_, place) => new Map(map).set(index, place)),
    );
    if (places.length > 4096) return undefined;
  }
  const values = places.map((map) => evaluate(body, map));
  const start: Known = values.every(isSize) ? constantSize(rule[1]) : rule[1];
  return values.reduce<Known>((total, value) => arithmetic(rule[0], total, value), start);
}
