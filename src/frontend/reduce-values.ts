/**
 * Reductions of indexed values. A sum of a product becomes one contraction over the factors that have a summed index; the
 * product itself is never spread out. Restricted ranges become the `where` of the node when they are affine in indices,
 * and a select of the neutral element otherwise.
 */
import { type DType, isFloat, type Node, operationOf, tensorType } from "../ir/index.ts";
import { constraintValue } from "./affine-index.ts";
import { layOut } from "./align-values.ts";
import { commonElement, constantValue, convert, elementwise, provenBelow } from "./elementwise-value.ts";
import {
  type Axis,
  type AxisConstraint,
  constantOf,
  type Dimension,
  type IndexedValue,
  sameConstraint,
  samePredicate,
  unionOfRestrictions,
} from "./indexed-value.ts";
import type { Emitter } from "./node-emitter.ts";
import { makeSpecNames, type SpecNames } from "./spec-names.ts";
import type { Reducer } from "./syntax-tree.ts";

/** Which points of a reduced range count. */
export interface Condition {
  readonly constraints: readonly AxisConstraint[];
  /** Boolean values without dims. */
  readonly predicates: readonly IndexedValue[];
}

export const noCondition: Condition = { constraints: [], predicates: [] };

/** A factor of a summed product; `inverse` when it divides. */
export interface ProductFactor {
  readonly value: IndexedValue;
  readonly inverse: boolean;
}

const isRestricted = ({ constraints, predicates }: Condition) => constraints.length + predicates.length > 0;

/** The condition together with the restrictions that the values carry on reduced axes. */
function inheritedCondition(
  condition: Condition,
  values: readonly IndexedValue[],
  reduced: readonly Axis[],
): Condition {
  const inherited = unionOfRestrictions(values).filter((restriction) => reduced.includes(restriction.subject));
  if (inherited.length === 0) return condition;
  const constraints = [...condition.constraints];
  const predicates = [...condition.predicates];
  for (const restriction of inherited) {
    for (const one of restriction.constraints)
      if (!constraints.some((other) => sameConstraint(one, other))) constraints.push(one);
    for (const one of restriction.predicates)
      if (!predicates.some((other) => samePredicate(one, other))) predicates.push(one);
  }
  return { constraints, predicates };
}

/** The whole condition as one boolean value, or undefined when it always holds. */
export function conditionValue(emit: Emitter, { constraints, predicates }: Condition): IndexedValue | undefined {
  const parts = [...constraints.map((constraint) => constraintValue(emit, constraint)), ...predicates];
  return parts.reduce<IndexedValue | undefined>(
    (all, part) => (all === undefined ? part : elementwise(emit, "and", [all, part])),
    undefined,
  );
}

/** Sum of the product of the factors over the axes where the condition holds; 0 where it never does. */
export function sumOfProduct(
  emit: Emitter,
  factors: readonly ProductFactor[],
  reduced: readonly Axis[],
  given: Condition = noCondition,
): IndexedValue {
  const values = factors.map(({ value }) => value);
  const condition = inheritedCondition(given, values, reduced);
  const element = elementOfProduct(factors);
  const typed = factors.map(({ value, inverse }) => ({ value: convert(emit, value, element), inverse }));
  const isInside = ({ value }: ProductFactor) => value.axes.some((axis) => reduced.includes(axis));
  const outside = typed.filter((factor) => !isInside(factor));
  const inside = joinDivisors(emit, typed.filter(isInside), element);
  const masked = maskFactors(emit, inside, condition.predicates, element);

  // Reduced axes that no factor has count how often the product stands there, by a factor of ones if a condition is on them.
  const conditional = new Set(condition.constraints.flatMap(({ terms }) => [...terms.keys()]));
  const present = new Set(masked.flatMap((value) => value.axes));
  const repeated = reduced.filter((axis) => !present.has(axis) && !conditional.has(axis));
  const ones = [...conditional].filter((axis) => !present.has(axis)).sort((a, b) => a.serial - b.serial);
  const operands = [...masked, ...ones.map((axis) => onesAlong(emit, axis, element))];

  let result: IndexedValue | undefined;
  if (operands.length > 0 || condition.constraints.length > 0) {
    const kept = operands.length > 0 ? operands : [constantValue(emit, 1, element)];
    result = contracted(emit, kept, reduced, condition.constraints, element);
  }
  const count = repeated.reduce((product, axis) => product * axis.size, 1);
  const scale = count === 1 && result !== undefined ? [] : [constantValue(emit, count, element)];
  for (const value of [...scale, ...outside.filter(({ inverse }) => !inverse).map(({ value }) => value)]) {
    result = result === undefined ? value : multiplied(emit, result, value, element);
  }
  for (const { value } of outside.filter(({ inverse }) => inverse)) {
    result = elementwise(emit, "div", [result as IndexedValue, value], weakOf(element));
  }
  const restrictions = unionOfRestrictions(values).filter((restriction) => !reduced.includes(restriction.subject));
  return { ...(result as IndexedValue), restrictions };
}

const weakOf = (element: DType | "integer" | "real") =>
  element === "integer" || element === "real" ? element : undefined;

function elementOfProduct(factors: readonly ProductFactor[]): DType | "integer" | "real" {
  const element = commonElement(factors.map(({ value }) => value));
  if (!factors.some(({ inverse }) => inverse)) return element;
  return element === "integer" ? "real" : element === "i32" || element === "u32" ? "f32" : element;
}

function multiplied(
  emit: Emitter,
  a: IndexedValue,
  b: IndexedValue,
  element: DType | "integer" | "real",
): IndexedValue {
  if (constantOf(b) === 1) return a;
  if (constantOf(b) === -1) return elementwise(emit, "neg", [a], weakOf(element));
  return elementwise(emit, "mul", [a, b], weakOf(element));
}

/** Divisors that vary along a reduced axis divide the factor next to them that has all their axes, or become reciprocals. */
function joinDivisors(
  emit: Emitter,
  factors: readonly ProductFactor[],
  element: DType | "integer" | "real",
): readonly IndexedValue[] {
  const numerators = factors.filter(({ inverse }) => !inverse).map(({ value }) => value);
  for (const { value } of factors.filter(({ inverse }) => inverse)) {
    const at = numerators.findLastIndex((factor) => value.axes.every((axis) => factor.axes.includes(axis)));
    const host = numerators[at];
    if (host !== undefined) numerators[at] = elementwise(emit, "div", [host, value], weakOf(element));
    else numerators.push(elementwise(emit, "div", [constantValue(emit, 1, element), value], weakOf(element)));
  }
  return numerators;
}

/**
 * Puts 0 into factors where a predicate on data does not hold: into the factor that grows least by it, and into every other
 * factor that has the predicate's axes anyway, so that what is excluded may be anything, NaN included.
 */
function maskFactors(
  emit: Emitter,
  factors: readonly IndexedValue[],
  predicates: readonly IndexedValue[],
  element: DType | "integer" | "real",
): readonly IndexedValue[] {
  let masked = [...factors];
  for (const predicate of predicates) {
    const growth = masked.map((factor) =>
      predicate.axes.reduce((product, axis) => (factor.axes.includes(axis) ? product : product * axis.size), 1),
    );
    const least = growth.indexOf(Math.min(...growth));
    const zero = constantValue(emit, 0, element);
    if (least < 0)
      masked.push(elementwise(emit, "select", [predicate, constantValue(emit, 1, element), zero], weakOf(element)));
    masked = masked.map((factor, k) =>
      k === least || growth[k] === 1 ? elementwise(emit, "select", [predicate, factor, zero], weakOf(element)) : factor,
    );
  }
  return masked;
}

function onesAlong(emit: Emitter, axis: Axis, element: DType | "integer" | "real"): IndexedValue {
  const one = constantValue(emit, 1, element);
  const node = emit.source("constant", { values: [1] }, tensorType(one.node.type.dtype, [axis.size]));
  return { ...one, node, axes: [axis] };
}

/** One node for the sum: `sum` of a single factor, `contract` of several. */
function contracted(
  emit: Emitter,
  operands: readonly IndexedValue[],
  reduced: readonly Axis[],
  constraints: readonly AxisConstraint[],
  element: DType | "integer" | "real",
): IndexedValue {
  const names = makeSpecNames();
  const dims = operands.find((operand) => operand.dims.length > 0)?.dims ?? [];
  const all = [...new Set(operands.flatMap((operand) => operand.axes))];
  const [only] = operands;
  const single = only !== undefined && operands.length === 1;
  // A contraction may put its axes in any order, so they are put into the order of binding; a plain sum keeps its operand's.
  const kept = (single ? all : [...all].sort((a, b) => a.serial - b.serial)).filter((axis) => !reduced.includes(axis));
  for (const axis of [...kept, ...reduced]) names.ofAxis(axis);
  const spec = operands.map((operand) => axisNames(names, operand.axes, operand.dims.length > 0 ? dims : []).join(" "));
  const result = axisNames(names, kept, dims).join(" ");
  const where = names.where(constraints);
  const attributes = { spec: `${spec.join(", ")} -> ${result}`, where };
  const node = emit.node(
    single ? "sum" : "contract",
    operands.map((operand) => operand.node),
    attributes,
  );
  const weak = weakOf(element);
  return { node, axes: kept, dims, restrictions: [], ...(weak === undefined ? {} : { weak }) };
}

function axisNames(names: SpecNames, axes: readonly Axis[], dims: readonly Dimension[]): string[] {
  return [...axes.map((axis) => names.ofAxis(axis)), ...dims.map((dim) => names.nameOf(dim, "p"))];
}

/** Any reduction but `sum` of one value over the axes where the condition holds. */
export function reduced(
  emit: Emitter,
  reducer: Exclude<Reducer, "sum">,
  value: IndexedValue,
  axes: readonly Axis[],
  given: Condition = noCondition,
): IndexedValue {
  switch (reducer) {
    case "mean":
      return mean(emit, value, axes, given);
    case "logsumexp":
      return logSumExp(emit, value, axes, given);
    default:
      return reducedBy(emit, operationNames[reducer], value, axes, inheritedCondition(given, [value], axes));
  }
}

const operationNames = {
  max: "maximum",
  min: "minimum",
  prod: "product",
  any: "any",
  all: "all",
  argmax: "argmax",
  argmin: "argmin",
} as const;

/** The sum over the number of elements that count; the mean of nothing is 0. */
function mean(emit: Emitter, value: IndexedValue, axes: readonly Axis[], given: Condition): IndexedValue {
  const element = commonElement([value]);
  const dtype = element === "integer" || element === "real" ? "real" : isFloat(element) ? element : "f32";
  const summand = convert(emit, value, dtype);
  const total = sumOfProduct(emit, [{ value: summand, inverse: false }], axes, given);
  const condition = inheritedCondition(given, [value], axes);
  if (!isRestricted(condition)) {
    const count = axes.reduce((product, axis) => product * axis.size, 1);
    return elementwise(emit, "div", [total, constantValue(emit, count, dtype)], weakOf(dtype));
  }
  const one = constantValue(emit, 1, dtype);
  const count = sumOfProduct(emit, [{ value: one, inverse: false }], axes, condition);
  return elementwise(emit, "div", [total, elementwise(emit, "max", [count, one], weakOf(dtype))], weakOf(dtype));
}

/** log(sum(exp(x))) with the greatest element taken out first, so that no exponential overflows. */
function logSumExp(emit: Emitter, value: IndexedValue, axes: readonly Axis[], given: Condition): IndexedValue {
  const element = commonElement([value]);
  const x = convert(
    emit,
    value,
    element === "integer" ? "real" : isFloat(element as DType) || element === "real" ? element : "f32",
  );
  const weak = x.weak;
  const condition = inheritedCondition(given, [value], axes);
  // What is taken off is added again, so no gradient passes through it.
  const greatest = elementwise(emit, "stop_gradient", [reducedBy(emit, "maximum", x, axes, condition)], weak);
  const shifted = elementwise(emit, "exp", [elementwise(emit, "sub", [x, greatest], weak)], weak);
  const total = sumOfProduct(emit, [{ value: shifted, inverse: false }], axes, condition);
  return elementwise(emit, "add", [greatest, elementwise(emit, "log", [total], weak)], weak);
}

function reducedBy(
  emit: Emitter,
  op: string,
  value: IndexedValue,
  axes: readonly Axis[],
  condition: Condition,
): IndexedValue {
  const record = operationOf(op).reducer;
  if (record === undefined) throw new Error(`${op} is not a reduction`);
  const { weak } = value;
  let masked = value;
  for (const predicate of condition.predicates) {
    const neutral = constantValue(emit, record.identity(value.node.type.dtype), weak ?? value.node.type.dtype);
    masked = elementwise(emit, "select", [predicate, masked, neutral], weak);
  }
  const mentioned = new Set([
    ...masked.axes,
    ...axes,
    ...condition.constraints.flatMap(({ terms }) => [...terms.keys()]),
  ]);
  const all = masked.axes.length === mentioned.size ? masked.axes : [...mentioned].sort((a, b) => a.serial - b.serial);
  const restrictions = value.restrictions.filter((restriction) => !axes.includes(restriction.subject));
  const operand: Node = layOut(emit, masked, all, masked.dims);
  const names = makeSpecNames();
  for (const axis of all) names.ofAxis(axis);
  const kept = all.filter((axis) => !axes.includes(axis));
  const result = { axes: kept, dims: value.dims, restrictions };
  const where = names.where(condition.constraints);
  const spec = `${axisNames(names, all, value.dims).join(" ")} -> ${axisNames(names, kept, value.dims).join(" ")}`;
  if (record.positional && axes.length > 1) return positionAmongSeveral(emit, op, masked, axes, condition);
  const node = emit.node(op, [operand], { spec, where });
  if (record.positional) return { ...result, node };
  const found = weak === undefined ? { ...result, node } : { ...result, node, weak };
  const below = value.node.type.below;
  if (below === undefined || weak !== undefined) return found;
  // The extreme of indices is one of them, except of none.
  const zero = constantValue(emit, 0, "i32");
  const last = constantValue(emit, below - 1, "i32");
  if (!isRestricted(condition)) return provenBelow(emit, found, below);
  return provenBelow(emit, elementwise(emit, "min", [elementwise(emit, "max", [found, zero]), last]), below);
}

/** argmax over several indices is the row-major position among them. */
function positionAmongSeveral(
  emit: Emitter,
  op: string,
  value: IndexedValue,
  axes: readonly Axis[],
  condition: Condition,
): IndexedValue {
  const record = operationOf(op).reducer;
  const kept = value.axes.filter((axis) => !axes.includes(axis));
  const dtype = value.node.type.dtype;
  const neutral = constantValue(emit, record?.identity(dtype) ?? 0, dtype);
  const allowed = conditionValue(emit, { constraints: condition.constraints, predicates: [] });
  const plain = convert(emit, value, dtype);
  const masked = allowed === undefined ? plain : elementwise(emit, "select", [allowed, plain, neutral]);
  const laid = layOut(emit, masked, [...kept, ...axes], value.dims);
  const joined = axes.reduce((product, axis) => product * axis.size, 1);
  const sizes = [...kept.map((axis) => axis.size), joined, ...value.dims.map((dim) => dim.size)];
  const axis = emit.axis(axes.map(({ name }) => name).join(""), joined);
  const merged = {
    ...masked,
    node: emit.node("reshape", [laid], { shape: sizes }),
    axes: [...kept, axis],
    dims: value.dims,
  };
  return reducedBy(emit, op, merged, [axis], noCondition);
}
