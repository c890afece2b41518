/**
 * Elementwise operations: the record's row names the ONNX operator, or says how the operation is composed of rows that have one. What
 * remains here is where engines differ from Weft by element type.
 */
import { type Algebra, findOperation, operationOf, tensorType } from "../ir/index.ts";
import type { Emission, Emitter } from "./emission.ts";
import { castTo, chosen, elementwise, type Scope } from "./onnx-scope.ts";
import { arithmeticType, carriedAs, type Element, type Value } from "./onnx-values.ts";

/** True when an elementwise operation of this name can be said. */
export function hasElementwiseForm(name: string): boolean {
  const row = findOperation(name)?.scalar;
  return byName[name] !== undefined || row?.onnx !== undefined || row?.composed !== undefined;
}

/** Applies an elementwise operation by name; the algebra in which records write what they are composed of. */
export function valueAlgebra(scope: Scope): Algebra<Value> {
  return {
    apply: (name, ...operands) => emitRow(scope, name, operands),
    constant: (value) => scope.constant("f32", [value]),
  };
}

/** The result of an elementwise operation, carried as its type is. */
function emitRow(scope: Scope, name: string, operands: readonly Value[]): Value {
  const operation = operationOf(name);
  const types = operands.map(({ element, shape }) => tensorType(arithmeticType[element], shape));
  const element = carriedAs[operation.infer({ operands: types, attributes: {} }).dtype];
  const integer = integerForms[name];
  const first = operands[0] as Value;
  if (integer !== undefined && first.element !== "f32") return integer(scope, operands);
  if (name === "select") return chosen(scope, ...(operands as [Value, Value, Value]));
  const row = operation.scalar;
  if (row?.composed !== undefined) return row.composed(valueAlgebra(scope), operands as [Value, Value, Value]);
  if (row?.onnx === undefined) throw new TypeError(`${name} has no form in ONNX`);
  // Engines order numbers only; true comes after false.
  const ordered = element === "bool" && first.element === "bool" && types.length === 2 && !boolean.has(row.onnx);
  const given = ordered ? operands.map((operand) => castTo(scope, operand, "i32")) : operands;
  return wrapped(scope, elementwise(scope, row.onnx, given, element));
}

/** Operators that take two booleans as they are. */
const boolean = new Set(["And", "Or", "Xor", "Equal"]);

/** u32 is carried in 64 bits: what leaves 32 of them comes back modulo 2^32. */
function wrapped(scope: Scope, value: Value): Value {
  return value.element === "i64" ? elementwise(scope, "Mod", [value, scope.constant("i64", [2 ** 32])]) : value;
}

type Form = (scope: Scope, operands: readonly Value[]) => Value;

/**
 * Quotients of integers are taken in 64 bits, where the lowest number has a negative, and with a divisor that is never zero: both
 * end a process in some engines, and in Weft neither does.
 */
const quotient =
  (operator: string, ofZero: (scope: Scope, x: Value) => Value): Form =>
  (scope, [x, y]) => {
    const [dividend, divisor] = [castTo(scope, x as Value, "i64"), castTo(scope, y as Value, "i64")];
    const zero = elementwise(scope, "Equal", [divisor, scope.constant("i64", [0])], "bool");
    const safe = chosen(scope, zero, scope.constant("i64", [1]), divisor);
    const result = elementwise(scope, operator, [dividend, safe]);
    return castTo(scope, chosen(scope, zero, ofZero(scope, dividend), result), (x as Value).element);
  };

/** Extremes of integers; those in 64 bits as f64, because onnxruntime 1.30 compares no more than 32 bits of an i64. */
const extreme =
  (operator: string): Form =>
  (scope, operands) => {
    const { element } = operands[0] as Value;
    const given = operands.map((operand) => castTo(scope, operand, element === "i64" ? "f64" : element));
    return castTo(scope, elementwise(scope, operator, given), element);
  };

/** Integer forms that differ from the floating-point ones. */
const integerForms: Readonly<Record<string, Form>> = {
  max: extreme("Max"),
  min: extreme("Min"),
  div: quotient("Div", (_scope, x) => x),
  // For whole numbers the remainder has the divisor's sign in ONNX too.
  mod: quotient("Mod", (scope) => scope.constant("i64", [0])),
};

/** Elementwise operations that have no row to read. */
const byName: Readonly<Record<string, Emitter>> = {
  cast: ({ scope, node, operands }) => {
    const [value] = operands as [Value];
    const from = (node.operands[0] as typeof node).type.dtype;
    const to = node.type.dtype;
    const element = carriedAs[to];
    // Storage in half precision rounds.
    if (to === "f16" || to === "bf16") return castTo(scope, castTo(scope, value, to), "f32");
    if (element === "bool" || element === "f32") return castTo(scope, value, element);
    if (value.element === "bool") return castTo(scope, value, element);
    if (value.element !== "f32") {
      // Integers keep their bits.
      return to === "u32" && from !== "u32"
        ? wrapped(scope, castTo(scope, value, "i64"))
        : castTo(scope, value, element);
    }
    // Proven indices need no guard; other numbers saturate, and what is no number becomes 0.
    return castTo(scope, node.type.below === undefined ? saturated(scope, value, to === "u32") : value, element);
  },
};

/** Numbers within the range of a 32-bit integer, in f64, which has its ends. */
function saturated(scope: Scope, value: Value, unsigned: boolean): Value {
  const isNone = elementwise(scope, "IsNaN", [value], "bool");
  const number = chosen(scope, isNone, scope.constant("f32", [0]), value);
  const [low, high] = unsigned ? [0, 2 ** 32 - 1] : [-(2 ** 31), 2 ** 31 - 1];
  const wide: Element = "f64";
  const inputs = [castTo(scope, number, wide), scope.constant(wide, [low]), scope.constant(wide, [high])];
  return elementwise(scope, "Clip", inputs, wide);
}

export function emitElementwise(emission: Emission): Value {
  const { scope, node, operands } = emission;
  return byName[node.op]?.(emission) ?? emitRow(scope, node.op, operands);
}
