/** Reading through an index tensor, and adding up through one. */
import type { Node } from "../graph.ts";
import { indexSizes, parseSpec, printSpec } from "../index-spec.ts";
import { IrError, type Operation } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { elementCount, isFloat, stridesOf, type TensorType, tensorType } from "../types.ts";
import { visitSpace } from "./iteration.ts";
import { precisionOf } from "./precision.ts";

/** Splits a gather's spec: the data's index that is looked up is named by `at` and stands nowhere else. */
function gatherSpec(attributes: Readonly<Record<string, unknown>>) {
  const spec = parseSpec(attributes.spec as string);
  const [data, index] = spec.operands as [readonly string[], readonly string[]];
  const axis = data.indexOf(attributes.at as string);
  if (spec.operands.length !== 2 || axis < 0)
    throw new IrError(`gather "${attributes.spec}" has no index ${attributes.at}`);
  return { spec, data, index, axis };
}

/** Offsets into the data and the index tensor for every element of the result. */
function visitGather(
  operands: readonly Tensor[],
  attributes: Readonly<Record<string, unknown>>,
  visit: (dataOffset: number, indexOffset: number, out: number) => void,
) {
  const { spec, data, axis } = gatherSpec(attributes);
  const [table, positions] = operands as [Tensor, Tensor];
  const stride = stridesOf(table.type.shape)[axis] as number;
  const sizes = new Map(indexSizes(spec, [table.type, positions.type]));
  sizes.delete(data[axis] as string);
  const kept = {
    operands: [data.filter((_, k) => k !== axis), spec.operands[1] as readonly string[]],
    result: spec.result,
  };
  // Strides of the data without the looked-up axis are not those of a contiguous tensor, so positions are added up here.
  const dataStrides = stridesOf(table.type.shape);
  const order = [...spec.result];
  const weights = order.map((name) =>
    data.reduce((sum, other, k) => sum + (other === name ? (dataStrides[k] as number) : 0), 0),
  );
  visitSpace(kept, sizes, "", (offsets, out, position) => {
    let offset = 0;
    for (let k = 0; k < order.length; k++) offset += (position[k] as number) * (weights[k] as number);
    const indexOffset = offsets[1] as number;
    visit(offset + (positions.data[indexOffset] as number) * stride, indexOffset, out);
  });
}

export const gather: Operation = {
  name: "gather",
  family: "indexed",
  summary: "Reads the first operand at positions given by the second, an index tensor, along the index `at`.",
  arity: 2,
  attributes: {
    spec: { kind: "spec", doc: 'indices of data, positions and result: "v c, l -> l c"' },
    at: { kind: "string", doc: "the data's index that is looked up" },
  },
  infer: ({ operands, attributes }) => {
    const { spec, data, index, axis } = gatherSpec(attributes);
    const [table, positions] = operands as [TensorType, TensorType];
    const sizes = indexSizes(spec, operands);
    const at = data[axis] as string;
    if (index.includes(at) || spec.result.includes(at) || data.lastIndexOf(at) !== axis) {
      throw new IrError(`the looked-up index ${at} of gather may stand in the data once and nowhere else`);
    }
    const kept = new Set([...data.filter((name) => name !== at), ...index]);
    if (spec.result.length !== kept.size || spec.result.some((name) => !kept.has(name))) {
      throw new IrError(`gather "${attributes.spec}" must keep every other index`);
    }
    if (positions.dtype !== "i32" || positions.below === undefined) {
      throw new IrError("gather wants an index tensor (idx<N>), whose values are proven to be in range");
    }
    if (positions.below > (table.shape[axis] as number)) {
      throw new IrError(`gather reads positions below ${positions.below} from an axis of ${table.shape[axis]}`);
    }
    return tensorType(
      table.dtype,
      spec.result.map((name) => sizes.get(name) as number),
      table.below,
    );
  },
  evaluate: (operands, attributes, type) => {
    const result = newTensor(type);
    visitGather(operands, attributes, (dataOffset, _index, out) => {
      result.data[out] = (operands[0] as Tensor).data[dataOffset] as number;
    });
    return result;
  },
  errorBound: (operands, errors, result, attributes) => {
    const bound = newTensor(result.type);
    visitGather(operands, attributes, (dataOffset, indexOffset, out) => {
      const moved = (errors[1] as Tensor).data[indexOffset] !== 0;
      bound.data[out] = moved ? Number.POSITIVE_INFINITY : ((errors[0] as Tensor).data[dataOffset] as number);
    });
    return bound;
  },
  flops: (_operands, result) => 0 * elementCount(result.shape),
  differentiate: ({ node, gradient, build }) => {
    const [data, positions] = node.operands as readonly [Node, Node];
    if (!isFloat(data.type.dtype)) return [undefined, undefined];
    const { spec, data: own, index, axis } = gatherSpec(node.attributes);
    const at = node.attributes.at as string;
    const back = {
      spec: printSpec({ operands: [spec.result, index], result: own }),
      at,
      size: data.type.shape[axis] as number,
    };
    return [build("scatter", [gradient, positions], back), undefined];
  },
};

/** The parts of a scatter's spec; `axis` is where the result has the index `at`. */
function scatterSpec(attributes: Readonly<Record<string, unknown>>) {
  const spec = parseSpec(attributes.spec as string);
  const [values, index] = spec.operands as [readonly string[], readonly string[]];
  const axis = spec.result.indexOf(attributes.at as string);
  if (spec.operands.length !== 2 || axis < 0)
    throw new IrError(`scatter "${attributes.spec}" has no index ${attributes.at}`);
  return { spec, values, index, axis };
}

/** The value and the result element of every addition. */
function visitScatter(
  operands: readonly Tensor[],
  attributes: Readonly<Record<string, unknown>>,
  type: TensorType,
  visit: (valueOffset: number, indexOffset: number, out: number) => void,
) {
  const { spec, axis } = scatterSpec(attributes);
  const [values, positions] = operands as [Tensor, Tensor];
  const sizes = indexSizes(spec, [values.type, positions.type]);
  const strides = stridesOf(type.shape);
  const kept = spec.result.filter((_, k) => k !== axis);
  const weights = strides.filter((_, k) => k !== axis);
  visitSpace({ operands: spec.operands, result: kept }, sizes, "", (offsets, _out, position) => {
    let out = (positions.data[offsets[1] as number] as number) * (strides[axis] as number);
    for (let k = 0; k < kept.length; k++) out += (position[k] as number) * (weights[k] as number);
    visit(offsets[0] as number, offsets[1] as number, out);
  });
}

/**
 * The adjoint of `gather`. The language could write it as `sum[l] (if I[l] == v then X[l, c] else 0)`, whose work is the product
 * of both lengths; an operation of its own lets a kernel walk the positions once.
 */
export const scatter: Operation = {
  name: "scatter",
  family: "scatter",
  summary:
    "Adds every element of the first operand to the place that the second, an index tensor, names along the new index `at`.",
  arity: 2,
  attributes: {
    spec: { kind: "spec", doc: 'indices of values, positions and result: "l c, l -> v c"' },
    at: { kind: "string", doc: "the result's index whose place is looked up" },
    size: { kind: "number", doc: "number of places" },
  },
  infer: ({ operands, attributes }) => {
    const { spec, values, index } = scatterSpec(attributes);
    const [added, positions] = operands as [TensorType, TensorType];
    const sizes = new Map(indexSizes(spec, operands));
    const at = attributes.at as string;
    if (sizes.has(at)) throw new IrError(`the index ${at} of scatter may stand in the result only`);
    sizes.set(at, attributes.size as number);
    const known = new Set([...values, ...index, at]);
    if (new Set(spec.result).size !== spec.result.length || spec.result.some((name) => !known.has(name))) {
      throw new IrError(`the result of scatter "${attributes.spec}" repeats an index or has one that is nowhere else`);
    }
    if (positions.dtype !== "i32" || positions.below === undefined || positions.below > (attributes.size as number)) {
      throw new IrError(`scatter wants an index tensor (idx<N>) with N at most ${attributes.size}`);
    }
    if (added.dtype === "bool") throw new IrError("scatter adds numbers, not bool");
    return tensorType(
      added.dtype,
      spec.result.map((name) => sizes.get(name) as number),
    );
  },
  evaluate: (operands, attributes, type) => {
    const result = newTensor(type);
    const values = (operands[0] as Tensor).data;
    visitScatter(operands, attributes, type, (from, _index, out) => {
      result.data[out] = (result.data[out] as number) + (values[from] as number);
    });
    return result;
  },
  // As a sum: one rounding for each addition on the sum of magnitudes. A position that may be another moves its value anywhere.
  errorBound: (operands, errors, result, attributes) => {
    const bound = newTensor(result.type);
    const { unit, underflow } = precisionOf(result.type.dtype);
    const count = new Float64Array(bound.data.length);
    const magnitude = new Float64Array(bound.data.length);
    const [values] = operands as [Tensor, Tensor];
    const [error, moved] = errors as [Tensor, Tensor];
    const anywhere = moved.data.some((e) => e !== 0);
    visitScatter(operands, attributes, result.type, (from, _index, out) => {
      const e = error.data[from] as number;
      count[out] = (count[out] as number) + 1;
      magnitude[out] = (magnitude[out] as number) + Math.abs(values.data[from] as number) + e;
      bound.data[out] = (bound.data[out] as number) + e;
    });
    if (anywhere) return { type: bound.type, data: bound.data.fill(Number.POSITIVE_INFINITY) };
    for (let i = 0; i < count.length; i++) {
      const rounding = (count[i] as number) * (unit * (magnitude[i] as number) + underflow);
      bound.data[i] = (bound.data[i] as number) + (isFloat(result.type.dtype) ? rounding : 0);
    }
    return bound;
  },
  flops: ([values]) => elementCount((values as TensorType).shape),
  differentiate: ({ node, gradient, build }) => {
    const [values, positions] = node.operands as readonly [Node, Node];
    if (!isFloat(values.type.dtype)) return [undefined, undefined];
    const { spec, values: own, index } = scatterSpec(node.attributes);
    const kept = new Set([...spec.result, ...index]);
    const order = own.filter((name) => kept.has(name));
    // An index that only the values have was summed out and gets the same gradient everywhere; one that only positions have repeats them.
    const read = [
      ...order,
      ...index.filter((name) => !order.includes(name)),
      ...spec.result.filter((name) => name !== node.attributes.at && !order.includes(name) && !index.includes(name)),
    ];
    const looked = build("gather", [gradient, positions], {
      spec: printSpec({ operands: [spec.result, index], result: read }),
      at: node.attributes.at as string,
    });
    const summed =
      read.length === order.length
        ? looked
        : build("sum", [looked], { spec: printSpec({ operands: [read], result: order }) });
    if (order.length === own.length) return [summed, undefined];
    const axes = order.map((name) => own.indexOf(name));
    return [build("broadcast", [summed], { shape: [...values.type.shape], axes }), undefined];
  },
};
