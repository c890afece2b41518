/**
 * Sums over products of a contraction reuse a weighted sum that exists already:
 *
 *     sum_j P_ij (sum_c g_ic V_jc)  =  sum_c g_ic (sum_j P_ij V_jc)
 *
 * The right side is linear in the number of rows where the left one is quadratic. It is what the gradient of softmax attention
 * needs of every row, sum_j P_ij dP_ij, in terms of the attention's own result (Dao et al. 2022, "FlashAttention", section 3.1 and
 * appendix B.2).
 */
import {
  type Graph,
  graphNodes,
  isConstant,
  makeBuilder,
  type Node,
  parseConstraints,
  parseSpec,
  printSpec,
} from "../ir/index.ts";
import { costOf } from "./cost.ts";
import type { Pass, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import { isIndicator, rangeSupport, type Support, sameSupport, supportOf } from "./support.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";

export const reuseWeightedSums: Pass = {
  name: "reuse-weighted-sums",
  summary: "Takes sums over products of a contraction from a weighted sum that is computed anyway.",
  run,
};

function run(graph: Graph): PassResult {
  const nodes = graphNodes(graph);
  const weighted = nodes.filter((node) => node.op === "contract" && node.operands.length === 2);
  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  for (const node of nodes) {
    const product = sumOfProducts(node);
    const replacement = product && reused(product, weighted);
    if (replacement === undefined) continue;
    const before = costOf([node]);
    const after = costOf([replacement]);
    if (after.bytes >= before.bytes) continue;
    replacements.set(node, replacement);
    rewrites.push({
      pass: "reuse-weighted-sums",
      rule: "sum over a product of a contraction",
      reason: "summing the other way round needs a weighted sum that exists already",
      before: describeNode(node, 3),
      after: describeNode(replacement),
      origins: node.origins,
      flopsBefore: before.flops,
      flopsAfter: after.flops,
      bytesBefore: before.bytes,
      bytesAfter: after.bytes,
    });
  }
  return rewrites.length === 0 ? { graph, rewrites } : { graph: mapGraph(graph, replacements), rewrites };
}

/** A sum of products of tensors with the same axes. */
interface SumOfProducts {
  readonly node: Node;
  readonly names: readonly string[];
  readonly result: readonly string[];
  /** What is multiplied, without the zeros and ones that `support` tells of, and a number. */
  readonly factors: readonly Node[];
  readonly scale: number;
  readonly support: readonly Support[];
}

function sumOfProducts(node: Node): SumOfProducts | undefined {
  const isContraction = node.op === "contract" && node.operands.length > 1;
  if (!isContraction && node.op !== "sum") return undefined;
  const spec = parseSpec(node.attributes.spec as string);
  const [names, ...others] = spec.operands as readonly (readonly string[])[];
  if (names === undefined || new Set(names).size !== names.length) return undefined;
  if (others.some((own) => own.join(" ") !== names.join(" "))) return undefined;
  const range = restriction(node, names);
  if (range === undefined || names.length === spec.result.length) return undefined;
  return {
    node,
    names,
    result: spec.result,
    ...productOf(node.operands.map(factorsOf)),
    support: unite([range, ...node.operands.map((operand) => supportOf(operand))]),
  };
}

/** The factors of a product, masks left out, and the numbers among them multiplied. */
function factorsOf(node: Node): Pick<SumOfProducts, "factors" | "scale"> {
  const [first, second] = node.operands as readonly [Node, Node];
  if (isIndicator(node)) return { factors: [], scale: 1 };
  if (isConstant(node)) return { factors: [], scale: numberOf(node) };
  if (node.op === "mul") return productOf([first, second].map(factorsOf));
  if (node.op === "neg") return productOf([factorsOf(first), { factors: [], scale: -1 }]);
  if (node.op === "div" && isConstant(second))
    return productOf([factorsOf(first), { factors: [], scale: 1 / numberOf(second) }]);
  if (node.op === "select" && supportOf(node).length > supportOf(second).length) return factorsOf(second);
  return { factors: [node], scale: 1 };
}

const numberOf = (constant: Node) => (constant.attributes.values as readonly [number])[0];

function productOf(parts: readonly Pick<SumOfProducts, "factors" | "scale">[]) {
  return {
    factors: parts.flatMap(({ factors }) => factors),
    scale: parts.reduce((scale, part) => scale * part.scale, 1),
  };
}

/** The range of a sum as support along the axes; `undefined` when it speaks of more than these. */
function restriction(node: Node, axes: readonly string[]): readonly Support[] | undefined {
  const where = (node.attributes.where as string | undefined) ?? "";
  const support = rangeSupport(where, axes);
  return support.length === parseConstraints(where).length ? support : undefined;
}

function unite(parts: readonly (readonly Support[])[]): readonly Support[] {
  const all: Support[] = [];
  for (const each of parts.flat()) if (!all.some((known) => sameSupport(known, each))) all.push(each);
  return all;
}

function reused(product: SumOfProducts, weighted: readonly Node[]): Node | undefined {
  for (const inner of product.factors) {
    if (inner.op !== "contract" || inner.operands.length !== 2) continue;
    const weights = product.factors.filter((factor) => factor !== inner);
    if (weights.length !== product.factors.length - 1 || weights.length === 0) continue;
    for (const valueOperand of [0, 1] as const) {
      const found = fromWeightedSum(product, inner, valueOperand, weights, weighted);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The sum by way of `sum_j weights_ij values_jc`, where that exists. */
function fromWeightedSum(
  { node, names, result, scale, support }: SumOfProducts,
  inner: Node,
  valueOperand: 0 | 1,
  weights: readonly Node[],
  weighted: readonly Node[],
): Node | undefined {
  const spec = parseSpec(inner.attributes.spec as string);
  const all = [...new Set(spec.operands.flat())];
  const nameOf = new Map(all.map((name) => [name, names[spec.result.indexOf(name)] ?? `${name}'`]));
  const [left, right] = spec.operands.map((own) => own.map((name) => nameOf.get(name) as string)) as [
    string[],
    string[],
  ];
  const [valueNames, otherNames] = valueOperand === 0 ? [left, right] : [right, left];
  const summed = names.filter((name) => !result.includes(name));
  const channels = valueNames.filter((name) => !names.includes(name));
  const fits =
    isPlain(valueNames) &&
    isPlain(otherNames) &&
    summed.every((name) => valueNames.includes(name) && !otherNames.includes(name)) &&
    channels.length > 0 &&
    channels.every((name) => otherNames.includes(name));
  if (!fits) return undefined;
  const values = inner.operands[valueOperand] as Node;
  const other = inner.operands[1 - valueOperand] as Node;
  for (const sum of weighted) {
    if (sum === inner || sum.operands.includes(inner)) continue;
    for (const weightsOperand of [0, 1] as const) {
      if (sum.operands[1 - weightsOperand] !== values) continue;
      const indices = resultIndices(sum, weightsOperand, { names, valueNames, summed, channels });
      const ownScale = indices && scaleOfWeights(sum, weightsOperand, weights, support);
      if (indices === undefined || ownScale === undefined || ownScale === 0) continue;
      const builder = makeBuilder(node.origins, sum.origins);
      const product = builder.contract(printSpec({ operands: [otherNames, indices], result }), [other, sum]);
      const left = Math.fround(scale / ownScale);
      const replacement = left === 1 ? product : builder.apply("mul", product, builder.constant(left, node.type.dtype));
      return node.name === undefined ? replacement : { ...replacement, name: node.name };
    }
  }
  return undefined;
}

/** Indices of a weighted sum's result in the names wanted, when it sums over what is wanted and nothing else. */
function resultIndices(
  sum: Node,
  weightsOperand: 0 | 1,
  wanted: {
    readonly names: readonly string[];
    readonly valueNames: readonly string[];
    readonly summed: readonly string[];
    readonly channels: readonly string[];
  },
): readonly string[] | undefined {
  const spec = parseSpec(sum.attributes.spec as string);
  const own = [
    spec.operands[weightsOperand] as readonly string[],
    spec.operands[1 - weightsOperand] as readonly string[],
  ];
  const named = [wanted.names, wanted.valueNames];
  const nameOf = new Map<string, string>();
  for (const [side, indices] of own.entries()) {
    for (const [axis, name] of indices.entries()) {
      const known = nameOf.get(name);
      const meant = named[side]?.[axis];
      if (meant === undefined || (known !== undefined && known !== meant)) return undefined;
      nameOf.set(name, meant);
    }
  }
  if (new Set(nameOf.values()).size !== nameOf.size) return undefined;
  const result = spec.result.map((name) => nameOf.get(name) as string);
  const left = [...nameOf.values()].filter((name) => !result.includes(name));
  const isSame = left.length === wanted.summed.length && left.every((name) => wanted.summed.includes(name));
  return isSame && wanted.channels.every((name) => result.includes(name)) ? result : undefined;
}

/** The number by which the weights of a weighted sum, its range included, differ from the product of the factors where the support is. */
function scaleOfWeights(
  sum: Node,
  weightsOperand: 0 | 1,
  factors: readonly Node[],
  support: readonly Support[],
): number | undefined {
  const operand = sum.operands[weightsOperand] as Node;
  const spec = parseSpec(sum.attributes.spec as string);
  const range = restriction(sum, spec.operands[weightsOperand] as readonly string[]);
  const own = factorsOf(operand);
  if (range === undefined || own.factors.length !== factors.length) return undefined;
  const left = [...factors];
  for (const factor of own.factors) {
    const place = left.indexOf(factor);
    if (place < 0) return undefined;
    left.splice(place, 1);
  }
  const covered = unite([range, supportOf(operand)]);
  const isSame = covered.every((each) => support.some((other) => sameSupport(each, other)));
  return isSame && covered.length === support.length ? own.scale : undefined;
}

const isPlain = (names: readonly string[]) => new Set(names).size === names.length;
