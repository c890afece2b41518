/**
 * Windows: reading at affine positions, `X[c, 2*y + ky - 1, 2*x + kx - 1] else 0`, or at such a position divided by a number
 * where it divides it: `(y - ky + 1) / 2`, which is how a gradient flows back through a window of stride 2.
 *
 * A convolution is a contraction of its weights with such a view, a pooling is a reduction of it, a shift or a strided
 * slice is the view itself. The view is never stored: kernels turn it into addresses, which makes a convolution an
 * implicit matrix product.
 */
import type { Attributes } from "../graph.ts";
import { type IndexAlgebra, type IndexMap, IrError, type Operation } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { type TensorType, tensorType } from "../types.ts";
import { copyOneByOne, copyThroughMap } from "./view-copy.ts";
import { windowGradient } from "./window-gradient.ts";
import { parseWindow, type WindowAxis, type WindowSpec } from "./window-spec.ts";

/** Where each axis is read, before division. */
function numerators<I>(algebra: IndexAlgebra<I>, position: readonly I[], spec: WindowSpec): I[] {
  const at = new Map(spec.result.map((name, axis) => [name, position[axis] as I]));
  return spec.axes.map(({ terms, constant }) => {
    const [first, ...others] = terms;
    if (first === undefined) return algebra.constant(constant);
    let sum = algebra.scale(at.get(first.index) as I, first.coefficient, constant);
    for (const { index, coefficient } of others) {
      sum = algebra.add(sum, algebra.scale(at.get(index) as I, coefficient));
    }
    return sum;
  });
}

const indexMap: IndexMap = (algebra, position, operands, attributes) => {
  const spec = parseWindow(attributes.spec as string);
  const shape = (operands[0] as TensorType).shape;
  const sums = numerators(algebra, position, spec);
  const moved = sums.map((sum, axis) => {
    const { divisor } = spec.axes[axis] as WindowAxis;
    return divisor === 1 ? sum : algebra.divide(sum, divisor);
  });
  const inside = moved.map((index, axis) => ({ index, low: 0, high: (shape[axis] as number) - 1 }));
  const whole = sums.flatMap((sum, axis) => {
    const { divisor } = spec.axes[axis] as WindowAxis;
    return divisor === 1 ? [] : [{ index: algebra.remainder(sum, divisor), low: 0, high: 0 }];
  });
  return [{ operand: 0, position: moved, inside: [...inside, ...whole] }];
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
  differentiate: windowGradient,
};

function filled(operand: Tensor, attributes: Attributes, type: TensorType, value: number): Tensor {
  const result = newTensor(type);
  if (value !== 0) result.data.fill(value);
  const divides = parseWindow(attributes.spec as string).axes.some(({ divisor }) => divisor > 1);
  if (divides) copyOneByOne(indexMap, operand, attributes, type.shape, result.data);
  else copyThroughMap(indexMap, [operand], attributes, type.shape, result.data);
  return result;
}
