/** Reductions, by how the record's reducer combines; restricted ranges are filled with what changes nothing. */
import { indexSizes, type Node, operationOf, parseConstraints, parseSpec, type Reducer } from "../ir/index.ts";
import type { Emission } from "./emission.ts";
import { valueAlgebra } from "./emit-elementwise.ts";
import { emitPooling } from "./emit-pooling.ts";
import { alignedTo, maskOf } from "./named-axes.ts";
import { castTo, chosen, type Scope } from "./onnx-scope.ts";
import { carriedAs, type Element, type Value } from "./onnx-values.ts";

interface Form {
  readonly operator: string;
  /** The element type it works in, where that is not the operand's own. */
  readonly through?: (element: Element) => Element;
}

/** Engines find the places of extremes among floats only; every 32-bit integer is an f64. */
const asFloat = (element: Element): Element => (element === "f32" ? "f32" : "f64");
const asInteger = (): Element => "i32";
/** onnxruntime 1.30 compares no more than 32 bits of an i64. */
const unsignedAsFloat = (element: Element): Element => (element === "i64" ? "f64" : element);
/** Sums and products of i32 stop at the largest one in onnxruntime, and wrap around in Weft. */
export const wide = (element: Element): Element => (element === "i32" ? "i64" : element);

/** ONNX's reductions, by the operation that the reducer combines with. */
const forms: Readonly<Record<string, Form>> = {
  add: { operator: "ReduceSum", through: wide },
  mul: { operator: "ReduceProd", through: wide },
  max: { operator: "ReduceMax", through: unsignedAsFloat },
  min: { operator: "ReduceMin", through: unsignedAsFloat },
  or: { operator: "ReduceMax", through: asInteger },
  and: { operator: "ReduceMin", through: asInteger },
  gt: { operator: "ArgMax", through: asFloat },
  lt: { operator: "ArgMin", through: asFloat },
};

/** Combining with the identity of these changes no float. */
const neutral = new Set(["add", "mul"]);

export const hasReduceForm = (reducer: Reducer | undefined): boolean =>
  reducer !== undefined && forms[reducer.operation] !== undefined;

export function emitReduce(emission: Emission): Value {
  const { scope, node, operands } = emission;
  const reducer = operationOf(node.op).reducer as Reducer;
  const pooled = emitPooling(emission, reducer);
  if (pooled !== undefined) return pooled;
  const { operator, through } = forms[reducer.operation] as Form;
  const operand = node.operands[0] as Node;
  const spec = parseSpec(node.attributes.spec as string);
  const names = spec.operands[0] as readonly string[];
  const given = operands[0] as Value;
  const source = castTo(scope, given, through?.(given.element) ?? given.element);
  const constraints = parseConstraints((node.attributes.where as string | undefined) ?? "");
  // Infinities lie beyond the identity of an extreme, which is the lowest finite number.
  const none = reducer.positional
    ? reducer.operation === "gt"
      ? -Infinity
      : Infinity
    : reducer.identity(operand.type.dtype);
  const value =
    constraints.length === 0
      ? source
      : restricted(scope, source, names, indexSizes(spec, [operand.type]), constraints, none);
  const axes = names.flatMap((name, axis) => (spec.result.includes(name) ? [] : [axis]));
  const { shape } = node.type;
  const element = carriedAs[node.type.dtype];
  if (reducer.positional) {
    const attributes = { axis: axes[0] as number, keepdims: 0 };
    return castTo(scope, scope.emit(operator, [value], { element: "i64", shape }, attributes), element);
  }
  if (axes.length === 0) return castTo(scope, value, element);
  const inputs = [value, scope.constant("i64", axes, [axes.length])];
  const reduced = castTo(
    scope,
    scope.emit(operator, inputs, { element: value.element, shape }, { keepdims: 0 }),
    element,
  );
  if (reducer.operation === "or" || reducer.operation === "and") return reduced;
  // The record starts from the identity: among infinities the extreme is finite, and sums of u32 come back modulo 2^32.
  const start = scope.constant(element, [reducer.identity(node.type.dtype)]);
  const matters = element === "i64" || (element === "f32" && !neutral.has(reducer.operation));
  return matters ? valueAlgebra(scope).apply(reducer.operation, reduced, start) : reduced;
}

function restricted(
  scope: Scope,
  value: Value,
  names: readonly string[],
  sizes: ReadonlyMap<string, number>,
  constraints: Parameters<typeof maskOf>[1],
  none: number,
): Value {
  const condition = alignedTo(scope, maskOf(scope, constraints, sizes, names), names);
  return chosen(scope, condition, value, scope.constant(value.element, [none]));
}
