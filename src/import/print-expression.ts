/** Lays expressions out as text of the language. */
import { multiplySizes, printSize, type Size, sizesEqual } from "../frontend/index.ts";
import type { Expression, FlatPart, Index } from "./expression.ts";
import { binary, partsOf, plus, sizeOf, times } from "./expression.ts";

/** How tightly a piece of text binds; an operand that binds less gets parentheses. */
const level = { choice: 0, or: 1, and: 2, not: 3, comparison: 4, sum: 5, product: 6, factor: 7, power: 8, primary: 9 };

const operatorLevels: Readonly<Record<string, number>> = {
  or: level.or,
  and: level.and,
  "==": level.comparison,
  "!=": level.comparison,
  "<": level.comparison,
  "<=": level.comparison,
  ">": level.comparison,
  ">=": level.comparison,
  "+": level.sum,
  "-": level.sum,
  "*": level.product,
  "/": level.product,
  "//": level.product,
  "%": level.product,
  "^": level.power,
};

/** Indices that have their range from a place where they stand alone as the subscript of a whole axis. */
export function rangedIndices(expression: Expression, found: Set<Index> = new Set()): Set<Index> {
  if (expression.kind === "read") {
    const { shape } = expression.variable;
    for (const [axis, subscript] of expression.subscripts.entries()) {
      if (subscript.kind === "index" && sizesEqual(subscript.index.size, shape[axis] as Size)) {
        found.add(subscript.index);
      }
    }
  }
  // Parts of a joined axis count for themselves; their index has the whole axis.
  if (expression.kind === "along" && expression.name === "concat") found.add(expression.index);
  for (const part of partsOf(expression)) rangedIndices(part, found);
  return found;
}

/** All indices of an expression, in the order of reading. */
export function indicesOf(expression: Expression, found: Set<Index> = new Set()): Set<Index> {
  if (expression.kind === "index") found.add(expression.index);
  if (expression.kind === "reduce") for (const index of expression.indices) found.add(index);
  if (expression.kind === "along") found.add(expression.index);
  for (const part of partsOf(expression)) indicesOf(part, found);
  return found;
}

export interface Printing {
  readonly nameOf: (index: Index) => string;
  readonly ranged: ReadonlySet<Index>;
}

/** The text of an expression that stands by itself. */
export function printExpression(expression: Expression, printing: Printing): string {
  return print(expression, printing, level.choice, false);
}

/** An index where it is bound: with its range, unless it has it from elsewhere. */
export function printBinder(index: Index, { nameOf, ranged }: Printing): string {
  return ranged.has(index) ? nameOf(index) : `${nameOf(index)}: ${printSize(index.size)}`;
}

/** @param tight  inside a subscript, where products are written without blanks */
function print(expression: Expression, printing: Printing, least: number, tight: boolean): string {
  const [text, binding] = layOut(expression, printing, tight);
  return binding < least ? `(${text})` : text;
}

function layOut(expression: Expression, printing: Printing, tight: boolean): readonly [string, number] {
  const top = (part: Expression) => print(part, printing, level.choice, false);
  switch (expression.kind) {
    case "number":
      return [
        printNumber(expression.value) + (expression.isFloat === true ? ".0" : ""),
        expression.value < 0 ? level.factor : level.primary,
      ];
    case "boolean":
      return [String(expression.value), level.primary];
    case "size": {
      const text = printSize(expression.size);
      if (/^\w+$/.test(text)) return [text, level.primary];
      return [text, /^-\d+$/.test(text) ? level.factor : level.sum];
    }
    case "index":
      return [printing.nameOf(expression.index), level.primary];
    case "flat":
      return layOut(flatArithmetic(expression.parts), printing, tight);
    case "element":
      throw new TypeError(`the constant ${expression.constant.name} has no name in the text`);
    case "read": {
      const { variable, subscripts, outside } = expression;
      if (subscripts.length === 0) return [variable.name, level.primary];
      const places = subscripts.map((subscript, axis) =>
        printSubscript(subscript, variable.shape[axis] as Size, printing),
      );
      const text = `${variable.name}[${places.join(", ")}]`;
      return outside === undefined
        ? [text, level.primary]
        : [`(${text} else ${print(outside, printing, level.factor, false)})`, level.primary];
    }
    case "binary": {
      const { operator, left, right } = expression;
      const own = operatorLevels[operator] as number;
      if (operator === "^") {
        return [`${print(left, printing, level.primary, tight)}^${print(right, printing, level.primary, tight)}`, own];
      }
      const comparison = own === level.comparison;
      const open = left.kind === "reduce" ? level.power : own + (comparison ? 1 : 0);
      const first = print(left, printing, open, tight);
      // `a * (b * c)` may lose its parentheses, `a * (b // c)` may not.
      const isChain = associative.has(operator) && right.kind === "binary" && right.operator === operator;
      const close = right.kind === "reduce" ? level.power : own + (isChain ? 0 : 1);
      const second = print(right, printing, close, tight);
      return [tight && operator === "*" ? `${first}*${second}` : `${first} ${operator} ${second}`, own];
    }
    case "negative":
      return [`-${print(expression.operand, printing, level.power, tight)}`, level.factor];
    case "not":
      return [`not ${print(expression.operand, printing, level.not, false)}`, level.not];
    case "call": {
      const named = (expression.named ?? []).map(({ name, value }) => `${name}: ${top(value)}`);
      return [`${expression.name}(${[...expression.arguments.map(top), ...named].join(", ")})`, level.primary];
    }
    case "choose": {
      const { condition, yes, no } = expression;
      const branch = (part: Expression) =>
        print(part, printing, part.kind === "choose" ? level.or : level.choice, false);
      return [`if ${top(condition)} then ${branch(yes)} else ${branch(no)}`, level.choice];
    }
    case "reduce": {
      const { reducer, indices, body, where } = expression;
      const binders = indices.map((index) => printBinder(index, printing));
      if (where !== undefined) {
        const last = indices.at(-1) as Index;
        binders[binders.length - 1] = printing.ranged.has(last)
          ? `${printing.nameOf(last)}: ${top(where)}`
          : `${printBinder(last, printing)} where ${top(where)}`;
      }
      return [`${reducer}[${binders.join(", ")}] ${print(body, printing, level.product, false)}`, level.factor];
    }
    case "along": {
      const { name, index, arguments: operands } = expression;
      return [`${name}[${printBinder(index, printing)}](${operands.map(top).join(", ")})`, level.primary];
    }
    case "list":
      return [`[${expression.items.map(top).join(", ")}]`, level.primary];
    default:
      return expression satisfies never;
  }
}

const associative = new Set(["+", "*", "and", "or"]);

function printSubscript(subscript: Expression, axis: Size, printing: Printing): string {
  if (subscript.kind === "index" && !sizesEqual(subscript.index.size, axis)) {
    // Alone, the index would walk the whole axis.
    return `0 + ${printing.nameOf(subscript.index)}`;
  }
  if (subscript.kind === "flat") {
    const product = subscript.parts.map(({ size }) => size).reduce(multiplySizes);
    const names = subscript.parts.map(({ at, size }) =>
      at.kind === "index" && sizesEqual(at.index.size, size) ? printing.nameOf(at.index) : undefined,
    );
    if (sizesEqual(product, axis) && names.every((name) => name !== undefined)) return `(${names.join(" ")})`;
    return printSubscript(flatArithmetic(subscript.parts), axis, printing);
  }
  return print(subscript, printing, level.choice, true);
}

/** The place of a group of indices, written with numbers. */
function flatArithmetic(parts: readonly FlatPart[]): Expression {
  const [first, ...rest] = parts as readonly [FlatPart, ...FlatPart[]];
  return rest.reduce((sum, { at, size }) => {
    const moved = sum.kind === "size" ? sizeOf(multiplySizes(sum.size, size)) : times(size, sum);
    return at.kind === "size" ? plus(moved, at.size) : binary("+", moved, at);
  }, first.at);
}

/** The shortest decimal that is the same f32. */
export function printNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  const wanted = Math.fround(value);
  for (let digits = 1; digits <= 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === wanted) return String(text).replace("e+", "e");
  }
  return String(value).replace("e+", "e");
}
