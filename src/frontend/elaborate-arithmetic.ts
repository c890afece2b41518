/** Operators of the language as elementwise operations, with the element types that the checker gave them. */
import { isFloat } from "../ir/index.ts";
import type { Elaboration, Frame } from "./elaboration.ts";
import { commonElement, constantValue, convert, elementwise } from "./elementwise-value.ts";
import { constantOf, type IndexedValue } from "./indexed-value.ts";
import type { Emitter } from "./node-emitter.ts";
import type { ArithmeticOperator, BinaryExpression, ConditionalExpression, UnaryExpression } from "./syntax-tree.ts";

type Element = ReturnType<typeof commonElement>;

const weakOf = (element: Element) => (element === "integer" || element === "real" ? element : undefined);

/** Values in one element type. */
function unified(
  emit: Emitter,
  values: readonly IndexedValue[],
  element = commonElement(values),
): readonly IndexedValue[] {
  return values.map((value) => convert(emit, value, element));
}

/** The same with integers turned into real numbers. */
function floating(values: readonly IndexedValue[]): Element {
  const element = commonElement(values);
  return element === "integer" ? "real" : element === "real" || isFloat(element) ? element : "f32";
}

const comparisonOperations = { "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge" } as const;

export function elaborateUnary(context: Elaboration, expression: UnaryExpression, frame: Frame): IndexedValue {
  const emit = context.at(expression.span);
  const operand = context.evaluate(expression.operand, frame);
  if (expression.operator === "not") return elementwise(emit, "not", [operand]);
  const [value] = unified(emit, [operand]);
  return elementwise(emit, "neg", [value as IndexedValue], operand.weak);
}

export function elaborateBinary(context: Elaboration, expression: BinaryExpression, frame: Frame): IndexedValue {
  const emit = context.at(expression.span);
  const { operator } = expression;
  const left = context.evaluate(expression.left, frame);
  // What a constant decides is not looked at: in `causal and mask[j]` the mask may then be anything.
  if (operator === "and" && constantOf(left) === 0 && left.dims.length === 0) return left;
  if (operator === "or" && constantOf(left) === 1 && left.dims.length === 0) return left;
  const right = context.evaluate(expression.right, frame);
  if (operator === "and" || operator === "or") {
    if (constantOf(left) !== undefined) return right;
    return elementwise(emit, operator, [left, right]);
  }
  if (operator in comparisonOperations) {
    const operation = comparisonOperations[operator as keyof typeof comparisonOperations];
    return elementwise(emit, operation, unified(emit, [left, right]));
  }
  return arithmetic(emit, operator as ArithmeticOperator, left, right, expression);
}

function arithmetic(
  emit: Emitter,
  operator: ArithmeticOperator,
  left: IndexedValue,
  right: IndexedValue,
  expression: BinaryExpression,
): IndexedValue {
  const values = [left, right];
  switch (operator) {
    case "+":
    case "-":
    case "*": {
      const element = commonElement(values);
      const operation = operator === "+" ? "add" : operator === "-" ? "sub" : "mul";
      return elementwise(emit, operation, unified(emit, values, element), weakOf(element));
    }
    case "/": {
      const element = floating(values);
      return elementwise(emit, "div", unified(emit, values, element), weakOf(element));
    }
    case "//":
    case "%": {
      if (constantOf(right) === 0) {
        emit.refuse("size/division-by-zero", `\`${operator}\` divides by zero`, {
          secondary: [{ span: expression.right.span, text: "this is 0" }],
        });
      }
      return wholeDivision(emit, operator, values);
    }
    case "^":
      return power(emit, left, right);
  }
}

/** Rounded towards minus infinity. The IR's integer division rounds towards zero, which is the same above zero. */
function wholeDivision(emit: Emitter, operator: "//" | "%", values: readonly IndexedValue[]): IndexedValue {
  const element = commonElement(values);
  const weak = weakOf(element);
  const [x, y] = unified(emit, values, element) as [IndexedValue, IndexedValue];
  if (operator === "%") return elementwise(emit, "mod", [x, y], weak);
  const isNatural = x.node.type.below !== undefined || x.node.type.dtype === "u32";
  if (isNatural && (constantOf(y) ?? -1) > 0) return elementwise(emit, "div", [x, y], weak);
  const rest = elementwise(emit, "mod", [x, y], weak);
  return elementwise(emit, "div", [elementwise(emit, "sub", [x, rest], weak), y], weak);
}

/** Whole powers up to this one are multiplied out, which is exact for negative bases. */
const greatestMultipliedPower = 8;

function power(emit: Emitter, base: IndexedValue, exponent: IndexedValue): IndexedValue {
  const n = constantOf(exponent);
  const b = constantOf(base);
  if (n !== undefined && b !== undefined) return constantPower(emit, base, exponent, b, n);
  if (n !== undefined && Number.isInteger(n) && Math.abs(n) <= greatestMultipliedPower && n !== 0) {
    const element = n < 0 ? floating([base]) : commonElement([base]);
    const multiplied = repeatedProduct(emit, convert(emit, base, element), Math.abs(n), weakOf(element));
    if (n > 0) return multiplied;
    return elementwise(emit, "div", [constantValue(emit, 1, element), multiplied], weakOf(element));
  }
  const element = floating(base.weak === undefined ? [base] : [base, exponent]);
  const weak = weakOf(element);
  const x = convert(emit, base, element);
  if (n === 0.5) return elementwise(emit, "sqrt", [x], weak);
  if (n === -0.5) return elementwise(emit, "rsqrt", [x], weak);
  return elementwise(emit, "pow", [x, convert(emit, exponent, element)], weak);
}

function constantPower(emit: Emitter, base: IndexedValue, exponent: IndexedValue, b: number, n: number): IndexedValue {
  if (base.weak === "integer" && exponent.weak === "integer" && n >= 0) return constantValue(emit, b ** n, "integer");
  const element = floating([base, exponent]);
  return constantValue(emit, b ** n, element);
}

function repeatedProduct(
  emit: Emitter,
  base: IndexedValue,
  n: number,
  weak: "integer" | "real" | undefined,
): IndexedValue {
  if (n === 1) return base;
  const half = repeatedProduct(emit, base, Math.floor(n / 2), weak);
  const square = elementwise(emit, "mul", [half, half], weak);
  return n % 2 === 0 ? square : elementwise(emit, "mul", [square, base], weak);
}

/** A select; a condition known at compile time chooses its branch, and the other is not even elaborated. */
export function elaborateConditional(
  context: Elaboration,
  expression: ConditionalExpression,
  frame: Frame,
): IndexedValue {
  const emit = context.at(expression.span);
  const condition = context.evaluate(expression.condition, frame);
  const known = constantOf(condition);
  if (known !== undefined) return context.evaluate(known !== 0 ? expression.then : expression.otherwise, frame);
  const branches = [context.evaluate(expression.then, frame), context.evaluate(expression.otherwise, frame)];
  const element = commonElement(branches);
  const [then, otherwise] = unified(emit, branches, element) as [IndexedValue, IndexedValue];
  return elementwise(emit, "select", [condition, then, otherwise], weakOf(element));
}
