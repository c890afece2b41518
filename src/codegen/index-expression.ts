/**
 * Quasi-affine index expressions: sums of `coefficient * atom` plus a constant, where an atom is a loop variable, a rounded
 * quotient or a remainder of such a sum, a clamped sum, or a value read from memory.
 *
 * Everything is simplified as it is built, with the ranges of the variables, so that `(64 i + j) // 64` is `i` when
 * `0 <= j < 64`. All later questions (is this access contiguous? is it in bounds?) are then read off the sum.
 */
import type { IndexAlgebra } from "../ir/index.ts";
import type { ScalarExpression } from "./kernel.ts";

/** A loop or thread variable: `0 <= value < extent`. */
export interface IndexVariable {
  readonly name: string;
  readonly extent: number;
}

export type IndexAtom =
  | { readonly kind: "variable"; readonly key: string; readonly variable: IndexVariable }
  | { readonly kind: "quotient" | "remainder"; readonly key: string; readonly of: IndexExpression; readonly by: number }
  | {
      readonly kind: "clamp";
      readonly key: string;
      readonly of: IndexExpression;
      readonly low: number;
      readonly high: number;
    }
  /** An i32 value from memory, proven to be in `0 .. below - 1`. */
  | { readonly kind: "value"; readonly key: string; readonly value: ScalarExpression; readonly below: number };

export interface IndexTerm {
  readonly coefficient: number;
  readonly atom: IndexAtom;
}

/** Terms are sorted by their atom's key and have no zero coefficients; `key` identifies the expression. */
export interface IndexExpression {
  readonly terms: readonly IndexTerm[];
  readonly constant: number;
  readonly key: string;
}

function make(terms: readonly IndexTerm[], constant: number): IndexExpression {
  const sorted = [...terms].sort((a, b) => (a.atom.key < b.atom.key ? -1 : a.atom.key > b.atom.key ? 1 : 0));
  const key = `${sorted.map((term) => `${term.coefficient}*${term.atom.key}`).join("+")}+${constant}`;
  return { terms: sorted, constant, key };
}

export function constantIndex(value: number): IndexExpression {
  return make([], value);
}

export function variableIndex(variable: IndexVariable): IndexExpression {
  if (variable.extent === 1) return constantIndex(0);
  return make([{ coefficient: 1, atom: { kind: "variable", key: variable.name, variable } }], 0);
}

/** An index read from memory; `key` tells equal values apart from different ones. */
export function valueIndex(value: ScalarExpression, key: string, below: number): IndexExpression {
  return make([{ coefficient: 1, atom: { kind: "value", key: `[${key}]`, value, below } }], 0);
}

/** `expression` as a number when it is one. */
export function asConstant(expression: IndexExpression): number | undefined {
  return expression.terms.length === 0 ? expression.constant : undefined;
}

/** Smallest and largest value, from the ranges of the atoms. Exact when no atom occurs twice, else an enclosure. */
export function rangeOf(expression: IndexExpression): { readonly low: number; readonly high: number } {
  let low = expression.constant;
  let high = expression.constant;
  for (const { coefficient, atom } of expression.terms) {
    const range = atomRange(atom);
    low += coefficient * (coefficient > 0 ? range.low : range.high);
    high += coefficient * (coefficient > 0 ? range.high : range.low);
  }
  return { low, high };
}

function atomRange(atom: IndexAtom): { low: number; high: number } {
  switch (atom.kind) {
    case "variable":
      return { low: 0, high: atom.variable.extent - 1 };
    case "value":
      return { low: 0, high: atom.below - 1 };
    case "quotient": {
      const inner = rangeOf(atom.of);
      return { low: Math.floor(inner.low / atom.by), high: Math.floor(inner.high / atom.by) };
    }
    case "remainder": {
      const inner = rangeOf(atom.of);
      return { low: 0, high: inner.low >= 0 ? Math.min(atom.by - 1, inner.high) : atom.by - 1 };
    }
    case "clamp":
      return { low: atom.low, high: atom.high };
  }
}

export function addIndex(a: IndexExpression, b: IndexExpression): IndexExpression {
  const merged = new Map<string, { coefficient: number; atom: IndexAtom }>();
  for (const { coefficient, atom } of [...a.terms, ...b.terms]) {
    const held = merged.get(atom.key);
    if (held === undefined) merged.set(atom.key, { coefficient, atom });
    else held.coefficient += coefficient;
  }
  const terms = [...merged.values()].filter((term) => term.coefficient !== 0);
  return recombine(terms, a.constant + b.constant);
}

/** `by * (x // by) + x % by = x`, which undoes a split and merge of an axis. */
function recombine(terms: { coefficient: number; atom: IndexAtom }[], constant: number): IndexExpression {
  for (const remainder of terms) {
    if (remainder.atom.kind !== "remainder") continue;
    const { of, by } = remainder.atom;
    const quotientKey = `(${of.key})/${by}`;
    const direct = terms.find(
      (term) => term.atom.key === quotientKey && term.coefficient === remainder.coefficient * by,
    );
    if (direct !== undefined) {
      const rest = terms.filter((term) => term !== remainder && term !== direct);
      return addIndex(make(rest, constant), scaleIndex(of, remainder.coefficient));
    }
    // The quotient may be split further: x // by = outer * (x // (by * outer)) + (x // by) % outer.
    const inner = terms.find(
      (term) =>
        term.atom.kind === "remainder" &&
        term.coefficient === remainder.coefficient * by &&
        divideIndex(of, by).key === term.atom.of.key,
    );
    if (inner !== undefined && inner.atom.kind === "remainder") {
      const rest = terms.filter((term) => term !== remainder && term !== inner);
      const whole = remainderIndex(of, by * inner.atom.by);
      return addIndex(make(rest, constant), scaleIndex(whole, remainder.coefficient));
    }
  }
  return make(terms, constant);
}

/** `a * factor + offset` */
export function scaleIndex(a: IndexExpression, factor: number, offset = 0): IndexExpression {
  if (factor === 0) return constantIndex(offset);
  if (factor === 1 && offset === 0) return a;
  return make(
    a.terms.map(({ coefficient, atom }) => ({ coefficient: coefficient * factor, atom })),
    a.constant * factor + offset,
  );
}

/** Splits `a` into a part that `by` divides and the rest. */
function splitMultiples(a: IndexExpression, by: number): { multiple: IndexExpression; rest: IndexExpression } {
  const divisible = a.terms.filter(({ coefficient }) => coefficient % by === 0);
  const others = a.terms.filter(({ coefficient }) => coefficient % by !== 0);
  const whole = Math.floor(a.constant / by) * by;
  return { multiple: make(divisible, whole), rest: make(others, a.constant - whole) };
}

/** Rounded down; `by` is positive. */
export function divideIndex(a: IndexExpression, by: number): IndexExpression {
  if (by === 1) return a;
  const { multiple, rest } = splitMultiples(a, by);
  const base = make(
    multiple.terms.map(({ coefficient, atom }) => ({ coefficient: coefficient / by, atom })),
    multiple.constant / by,
  );
  const range = rangeOf(rest);
  const low = Math.floor(range.low / by);
  if (low === Math.floor(range.high / by)) return addIndex(base, constantIndex(low));
  const reduced = dropSmallPart(rest, by);
  if (reduced !== undefined) return addIndex(base, divideIndex(reduced.kept, reduced.by));
  const [only] = rest.terms;
  if (rest.terms.length === 1 && rest.constant === 0 && only?.coefficient === 1 && only.atom.kind === "quotient") {
    return addIndex(base, divideIndex(only.atom.of, only.atom.by * by));
  }
  const atom: IndexAtom = { kind: "quotient", key: `(${rest.key})/${by}`, of: rest, by };
  return addIndex(base, make([{ coefficient: 1, atom }], 0));
}

/** `(4 x + y) // 8 = x // 2` when `0 <= y < 4`: divides by the common factor of all but a small part. */
function dropSmallPart(
  rest: IndexExpression,
  by: number,
): { kept: IndexExpression; small: IndexExpression; by: number; factor: number } | undefined {
  for (const { coefficient } of rest.terms) {
    const factor = greatestCommonDivisor(Math.abs(coefficient), by);
    if (factor === 1) continue;
    const { multiple, rest: small } = splitMultiples(rest, factor);
    const range = rangeOf(small);
    if (range.low < 0 || range.high >= factor || multiple.terms.length === 0) continue;
    const kept = make(
      multiple.terms.map((term) => ({ coefficient: term.coefficient / factor, atom: term.atom })),
      multiple.constant / factor,
    );
    return { kept, small, by: by / factor, factor };
  }
  return undefined;
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}

/** The remainder with the sign of the (positive) divisor. */
export function remainderIndex(a: IndexExpression, by: number): IndexExpression {
  if (by === 1) return constantIndex(0);
  const { rest } = splitMultiples(a, by);
  const range = rangeOf(rest);
  const turns = Math.floor(range.low / by);
  if (turns === Math.floor(range.high / by)) return addIndex(rest, constantIndex(-turns * by));
  const reduced = dropSmallPart(rest, by);
  if (reduced !== undefined) {
    return addIndex(scaleIndex(remainderIndex(reduced.kept, reduced.by), reduced.factor), reduced.small);
  }
  const [only] = rest.terms;
  if (rest.terms.length === 1 && rest.constant === 0 && only?.coefficient === 1 && only.atom.kind === "remainder") {
    if (only.atom.by % by === 0) return remainderIndex(only.atom.of, by);
  }
  return make([{ coefficient: 1, atom: { kind: "remainder", key: `(${rest.key})%${by}`, of: rest, by } }], 0);
}

/** Limits to `low..high`; nothing is emitted where the range already proves it. */
export function clampIndex(a: IndexExpression, low: number, high: number): IndexExpression {
  const range = rangeOf(a);
  if (range.low >= low && range.high <= high) return a;
  if (range.high <= low) return constantIndex(low);
  if (range.low >= high) return constantIndex(high);
  const atom: IndexAtom = { kind: "clamp", key: `clamp(${a.key},${low},${high})`, of: a, low, high };
  return make([{ coefficient: 1, atom }], 0);
}

/** Replaces a variable by an expression everywhere, simplifying anew. */
export function substituteIndex(a: IndexExpression, variable: IndexVariable, by: IndexExpression): IndexExpression {
  if (!dependsOn(a, variable)) return a;
  let result = constantIndex(a.constant);
  for (const { coefficient, atom } of a.terms) {
    result = addIndex(result, scaleIndex(substituteAtom(atom, variable, by), coefficient));
  }
  return result;
}

function substituteAtom(atom: IndexAtom, variable: IndexVariable, by: IndexExpression): IndexExpression {
  switch (atom.kind) {
    case "variable":
      return atom.variable.name === variable.name ? by : variableIndex(atom.variable);
    case "quotient":
      return divideIndex(substituteIndex(atom.of, variable, by), atom.by);
    case "remainder":
      return remainderIndex(substituteIndex(atom.of, variable, by), atom.by);
    case "clamp":
      return clampIndex(substituteIndex(atom.of, variable, by), atom.low, atom.high);
    case "value":
      return make([{ coefficient: 1, atom }], 0);
  }
}

export function dependsOn(a: IndexExpression, variable: IndexVariable): boolean {
  return a.terms.some(({ atom }) => atomDependsOn(atom, variable));
}

function atomDependsOn(atom: IndexAtom, variable: IndexVariable): boolean {
  switch (atom.kind) {
    case "variable":
      return atom.variable.name === variable.name;
    case "value":
      return false;
    default:
      return dependsOn(atom.of, variable);
  }
}

/** How an expression moves as one variable advances by one: its coefficient, or `undefined` when not linear in it. */
export function strideAlong(a: IndexExpression, variable: IndexVariable): number | undefined {
  let stride = 0;
  for (const { coefficient, atom } of a.terms) {
    if (atom.kind === "variable" && atom.variable.name === variable.name) stride += coefficient;
    else if (atomDependsOn(atom, variable)) return undefined;
  }
  return stride;
}

/** True when `by` divides the expression whatever its variables are. */
export function isMultipleOf(a: IndexExpression, by: number): boolean {
  return (
    a.constant % by === 0 &&
    a.terms.every(({ coefficient, atom }) => coefficient % by === 0 || atomMultiple(atom, by, coefficient))
  );
}

function atomMultiple(atom: IndexAtom, by: number, coefficient: number): boolean {
  if (atom.kind === "clamp") {
    const limits = (coefficient * atom.low) % by === 0 && (coefficient * atom.high) % by === 0;
    return limits && isMultipleOf(scaleIndex(atom.of, coefficient), by);
  }
  return atom.kind === "remainder" && atom.by % by === 0 && isMultipleOf(scaleIndex(atom.of, coefficient), by);
}

/** Variables that the expression uses, values from memory aside. */
export function variablesOf(a: IndexExpression, into = new Set<string>()): Set<string> {
  for (const { atom } of a.terms) {
    if (atom.kind === "variable") into.add(atom.variable.name);
    else if (atom.kind !== "value") variablesOf(atom.of, into);
  }
  return into;
}

/** Values from memory that the expression uses. */
export function valuesOf(a: IndexExpression, into: ScalarExpression[] = []): ScalarExpression[] {
  for (const { atom } of a.terms) {
    if (atom.kind === "value") into.push(atom.value);
    else if (atom.kind !== "variable") valuesOf(atom.of, into);
  }
  return into;
}

/** The algebra in which views' index maps are evaluated here. */
export const indexAlgebra: IndexAlgebra<IndexExpression> = {
  add: addIndex,
  scale: scaleIndex,
  divide: divideIndex,
  remainder: remainderIndex,
  constant: constantIndex,
};

/** Address of a position in a row-major tensor. */
export function flatten(position: readonly IndexExpression[], strides: readonly number[]): IndexExpression {
  let flat = constantIndex(0);
  position.forEach((index, axis) => {
    flat = addIndex(flat, scaleIndex(index, strides[axis] as number));
  });
  return flat;
}

/** Coordinates of a flat position under a shape. */
export function unflatten(flat: IndexExpression, shape: readonly number[]): IndexExpression[] {
  const position: IndexExpression[] = [];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] as number;
    const shifted = divideIndex(flat, stride);
    position[axis] = axis === 0 ? shifted : remainderIndex(shifted, Math.max(size, 1));
    stride *= Math.max(size, 1);
  }
  return position;
}
