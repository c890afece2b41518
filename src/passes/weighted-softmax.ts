/**
 * Softmax as fusion looks for it: a weighted sum whose weights are a maximum-subtracted exponential along the summed index,
 * `N = sum_j exp(S - max_j S) * V` with `D = sum_j exp(S - max_j S)`, whatever S is and wherever N is divided by D. Dense, restricted
 * (`j <= i`) and gathered attention all have it. So does attention under a mask of data, where every `exp` that is summed and every S
 * under the maximum is chosen by one condition.
 */
import {
  isConstant,
  largestF32,
  type Node,
  parseConstraints,
  parseSpec,
  printConstraints,
  sameShape,
} from "../ir/index.ts";
import { keptAxes } from "./fusion-rows.ts";

/** The nodes that play a part in a softmax and the weighted sum it feeds. */
export interface WeightedSoftmax {
  /** What is exponentiated, before the maximum is subtracted. */
  readonly exponent: Node;
  readonly maximum: Node;
  /** `exp(exponent - maximum)`. */
  readonly weights: Node;
  readonly total: Node;
  /** The contraction of the weights with values. */
  readonly weighted: Node;
  /** Which of its operands has the weights. */
  readonly weightsOperand: 0 | 1;
  /** That operand, or the weights of which it is a multiple. */
  readonly base: Node;
  /** True when the base is already divided by the total. */
  readonly normalised: boolean;
  /** Condition of the shape of the scores; positions where it is false are not there. */
  readonly mask?: Node;
  /** All nodes between the exponent and the base, the base included. */
  readonly inside: readonly Node[];
  /** What multiplies the base, from there to the operand. */
  readonly scaling: readonly Node[];
}

/** Steps from a weighted sum's operand back to its weights. */
const mostMultiples = 6;

const only = <T>(items: readonly T[]): T | undefined => (items.length === 1 ? items[0] : undefined);

/** Recognises the softmax behind an operand of a contraction. */
export function matchWeightedSoftmax(
  users: ReadonlyMap<Node, readonly Node[]>,
  weighted: Node,
  weightsOperand: 0 | 1,
): WeightedSoftmax | undefined {
  // As far as a weighted sum is linear in its weights, they may be scaled one by one: dropout does.
  for (const [base, ...scaling] of multiples(weighted.operands[weightsOperand] as Node, mostMultiples)) {
    const found = base && matchBase(users, weighted, weightsOperand, base);
    if (found !== undefined) return { ...found, scaling };
  }
  return undefined;
}

/**
 * What a node is a multiple of, element by element, each followed by the way back to the node: products with other tensors,
 * quotients, choices between the value and 0.
 */
function multiples(node: Node, depth: number): readonly (readonly Node[])[] {
  if (depth === 0) return [[node]];
  const [first, second, third] = node.operands as readonly [Node, Node, Node];
  const isChoice = node.op === "select" && isConstant(third, 0);
  const isProduct = node.op === "mul";
  const candidates = isChoice || isProduct ? [second] : [];
  if (isProduct || node.op === "div" || node.op === "neg") candidates.unshift(first);
  const own = candidates.filter((each) => sameShape(each.type.shape, node.type.shape));
  return [[node], ...own.flatMap((each) => multiples(each, depth - 1).map((way) => [...way, node]))];
}

function matchBase(
  users: ReadonlyMap<Node, readonly Node[]>,
  weighted: Node,
  weightsOperand: 0 | 1,
  base: Node,
): Omit<WeightedSoftmax, "scaling"> | undefined {
  const mask = base.op === "select" && isConstant(base.operands[2] as Node, 0) ? base.operands[0] : undefined;
  const factor = mask === undefined ? base : (base.operands[1] as Node);
  // exp(S - max), possibly divided by its sum already.
  const divisor = factor.op === "div" ? spreadRow(factor.operands[1] as Node) : undefined;
  const weights = divisor === undefined ? factor : (factor.operands[0] as Node);
  if (weights.op !== "exp") return undefined;
  const difference = weights.operands[0] as Node;
  if (difference.op !== "sub") return undefined;
  const exponent = difference.operands[0] as Node;
  const maximum = spreadRow(difference.operands[1] as Node);
  if (maximum?.op !== "maximum") return undefined;
  const underMaximum = maximum.operands[0] as Node;
  if (!isMasked(underMaximum, mask, exponent, -largestF32)) return undefined;

  const kept = keptAxes(maximum);
  if (kept.length !== exponent.type.shape.length - 1) return undefined;
  const axis = exponent.type.shape.findIndex((_, k) => !kept.includes(k));
  const total = divisor ?? (users.get(base) ?? []).find((user) => user.op === "sum" && sameRows(user, kept));
  if (total?.op !== "sum" || !sameRows(total, kept)) return undefined;
  const underTotal = total.operands[0] as Node;
  if (!isMasked(underTotal, mask, weights, 0)) return undefined;

  const spec = parseSpec(weighted.attributes.spec as string);
  const names = spec.operands[weightsOperand] as readonly string[];
  const values = spec.operands[1 - weightsOperand] as readonly string[];
  const summed = names.filter((name) => !spec.result.includes(name));
  if (only(summed) !== names[axis] || values.some((name) => !spec.result.includes(name) && name !== names[axis]))
    return undefined;
  if (!values.includes(names[axis] as string) || new Set(names).size !== names.length) return undefined;
  const columns = spec.result.filter((name) => !names.includes(name));
  if (only(columns) === undefined || names.some((name) => name !== names[axis] && !spec.result.includes(name)))
    return undefined;
  if (!sameRestriction(maximum, total, weighted, names)) return undefined;

  const spread = difference.operands[1] as Node;
  const inside = [base, factor, weights, difference, spread, underMaximum, maximum, underTotal, total];
  if (divisor !== undefined) inside.push(factor.operands[1] as Node);
  return {
    exponent,
    maximum,
    weights,
    total,
    weighted,
    weightsOperand,
    base,
    normalised: divisor !== undefined,
    ...(mask === undefined ? {} : { mask }),
    inside: [...new Set(inside)],
  };
}

/** `select(mask, value, otherwise)`, or the value itself when there is no mask. */
function isMasked(node: Node, mask: Node | undefined, value: Node, otherwise: number): boolean {
  if (mask === undefined) return node === value;
  return (
    node.op === "select" &&
    node.operands[0] === mask &&
    node.operands[1] === value &&
    isConstant(node.operands[2] as Node, otherwise)
  );
}

/** The row value that a broadcast spreads. */
function spreadRow(node: Node): Node | undefined {
  return node.op === "broadcast" ? node.operands[0] : undefined;
}

function sameRows(reduction: Node, kept: readonly number[]): boolean {
  const own = keptAxes(reduction);
  return own.length === kept.length && own.every((axis, k) => axis === kept[k]);
}

/** The restriction of each reduction, with indices written as axis numbers, is the same. */
function sameRestriction(maximum: Node, total: Node, weighted: Node, names: readonly string[]): boolean {
  const normal = (node: Node, own: readonly string[]) =>
    printConstraints(
      parseConstraints((node.attributes.where as string | undefined) ?? "").map(({ terms, constant }) => ({
        constant,
        terms: new Map(
          [...terms].map(([name, coefficient]) => [
            own.includes(name) ? `a${own.indexOf(name)}` : `?${name}`,
            coefficient,
          ]),
        ),
      })),
    );
  const ownOf = (node: Node) => parseSpec(node.attributes.spec as string).operands[0] as readonly string[];
  const wanted = normal(weighted, names);
  return !wanted.includes("?") && normal(maximum, ownOf(maximum)) === wanted && normal(total, ownOf(total)) === wanted;
}
