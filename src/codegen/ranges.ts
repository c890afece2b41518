/** Restricted ranges (`where "j <= i"`) as loop bounds and as tests. */
import type { Constraint } from "../ir/index.ts";
import { literal } from "./block.ts";
import {
  addIndex,
  clampIndex,
  constantIndex,
  divideIndex,
  type IndexExpression,
  type IndexVariable,
  rangeOf,
  scaleIndex,
  strideAlong,
  substituteIndex,
} from "./index-expression.ts";
import type { ScalarExpression } from "./kernel.ts";
import { applyOperation, indexValue } from "./values.ts";

/** Index names to where they stand. */
export type Places = ReadonlyMap<string, IndexExpression>;

/** The constrained sum, which must not be negative. */
function sumOf(constraint: Constraint, places: Places, without?: string): IndexExpression {
  let sum = constantIndex(constraint.constant);
  for (const [name, coefficient] of constraint.terms) {
    if (name !== without) sum = addIndex(sum, scaleIndex(places.get(name) as IndexExpression, coefficient));
  }
  return sum;
}

/** Largest value over the variables that are not known outside the loop (tile rows, lanes). */
function largestOver(index: IndexExpression, variables: readonly IndexVariable[]): IndexExpression {
  let result = index;
  for (const variable of variables) {
    const stride = strideAlong(result, variable);
    if (stride === undefined) return constantIndex(rangeOf(index).high);
    result = substituteIndex(result, variable, constantIndex(stride > 0 ? variable.extent - 1 : 0));
  }
  return result;
}

/**
 * Bounds of the loop over the index `name`, walked `step` at a time, such that everything outside is excluded.
 *
 * @param inner variables that vary within an iteration of the surrounding loops; the bounds cover all their values
 */
export function loopBounds(
  constraints: readonly Constraint[],
  name: string,
  places: Places,
  size: number,
  step: number,
  inner: readonly IndexVariable[],
  unknown: ReadonlySet<string>,
): { from?: IndexExpression; until?: IndexExpression } {
  let from: IndexExpression | undefined;
  let until: IndexExpression | undefined;
  for (const constraint of constraints) {
    const coefficient = constraint.terms.get(name);
    if (coefficient !== 1 && coefficient !== -1) continue;
    if ([...constraint.terms.keys()].some((other) => other !== name && unknown.has(other))) continue;
    const rest = largestOver(sumOf(constraint, places, name), inner);
    if (coefficient === -1 && until === undefined) {
      // name <= rest: iterations needed are ceil((rest + 1) / step).
      until = clampIndex(divideIndex(addIndex(rest, constantIndex(step)), step), 0, Math.ceil(size / step));
    }
    if (coefficient === 1 && from === undefined) {
      // name >= -rest
      from = clampIndex(divideIndex(scaleIndex(rest, -1), step), 0, Math.ceil(size / step));
    }
  }
  return { ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) };
}

/** The tests of the constraints at a place; those that always hold are left out. `undefined` when none remains. */
export function constraintTest(constraints: readonly Constraint[], places: Places): ScalarExpression | undefined {
  const tests = constraints.flatMap((constraint) => {
    const sum = sumOf(constraint, places);
    if (rangeOf(sum).low >= 0) return [];
    return [applyOperation("ge", [indexValue(sum), literal(0, "i32")], "bool")];
  });
  if (tests.length === 0) return undefined;
  return tests.reduce((a, b) => applyOperation("and", [a, b], "bool"));
}

/** The test that some place of a tile satisfies the constraints: each sum at its largest over the inner variables. */
export function anyInside(
  constraints: readonly Constraint[],
  places: Places,
  inner: readonly IndexVariable[],
): ScalarExpression | undefined {
  const tests = constraints.flatMap((constraint) => {
    const sum = largestOver(sumOf(constraint, places), inner);
    if (rangeOf(sum).low >= 0) return [];
    return [applyOperation("ge", [indexValue(sum), literal(0, "i32")], "bool")];
  });
  if (tests.length === 0) return undefined;
  return tests.reduce((a, b) => applyOperation("and", [a, b], "bool"));
}
