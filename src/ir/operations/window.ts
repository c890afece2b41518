/**
 * Windows: reading at affine positions, `X[c, 2*y + ky - 1, 2*x + kx - 1] else 0`.
 *
 * A convolution is a contraction of its weights with such a view, a pooling is a reduction of it, a shift or a strided
 * slice is the view itself. The view is never stored: kernels turn it into addresses, which makes a convolution an
 * implicit matrix product.
 */
import type { Attributes } from "../graph.ts";
import { type IndexMap, IrError, type Operation } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { type TensorType, tensorType } from "../types.ts";
import { copyThroughMap } from "./view-copy.ts";

/** One axis of the operand: `constant + sum of coefficient * index`. */
interface WindowAxis {
  readonly terms: readonly { readonly index: string; readonly coefficient: number }[];
  readonly constant: number;
}

export interface WindowSpec {
  readonly axes: readonly WindowAxis[];
  readonly result: readonly string[];
}

const parsed = new Map<string, WindowSpec>();

/** Reads `"c, 2 y + ky - 1 -> c ky y"`: where each axis of the operand is read, for each index of the result. */
export function parseWindow(text: string): WindowSpec {
  let spec = parsed.get(text);
  if (spec === undefined) {
    const [from, to, ...more] = text.split("->");
    if (from === undefined || to === undefined || more.length > 0)
      throw new IrError(`"${text}" is not of the form "2 y + ky - 1 -> ky y"`);
    spec = {
      axes: from.trim() === "" ? [] : from.split(",").map((axis) => parseAxis(axis, text)),
      result: to.split(/\s+/).filter(Boolean),
    };
    if (parsed.size > 100_000) parsed.clear();
    parsed.set(text, spec);
  }
  return spec;
}

function parseAxis(text: string, whole: string): WindowAxis {
  const terms: { index: string; coefficient: number }[] = [];
  let constant = 0;
  const pieces = text.trim().match(/[+-]?[^+-]+/g) ?? [];
  for (const piece of pieces) {
    const match = /^([+-])?\s*(\d+)?\s*([\p{L}_][\p{L}\p{N}_']*)?\s*$/u.exec(piece.trim());
    if (match === null || (match[2] === undefined && match[3] === undefined)) {
      throw new IrError(`"${piece.trim()}" in "${whole}" is neither a number nor an index`);
    }
    const value = (match[1] === "-" ? -1 : 1) * Number(match[2] ?? 1);
    if (match[3] === undefined) constant += value;
    else terms.push({ index: match[3], coefficient: value });
  }
  if (pieces.length === 0) throw new IrError(`an axis of "${whole}" is empty`);
  return { terms, constant };
}

export function printWindow(spec: WindowSpec): string {
  return `${spec.axes.map(printAxis).join(", ")} -> ${spec.result.join(" ")}`;
}

function printAxis({ terms, constant }: WindowAxis): string {
  let text = "";
  const append = (negative: boolean, magnitude: string) => {
    if (text === "") text = negative ? `-${magnitude}` : magnitude;
    else text += negative ? ` - ${magnitude}` : ` + ${magnitude}`;
  };
  for (const { index, coefficient } of terms) {
    const size = Math.abs(coefficient);
    append(coefficient < 0, size === 1 ? index : `${size} ${index}`);
  }
  if (constant !== 0 || text === "") append(constant < 0, String(Math.abs(constant)));
  return text;
}

const indexMap: IndexMap = (algebra, position, operands, attributes) => {
  const spec = parseWindow(attributes.spec as string);
  const shape = (operands[0] as TensorType).shape;
  const at = new Map(spec.result.map((name, axis) => [name, position[axis] as (typeof position)[number]]));
  const moved = spec.axes.map(({ terms, constant }) => {
    const [first, ...others] = terms;
    if (first === undefined) return algebra.constant(constant);
    let sum = algebra.scale(at.get(first.index) as (typeof position)[number], first.coefficient, constant);
    for (const { index, coefficient } of others) {
      sum = algebra.add(sum, algebra.scale(at.get(index) as (typeof position)[number], coefficient));
    }
    return sum;
  });
  const inside = moved.map((index, axis) => ({ index, low: 0, high: (shape[axis] as number) - 1 }));
  return [{ operand: 0, position: moved, inside }];
};

export const window: Operation = {
  name: "window",
  family: "movement",
  summary: "Reads the operand at affine positions of the result's indices; outside it, the value is `value`.",
  arity: 1,
  attributes: {
    spec: { kind: "spec", doc: 'where each axis is read: "c, 2 y + ky - 1 -> c ky y"' },
    shape: { kind: "numbers", doc: "shape of the result" },
    value: { kind: "number", default: 0, doc: "the value outside the operand" },
  },
  indexMap,
  infer: ({ operands, attributes }) => {
    const spec = parseWindow(attributes.spec as string);
    const operand = operands[0] as TensorType;
    const shape = attributes.shape as readonly number[];
    if (spec.axes.length !== operand.shape.length)
      throw new IrError(`window "${attributes.spec}" reads ${spec.axes.length} axes of ${operand.shape.length}`);
    if (spec.result.length !== shape.length)
      throw new IrError(`window "${attributes.spec}" has ${spec.result.length} indices for ${shape.length} sizes`);
    if (new Set(spec.result).size !== spec.result.length)
      throw new IrError(`window "${attributes.spec}" repeats an index of the result`);
    for (const { terms } of spec.axes) {
      for (const { index } of terms) {
        if (!spec.result.includes(index))
          throw new IrError(`window "${attributes.spec}" uses the unknown index ${index}`);
      }
    }
    return tensorType(operand.dtype, shape);
  },
  evaluate: ([operand], attributes, type) =>
    filled(operand as Tensor, attributes, type, (attributes.value as number | undefined) ?? 0),
  errorBound: (_operands, [error], result, attributes) => filled(error as Tensor, attributes, result.type, 0),
  flops: () => 0,
};

function filled(operand: Tensor, attributes: Attributes, type: TensorType, value: number): Tensor {
  const result = newTensor(type);
  if (value !== 0) result.data.fill(value);
  copyThroughMap(indexMap, [operand], attributes, type.shape, result.data);
  return result;
}
