/**
 * Elementwise operations, made from the rows of elementwise-rows.ts, and cast.
 *
 * Operands have the result's shape or are scalars. There is no other broadcasting in the IR.
 */
import type { Node } from "../graph.ts";
import { type DifferentiationRule, IrError, type Operation, type ScalarRow } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import {
  type DType,
  elementCount,
  isFloat,
  isInteger,
  type Shape,
  sameShape,
  type TensorType,
  tensorType,
} from "../types.ts";
import { castBound, elementwiseBound } from "./elementwise-bounds.ts";
import { elementwiseRows, type ElementwiseRow as Row } from "./elementwise-rows.ts";

/** Shape of an elementwise result: that of the non-scalar operands, which must agree. */
function resultShape(name: string, operands: readonly TensorType[]): Shape {
  let shape: Shape = [];
  for (const operand of operands) {
    if (operand.shape.length === 0) continue;
    if (shape.length > 0 && !sameShape(shape, operand.shape)) {
      throw new IrError(
        `${name} wants operands of one shape, not [${shape.join(", ")}] and [${operand.shape.join(", ")}]`,
      );
    }
    shape = operand.shape;
  }
  return shape;
}

function resultDType(row: Row, operands: readonly TensorType[]): DType {
  const dtypes = operands.map((operand) => operand.dtype);
  const numbers = row.signature === "select" ? dtypes.slice(1) : dtypes;
  const first = numbers[0] as DType;
  if (numbers.some((dtype) => dtype !== first)) throw new IrError(`${row.name} mixes ${dtypes.join(" and ")}`);
  const refuse = (wanted: string) => new IrError(`${row.name} wants ${wanted}, not ${first}`);
  switch (row.signature) {
    case "float":
      if (!isFloat(first)) throw refuse("floating-point operands");
      return first;
    case "number":
      if (first === "bool") throw refuse("numbers");
      return first;
    case "compare":
      return "bool";
    case "logic":
      if (first !== "bool") throw refuse("booleans");
      return "bool";
    case "random":
      if (first !== "u32") throw refuse("u32");
      return "f32";
    case "select":
      if (dtypes[0] !== "bool") throw new IrError(`${row.name} wants a boolean condition, not ${dtypes[0]}`);
      return first;
  }
}

/** Applies the row at every element; scalar operands are read at 0. */
function applyRow(row: Row, operands: readonly Tensor[], result: Tensor) {
  const [x, y, z] = operands as [Tensor, Tensor, Tensor];
  const dtype = (row.signature === "select" ? y : x).type.dtype;
  const { compute } = row;
  const to = result.data;
  const step = (operand: Tensor) => (operand.type.shape.length === 0 ? 0 : 1);
  const a = x.data;
  const stepA = step(x);
  if (row.arity === 1) {
    for (let i = 0; i < to.length; i++) to[i] = compute(a[i * stepA] as number, 0, 0, dtype);
    return;
  }
  const b = y.data;
  const stepB = step(y);
  if (row.arity === 2) {
    for (let i = 0; i < to.length; i++) to[i] = compute(a[i * stepA] as number, b[i * stepB] as number, 0, dtype);
    return;
  }
  const c = z.data;
  const stepC = step(z);
  for (let i = 0; i < to.length; i++) {
    to[i] = compute(a[i * stepA] as number, b[i * stepB] as number, c[i * stepC] as number, dtype);
  }
}

function operation(row: Row): Operation {
  const { name, summary, arity, signature: _signature, stopsGradient: _stopsGradient, ...rest } = row;
  const scalar: ScalarRow = {
    ...rest,
    evaluate: ([x, y, z], dtype) => row.compute(x as number, y as number, z as number, dtype),
  };
  return {
    name,
    family: "elementwise",
    summary,
    arity,
    attributes: {},
    scalar,
    infer: ({ operands }) => tensorType(resultDType(row, operands), resultShape(name, operands)),
    evaluate: (operands, _attributes, type) => {
      const result = newTensor(type);
      applyRow(row, operands, result);
      return result;
    },
    errorBound: (operands, errors, result) => elementwiseBound(row, operands, errors, result),
    flops: (_operands, result) => row.flops * elementCount(result.shape),
    differentiate: differentiation(row),
  };
}

/** Chain rule by the row's partials; a scalar operand collects the sum over all elements. */
function differentiation(row: Row): DifferentiationRule | undefined {
  const partials = row.partials;
  if (partials === undefined) return undefined;
  if (row.stopsGradient === true) return () => [];
  return (context) => {
    const { node, gradient } = context;
    const slopes = partials<Node>(context, node.operands as readonly [Node, Node, Node], node);
    return slopes.map((slope, i) => {
      const operand = node.operands[i] as Node;
      if (slope === undefined || isZero(slope) || !isFloat(operand.type.dtype)) return undefined;
      const flowing = context.apply("mul", gradient, slope);
      if (operand.type.shape.length > 0 || node.type.shape.length === 0) return flowing;
      const axes = node.type.shape.map((_, axis) => `i${axis}`);
      return context.build("sum", [flowing], { spec: `${axes.join(" ")} -> ` });
    });
  };
}

/** True for the slope of functions that are flat between their jumps. */
function isZero(slope: Node): boolean {
  const values = slope.attributes.values;
  return slope.op === "constant" && Array.isArray(values) && values.length === 1 && values[0] === 0;
}

export const elementwiseOperations: readonly Operation[] = elementwiseRows.map(operation);

/**
 * Conversion between element types: floats to integers round towards zero and saturate, integers to each other keep their
 * bits, anything to bool is `!= 0`.
 */
export const cast: Operation = {
  name: "cast",
  family: "elementwise",
  summary: "Converts elements to another type.",
  arity: 1,
  attributes: {
    to: { kind: "string", doc: "element type of the result" },
    below: { kind: "number", default: 0, doc: "bound of the result when it is proven to be an index; 0 for none" },
  },
  scalar: {
    evaluate: ([x]) => x as number,
    compute: (x) => x,
    wgsl: "$T($0)",
    roundoff: () => 0,
    partials: (a) => [a.constant(1)],
    flops: 0,
  },
  infer: ({ operands, attributes }) => {
    const below = attributes.below as number | undefined;
    return tensorType(attributes.to as DType, (operands[0] as TensorType).shape, below ? below : undefined);
  },
  evaluate: ([x], _attributes, type) => {
    const result = newTensor(type);
    const { data, type: from } = x as Tensor;
    for (let i = 0; i < data.length; i++) result.data[i] = convert(data[i] as number, from.dtype, type.dtype);
    return result;
  },
  errorBound: ([x], [error], result) => castBound(x as Tensor, error as Tensor, result),
  flops: () => 0,
  differentiate: ({ node, gradient, build }) => {
    const from = (node.operands[0] as Node).type.dtype;
    return [isFloat(from) ? build("cast", [gradient], { to: from }) : undefined];
  },
};

function convert(x: number, from: DType, to: DType): number {
  switch (to) {
    case "bool":
      return x !== 0 ? 1 : 0;
    case "i32":
      return isInteger(from) ? x | 0 : Math.min(Math.max(Math.trunc(x), -2147483648), 2147483647) || 0;
    case "u32":
      return isInteger(from) ? x >>> 0 : Math.min(Math.max(Math.trunc(x), 0), 4294967295) || 0;
    default:
      return x;
  }
}
