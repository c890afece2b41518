/** Indices in the text: affine forms of integer expressions, bounds, and restricted ranges. */
import { type AffineIndex, addAffine, affineAxis, affineConstant, scaleAffine } from "./affine-index.ts";
import { type Elaboration, extentIn, type Frame } from "./elaboration.ts";
import type { Axis, AxisConstraint, IndexedValue } from "./indexed-value.ts";
import { constantOf } from "./indexed-value.ts";
import type { Condition } from "./reduce-values.ts";
import { evaluateSize } from "./size.ts";
import type { BinaryExpression, Expression, IndexBinder } from "./syntax-tree.ts";

/** Binds an index: its axis is found in the frame from now on. */
export function bindIndex(context: Elaboration, binder: IndexBinder, frame: Frame, extent?: number): Axis {
  const axis = context.at(binder.span).axis(binder.name.name, extent ?? extentOf(context, binder, frame));
  frame.indices.set(binder, axis);
  return axis;
}

/** Number of positions of an index. */
export function extentOf(context: Elaboration, binder: IndexBinder, frame: Frame): number {
  const range = context.tables.ranges.get(binder);
  if (range === undefined) throw new Error(`the index ${binder.name.name} has no range`);
  return extentIn(context, range, frame, binder.span);
}

/** The axis of a bound index. */
export function axisOf(frame: Frame, binder: IndexBinder): Axis {
  const axis = frame.indices.get(binder);
  if (axis === undefined) throw new Error(`the index ${binder.name.name} is not bound here`);
  return axis;
}

/** The number of an expression that is a compile-time size, by the checker's account. */
export function knownSize(context: Elaboration, expression: Expression, frame: Frame): number | undefined {
  const type = context.tables.types.get(expression);
  if (type?.kind !== "tensor" || type.size === undefined) return undefined;
  const result = evaluateSize(type.size, frame.sizes);
  return result.kind === "value" ? result.value : undefined;
}

/** The affine form of an integer expression over indices in scope, or undefined when it is something else. */
export function affineForm(context: Elaboration, expression: Expression, frame: Frame): AffineIndex | undefined {
  const known = knownSize(context, expression, frame);
  if (known !== undefined) return affineConstant(known);
  switch (expression.kind) {
    case "number":
      return expression.integer ? affineConstant(expression.value) : undefined;
    case "name": {
      const definition = context.tables.uses.get(expression);
      if (definition?.kind === "index") {
        // The step of a recurrence is one number, not an axis.
        return frame.steps.has(definition.binder) ? undefined : affineAxis(axisOf(frame, definition.binder));
      }
      return constantForm(context, expression, frame);
    }
    case "unary": {
      const operand = expression.operator === "-" ? affineForm(context, expression.operand, frame) : undefined;
      return operand && scaleAffine(operand, -1);
    }
    case "binary":
      return affineBinary(context, expression, frame);
    default:
      return undefined;
  }
}

/** A name for a compile-time whole number. */
function constantForm(context: Elaboration, expression: Expression, frame: Frame): AffineIndex | undefined {
  const type = context.tables.types.get(expression);
  if (type?.kind !== "tensor" || type.constant !== true) return undefined;
  const value = constantOf(context.evaluate(expression, frame));
  return value !== undefined && Number.isSafeInteger(value) ? affineConstant(value) : undefined;
}

function affineBinary(context: Elaboration, expression: BinaryExpression, frame: Frame): AffineIndex | undefined {
  const { operator } = expression;
  if (operator !== "+" && operator !== "-" && operator !== "*") return undefined;
  const left = affineForm(context, expression.left, frame);
  const right = left && affineForm(context, expression.right, frame);
  if (left === undefined || right === undefined) return undefined;
  if (operator !== "*") return addAffine(left, right, operator === "+" ? 1 : -1);
  if (left.terms.size === 0) return scaleAffine(right, left.constant);
  return right.terms.size === 0 ? scaleAffine(left, right.constant) : undefined;
}

/** Smallest and largest value of an integer expression over indices and sizes, where they can be read off. */
export function integerBounds(
  context: Elaboration,
  expression: Expression,
  frame: Frame,
): { readonly low: number; readonly high: number } | undefined {
  const known = knownSize(context, expression, frame);
  if (known !== undefined) return { low: known, high: known };
  if (expression.kind === "number")
    return expression.integer ? { low: expression.value, high: expression.value } : undefined;
  if (expression.kind === "name") {
    const definition = context.tables.uses.get(expression);
    if (definition?.kind !== "index") return undefined;
    const step = frame.steps.get(definition.binder);
    return { low: 0, high: (step?.node.type.below ?? axisOf(frame, definition.binder).size) - 1 };
  }
  if (expression.kind !== "binary") return undefined;
  const a = integerBounds(context, expression.left, frame);
  const b = integerBounds(context, expression.right, frame);
  if (a === undefined || b === undefined) return undefined;
  const corners = (combine: (x: number, y: number) => number) => {
    const values = [combine(a.low, b.low), combine(a.low, b.high), combine(a.high, b.low), combine(a.high, b.high)];
    return { low: Math.min(...values), high: Math.max(...values) };
  };
  switch (expression.operator) {
    case "+":
      return corners((x, y) => x + y);
    case "-":
      return corners((x, y) => x - y);
    case "*":
      return corners((x, y) => x * y);
    case "//":
      return b.low > 0 ? corners((x, y) => Math.floor(x / y)) : undefined;
    case "%":
      return b.low > 0 ? { low: 0, high: b.high - 1 } : undefined;
    default:
      return undefined;
  }
}

/**
 * The condition that a predicate states: conjunctions of affine comparisons of indices become constraints, everything else is
 * evaluated as a boolean.
 */
export function conditionOf(context: Elaboration, predicate: Expression, frame: Frame): Condition {
  if (predicate.kind === "binary" && predicate.operator === "and") {
    const left = conditionOf(context, predicate.left, frame);
    const right = conditionOf(context, predicate.right, frame);
    return {
      constraints: [...left.constraints, ...right.constraints],
      predicates: [...left.predicates, ...right.predicates],
    };
  }
  const constraints = predicate.kind === "binary" ? affineConstraints(context, predicate, frame) : undefined;
  if (constraints !== undefined) return { constraints, predicates: [] };
  const value: IndexedValue = context.evaluate(predicate, frame);
  return constantOf(value) === 1 ? { constraints: [], predicates: [] } : { constraints: [], predicates: [value] };
}

/** `a <= b`, `a < b`, `a == b`, … of affine forms, and `abs(a) <= b`, as constraints. */
function affineConstraints(
  context: Elaboration,
  comparison: BinaryExpression,
  frame: Frame,
): AxisConstraint[] | undefined {
  const { operator } = comparison;
  const flipped = operator === ">" || operator === ">=";
  const [smaller, larger] = flipped ? [comparison.right, comparison.left] : [comparison.left, comparison.right];
  const slack = operator === "<" || operator === ">" ? -1 : 0;
  if (!["<", "<=", ">", ">=", "=="].includes(operator)) return undefined;
  const upper = affineForm(context, larger, frame);
  if (upper === undefined) return undefined;
  const inner = operator === "==" ? undefined : absoluteArgument(context, smaller);
  if (inner !== undefined) {
    const form = affineForm(context, inner, frame);
    return form && [addSlack(addAffine(upper, form, -1), slack), addSlack(addAffine(upper, form), slack)];
  }
  const lower = affineForm(context, smaller, frame);
  if (lower === undefined) return undefined;
  const difference = addSlack(addAffine(upper, lower, -1), slack);
  return operator === "==" ? [difference, scaleAffine(difference, -1)] : [difference];
}

function addSlack(form: AffineIndex, slack: number): AffineIndex {
  return { terms: form.terms, constant: form.constant + slack };
}

/** `x` of `abs(x)`. */
function absoluteArgument(context: Elaboration, expression: Expression): Expression | undefined {
  if (expression.kind !== "call") return undefined;
  const resolution = context.tables.calls.get(expression);
  return resolution?.kind === "builtin" && resolution.name === "abs" ? expression.arguments[0]?.value : undefined;
}
