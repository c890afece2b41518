/** The scan whose steps are linear: `h[t] = a[t] * h[t-1] + b[t]`, with nothing before the first step. */
import { IrError, type Operation } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { elementCount, sameShape, stridesOf, type TensorType, tensorType } from "../types.ts";
import { precisionOf } from "./precision.ts";
import { linearRecurrenceGradient } from "./reduce-gradients.ts";

/** Calls `visit` for the positions of every line, in the order of the steps; `first` is true at the start of a line. */
function visitLines(
  { shape }: TensorType,
  attributes: Readonly<Record<string, unknown>>,
  visit: (at: number, first: boolean) => void,
): void {
  const axis = attributes.axis as number;
  const length = shape[axis] as number;
  const stride = stridesOf(shape)[axis] as number;
  const count = elementCount(shape);
  for (let offset = 0; offset < count; offset++) {
    if (Math.floor(offset / stride) % length !== 0) continue;
    for (let step = 0; step < length; step++) {
      const position = attributes.reverse === true ? length - 1 - step : step;
      visit(offset + position * stride, step === 0);
    }
  }
}

/**
 * Bound for any order in which the steps are joined. `h[t]` is the sum over s of `a[t] ... a[s+1] b[s]`: at most two roundings
 * for each step (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), and whatever is flushed to zero on the way
 * grows by no more than the factors above 1 and meets nothing larger than the crest.
 */
function bound([a, b]: readonly Tensor[], [ea, eb]: readonly Tensor[], result: Tensor, attributes: object): Tensor {
  const { unit, underflow, largest } = precisionOf(result.type.dtype);
  const out = newTensor(result.type);
  let [widened, least, growth, crest, terms] = [0, 0, 1, 0, 0];
  visitLines(result.type, attributes as Readonly<Record<string, unknown>>, (at, first) => {
    if (first) [widened, least, growth, crest, terms] = [0, 0, 1, 0, 0];
    const factor = Math.abs(a?.data[at] as number);
    const term = Math.abs(b?.data[at] as number);
    const wideFactor = factor + (ea?.data[at] as number);
    const wideTerm = term + (eb?.data[at] as number);
    widened = wideFactor * widened + wideTerm;
    least = factor * least + term;
    growth *= Math.max(1, wideFactor);
    crest = Math.max(1, wideFactor) * crest + wideTerm;
    terms++;
    const flushed = 2 * terms * underflow * growth * (1 + crest);
    const total = widened - least + 2 * terms * unit * widened + flushed;
    out.data[at] = Number.isNaN(total) || Math.max(growth, crest) > largest ? Number.POSITIVE_INFINITY : total;
  });
  return out;
}

export const linearRecurrence: Operation = {
  name: "linear_recurrence",
  family: "scan",
  summary: "Runs `h = a * h + b` along one axis from h = 0; the operands are a and b.",
  arity: 2,
  attributes: {
    axis: { kind: "number", doc: "axis along which it runs" },
    reverse: { kind: "boolean", default: false, doc: "run from the end to the start" },
  },
  scanStep: {
    start: () => 0,
    next: ({ apply }, held, [a, b]) => apply("add", apply("mul", a as typeof held, held), b as typeof held),
  },
  infer: ({ operands, attributes }) => {
    const [a, b] = operands as readonly [TensorType, TensorType];
    const axis = attributes.axis as number;
    if (!(axis >= 0 && axis < a.shape.length))
      throw new IrError(`linear_recurrence along axis ${axis} of ${a.shape.length}`);
    if (a.dtype !== "f32" || b.dtype !== "f32")
      throw new IrError(`linear_recurrence wants f32, not ${a.dtype} and ${b.dtype}`);
    if (!sameShape(a.shape, b.shape)) {
      throw new IrError(`linear_recurrence wants equal shapes, not [${a.shape}] and [${b.shape}]`);
    }
    return tensorType("f32", a.shape);
  },
  evaluate: ([a, b], attributes, type) => {
    const result = newTensor(type);
    let held = 0;
    visitLines(type, attributes, (at, first) => {
      held = (a?.data[at] as number) * (first ? 0 : held) + (b?.data[at] as number);
      result.data[at] = held;
    });
    return result;
  },
  errorBound: (operands, errors, result, attributes) => bound(operands, errors, result, attributes),
  flops: ([a]) => 2 * elementCount((a as TensorType).shape),
  differentiate: linearRecurrenceGradient,
};
