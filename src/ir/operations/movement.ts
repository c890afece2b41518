/**
 * Movement: operations that only rename positions. Each is a view: its index map tells, for a position of the result, where
 * the element comes from, and that one function gives the reference semantics here and the addresses in the kernels.
 */
import type { Attributes, Node } from "../graph.ts";
import {
  type IndexAlgebra,
  type IndexMap,
  type InferRequest,
  IrError,
  type Operation,
  type ViewSource,
} from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { elementCount, type Shape, stridesOf, type TensorType, tensorType } from "../types.ts";
import { copyThroughMap } from "./view-copy.ts";

const numbers = (attributes: Attributes, name: string) => attributes[name] as readonly number[];
const first = (request: InferRequest) => request.operands[0] as TensorType;

interface View {
  readonly name: string;
  readonly summary: string;
  readonly variadic?: boolean;
  /** True when elements keep their row-major order, so that the data can be shared as it lies. */
  readonly sameOrder?: boolean;
  readonly attributes: Operation["attributes"];
  readonly shape: (request: InferRequest) => Shape;
  readonly indexMap: IndexMap;
  readonly differentiate: Operation["differentiate"];
}

function checkPermutation(name: string, permutation: readonly number[], rank: number) {
  if (
    permutation.length !== rank ||
    new Set(permutation).size !== rank ||
    permutation.some((a) => !(a >= 0 && a < rank))
  ) {
    throw new IrError(`${name} wants a permutation of ${rank} axes, not [${permutation.join(", ")}]`);
  }
}

/** The one source of a view without conditions. */
const from = <I>(position: readonly I[]): readonly ViewSource<I>[] => [{ operand: 0, position, inside: [] }];

/** Row-major offset of a position, then its coordinates under another shape of as many elements. */
function reposition<I>(algebra: IndexAlgebra<I>, position: readonly I[], shape: Shape, into: Shape): I[] {
  const strides = stridesOf(shape);
  let flat = algebra.constant(0);
  position.forEach((index, axis) => {
    flat = algebra.add(flat, algebra.scale(index, strides[axis] as number));
  });
  return stridesOf(into).map((stride, axis) => {
    const shifted = algebra.divide(flat, stride);
    return axis === 0 ? shifted : algebra.remainder(shifted, Math.max(into[axis] as number, 1));
  });
}

const views: readonly View[] = [
  {
    name: "reshape",
    summary: "The same elements in the same row-major order under another shape.",
    sameOrder: true,
    attributes: { shape: { kind: "numbers", doc: "shape of the result" } },
    shape: (request) => {
      const shape = numbers(request.attributes, "shape");
      const operand = first(request);
      if (elementCount(shape) !== elementCount(operand.shape)) {
        throw new IrError(
          `reshape of [${operand.shape.join(", ")}] to [${shape.join(", ")}] changes the number of elements`,
        );
      }
      return shape;
    },
    indexMap: (algebra, position, [operand], attributes) =>
      from(reposition(algebra, position, numbers(attributes, "shape"), (operand as TensorType).shape)),
    differentiate: ({ node, gradient, build }) => [
      build("reshape", [gradient], { shape: [...(node.operands[0] as Node).type.shape] }),
    ],
  },
  {
    name: "transpose",
    summary: "Reorders axes: axis k of the result is axis `permutation[k]` of the operand.",
    attributes: { permutation: { kind: "numbers", doc: "operand axis of each result axis" } },
    shape: (request) => {
      const permutation = numbers(request.attributes, "permutation");
      checkPermutation("transpose", permutation, first(request).shape.length);
      return permutation.map((axis) => first(request).shape[axis] as number);
    },
    indexMap: (_algebra, position, _operands, attributes) => {
      const permutation = numbers(attributes, "permutation");
      return from(permutation.map((_, axis) => position[permutation.indexOf(axis)] as (typeof position)[number]));
    },
    differentiate: ({ node, gradient, build }) => {
      const permutation = numbers(node.attributes, "permutation");
      const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
      return [build("transpose", [gradient], { permutation: inverse })];
    },
  },
  {
    name: "broadcast",
    summary:
      "Repeats the operand along new axes; `axes` says which result axis each operand axis becomes, in rising order.",
    attributes: {
      shape: { kind: "numbers", doc: "shape of the result" },
      axes: { kind: "numbers", doc: "result axis of each operand axis" },
    },
    shape: (request) => {
      const shape = numbers(request.attributes, "shape");
      const axes = numbers(request.attributes, "axes");
      const operand = first(request);
      const fits =
        axes.length === operand.shape.length &&
        axes.every((axis, k) => shape[axis] === operand.shape[k] && (k === 0 || axis > (axes[k - 1] as number)));
      if (!fits)
        throw new IrError(
          `broadcast cannot lay [${operand.shape.join(", ")}] on axes [${axes.join(", ")}] of [${shape.join(", ")}]`,
        );
      return shape;
    },
    indexMap: (_algebra, position, _operands, attributes) =>
      from(numbers(attributes, "axes").map((axis) => position[axis] as (typeof position)[number])),
    differentiate: ({ node, gradient, build }) => {
      const axes = numbers(node.attributes, "axes");
      const names = node.type.shape.map((_, axis) => `i${axis}`);
      return [build("sum", [gradient], { spec: `${names.join(" ")} -> ${axes.map((axis) => names[axis]).join(" ")}` })];
    },
  },
  {
    name: "slice",
    summary: "Every `steps`-th element from `starts` on, `sizes` of them, along each axis.",
    attributes: {
      starts: { kind: "numbers", doc: "first position along each axis" },
      sizes: { kind: "numbers", doc: "number of positions along each axis" },
      steps: { kind: "numbers", doc: "distance of positions along each axis, at least 1" },
    },
    shape: (request) => {
      const operand = first(request);
      const [starts, sizes, steps] = ["starts", "sizes", "steps"].map((name) => numbers(request.attributes, name)) as [
        readonly number[],
        readonly number[],
        readonly number[],
      ];
      operand.shape.forEach((size, axis) => {
        const [start, count, step] = [starts[axis] ?? -1, sizes[axis] ?? -1, steps[axis] ?? 0];
        if (start < 0 || count < 0 || step < 1 || (count > 0 && start + (count - 1) * step >= size)) {
          throw new IrError(`slice takes ${count} positions from ${start} by ${step} of an axis of ${size}`);
        }
      });
      return sizes;
    },
    indexMap: (algebra, position, _operands, attributes) => {
      const starts = numbers(attributes, "starts");
      const steps = numbers(attributes, "steps");
      return from(position.map((index, axis) => algebra.scale(index, steps[axis] as number, starts[axis] as number)));
    },
    differentiate: ({ node, gradient, build }) => {
      const operand = (node.operands[0] as Node).type.shape;
      const starts = numbers(node.attributes, "starts");
      const steps = numbers(node.attributes, "steps");
      // Spread the gradient out to the taken positions: after each element, as many zeros as the step leaves out.
      const sizes = node.type.shape;
      let spread = gradient;
      if (steps.some((step) => step !== 1)) {
        const split = build("reshape", [gradient], { shape: sizes.flatMap((size) => [size, 1]) });
        const widened = build("pad", [split], {
          low: split.type.shape.map(() => 0),
          high: steps.flatMap((step) => [0, step - 1]),
        });
        const merged = build("reshape", [widened], {
          shape: sizes.map((size, axis) => size * (steps[axis] as number)),
        });
        const fitting = merged.type.shape.map((size, axis) =>
          Math.min(size, (operand[axis] as number) - (starts[axis] as number)),
        );
        spread = build("slice", [merged], {
          starts: fitting.map(() => 0),
          sizes: fitting,
          steps: fitting.map(() => 1),
        });
      }
      const high = operand.map((size, axis) => size - (starts[axis] as number) - (spread.type.shape[axis] as number));
      return [build("pad", [spread], { low: [...starts], high, value: 0 })];
    },
  },
  {
    name: "pad",
    summary: "Surrounds the operand with `low` and `high` elements of one value along each axis.",
    attributes: {
      low: { kind: "numbers", doc: "elements before, along each axis" },
      high: { kind: "numbers", doc: "elements after, along each axis" },
      value: { kind: "number", default: 0, doc: "the padding value" },
    },
    shape: (request) => {
      const operand = first(request);
      const low = numbers(request.attributes, "low");
      const high = numbers(request.attributes, "high");
      const rank = operand.shape.length;
      if (low.length !== rank || high.length !== rank || [...low, ...high].some((n) => n < 0)) {
        throw new IrError(`pad wants ${rank} non-negative numbers before and after`);
      }
      return operand.shape.map((size, axis) => size + (low[axis] as number) + (high[axis] as number));
    },
    indexMap: (algebra, position, [operand], attributes) => {
      const low = numbers(attributes, "low");
      const shape = (operand as TensorType).shape;
      const moved = position.map((index, axis) => algebra.scale(index, 1, -(low[axis] as number)));
      const inside = moved.map((index, axis) => ({ index, low: 0, high: (shape[axis] as number) - 1 }));
      return [{ operand: 0, position: moved, inside }];
    },
    differentiate: ({ node, gradient, build }) => {
      const operand = (node.operands[0] as Node).type.shape;
      return [
        build("slice", [gradient], {
          starts: [...numbers(node.attributes, "low")],
          sizes: [...operand],
          steps: operand.map(() => 1),
        }),
      ];
    },
  },
  {
    name: "concat",
    summary: "Lays operands one after another along an axis.",
    variadic: true,
    attributes: { axis: { kind: "number", doc: "axis along which the operands follow each other" } },
    shape: ({ operands, attributes }) => {
      const axis = attributes.axis as number;
      const shape = [...(operands[0] as TensorType).shape];
      if (!(axis >= 0 && axis < shape.length)) throw new IrError(`concat along axis ${axis} of ${shape.length}`);
      shape[axis] = 0;
      for (const operand of operands) {
        if (operand.shape.length !== shape.length || operand.shape.some((n, a) => a !== axis && n !== shape[a])) {
          throw new IrError(`concat along axis ${axis} of shapes that differ elsewhere`);
        }
        shape[axis] = (shape[axis] as number) + (operand.shape[axis] as number);
      }
      return shape;
    },
    indexMap: (algebra, position, operands, attributes) => {
      const along = attributes.axis as number;
      let start = 0;
      return operands.map(({ shape }, operand) => {
        const moved = position.map((index, axis) => (axis === along ? algebra.scale(index, 1, -start) : index));
        start += shape[along] as number;
        const index = moved[along] as (typeof moved)[number];
        return { operand, position: moved, inside: [{ index, low: 0, high: (shape[along] as number) - 1 }] };
      });
    },
    differentiate: ({ node, gradient, build }) => {
      const axis = node.attributes.axis as number;
      let start = 0;
      return node.operands.map((operand) => {
        const starts = operand.type.shape.map((_, a) => (a === axis ? start : 0));
        start += operand.type.shape[axis] as number;
        return build("slice", [gradient], { starts, sizes: [...operand.type.shape], steps: starts.map(() => 1) });
      });
    },
  },
  {
    name: "reverse",
    summary: "Turns the order of positions around along the given axes.",
    attributes: { axes: { kind: "numbers", doc: "axes to turn around" } },
    shape: (request) => {
      const operand = first(request);
      const axes = numbers(request.attributes, "axes");
      if (axes.some((axis) => !(axis >= 0 && axis < operand.shape.length)))
        throw new IrError(`reverse along axes [${axes.join(", ")}] of ${operand.shape.length}`);
      return operand.shape;
    },
    indexMap: (algebra, position, [operand], attributes) => {
      const axes = numbers(attributes, "axes");
      const shape = (operand as TensorType).shape;
      return from(
        position.map((index, axis) =>
          axes.includes(axis) ? algebra.scale(index, -1, (shape[axis] as number) - 1) : index,
        ),
      );
    },
    differentiate: ({ node, gradient, build }) => [
      build("reverse", [gradient], { axes: [...numbers(node.attributes, "axes")] }),
    ],
  },
];

/** Copies elements through the view; `padding` stands where the view reads nothing. */
function copyThrough(
  view: View,
  operands: readonly Tensor[],
  attributes: Attributes,
  type: TensorType,
  padding: number,
): Tensor {
  if (view.sameOrder) return { type, data: (operands[0] as Tensor).data };
  const result = newTensor(type);
  if (padding !== 0) result.data.fill(padding);
  copyThroughMap(view.indexMap, operands, attributes, type.shape, result.data);
  return result;
}

function operation(view: View): Operation {
  return {
    name: view.name,
    family: "movement",
    summary: view.summary,
    arity: 1,
    variadic: view.variadic,
    attributes: view.attributes,
    indexMap: view.indexMap,
    infer: (request) => {
      const operand = first(request);
      if (request.operands.some((other) => other.dtype !== operand.dtype))
        throw new IrError(`${view.name} mixes element types`);
      const bounds = request.operands.map((other) => other.below);
      const below = bounds.every((bound) => bound !== undefined) ? Math.max(...(bounds as number[])) : undefined;
      return tensorType(operand.dtype, view.shape(request), view.attributes.value === undefined ? below : undefined);
    },
    evaluate: (operands, attributes, type) =>
      copyThrough(view, operands, attributes, type, (attributes.value as number | undefined) ?? 0),
    errorBound: (_operands, errors, result, attributes) => {
      const padding = (attributes.value as number | undefined) ?? 0;
      return copyThrough(view, errors, attributes, result.type, Math.abs(padding - Math.fround(padding)) || 0);
    },
    flops: () => 0,
    differentiate: view.differentiate,
  };
}

export const movementOperations: readonly Operation[] = views.map(operation);
