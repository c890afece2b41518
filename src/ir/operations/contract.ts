/** Contraction: the sum of products with named indices. Matrix products, outer products and 1×1 convolutions are this. */
import type { Attributes, Node } from "../graph.ts";
import {
  type Constraint,
  constrainedFraction,
  type IndexSpec,
  indexSizes,
  parseConstraints,
  parseSpec,
  printConstraints,
  printSpec,
} from "../index-spec.ts";
import { type DifferentiationContext, IrError, type Operation } from "../operation.ts";
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
    // Partial products of three and more factors can leave the range of the type although the whole product does not.
    const growth = new Float64Array(bound.data.length).fill(1);
    if (operands.length > 2) {
      sumProducts(
        widened.map((size) => size.map((value) => Math.max(1, value))),
        space,
        growth,
      );
    }
    const least = new Float64Array(bound.data.length);
    if (!exact) sumProducts(sizes, space, least);
    for (let i = 0; i < bound.data.length; i++) {
      const most = magnitude[i] as number;
      const peak = growth[i] as number;
      const roundings = (terms[i] as number) + operands.length - 1;
      const carried = exact ? 0 : Math.max(0, most - (least[i] as number));
      const total = carried + roundings * (unit * most + underflow * peak);
      // Infinite magnitudes make NaN of the difference: nothing is known then.
      const lost = Number.isNaN(total) || most > largest || peak > largest;
      bound.data[i] = lost ? Number.POSITIVE_INFINITY : total;
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
  differentiate: (context) => {
    const { node } = context;
    return node.operands.map((operand, k) => (isFloat(operand.type.dtype) ? factorGradient(context, k) : undefined));
  },
};

/** Gradient by operand k. */
function factorGradient({ node, gradient, build, constant }: DifferentiationContext, k: number): Node {
  const spec = parseSpec(node.attributes.spec as string);
  const operand = node.operands[k] as Node;
  const conditions = parseConstraints((node.attributes.where as string | undefined) ?? "");
  const own = distinctIndices(spec.operands[k] as readonly string[], spec);
  const others = spec.operands.filter((_, other) => other !== k);
  const present = new Set([...spec.result, ...others.flat()]);
  const missing = own.names.filter((name) => !present.has(name));
  const where = [...conditions, ...own.diagonal];
  const needed = missing.filter((name) => where.some((condition) => condition.terms.has(name)));
  // A condition can only speak of indices that some factor has; a factor of ones stands in for the operand there.
  const ones = needed.map((name) => {
    const size = operand.type.shape[own.names.indexOf(name)] as number;
    return build("broadcast", [constant(1)], { shape: [size], axes: [] });
  });
  const kept = own.names.filter((name) => present.has(name) || needed.includes(name));
  const factors = [gradient, ...node.operands.filter((_, other) => other !== k), ...ones];
  const product = build("contract", factors, {
    spec: printSpec({ operands: [spec.result, ...others, ...needed.map((name) => [name])], result: kept }),
    where: printConstraints(where),
  });
  if (kept.length === own.names.length) return product;
  // An index summed out of this operand alone, and free of conditions, spreads the gradient evenly along it.
  const axes = own.names.flatMap((name, axis) => (kept.includes(name) ? [axis] : []));
  return build("broadcast", [product], { shape: [...operand.type.shape], axes });
}

/** Gives every axis a name of its own; an axis that repeats an index gets a fresh one, with conditions that equate the two. */
function distinctIndices(indices: readonly string[], spec: IndexSpec) {
  const taken = new Set([...spec.operands.flat(), ...spec.result]);
  const names: string[] = [];
  const diagonal: Constraint[] = [];
  for (const name of indices) {
    let fresh = name;
    while (names.includes(fresh) || (fresh !== name && taken.has(fresh))) fresh += "'";
    names.push(fresh);
    if (fresh === name) continue;
    for (const sign of [1, -1]) {
      const terms = new Map([
        [name, sign],
        [fresh, -sign],
      ]);
      diagonal.push({ terms, constant: 0 });
    }
  }
  return { names, diagonal };
}
