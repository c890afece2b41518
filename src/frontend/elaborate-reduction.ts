/** Reductions in the text: binding their indices, reading their predicates, and taking the summed product apart. */

import { bindIndex, conditionOf } from "./elaborate-range.ts";
import type { Elaboration, Frame } from "./elaboration.ts";
import { constantValue } from "./elementwise-value.ts";
import type { IndexedValue } from "./indexed-value.ts";
import { type Condition, noCondition, type ProductFactor, reduced, sumOfProduct } from "./reduce-values.ts";
import type { Expression, IndexBinder, ReduceExpression } from "./syntax-tree.ts";

export function elaborateReduction(context: Elaboration, expression: ReduceExpression, frame: Frame): IndexedValue {
  const emit = context.at(expression.span);
  const axes = expression.indices.map((binder) => bindIndex(context, binder, frame));
  const condition = conditionOfBinders(context, expression.indices, frame);
  if (expression.reducer !== "sum") {
    return reduced(emit, expression.reducer, context.evaluate(expression.body, frame), axes, condition);
  }
  const factors: ProductFactor[] = [];
  const isNegative = collectFactors(context, expression.body, frame, false, factors);
  if (isNegative) factors.push({ value: constantValue(emit, -1, "integer"), inverse: false });
  return sumOfProduct(emit, factors, axes, condition);
}

/** The predicates of several indices together. */
export function conditionOfBinders(context: Elaboration, binders: readonly IndexBinder[], frame: Frame): Condition {
  return binders.reduce<Condition>((all, binder) => {
    if (binder.predicate === undefined) return all;
    const own = conditionOf(context, binder.predicate, frame);
    return {
      constraints: [...all.constraints, ...own.constraints],
      predicates: [...all.predicates, ...own.predicates],
    };
  }, noCondition);
}

/** Takes products, quotients and signs apart. Returns whether the product of what was collected has the wrong sign. */
function collectFactors(
  context: Elaboration,
  expression: Expression,
  frame: Frame,
  inverse: boolean,
  factors: ProductFactor[],
): boolean {
  if (expression.kind === "unary" && expression.operator === "-") {
    return !collectFactors(context, expression.operand, frame, inverse, factors);
  }
  if (expression.kind === "binary" && (expression.operator === "*" || expression.operator === "/")) {
    const left = collectFactors(context, expression.left, frame, inverse, factors);
    const right = collectFactors(
      context,
      expression.right,
      frame,
      expression.operator === "/" ? !inverse : inverse,
      factors,
    );
    return left !== right;
  }
  factors.push({ value: context.evaluate(expression, frame), inverse });
  return false;
}
