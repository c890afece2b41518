/**
 * Movement: operations that only rename positions. Each is a view: `source` tells, for a position of the result, where
 * the element comes from, and that one function gives the reference semantics here and the index maps of the kernels.
 */
import type { Attributes, Node } from "../graph.ts";
import { IrError, type InferRequest, type Operation } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { elementCount, stridesOf, tensorType, type Shape, type TensorType } from "../types.ts";

const numbers = (attributes: Attributes, name: string) => attributes[name] as readonly number[];
const first = (request: InferRequest) => request.operands[0] as TensorType;

/** Where a result element comes from: which operand, and at which flat offset; `undefined` is the padding value. */
type Locate = (position: readonly number[]) => { operand: number; offset: number } | undefined;

interface View {
  readonly name: string;
  readonly summary: string;
  readonly variadic?: boolean;
  readonly attributes: Operation["attributes"];
  readonly shape: (request: InferRequest) => Shape;
  readonly locate: (operands: readonly TensorType[], result: TensorType, attributes: Attributes) => Locate;
  readonly differentiate: Operation["differentiate"];
}

function checkPermutation(name: string, permutation: readonly number[], rank: number) {
  if (permutation.length !== rank || new Set(permutation).size !== rank || permutation.some((a) => !(a >= 0 && a < rank))) {
    throw new IrError(`${name} wants a permutation of ${rank} axes, not [${permutation.join(", ")}]`);
  }
}

const dot = (position: readonly number[], strides: readonly number[]) => {
  let offset = 0;
  for (let axis = 0; axis < strides.length; axis++) offset += (position[axis] as number) * (strides[axis] as number);
  return offset;
};

const views: readonly View[] = [
  {
    name: "reshape",
    summary: "The same elements in the same row-major order under another shape.",
    attributes: { shape: { kind: "numbers", doc: "shape of the result" } },
    shape: (request) => {
      const shape = numbers(request.attributes, "shape");
      const operand = first(request);
      if (elementCount(shape) !== elementCount(operand.shape)) {
        throw new IrError(`reshape of [${operand.shape.join(", ")}] to [${shape.join(", ")}] changes the number of elements`);
      }
      return shape;
    },
    locate: (_operands, result) => {
      const strides = stridesOf(result.shape);
      return (position) => ({ operand: 0, offset: dot(position, strides) });
    },
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
    locate: ([operand], _result, attributes) => {
      const strides = stridesOf((operand as TensorType).shape);
      const permuted = numbers(attributes, "permutation").map((axis) => strides[axis] as number);
      return (position) => ({ operand: 0, offset: dot(position, permuted) });
    },
    differentiate: ({ node, gradient, build }) => {
      const permutation = numbers(node.attributes, "permutation");
      const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
      return [build("transpose", [gradient], { permutation: inverse })];
    },
  },
  {
    name: "broadcast",
    summary: "Repeats the operand along new axes; `axes` says which result axis each operand axis becomes, in rising order.",
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
      if (!fits) throw new IrError(`broadcast cannot lay [${operand.shape.join(", ")}] on axes [${axes.join(", ")}] of [${shape.join(", ")}]`);
      return shape;
    },
    locate: ([operand], result, attributes) => {
      const strides = stridesOf((operand as TensorType).shape);
      const spread = new Array<number>(result.shape.length).fill(0);
      numbers(attributes, "axes").forEach((axis, k) => {
        spread[axis] = strides[k] as number;
      });
      return (position) => ({ operand: 0, offset: dot(position, spread) });
    },
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
    locate: ([operand], _result, attributes) => {
      const strides = stridesOf((operand as TensorType).shape);
      const base = dot(numbers(attributes, "starts"), strides);
      const stepped = numbers(attributes, "steps").map((step, axis) => step * (strides[axis] as number));
      return (position) => ({ operand: 0, offset: base + dot(position, stepped) });
    },
    differentiate: ({ node, gradient, build }) => {
      const operand = (node.operands[0] as Node).type.shape;
      const starts = numbers(node.attributes, "starts");
      const steps = numbers(node.attributes, "steps");
      if (steps.some((step) => step !== 1)) throw new IrError("the gradient of a strided slice is not implemented yet");
      const high = operand.map((size, axis) => size - (starts[axis] as number) - (node.type.shape[axis] as number));
      return [build("pad", [gradient], { low: [...starts], high, value: 0 })];
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
    locate: ([operand], _result, attributes) => {
      const shape = (operand as TensorType).shape;
      const strides = stridesOf(shape);
      const low = numbers(attributes, "low");
      return (position) => {
        let offset = 0;
        for (let axis = 0; axis < shape.length; axis++) {
          const at = (position[axis] as number) - (low[axis] as number);
          if (at < 0 || at >= (shape[axis] as number)) return undefined;
          offset += at * (strides[axis] as number);
        }
        return { operand: 0, offset };
      };
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
    locate: (operands, _result, attributes) => {
      const axis = attributes.axis as number;
      const strides = operands.map((operand) => stridesOf(operand.shape));
      return (position) => {
        let along = position[axis] as number;
        for (let k = 0; k < operands.length; k++) {
          const size = (operands[k] as TensorType).shape[axis] as number;
          if (along < size) {
            const own = [...position];
            own[axis] = along;
            return { operand: k, offset: dot(own, strides[k] as number[]) };
          }
          along -= size;
        }
        return undefined;
      };
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
      if (axes.some((axis) => !(axis >= 0 && axis < operand.shape.length))) throw new IrError(`reverse along axes [${axes.join(", ")}] of ${operand.shape.length}`);
      return operand.shape;
    },
    locate: ([operand], _result, attributes) => {
      const shape = (operand as TensorType).shape;
      const axes = numbers(attributes, "axes");
      const strides = stridesOf(shape).map((stride, axis) => (axes.includes(axis) ? -stride : stride));
      const base = axes.reduce((sum, axis) => sum - ((shape[axis] as number) - 1) * (strides[axis] as number), 0);
      return (position) => ({ operand: 0, offset: base + dot(position, strides) });
    },
    differentiate: ({ node, gradient, build }) => [build("reverse", [gradient], { axes: [...numbers(node.attributes, "axes")] })],
  },
];

/** Copies elements through the view; `padding` stands where the view reads nothing. */
function copyThrough(view: View, operands: readonly Tensor[], attributes: Attributes, type: TensorType, padding: number): Tensor {
  const result = newTensor(type);
  const locate = view.locate(operands.map((operand) => operand.type), type, attributes);
  const position = new Array<number>(type.shape.length).fill(0);
  for (let element = 0; element < result.data.length; element++) {
    const from = locate(position);
    result.data[element] = from === undefined ? padding : ((operands[from.operand] as Tensor).data[from.offset] as number);
    for (let axis = type.shape.length - 1; axis >= 0; axis--) {
      position[axis] = (position[axis] as number) + 1;
      if ((position[axis] as number) < (type.shape[axis] as number)) break;
      position[axis] = 0;
    }
  }
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
    infer: (request) => {
      const operand = first(request);
      if (request.operands.some((other) => other.dtype !== operand.dtype)) throw new IrError(`${view.name} mixes element types`);
      const bounds = request.operands.map((other) => other.below);
      const below = bounds.every((bound) => bound !== undefined) ? Math.max(...(bounds as number[])) : undefined;
      return tensorType(operand.dtype, view.shape(request), view.attributes.value === undefined ? below : undefined);
    },
    evaluate: (operands, attributes, type) =>
      copyThrough(view, operands, attributes, type, (attributes.value as number | undefined) ?? 0),
    errorBound: (_operands, errors, result, attributes) => copyThrough(view, errors, attributes, result.type, 0),
    flops: () => 0,
    differentiate: view.differentiate,
  };
}

export const movementOperations: readonly Operation[] = views.map(operation);
