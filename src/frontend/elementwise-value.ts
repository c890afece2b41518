/** Elementwise arithmetic on indexed values: element types, alignment, and folding of what is known at compile time. */
import { type DType, isFloat, type Node, operationOf, tensorType } from "../ir/index.ts";
import { layOut } from "./align-values.ts";
import { constantOf, type Dimension, type IndexedValue, unionOfAxes, unionOfRestrictions } from "./indexed-value.ts";
import type { Emitter } from "./node-emitter.ts";

/** A number, boolean or size that is known now. A weak one keeps full double precision until it meets a type. */
export function constantValue(emit: Emitter, value: number, type: DType | "integer" | "real"): IndexedValue {
  const dtype = type === "integer" ? "i32" : type === "real" ? "f32" : type;
  const node = emit.source("constant", { values: [value] }, tensorType(dtype, []));
  const plain = { node, axes: [], dims: [], restrictions: [] };
  return type === "integer" || type === "real" ? { ...plain, weak: type } : plain;
}

/**
 * Element type that several values take when they meet: that of the concrete ones, which agree, else the wider weak one.
 * bf16 is only stored; arithmetic on it is f32.
 */
export function commonElement(values: readonly IndexedValue[]): DType | "integer" | "real" {
  const concrete = values.find((value) => value.weak === undefined);
  const real = values.some((value) => value.weak === "real");
  if (concrete === undefined) return real ? "real" : "integer";
  const dtype = concrete.node.type.dtype;
  return dtype === "bf16" || (real && !isFloat(dtype) && dtype !== "bool") ? "f32" : dtype;
}

/** The value with the given element type; `weak` marks survive only for the weak types. */
export function convert(emit: Emitter, value: IndexedValue, to: DType | "integer" | "real"): IndexedValue {
  if (to === value.weak) return value;
  const dtype = to === "integer" ? "i32" : to === "real" ? "f32" : to;
  const { weak: _weak, ...rest } = value;
  const mark = to === "integer" || to === "real" ? { weak: to } : {};
  if (value.node.type.dtype === dtype && (value.weak === undefined || constantOf(value) === undefined))
    return { ...rest, ...mark };
  const number = constantOf(value);
  if (number !== undefined) {
    return { ...constantValue(emit, convertNumber(emit, number, value.node.type.dtype, dtype), dtype), ...mark };
  }
  return { ...rest, node: emit.node("cast", [value.node], { to: dtype }), ...mark };
}

function convertNumber(emit: Emitter, number: number, from: DType, to: DType): number {
  if (to === "bool") return number !== 0 ? 1 : 0;
  if (isFloat(to)) return number;
  const whole = isFloat(from) ? Math.trunc(number) : number;
  const [low, high] = to === "u32" ? [0, 4294967295] : [-2147483648, 2147483647];
  if (whole < low || whole > high) {
    emit.refuse("size/too-large", `${whole} does not fit into ${to}`, { label: `${to} holds ${low} to ${high}` });
  }
  return whole;
}

/** Proves an i32 value to be an index below the bound, by contract with whoever calls. */
export function provenBelow(emit: Emitter, value: IndexedValue, below: number): IndexedValue {
  const known = value.node.type.below;
  if (known !== undefined && known <= below) return value;
  return { ...value, node: emit.node("cast", [value.node], { to: "i32", below }) };
}

/**
 * Applies an elementwise operation of the IR. Values are aligned over the union of their axes; dims must agree or be absent.
 * All must have the element types that the operation wants. Constants fold.
 */
export function elementwise(
  emit: Emitter,
  op: string,
  values: readonly IndexedValue[],
  weak?: "integer" | "real",
): IndexedValue {
  const numbers = values.map(constantOf);
  const mark = weak === undefined ? {} : { weak };
  if (numbers.every((number) => number !== undefined)) {
    return foldConstants(emit, op, values, numbers as number[], weak);
  }
  const axes = unionOfAxes(values);
  const dims = commonDims(values);
  const shaped = axes.length + dims.length;
  const operands = values.map((value) =>
    value.node.type.shape.length === 0 && shaped > 0 ? value.node : layOut(emit, value, axes, dims),
  );
  return { node: emit.node(op, operands), axes, dims, restrictions: unionOfRestrictions(values), ...mark };
}

/** The dims of the values that have any, with the restrictions that any of them carries. */
function commonDims(values: readonly IndexedValue[]): readonly Dimension[] {
  const shaped = values.filter((value) => value.dims.length > 0);
  const [first] = shaped;
  if (first === undefined) return [];
  return first.dims.map((dim, k) => {
    const restricted = shaped.find((value) => value.dims[k]?.restriction !== undefined);
    return restricted === undefined ? dim : (restricted.dims[k] as Dimension);
  });
}

/** Integer arithmetic on sizes is exact (they may exceed 32 bits); the rest is the reference semantics of the operation. */
function foldConstants(
  emit: Emitter,
  op: string,
  values: readonly IndexedValue[],
  numbers: readonly number[],
  weak: "integer" | "real" | undefined,
): IndexedValue {
  const record = operationOf(op);
  const operands = values.map((value) => value.node.type);
  const dtype = record.infer({ operands, attributes: {} }).dtype;
  const first = (operands[op === "select" ? 1 : 0] as Node["type"]).dtype;
  const [x, y] = numbers as [number, number];
  const exact = weak === "integer" ? exactInteger(op, x, y) : undefined;
  const scalar = record.scalar;
  if (scalar === undefined) throw new Error(`${op} is not elementwise`);
  return constantValue(emit, exact ?? scalar.evaluate(numbers, first), weak ?? dtype);
}

function exactInteger(op: string, x: number, y: number): number | undefined {
  switch (op) {
    case "add":
      return x + y;
    case "sub":
      return x - y;
    case "mul":
      return x * y;
    case "mod":
      return y === 0 ? undefined : x - y * Math.floor(x / y);
    case "div":
      return y === 0 ? undefined : Math.trunc(x / y);
    default:
      return undefined;
  }
}
