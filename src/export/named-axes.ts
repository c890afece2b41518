/** Values whose axes have names: laying them against each other, diagonals, and affine conditions on positions. */
import { type Constraint, elementCount, stridesOf } from "../ir/index.ts";
import { broadcastShape, elementwise, expanded, gathered, reshapeTo, type Scope, transposed } from "./onnx-scope.ts";
import type { Value } from "./onnx-values.ts";

export interface NamedValue {
  readonly value: Value;
  /** One for each axis. */
  readonly names: readonly string[];
}

/** Sizes of named axes. */
export type Sizes = ReadonlyMap<string, number>;

export const sizesOf = (names: readonly string[], sizes: Sizes): number[] => names.map((name) => sizes.get(name) ?? 1);

/** The value with its axes in the order of `onto` and an axis of one element for each name that it lacks. */
export function alignedTo(scope: Scope, { value, names }: NamedValue, onto: readonly string[]): Value {
  const order = onto.filter((name) => names.includes(name));
  const ordered = transposed(
    scope,
    value,
    order.map((name) => names.indexOf(name)),
  );
  const shape = onto.map((name) => (names.includes(name) ? (value.shape[names.indexOf(name)] as number) : 1));
  return reshapeTo(scope, ordered, shape);
}

/**
 * `constant + sum of coefficient * position`, as i64 along the given names; axes of names without a term have one element.
 *
 * @param added  values along the same names that are added with a factor
 */
export function affinePositions(
  scope: Scope,
  terms: Iterable<readonly [name: string, coefficient: number]>,
  constant: number,
  names: readonly string[],
  sizes: Sizes,
  added: readonly (readonly [value: Value, factor: number])[] = [],
): Value {
  const scaled = (value: Value, factor: number) =>
    factor === 1 ? value : elementwise(scope, "Mul", [value, scope.constant("i64", [factor])]);
  const parts = [...terms].map(([name, coefficient]) => {
    const line = scaled(scope.positions(sizes.get(name) ?? 1), coefficient);
    return alignedTo(scope, { value: line, names: [name] }, names);
  });
  for (const [value, factor] of added) parts.push(scaled(value, factor));
  const start = scope.constant(
    "i64",
    [constant],
    names.map(() => 1),
  );
  return constant === 0 && parts.length > 0
    ? parts.reduce((sum, part) => elementwise(scope, "Add", [sum, part]))
    : parts.reduce((sum, part) => elementwise(scope, "Add", [sum, part]), start);
}

/** The value with every name once: where names repeat, its diagonal. */
export function withoutRepeats(scope: Scope, { value, names }: NamedValue): NamedValue {
  const unique = [...new Set(names)];
  if (unique.length === names.length) return { value, names };
  const strides = stridesOf(value.shape);
  const sizes = new Map(names.map((name, axis) => [name, value.shape[axis] as number]));
  const terms = names.map((name, axis) => [name, strides[axis] as number] as const);
  const places = affinePositions(scope, terms, 0, unique, sizes);
  return { value: gathered(scope, flat(scope, value), places, 0), names: unique };
}

/** All elements in one axis. */
export function flat(scope: Scope, value: Value): Value {
  return reshapeTo(scope, value, [elementCount(value.shape)]);
}

/** Where all constraints hold, along the names that they speak of. */
export function maskOf(
  scope: Scope,
  constraints: readonly Constraint[],
  sizes: Sizes,
  order: readonly string[],
): NamedValue {
  const names = order.filter((name) => constraints.some(({ terms }) => terms.has(name)));
  const zero = scope.constant("i64", [0]);
  const tests = constraints.map(({ terms, constant }) => {
    const sum = affinePositions(scope, terms, constant, names, sizes);
    return elementwise(scope, "GreaterOrEqual", [sum, zero], "bool");
  });
  const all = tests.reduce((left, right) => elementwise(scope, "And", [left, right]));
  return { value: expanded(scope, all, sizesOf(names, sizes)), names };
}

/** Elements multiplied along all names that any of the values has, in the given order. */
export function multipliedAlong(scope: Scope, values: readonly NamedValue[], names: readonly string[]): Value {
  const aligned = values.map((value) => alignedTo(scope, value, names));
  const product = aligned.reduce((left, right) => elementwise(scope, "Mul", [left, right]));
  return reshapeTo(scope, product, broadcastShape(aligned.map(({ shape }) => shape)));
}
