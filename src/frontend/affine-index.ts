/** Integer arithmetic on indices in the normal form `sum of coefficient * axis + constant`, with numbers for sizes. */

import { tensorType } from "../ir/index.ts";
import { constantValue, convert, elementwise } from "./elementwise-value.ts";
import type { Axis, AxisConstraint, IndexedValue } from "./indexed-value.ts";
import type { Emitter } from "./node-emitter.ts";

export interface AffineIndex {
  /** Coefficients by axis; none is 0. */
  readonly terms: ReadonlyMap<Axis, number>;
  readonly constant: number;
}

export const affineConstant = (constant: number): AffineIndex => ({ terms: new Map(), constant });
export const affineAxis = (axis: Axis): AffineIndex => ({ terms: new Map([[axis, 1]]), constant: 0 });

/** `a + factor * b` */
export function addAffine(a: AffineIndex, b: AffineIndex, factor = 1): AffineIndex {
  const terms = new Map(a.terms);
  for (const [axis, coefficient] of b.terms) {
    const sum = (terms.get(axis) ?? 0) + factor * coefficient;
    if (sum === 0) terms.delete(axis);
    else terms.set(axis, sum);
  }
  return { terms, constant: a.constant + factor * b.constant };
}

export function scaleAffine(a: AffineIndex, factor: number): AffineIndex {
  return addAffine(affineConstant(0), a, factor);
}

/** The one axis of a plain index `i`, if the form is that. */
export function plainAxis({ terms, constant }: AffineIndex): Axis | undefined {
  const [only, ...others] = terms;
  return only !== undefined && others.length === 0 && constant === 0 && only[1] === 1 ? only[0] : undefined;
}

/** Smallest and largest value over the whole ranges of its axes. */
export function affineBounds({ terms, constant }: AffineIndex): { readonly low: number; readonly high: number } {
  let low = constant;
  let high = constant;
  for (const [axis, coefficient] of terms) {
    const reach = coefficient * (axis.size - 1);
    low += Math.min(0, reach);
    high += Math.max(0, reach);
  }
  return { low, high };
}

/** 0, 1, 2, … along an axis, as a number that takes the type of whatever it meets. */
export function indexAsNumber(emit: Emitter, axis: Axis): IndexedValue {
  const node = emit.source("iota", { size: axis.size }, tensorType("i32", [axis.size], axis.size));
  return { node, axes: [axis], dims: [], weak: "integer", restrictions: [] };
}

/** The form as an i32 value over its axes. */
export function affineValue(emit: Emitter, form: AffineIndex): IndexedValue {
  let sum: IndexedValue | undefined;
  for (const [axis, coefficient] of form.terms) {
    let term = convert(emit, indexAsNumber(emit, axis), "i32");
    const magnitude = Math.abs(coefficient);
    if (magnitude !== 1) term = elementwise(emit, "mul", [term, constantValue(emit, magnitude, "i32")]);
    if (sum === undefined) sum = coefficient < 0 ? elementwise(emit, "neg", [term]) : term;
    else sum = elementwise(emit, coefficient < 0 ? "sub" : "add", [sum, term]);
  }
  if (sum === undefined) return constantValue(emit, form.constant, "i32");
  if (form.constant === 0) return sum;
  const constant = constantValue(emit, Math.abs(form.constant), "i32");
  return elementwise(emit, form.constant < 0 ? "sub" : "add", [sum, constant]);
}

/** The condition as a boolean value over its axes, written with positive terms on both sides: `j <= i`. */
export function constraintValue(emit: Emitter, { terms, constant }: AxisConstraint): IndexedValue {
  const left = new Map([...terms].flatMap(([axis, n]) => (n < 0 ? [[axis, -n] as const] : [])));
  const right = new Map([...terms].flatMap(([axis, n]) => (n > 0 ? [[axis, n] as const] : [])));
  return elementwise(emit, "le", [
    affineValue(emit, { terms: left, constant: constant < 0 ? -constant : 0 }),
    affineValue(emit, { terms: right, constant: constant > 0 ? constant : 0 }),
  ]);
}
