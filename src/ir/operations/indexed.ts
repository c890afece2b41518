/** Reading through an index tensor. */
import { indexSizes, parseSpec } from "../index-spec.ts";
import { IrError, type Operation } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { elementCount, stridesOf, type TensorType, tensorType } from "../types.ts";
import { visitSpace } from "./iteration.ts";

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
};
