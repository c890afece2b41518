/** Contraction: the sum of products with named indices. Matrix products, outer products and 1×1 convolutions are this. */
import type { Node } from "../graph.ts";
import { constrainedFraction, indexSizes, parseConstraints, parseSpec, printSpec } from "../index-spec.ts";
import { IrError, type Operation } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { isFloat, tensorType, type TensorType } from "../types.ts";
import { visitSpace } from "./iteration.ts";

/** One ULP of f32: WGSL does not fix the direction of rounding. */
const unit = 2 ** -23;

const sizesOf = (operands: readonly TensorType[], spec: string) => indexSizes(parseSpec(spec), operands);

export const contract: Operation = {
  name: "contract",
  family: "contract",
  summary: "Multiplies operands along named indices and sums over every index that the result does not keep.",
  arity: 1,
  variadic: true,
  attributes: {
    spec: { kind: "spec", doc: 'index names of the operands and the result: "i k, k j -> i j"' },
    where: { kind: "string", default: "", doc: 'affine condition on the summed range: "j <= i"' },
  },
  infer: ({ operands, attributes }) => {
    const spec = parseSpec(attributes.spec as string);
    const sizes = indexSizes(spec, operands);
    for (const name of spec.result) {
      if (!sizes.has(name)) throw new IrError(`result index ${name} of "${attributes.spec}" is in no operand`);
      if (spec.result.indexOf(name) !== spec.result.lastIndexOf(name)) throw new IrError(`result index ${name} is repeated`);
    }
    for (const constraint of parseConstraints((attributes.where as string | undefined) ?? "")) {
      for (const name of constraint.terms.keys()) {
        if (!sizes.has(name)) throw new IrError(`the condition "${attributes.where}" uses the unknown index ${name}`);
      }
    }
    const dtype = (operands[0] as TensorType).dtype;
    if (dtype === "bool") throw new IrError("contract wants numbers, not bool");
    if (operands.some((operand) => operand.dtype !== dtype)) throw new IrError("contract mixes element types");
    return tensorType(dtype, spec.result.map((name) => sizes.get(name) as number));
  },
  evaluate: (operands, attributes, type) => {
    const result = newTensor(type);
    const spec = parseSpec(attributes.spec as string);
    const sizes = indexSizes(spec, operands.map((operand) => operand.type));
    visitSpace(spec, sizes, (attributes.where as string | undefined) ?? "", (offsets, out) => {
      let product = 1;
      for (let k = 0; k < operands.length; k++) product *= (operands[k] as Tensor).data[offsets[k] as number] as number;
      result.data[out] = (result.data[out] as number) + product;
    });
    return result;
  },
  // A sum of n products of p factors in any order: (n + p) roundings on the sum of |products|, and each factor's own
  // error times the others (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
  errorBound: (operands, errors, result, attributes) => {
    const bound = newTensor(result.type);
    const spec = parseSpec(attributes.spec as string);
    const sizes = indexSizes(spec, operands.map((operand) => operand.type));
    const terms = new Float64Array(bound.data.length);
    const magnitude = new Float64Array(bound.data.length);
    visitSpace(spec, sizes, (attributes.where as string | undefined) ?? "", (offsets, out) => {
      let product = 1;
      let widened = 1;
      for (let k = 0; k < operands.length; k++) {
        const offset = offsets[k] as number;
        const size = Math.abs((operands[k] as Tensor).data[offset] as number);
        product *= size;
        widened *= size + ((errors[k] as Tensor).data[offset] as number);
      }
      terms[out] = (terms[out] as number) + 1;
      magnitude[out] = (magnitude[out] as number) + widened;
      bound.data[out] = (bound.data[out] as number) + (widened - product);
    });
    for (let i = 0; i < bound.data.length; i++) {
      const roundings = (terms[i] as number) + operands.length - 1;
      bound.data[i] = (bound.data[i] as number) + roundings * unit * (magnitude[i] as number);
    }
    return bound;
  },
  flops: (operands, _result, attributes) => {
    const sizes = sizesOf(operands, attributes.spec as string);
    let points = 1;
    for (const size of sizes.values()) points *= size;
    const where = parseConstraints((attributes.where as string | undefined) ?? "");
    const kept = where.length === 0 ? 1 : constrainedFraction(where, sizes);
    const spec = parseSpec(attributes.spec as string);
    const summed = [...sizes.keys()].some((name) => !spec.result.includes(name)) ? 1 : 0;
    return points * kept * (operands.length - 1 + summed);
  },
  // The gradient by one factor is the contraction of the gradient with all the others.
  differentiate: ({ node, gradient, build }) => {
    const spec = parseSpec(node.attributes.spec as string);
    return node.operands.map((operand, k) => {
      if (!isFloat(operand.type.dtype)) return undefined;
      const own = spec.operands[k] as readonly string[];
      const others = spec.operands.filter((_, other) => other !== k);
      const present = new Set([...spec.result, ...others.flat()]);
      const kept = own.filter((name) => present.has(name));
      const product = build("contract", [gradient, ...node.operands.filter((_, other) => other !== k)], {
        spec: printSpec({ operands: [spec.result, ...others], result: kept }),
        where: node.attributes.where ?? "",
      });
      return spreadMissing(product, own, kept, operand, build);
    });
  },
};

/** An index summed out of one operand alone spreads the gradient evenly along it. */
function spreadMissing(
  product: Node,
  own: readonly string[],
  kept: readonly string[],
  operand: Node,
  build: (op: string, operands: readonly Node[], attributes?: Node["attributes"]) => Node,
): Node {
  if (kept.length === own.length) return product;
  const axes = own.flatMap((name, axis) => (kept.includes(name) ? [axis] : []));
  return build("broadcast", [product], { shape: [...operand.type.shape], axes });
}
