/** Operators whose results depend on shapes and literals alone. */
import {
  addSizes,
  constantSize,
  floorDivideSizes,
  multiplySizes,
  type Size,
  subtractSizes,
} from "../../frontend/index.ts";
import { binary, type Constant, type Expression, number, plus, times } from "../expression.ts";
import type { StoredTensor } from "../onnx-tensor.ts";
import {
  float,
  floatFrom,
  floats,
  integer,
  integers,
  type Operator,
  type OperatorTable,
  single,
  sizesFrom,
  tensor,
} from "../operator.ts";
import { Refusal } from "../problem.ts";
import { tensorOfNumbers } from "../stored-tensor.ts";
import { constantOf, type Draft, literal, numberOf } from "../value.ts";
import { productOf } from "./reshape.ts";

/** Sizes as a vector of whole numbers. */
const vectorOf = (name: string, sizes: readonly Size[]): Constant => ({
  name,
  element: "i32",
  shape: [sizes.length],
  at: (position) => sizes[position] as Size,
});

/** The constant that a tensor of the file is. */
export function constantTensor(name: string, stored: StoredTensor): Constant {
  let decoded: Float64Array | undefined;
  const at = (position: number) => {
    decoded ??= stored.numbers();
    const value = decoded[position] as number;
    return stored.element === "i32" || stored.element === "u32" ? constantSize(BigInt(value)) : value;
  };
  return { name, element: stored.element, shape: stored.shape, at, tensor: stored };
}

const shape: Operator = single((call) => {
  const value = call.input(0);
  const rank = value.shape.length;
  const bound = (place: number) => Math.min(Math.max(place < 0 ? place + rank : place, 0), rank);
  const part = value.shape.slice(bound(integer(call, "start") ?? 0), bound(integer(call, "end") ?? rank));
  return constantOf(vectorOf(call.node.name, part));
});

const size: Operator = single((call) => {
  const total = productOf(call.input(0).shape);
  return constantOf({ name: call.node.name, element: "i32", shape: [], at: () => total });
});

const constant: Operator = single((call) => {
  const stored = tensor(call, "value") ?? listedTensor(call);
  if (stored === undefined) throw new Refusal("its value is of a kind that Weft does not have");
  return constantOf(constantTensor(call.node.outputs[0] as string, stored));
});

/** The other attributes that a `Constant` may have its value in. */
function listedTensor(call: Parameters<Operator>[0]): StoredTensor | undefined {
  const [one, many] = [float(call, "value_float"), floats(call, "value_floats")];
  if (one !== undefined) return tensorOfNumbers("f32", [], [one]);
  if (many !== undefined) return tensorOfNumbers("f32", [many.length], many);
  const [whole, wholes] = [integer(call, "value_int"), integers(call, "value_ints")];
  if (whole !== undefined) return tensorOfNumbers("i32", [], [whole]);
  return wholes === undefined ? undefined : tensorOfNumbers("i32", [wholes.length], wholes);
}

const constantOfShape: Operator = single((call) => {
  const filled = tensor(call, "value");
  const element = filled?.element ?? "f32";
  const value = filled === undefined ? 0 : (filled.numbers()[0] as number);
  return { element, shape: sizesFrom(call, 0, "shape") ?? [], kind: "view", elements: () => literal(element, value) };
});

const range: Operator = single((call) => {
  const { element } = call.input(0);
  if (element === "f32") {
    const [start, limit, step] = [
      floatFrom(call, 0, "start"),
      floatFrom(call, 1, "limit"),
      floatFrom(call, 2, "delta"),
    ] as [number, number, number];
    const length = Math.max(0, Math.ceil((limit - start) / step));
    const elements: Draft["elements"] = ([k]) => {
      const place: Expression = { kind: "call", name: "f32", arguments: [k as Expression] };
      return {
        kind: "binary",
        operator: "+",
        left: number(start),
        right: { kind: "binary", operator: "*", left: number(step), right: place },
      };
    };
    return { element, shape: [constantSize(length)], kind: "view", elements };
  }
  const [start, limit, step] = [0, 1, 2].map((k) => sizesFrom(call, k, "limits")?.[0]) as [Size, Size, Size];
  const known = numberOf(step);
  if (known === undefined || known === 0) throw new Refusal("its step is not known");
  const span = subtractSizes(limit, start);
  const length =
    known > 0
      ? floorDivideSizes(addSizes(span, constantSize(known - 1)), step)
      : floorDivideSizes(subtractSizes(constantSize(-known - 1), span), multiplySizes(step, constantSize(-1)));
  const count = numberOf(length);
  return {
    element,
    shape: [count !== undefined && count < 0 ? constantSize(0) : length],
    kind: "view",
    elements: ([k]) =>
      known < 0
        ? binary("-", { kind: "size", size: start }, times(constantSize(-known), k as Expression))
        : plus(times(step, k as Expression), start),
  };
});

export const knownOperators: OperatorTable = {
  Shape: shape,
  Size: size,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  Range: range,
};
