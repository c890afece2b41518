/**
 * Online softmax: a weighted sum whose weights are a maximum-subtracted exponential along the summed index becomes one
 * kernel that walks that index once, with a running maximum and running sums (Milakov and Gimelshein 2018, "Online
 * normalizer calculation for softmax"; Rabe and Staats 2021; Dao et al. 2022). The weights, and the scores they come from
 * when those are a contraction, are never stored: memory is linear in the number of rows.
 *
 * What is recognised is the structure alone: `N = sum_j exp(S - max_j S) * V` with `D = sum_j exp(S - max_j S)`, whatever S is
 * and wherever N is divided by D. Dense, restricted (`j <= i`) and gathered attention all have it. So does attention under a
 * mask of data, where every `exp` that is summed and every S under the maximum is chosen by one condition.
 */
import {
  elementCount,
  isConstant,
  largestF32,
  type Node,
  operationOf,
  parseConstraints,
  parseSpec,
  printConstraints,
  sameShape,
} from "../ir/index.ts";
import type { FusionGraph } from "./fusion.ts";
import { growEpilogue } from "./fusion-epilogue.ts";
import { keptAxes } from "./fusion-rows.ts";

/** The nodes that play a part in an online softmax kernel. */
export interface OnlineSoftmax {
  /** The contraction that gives the scores, when it is computed inside. */
  readonly scores?: Node;
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
  /** True when that operand is already divided by the total. */
  readonly normalised: boolean;
  /** Condition of the shape of the scores; positions where it is false are not there. */
  readonly mask?: Node;
  readonly root: Node;
  readonly members: ReadonlySet<Node>;
}

/** Fewer scores than this are cheaper to store. */
const fewestScores = 1 << 14;

const only = <T>(items: readonly T[]): T | undefined => (items.length === 1 ? items[0] : undefined);

export function findOnlineSoftmax(
  facts: FusionGraph,
  weighted: Node,
  free: (node: Node) => boolean,
): OnlineSoftmax | undefined {
  if (weighted.op !== "contract" || weighted.operands.length !== 2) return undefined;
  for (const weightsOperand of [0, 1] as const) {
    const found = match(facts, weighted, weightsOperand, free);
    if (found !== undefined) return found;
  }
  return undefined;
}

function match(
  facts: FusionGraph,
  weighted: Node,
  weightsOperand: 0 | 1,
  free: (node: Node) => boolean,
): OnlineSoftmax | undefined {
  const operand = weighted.operands[weightsOperand] as Node;
  if (elementCount(operand.type.shape) < fewestScores) return undefined;
  const mask = operand.op === "select" && isConstant(operand.operands[2] as Node, 0) ? operand.operands[0] : undefined;
  const factor = mask === undefined ? operand : (operand.operands[1] as Node);
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
  const total = divisor ?? (facts.users.get(operand) ?? []).find((user) => user.op === "sum" && sameRows(user, kept));
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

  const inner = new Set<Node>([operand, factor, weights, difference, difference.operands[1] as Node]);
  for (const node of [underMaximum, maximum, underTotal, total, weighted]) inner.add(node);
  if (divisor !== undefined) inner.add(factor.operands[1] as Node);
  const scores = innerScores(facts, exponent, free);
  if (scores !== undefined) for (const node of between(scores, exponent)) inner.add(node);
  if (![...inner].every(free)) return undefined;

  const epilogue = growEpilogue(facts, weighted, free);
  const members = new Set([...inner, ...epilogue.members]);
  // The total may also be spread for the division in the epilogue, transposed where the result is.
  for (const user of facts.users.get(total) ?? []) joinViews(facts, user, members);
  const leaving = [...members].filter(
    (node) => facts.isOutput(node) || (facts.users.get(node) ?? []).some((user) => !members.has(user)),
  );
  const root = only(leaving);
  if (root === undefined || root !== epilogue.root) return undefined;
  return {
    ...(scores === undefined ? {} : { scores }),
    exponent,
    maximum,
    weights,
    total,
    weighted,
    weightsOperand,
    normalised: divisor !== undefined,
    ...(mask === undefined ? {} : { mask }),
    root,
    members,
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

/** Takes a chain of views in when nobody but members reads its end; returns whether it did. */
function joinViews(facts: FusionGraph, node: Node, members: Set<Node>): boolean {
  if (members.has(node)) return true;
  if (node.op !== "broadcast" && node.op !== "transpose" && node.op !== "reshape") return false;
  const users = facts.users.get(node) ?? [];
  if (users.length === 0 || facts.isOutput(node)) return false;
  if (!users.every((user) => joinViews(facts, user, members))) return false;
  members.add(node);
  return true;
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

/** The one contraction from which the exponent follows element by element, read by nobody else. */
function innerScores(facts: FusionGraph, exponent: Node, free: (node: Node) => boolean): Node | undefined {
  const found: Node[] = [];
  const stack = [exponent];
  const seen = new Set<Node>();
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (seen.has(node) || !sameShape(node.type.shape, exponent.type.shape)) continue;
    seen.add(node);
    const family = operationOf(node.op).family;
    if (family === "contract" && node.operands.length === 2 && node.attributes.where === undefined && free(node))
      found.push(node);
    else if (family === "elementwise" && free(node) && !facts.isOutput(node)) stack.push(...node.operands);
  }
  const scores = only(found);
  if (scores === undefined) return undefined;
  const inside = between(scores, exponent);
  // Everything between must stay inside; the exponent's own readers are the maximum and the difference.
  const enclosed = [...inside].every(
    (node) => node === exponent || (facts.users.get(node) ?? []).every((user) => inside.has(user)),
  );
  return enclosed && (facts.users.get(exponent) ?? []).length === 2 && hasPlainIndices(scores) ? scores : undefined;
}

/** Every summed index stands in both factors, and no factor repeats one. */
function hasPlainIndices(scores: Node): boolean {
  const spec = parseSpec(scores.attributes.spec as string);
  const [a, b] = spec.operands as [readonly string[], readonly string[]];
  const summed = [...new Set([...a, ...b])].filter((name) => !spec.result.includes(name));
  return (
    summed.length > 0 &&
    summed.every((name) => a.includes(name) && b.includes(name)) &&
    new Set(a).size === a.length &&
    new Set(b).size === b.length
  );
}

/** Nodes on the elementwise ways from `from` to `to`, both included. */
function between(from: Node, to: Node): Set<Node> {
  const inside = new Set<Node>();
  const reaches = (node: Node): boolean => {
    if (node === from) {
      inside.add(node);
      return true;
    }
    if (operationOf(node.op).family !== "elementwise" || !sameShape(node.type.shape, from.type.shape)) return false;
    let any = false;
    for (const operand of node.operands) if (reaches(operand)) any = true;
    if (any) inside.add(node);
    return any;
  };
  reaches(to);
  return inside;
}
