/** Operators: which element types combine, whose axes must agree, and what stays known at compile time. */

import { type Context, checkExpression, fail, textOf } from "./check-context.ts";
import { combineSizes, factsOf } from "./check-size.ts";
import type { ElementType, TensorValueType, ValueType } from "./checked-program.ts";
import {
  boolElement,
  combineElements,
  isFloatElement,
  isIntegerElement,
  printDims,
  printElement,
  printValueType,
  realElement,
  sizeType,
  tensorOfType,
  unknownType,
} from "./element-types.ts";
import { printSize, type Size, scaleSize } from "./size.ts";
import { provablyEqual, withFacts } from "./size-facts.ts";
import type {
  ArithmeticOperator,
  BinaryExpression,
  ConditionalExpression,
  Expression,
  UnaryExpression,
} from "./syntax-tree.ts";

/** A checked operand together with where it stands. */
export interface Operand {
  readonly expression: Expression;
  readonly type: TensorValueType;
}

/** Checks an expression that must be a value (not a tuple, module or function). */
export function checkTensor(context: Context, expression: Expression): TensorValueType | undefined {
  return requireTensor(context, expression, checkExpression(context, expression));
}

/** The same for an expression that has been checked. */
export function requireTensor(context: Context, expression: Expression, type: ValueType): TensorValueType | undefined {
  if (type.kind === "tensor") return type;
  if (type.kind === "tuple") {
    fail(context, expression.span, "type/tuple", `this gives ${type.items.length} values where one is needed`, {
      help: ["Take it apart first: `let (a, b) = …`."],
    });
  } else if (type.kind === "instance") {
    fail(
      context,
      expression.span,
      "type/not-a-value",
      `\`${textOf(context, expression.span)}\` is a module, not a value`,
      {
        help: ["Call it, or read one of its parameters: `.weight`."],
      },
    );
  }
  return undefined;
}

/**
 * The axes of an elementwise result: all operands have the same, or none (they are the same for every element). Reports a
 * mismatch and returns undefined.
 */
export function agreeOnDims(context: Context, operands: readonly Operand[]): readonly Size[] | undefined {
  let leader: Operand | undefined;
  for (const operand of operands) {
    if (operand.type.dims.length === 0) continue;
    if (leader === undefined) {
      leader = operand;
      continue;
    }
    const [a, b] = [leader.type.dims, operand.type.dims];
    const secondary = [{ span: leader.expression.span, text: `this has axes ${printDims(a)}` }];
    if (a.length !== b.length) {
      fail(context, operand.expression.span, "shape/rank", "these values have different numbers of axes", {
        label: `this has axes ${printDims(b)}`,
        secondary,
        notes: [
          "Whole values combine only when their axes are the same, or one has none. Nothing is repeated silently.",
        ],
        help: ["Write the equation with indices: `let Y[i, j] = A[i, j] + b[j]`."],
      });
      return undefined;
    }
    const axis = a.findIndex((size, i) => !provablyEqual(size, b[i] as Size, context.facts));
    if (axis >= 0) {
      const [first, second] = [printSize(a[axis] as Size), printSize(b[axis] as Size)];
      fail(context, operand.expression.span, "size/mismatch", `axis ${axis + 1} of these values has two lengths`, {
        label: `this has axes ${printDims(b)}`,
        secondary,
        notes: [`Nothing says ${first} = ${second}.`],
        help: [`Same length meant? State it: \`require ${first} == ${second}\`, or use one name for both.`],
      });
      return undefined;
    }
  }
  return leader?.type.dims ?? [];
}

/** The common element type of operands, or undefined after a report. */
export function agreeOnElement(context: Context, operands: readonly Operand[], what: string): ElementType | undefined {
  let result: ElementType | undefined;
  for (const operand of operands) {
    const next: ElementType | undefined =
      result === undefined ? operand.type.element : combineElements(result, operand.type.element);
    if (next === undefined) {
      const [first] = operands as [Operand, ...Operand[]];
      const [x, y] = [printElement(first.type.element), printElement(operand.type.element)];
      const text = textOf(context, operand.expression.span);
      const isBool = x === "bool" || y === "bool";
      fail(context, operand.expression.span, "type/mismatch", `${what} ${x} and ${y} do not mix`, {
        label: `this is ${y}`,
        secondary: [{ span: first.expression.span, text: `this is ${x}` }],
        help: isBool
          ? ["Choose with `if … then … else …`, or convert: `f32(mask)`."]
          : [`Convert one of them: \`f32(${text})\`.`],
      });
      return undefined;
    }
    result = operand.type.element.below !== undefined && result === undefined ? { dtype: "i32" } : next;
  }
  return result;
}

const comparisons = ["==", "!=", "<", "<=", ">", ">="];

export function checkBinary(context: Context, expression: BinaryExpression): ValueType {
  const { operator } = expression;
  const leftType = checkTensor(context, expression.left);
  // In `a and b`, b is only asked where a holds.
  const inner =
    operator === "and" && leftType
      ? { ...context, facts: withFacts(context.facts, factsOf(context, expression.left)) }
      : context;
  const rightType = checkTensor(inner, expression.right);
  if (leftType === undefined || rightType === undefined) return unknownType;
  const operands: [Operand, Operand] = [
    { expression: expression.left, type: leftType },
    { expression: expression.right, type: rightType },
  ];
  const constant = leftType.constant === true && rightType.constant === true;
  if (operator === "and" || operator === "or") {
    for (const { expression: operand, type } of operands) {
      if (type.element.dtype !== "bool")
        return fail(context, operand.span, "type/bool", `\`${operator}\` joins conditions`, {
          label: `this is ${printElement(type.element)}`,
        });
    }
    const dims = agreeOnDims(context, operands);
    return dims === undefined ? unknownType : tensorOfType(boolElement, dims, constant);
  }
  if (comparisons.includes(operator)) {
    const dims = agreeOnElement(context, operands, "in a comparison") && agreeOnDims(context, operands);
    if (dims === undefined) return unknownType;
    if (leftType.element.dtype === "bool" && operator !== "==" && operator !== "!=") {
      return fail(context, expression.operatorSpan, "type/bool", "conditions have no order", {
        help: ["Use `==`, `!=`, `and`, `or`."],
      });
    }
    return tensorOfType(boolElement, dims, constant);
  }
  const bool = operands.find(({ type }) => type.element.dtype === "bool");
  if (bool !== undefined) {
    return fail(context, bool.expression.span, "type/bool", `\`${operator}\` needs numbers`, {
      label: "this is bool",
      help: ["Choose with `if … then … else …`, or convert: `f32(mask)`."],
    });
  }
  let element: ElementType | undefined;
  if (operator === "/" && isIntegerElement(leftType.element) && isIntegerElement(rightType.element)) {
    // Real division, always; of concrete integers it is f32.
    const untyped = leftType.element.dtype === "integer" && rightType.element.dtype === "integer";
    element = untyped ? realElement : { dtype: "f32" };
  } else if (operator === "^" && isFloatElement(leftType.element) && rightType.element.dtype === "i32") {
    element = leftType.element;
  } else {
    element = agreeOnElement(context, operands, `in \`${operator}\``);
  }
  if (element === undefined) return unknownType;
  if ((operator === "//" || operator === "%") && !isIntegerElement(element)) {
    return fail(context, expression.operatorSpan, "type/integer", `\`${operator}\` divides whole numbers`, {
      label: `these are ${printElement(element)}`,
      help:
        operator === "//"
          ? ["For numbers write `floor(a / b)`; a comment after code needs two blanks before `//`."]
          : ["For numbers write `a - b*floor(a / b)`."],
    });
  }
  const dims = agreeOnDims(context, operands);
  if (dims === undefined) return unknownType;
  if (leftType.size !== undefined && rightType.size !== undefined) {
    const size = combineSizes(operator as ArithmeticOperator, leftType.size, rightType.size);
    if (size !== undefined) return sizeType(size);
    if (operator === "//" || operator === "%") {
      return fail(context, expression.right.span, "size/zero-division", "this divides by zero");
    }
    if (operator === "^") return tensorOfType(realElement, [], true);
  }
  return tensorOfType(element, dims, constant);
}

export function checkUnary(context: Context, expression: UnaryExpression): ValueType {
  const type = checkTensor(context, expression.operand);
  if (type === undefined) return unknownType;
  const isBool = type.element.dtype === "bool";
  if (expression.operator === "not") {
    return isBool
      ? tensorOfType(boolElement, type.dims, type.constant)
      : fail(context, expression.operand.span, "type/bool", "`not` takes a condition", {
          label: `this is ${printElement(type.element)}`,
        });
  }
  if (isBool)
    return fail(context, expression.operand.span, "type/bool", "`-` needs a number", { label: "this is bool" });
  if (type.element.dtype === "u32") {
    return fail(context, expression.span, "type/unsigned", "an unsigned number has no negative", {
      help: ["Convert it first: `-i32(x)`."],
    });
  }
  if (type.size !== undefined) return sizeType(scaleSize(type.size, -1n));
  const element: ElementType = type.element.dtype === "bf16" ? { dtype: "f32" } : { dtype: type.element.dtype };
  return tensorOfType(element, type.dims, type.constant);
}

export function checkConditional(context: Context, expression: ConditionalExpression): ValueType {
  const condition = checkTensor(context, expression.condition);
  const facts = condition === undefined ? {} : factsOf(context, expression.condition);
  const then = checkTensor({ ...context, facts: withFacts(context.facts, facts) }, expression.then);
  const otherwise = checkTensor(context, expression.otherwise);
  if (condition === undefined || then === undefined || otherwise === undefined) return unknownType;
  if (condition.element.dtype !== "bool") {
    return fail(context, expression.condition.span, "type/bool", "the condition of `if` must be true or false", {
      label: `this is ${printValueType(condition)}`,
    });
  }
  const branches: Operand[] = [
    { expression: expression.then, type: then },
    { expression: expression.otherwise, type: otherwise },
  ];
  const element = agreeOnElement(context, branches, "the branches");
  if (element === undefined) return unknownType;
  const dims = agreeOnDims(context, [{ expression: expression.condition, type: condition }, ...branches]);
  if (dims === undefined) return unknownType;
  const [a, b] = [then.element.below, otherwise.element.below];
  const below = a !== undefined && b !== undefined && provablyEqual(a, b, context.facts) ? a : undefined;
  const constant = condition.constant === true && then.constant === true && otherwise.constant === true;
  return tensorOfType(below === undefined ? element : { dtype: "i32", below }, dims, constant);
}
