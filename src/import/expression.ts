/** Expressions of the text that is being written: the right sides of its equations, as data. */
import { constantSize, constantValue, type Size } from "../frontend/index.ts";
import type { Element, StoredTensor } from "./onnx-tensor.ts";

/** An index of one equation. Two are the same if they are the same object; names are given when the text is printed. */
export interface Index {
  readonly size: Size;
  /** The letter that a person would choose first. */
  readonly letter?: string;
  /** Another index under whose name this one is written: the parts of a joined axis share one. */
  readonly like?: Index;
}

/** A tensor that has a name in the text. */
export interface Variable {
  readonly name: string;
  readonly element: Element;
  readonly shape: readonly Size[];
  /** Elements are whole numbers from 0 to one less: the type idx<below>. */
  readonly below?: Size;
}

/** Known numbers, as a tensor: of the file, or computed from sizes. */
export interface Constant {
  readonly name: string;
  readonly element: Element;
  readonly shape: readonly number[];
  /** A number for floats and truth values; a size, which may be symbolic, for whole numbers. */
  readonly at: (position: number) => number | Size;
  /** Present when the elements are those of a tensor of the file. */
  readonly tensor?: StoredTensor;
}

export type Expression =
  /** One that is a float on its face, `0.0`, gives its type to what it defines. */
  | { readonly kind: "number"; readonly value: number; readonly isFloat?: boolean }
  | { readonly kind: "boolean"; readonly value: boolean }
  | { readonly kind: "size"; readonly size: Size }
  | { readonly kind: "index"; readonly index: Index }
  /** One axis as several indices, row-major: `(h c)`. */
  | { readonly kind: "flat"; readonly parts: readonly FlatPart[] }
  /** An element, or where axes have no subscript, the rest of them. */
  | {
      readonly kind: "read";
      readonly variable: Variable;
      readonly subscripts: readonly Expression[];
      /** The value outside of the axes. */
      readonly outside?: Expression;
    }
  /** An element of a constant that has no name in the text yet. */
  | {
      readonly kind: "element";
      readonly constant: Constant;
      readonly subscripts: readonly Expression[];
      readonly outside?: Expression;
    }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "negative"; readonly operand: Expression }
  | { readonly kind: "not"; readonly operand: Expression }
  | {
      readonly kind: "call";
      readonly name: string;
      readonly arguments: readonly Expression[];
      readonly named?: readonly NamedArgument[];
    }
  | { readonly kind: "choose"; readonly condition: Expression; readonly yes: Expression; readonly no: Expression }
  | {
      readonly kind: "reduce";
      readonly reducer: string;
      readonly indices: readonly Index[];
      readonly where?: Expression;
      readonly body: Expression;
    }
  /** `softmax[j](…)`: a function of a vector, along an index. */
  | { readonly kind: "along"; readonly name: string; readonly index: Index; readonly arguments: readonly Expression[] }
  | { readonly kind: "list"; readonly items: readonly Expression[] };

export interface FlatPart {
  readonly at: Expression;
  readonly size: Size;
}

export interface NamedArgument {
  readonly name: string;
  readonly value: Expression;
}

export const number = (value: number): Expression => ({ kind: "number", value });
export const boolean = (value: boolean): Expression => ({ kind: "boolean", value });
export const sizeOf = (size: Size): Expression => ({ kind: "size", size });
export const at = (index: Index): Expression => ({ kind: "index", index });
export const not = (operand: Expression): Expression => ({ kind: "not", operand });
export const negative = (operand: Expression): Expression => ({ kind: "negative", operand });
export const call = (name: string, ...operands: Expression[]): Expression => ({
  kind: "call",
  name,
  arguments: operands,
});
export const choose = (condition: Expression, yes: Expression, no: Expression): Expression => ({
  kind: "choose",
  condition,
  yes,
  no,
});

/** A function applied along an index. */
export const along = (name: string, index: Index, ...operands: Expression[]): Expression => ({
  kind: "along",
  name,
  index,
  arguments: operands,
});

/** A reduction; over no indices it is its body. */
export const reduce = (reducer: string, indices: readonly Index[], body: Expression, where?: Expression): Expression =>
  indices.length === 0 ? body : { kind: "reduce", reducer, indices, body, ...(where === undefined ? {} : { where }) };

/** `left operator right`, without neutral elements of subscript arithmetic. */
export function binary(operator: string, left: Expression, right: Expression): Expression {
  const [a, b] = [wholeValue(left), wholeValue(right)];
  if (operator === "+" && b === 0) return left;
  if (operator === "+" && a === 0) return right;
  if (operator === "-" && b === 0) return left;
  if (operator === "*" && b === 1) return left;
  if (operator === "*" && a === 1) return right;
  if (operator === "+" && b !== undefined && b < 0) return binary("-", left, sizeNumber(-b));
  if (operator === "-" && b !== undefined && b < 0) return binary("+", left, sizeNumber(-b));
  return { kind: "binary", operator, left, right };
}

const sizeNumber = (value: number): Expression => sizeOf(constantSize(value));

/** The whole number that a subscript is, or undefined. Floats of data are not looked at. */
export function wholeValue(expression: Expression): number | undefined {
  if (expression.kind !== "size") return undefined;
  const value = constantValue(expression.size);
  return value === undefined ? undefined : Number(value);
}

/** `left + right` of a subscript with a size. */
export const plus = (left: Expression, size: Size): Expression => binary("+", left, sizeOf(size));

/** `size * left` of a subscript. */
export const times = (size: Size, left: Expression): Expression => binary("*", sizeOf(size), left);

/** The parts of an expression that are expressions. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case "number":
    case "boolean":
    case "size":
    case "index":
      return [];
    case "flat":
      return expression.parts.map((part) => part.at);
    case "read":
    case "element":
      return expression.outside === undefined ? expression.subscripts : [...expression.subscripts, expression.outside];
    case "binary":
      return [expression.left, expression.right];
    case "negative":
    case "not":
      return [expression.operand];
    case "call":
      return [...expression.arguments, ...(expression.named ?? []).map(({ value }) => value)];
    case "along":
      return expression.arguments;
    case "choose":
      return [expression.condition, expression.yes, expression.no];
    case "reduce":
      return expression.where === undefined ? [expression.body] : [expression.where, expression.body];
    case "list":
      return expression.items;
    default:
      return expression satisfies never;
  }
}

/** True if the test holds for the expression or anything inside it. */
export function someInside(expression: Expression, test: (part: Expression) => boolean): boolean {
  return test(expression) || partsOf(expression).some((part) => someInside(part, test));
}

/** How much there is to read in an expression: operators, calls and reads. */
export function weightOf(expression: Expression): number {
  const inner = partsOf(expression).reduce((sum, part) => sum + weightOf(part), 0);
  switch (expression.kind) {
    case "number":
    case "boolean":
    case "size":
    case "index":
    case "flat":
      return inner;
    default:
      return inner + 1;
  }
}

/** The same expression with other parts, in the order of `partsOf`. */
export function withParts(expression: Expression, change: (part: Expression) => Expression): Expression {
  switch (expression.kind) {
    case "number":
    case "boolean":
    case "size":
    case "index":
      return expression;
    case "flat":
      return { ...expression, parts: expression.parts.map((part) => ({ ...part, at: change(part.at) })) };
    case "read":
    case "element": {
      const { outside } = expression;
      const subscripts = expression.subscripts.map(change);
      return { ...expression, subscripts, ...(outside === undefined ? {} : { outside: change(outside) }) };
    }
    case "binary":
      return { ...expression, left: change(expression.left), right: change(expression.right) };
    case "negative":
    case "not":
      return { ...expression, operand: change(expression.operand) };
    case "call": {
      const { named } = expression;
      const given = named?.map(({ name, value }) => ({ name, value: change(value) }));
      return {
        ...expression,
        arguments: expression.arguments.map(change),
        ...(given === undefined ? {} : { named: given }),
      };
    }
    case "along":
      return { ...expression, arguments: expression.arguments.map(change) };
    case "choose":
      return {
        ...expression,
        condition: change(expression.condition),
        yes: change(expression.yes),
        no: change(expression.no),
      };
    case "reduce": {
      const { where } = expression;
      return { ...expression, body: change(expression.body), ...(where === undefined ? {} : { where: change(where) }) };
    }
    case "list":
      return { ...expression, items: expression.items.map(change) };
    default:
      return expression satisfies never;
  }
}
