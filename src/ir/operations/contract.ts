/** Contraction: the sum of products with named indices. Matrix products, outer products and 1×1 convolutions are this. */
import type { Attributes, Node } from "../graph.ts";
import { constrainedFraction, indexSizes, parseConstraints, parseSpec, printSpec } from "../index-spec.ts";
import { IrError, type Operation } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { isFloat, isInteger, type TensorType, tensorType } from "../types.ts";
import { sumIntegerProducts, sumProducts } from "./contract-kernel.ts";
import { type IndexSpace, indexSpace, visitRuns } from "./iteration.ts";
import { precisionOf } from "./precision.ts";

function spaceOf(operands: readonly Tensor[], attributes: Attributes): IndexSpace {
  const spec = parseSpec(attributes.spec as string);
  const sizes = indexSizes(
    spec,
    operands.map((operand) => operand.type),
  );
  return indexSpace(spec, sizes, (attributes.where as string | undefined) ?? "");
}

/** Number of products that are added up in each element of the result. */
function countTerms(space: IndexSpace, terms: Float64Array) {
  const step = space.resultStrides.at(-1) ?? 0;
  visitRuns(space, (_offsets, out, _first, count) => {
    if (step === 0) terms[out] = (terms[out] as number) + count;
    else for (let i = 0; i < count; i++) terms[out + i * step] = (terms[out + i * step] as number) + 1;
  });
}

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
      if (spec.result.indexOf(name) !== spec.result.lastIndexOf(name))
        throw new IrError(`result index ${name} is repeated`);
    }
    for (const constraint of parseConstraints((attributes.where as string | undefined) ?? "")) {
      for (const name of constraint.terms.keys()) {
        if (!sizes.has(name)) throw new IrError(`the condition "${attributes.where}" uses the unknown index ${name}`);
      }
    }
    const dtype = (operands[0] as TensorType).dtype;
    if (dtype === "bool") throw new IrError("contract wants numbers, not bool");
    if (operands.some((operand) => operand.dtype !== dtype)) throw new IrError("contract mixes element types");
    return tensorType(
      dtype,
      spec.result.map((name) => sizes.get(name) as number),
    );
  },
  evaluate: (operands, attributes, type) => {
    const result = newTensor(type);
    const factors = operands.map((operand) => operand.data);
    const space = spaceOf(operands, attributes);
    if (isInteger(type.dtype)) sumIntegerProducts(factors, space, result.data, type.dtype === "i32");
    else sumProducts(factors, space, result.data);
    return result;
  },
  // A sum of n products of p factors in any order: (n + p) roundings on the sum of |products|, and each factor's own
  // error times the others (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1).
  errorBound: (operands, errors, result, attributes) => {
    const bound = newTensor(result.type);
    if (!isFloat(result.type.dtype)) return bound;
    const { unit, underflow, largest } = precisionOf(result.type.dtype);
    const space = spaceOf(operands, attributes);
    const exact = errors.every((error) => error.data.every((e) => e === 0));
    const sizes = operands.map((operand) => operand.data.map(Math.abs));
    const widened = exact
      ? sizes
      : sizes.map((size, k) => size.map((value, i) => value + ((errors[k] as Tensor).data[i] as number)));
    const magnitude = new Float64Array(bound.data.length);
    sumProducts(widened, space, magnitude);
    const terms = new Float64Array(bound.data.length);
    countTerms(space, terms);
    // Infinite magnitudes make NaN of the difference below: nothing is known then.
    const least = new Float64Array(bound.data.length);
    if (!exact) sumProducts(sizes, space, least);
    for (let i = 0; i < bound.data.length; i++) {
      const most = magnitude[i] as number;
      const roundings = (terms[i] as number) + operands.length - 1;
      const carried = exact ? 0 : Math.max(0, most - (least[i] as number));
      const total = carried + roundings * (unit * most + underflow);
      bound.data[i] = Number.isNaN(total) || most > largest ? Number.POSITIVE_INFINITY : total;
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
