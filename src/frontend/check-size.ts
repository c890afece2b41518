/** Expressions as sizes, conditions as facts, and declared types. */

import { type Context, checkExpression, fail, report, textOf } from "./check-context.ts";
import type { TensorValueType, ValueType } from "./checked-program.ts";
import { errorAt } from "./diagnostic.ts";
import { unknownType } from "./element-types.ts";
import { castNames, suggestion } from "./names.ts";
import { lookUp } from "./scope.ts";
import {
  addSizes,
  constantSize,
  constantValue,
  floorDivideSizes,
  moduloSizes,
  multiplySizes,
  nameSize,
  powerOfSize,
  type Size,
  SizeLimitError,
  subtractSizes,
  withSpelling,
} from "./size.ts";
import { noFacts, provablyNonNegative, type SizeFacts, withFacts } from "./size-facts.ts";
import type { ArithmeticOperator, Expression, TypeExpression } from "./syntax-tree.ts";

/** `a op b` on sizes, or undefined where the result is no size. */
export function combineSizes(operator: ArithmeticOperator, a: Size, b: Size): Size | undefined {
  switch (operator) {
    case "+":
      return addSizes(a, b);
    case "-":
      return subtractSizes(a, b);
    case "*":
      return multiplySizes(a, b);
    case "//":
      return constantValue(b) === 0n ? undefined : floorDivideSizes(a, b);
    case "%":
      return constantValue(b) === 0n ? undefined : moduloSizes(a, b);
    case "^": {
      const exponent = constantValue(b);
      return exponent === undefined || exponent < 0n ? undefined : powerOfSize(a, exponent);
    }
    case "/":
      return undefined;
  }
}

/**
 * An integer expression of sizes and indices as a polynomial, indices under their atoms. The expression must have been
 * checked. Undefined for anything else.
 */
export function polynomialOf(context: Context, expression: Expression): Size | undefined {
  switch (expression.kind) {
    case "number":
      return expression.integer ? constantSize(expression.value) : undefined;
    case "name": {
      const binding = lookUp(context.scope, expression.name);
      if (binding?.kind === "index") return nameSize(binding.variable.atom);
      return binding?.kind === "value" && binding.type.kind === "tensor" ? binding.type.size : undefined;
    }
    case "unary": {
      const operand = expression.operator === "-" ? polynomialOf(context, expression.operand) : undefined;
      return operand === undefined ? undefined : subtractSizes(constantSize(0), operand);
    }
    case "binary": {
      if (!["+", "-", "*", "//", "%", "^"].includes(expression.operator)) return undefined;
      const left = polynomialOf(context, expression.left);
      const right = left === undefined ? undefined : polynomialOf(context, expression.right);
      if (left === undefined || right === undefined) return undefined;
      return combineSizes(expression.operator as ArithmeticOperator, left, right);
    }
    default:
      return undefined;
  }
}

/** Checks an expression that must be a size, such as an axis of a type. Reports and returns undefined when it is none. */
export function checkSize(context: Context, expression: Expression): Size | undefined {
  const type = checkExpression(context, expression);
  if (type.kind === "unknown") return undefined;
  const text = textOf(context, expression.span);
  if (type.kind !== "tensor" || type.size === undefined) {
    fail(context, expression.span, "size/not-a-size", `\`${text}\` is not a size`, {
      label: "sizes are made of numbers, size names and + - * // %",
      help:
        expression.kind === "binary" && expression.operator === "/" ? ["Whole-number division is written `//`."] : [],
    });
    return undefined;
  }
  const value = constantValue(type.size);
  if (value !== undefined && value < 0n) {
    fail(context, expression.span, "size/negative", `the size \`${text}\` is negative`);
    return undefined;
  }
  return withSpelling(type.size, text);
}

/** What a condition on sizes and indices lets us conclude where it holds. */
export function factsOf(context: Context, condition: Expression): Partial<SizeFacts> {
  if (condition.kind !== "binary") return {};
  if (condition.operator === "and") {
    return withFacts(withFacts(noFacts, factsOf(context, condition.left)), factsOf(context, condition.right));
  }
  const left = polynomialOf(context, condition.left);
  const right = polynomialOf(context, condition.right);
  if (left === undefined || right === undefined) return {};
  const one = constantSize(1);
  switch (condition.operator) {
    case "==":
      return { zero: [subtractSizes(left, right)] };
    case "<=":
      return { nonNegative: [subtractSizes(right, left)] };
    case "<":
      return { nonNegative: [subtractSizes(subtractSizes(right, left), one)] };
    case ">=":
      return { nonNegative: [subtractSizes(left, right)] };
    case ">":
      return { nonNegative: [subtractSizes(subtractSizes(left, right), one)] };
    default:
      return {};
  }
}

/** Checks a `require`: a condition on sizes, not plainly false. Returns what it adds to the facts. */
export function checkRequire(context: Context, condition: Expression): Partial<SizeFacts> {
  const type = checkExpression(context, condition);
  if (type.kind === "unknown") return {};
  if (type.kind !== "tensor" || type.element.dtype !== "bool" || type.dims.length > 0 || type.constant !== true) {
    fail(context, condition.span, "type/require", "`require` takes a condition on sizes and module parameters", {
      help: ["For instance `require d % heads == 0`."],
    });
    return {};
  }
  if (condition.kind === "binary") {
    const left = polynomialOf(context, condition.left);
    const right = polynomialOf(context, condition.right);
    const difference = left && right ? constantValue(subtractSizes(left, right)) : undefined;
    if (difference !== undefined) {
      const holds = {
        "==": difference === 0n,
        "!=": difference !== 0n,
        "<": difference < 0n,
        "<=": difference <= 0n,
        ">": difference > 0n,
        ">=": difference >= 0n,
      }[condition.operator as "=="];
      if (holds === false) fail(context, condition.span, "size/require-fails", "this requirement can never hold");
    }
  }
  return factsOf(context, condition);
}

/** Resolves a declared tensor type. `size` is answered by the caller where it is allowed. */
export function resolveType(context: Context, type: TypeExpression): ValueType {
  const dims = type.dims.map((dim) => checkSize(context, dim));
  const element = type.element;
  let resolved: TensorValueType["element"] | undefined;
  if (element.kind === "index") {
    const below = checkSize(context, element.below);
    if (below !== undefined) resolved = { dtype: "i32", below };
  } else {
    const dtype = castNames.get(element.name);
    if (dtype !== undefined) {
      resolved = { dtype };
    } else if (element.name === "size") {
      report(
        context,
        errorAt(element.span, "type/size", "`size` is the type of a parameter, not of a value", {
          help: ["A value that counts is an `i32`, a value that points is an `idx<N>`."],
        }),
      );
    } else {
      report(
        context,
        errorAt(element.span, "type/unknown", `\`${element.name}\` is not a type`, {
          label: "the types are f32, f16, bf16, i32, u32, bool and idx<N>",
          help: suggestion(element.name, [...castNames.keys(), "idx", "size"]),
        }),
      );
    }
  }
  if (resolved === undefined || dims.some((dim) => dim === undefined)) return unknownType;
  const value: TensorValueType = { kind: "tensor", element: resolved, dims: dims as Size[] };
  context.checker.tables.declared.set(type, value);
  return value;
}

/** Runs a part of the check in which sizes may grow beyond all reason, and reports that instead of failing. */
export function guardSizes<T>(context: Context, span: Expression["span"], run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof SizeLimitError)) throw error;
    fail(context, span, "limit/size-terms", `this is too large to reason about: ${error.message}`);
    return undefined;
  }
}

/** Whether a size is known to be at least 1 for all values of its names. */
export function isPositive(size: Size, facts: SizeFacts): boolean {
  return provablyNonNegative(subtractSizes(size, constantSize(1)), facts);
}
