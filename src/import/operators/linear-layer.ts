/** A matrix product with learned weights, and its bias: the library's `Linear`. */
import type { Size } from "../../frontend/index.ts";
import type { Constant, Expression } from "../expression.ts";
import type { StoredTensor } from "../onnx-tensor.ts";
import { type Call, tensorOf } from "../operator.ts";
import { transposedMatrix } from "../stored-tensor.ts";
import { type Draft, freshIndices, subscriptsOf, type Value } from "../value.ts";

/** The common prefix of `X.weight` and `X.bias`, or of one of them; undefined where neither is called so. */
export function layerPath(weight: string | undefined, bias?: string): string | undefined {
  return /^(.+)\.bias$/.exec(bias ?? "")?.[1] ?? /^(.+)\.weight$/.exec(weight ?? "")?.[1];
}

/** `x W + b`, where one operand is the product and the other the bias; undefined where it is something else. */
export function linearLayer(call: Call, values: readonly [Value, Value]): Draft | undefined {
  for (const [sum, bias] of [values, [values[1], values[0]]] as const) {
    const { product } = sum;
    if (product === undefined || sum.variable !== undefined) continue;
    const constant = vectorAlong(bias, sum.shape);
    const [stored, shift] = [tensorOf(product.weights), constant?.tensor];
    const weight = product.weights.transposeOf ?? (stored === undefined ? undefined : transposedMatrix(stored));
    if (weight === undefined || shift === undefined) continue;
    if (shift.shape.length !== 1 || shift.shape[0] !== weight.shape[0]) continue;
    const path = layerPath(undefined, constant?.name);
    if (path === undefined) continue;
    const whole = linear(call, product.data, weight, shift, path);
    if (whole !== undefined) return { element: "f32", shape: sum.shape, whole, kind: "computed" };
  }
  return undefined;
}

/** The vector of the file that a value repeats along the last axis of a shape. */
function vectorAlong(value: Value, shape: readonly Size[]): Constant | undefined {
  if (value.elements === undefined || value.shape.length > shape.length || value.shape.length === 0) return undefined;
  const indices = freshIndices(value.shape);
  const element = value.elements(subscriptsOf(indices));
  if (element.kind !== "element" || element.subscripts.length !== 1) return undefined;
  const [subscript] = element.subscripts as readonly [Expression];
  const isLast = subscript.kind === "index" && subscript.index === indices.at(-1);
  return isLast ? element.constant : undefined;
}

/** `Linear` applied to rows; weights are [out, in]. Undefined when the parameters' path is taken. */
export function linear(
  { scope }: Call,
  data: Value,
  weight: StoredTensor,
  bias: StoredTensor,
  path: string,
): Expression | undefined {
  const [outputs, inputs] = weight.shape as readonly [number, number];
  const name = scope.part(path, `Linear(${inputs}, ${outputs})`, { weight, bias });
  if (name === undefined) return undefined;
  scope.use("std/nn", "Linear");
  return { kind: "call", name, arguments: [scope.whole(data)] };
}
