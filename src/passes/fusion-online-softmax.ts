/**
 * Online softmax: a weighted sum whose weights are a maximum-subtracted exponential along the summed index becomes one
 * kernel that walks that index once, with a running maximum and running sums (Milakov and Gimelshein 2018, "Online
 * normalizer calculation for softmax"; Rabe and Staats 2021; Dao et al. 2022). The weights, and the scores they come from
 * when those are a contraction, are never stored: memory is linear in the number of rows.
 *
 * What is recognised is the structure alone (weighted-softmax.ts). Where others need the weights too, as gradients do, they must be
 * able to compute them again from the maximum and the total of each row, which the kernel then stores (fusion-streams.ts).
 */
import { elementCount, type Node, operationOf, sameShape } from "../ir/index.ts";
import type { FusionGraph } from "./fusion.ts";
import { growingGroup } from "./fusion-convexity.ts";
import { growEpilogue } from "./fusion-epilogue.ts";
import { hasPlainIndices } from "./streamed-contraction.ts";
import { matchWeightedSoftmax, type WeightedSoftmax } from "./weighted-softmax.ts";

/** The nodes that play a part in an online softmax kernel. */
export interface OnlineSoftmax extends Omit<WeightedSoftmax, "inside" | "scaling"> {
  /** The contraction that gives the scores, when it is computed inside. */
  readonly scores?: Node;
  readonly root: Node;
  readonly members: ReadonlySet<Node>;
}

/** Fewer scores than this are cheaper to store. */
const fewestScores = 1 << 14;

const nothing: ReadonlySet<Node> = new Set();

/** @param recomputed  nodes that whoever reads them computes from the maximum and the total */
export function findOnlineSoftmax(
  facts: FusionGraph,
  weighted: Node,
  free: (node: Node) => boolean,
  recomputed: ReadonlySet<Node> = nothing,
): OnlineSoftmax | undefined {
  if (weighted.op !== "contract" || weighted.operands.length !== 2) return undefined;
  for (const weightsOperand of [0, 1] as const) {
    if (elementCount((weighted.operands[weightsOperand] as Node).type.shape) < fewestScores) continue;
    const softmax = matchWeightedSoftmax(facts.users, weighted, weightsOperand);
    const found = softmax && asKernel(facts, softmax, free, recomputed);
    if (found !== undefined) return found;
  }
  return undefined;
}

function asKernel(
  facts: FusionGraph,
  softmax: WeightedSoftmax,
  free: (node: Node) => boolean,
  recomputed: ReadonlySet<Node>,
): OnlineSoftmax | undefined {
  const { inside, scaling, ...parts } = softmax;
  const { exponent, maximum, total, weighted } = parts;
  const inner = new Set([...inside, ...scaling, weighted]);
  const scores = innerScores(facts, exponent, free, recomputed);
  if (scores !== undefined) for (const node of between(scores, exponent)) inner.add(node);
  if (![...inner].every(free)) return undefined;
  // Rows' statistics are known when the walk has ended, too late for what multiplies the weights.
  const fromStatistics = growingGroup(maximum, facts);
  const isLate = (node: Node) => !inner.has(node) && fromStatistics.reaches(node);
  if (scaling.some((node) => node.operands.some(isLate))) return undefined;

  const statistics = recomputed.size === 0 ? [] : [maximum, total];
  const inEpilogue = (node: Node) => free(node) && !recomputed.has(node);
  const epilogue = growEpilogue(facts, weighted, inEpilogue, statistics);
  const members = new Set([...inner, ...epilogue.members]);
  // The total may also be spread for the division in the epilogue, transposed where the result is.
  for (const user of facts.users.get(total) ?? []) joinViews(facts, user, members);
  const leaves = (node: Node) =>
    facts.isOutput(node) || (facts.users.get(node) ?? []).some((user) => !members.has(user));
  // Whoever else reads a row's maximum or total spread out, spreads it for itself.
  const isElsewhere = (node: Node) =>
    recomputed.has(node) || statistics.includes(node) || (statistics.length > 0 && node.op === "broadcast");
  const leaving = [...members].filter((node) => !isElsewhere(node) && leaves(node));
  if (leaving.length !== 1 || leaving[0] !== epilogue.root) return undefined;
  return { ...parts, ...(scores === undefined ? {} : { scores }), root: epilogue.root, members };
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

/** The one contraction from which the exponent follows element by element, read by nobody else. */
function innerScores(
  facts: FusionGraph,
  exponent: Node,
  free: (node: Node) => boolean,
  recomputed: ReadonlySet<Node>,
): Node | undefined {
  const scores = scoresBehind(exponent, (node) => free(node) && (recomputed.has(node) || !facts.isOutput(node)));
  if (scores === undefined || recomputed.has(scores)) return scores;
  const inside = between(scores, exponent);
  // Everything between must stay inside; the exponent's own readers are the maximum and the difference.
  const enclosed = [...inside].every(
    (node) => node === exponent || (facts.users.get(node) ?? []).every((user) => inside.has(user)),
  );
  return enclosed && (facts.users.get(exponent) ?? []).length === 2 ? scores : undefined;
}

/** The one contraction from which an exponent follows element by element, by way of nodes that `free` admits. */
export function scoresBehind(exponent: Node, free: (node: Node) => boolean): Node | undefined {
  const found: Node[] = [];
  const stack = [exponent];
  const seen = new Set<Node>();
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (seen.has(node) || !sameShape(node.type.shape, exponent.type.shape)) continue;
    seen.add(node);
    const { family } = operationOf(node.op);
    if (family === "contract" && node.operands.length === 2 && node.attributes.where === undefined && free(node))
      found.push(node);
    else if (family === "elementwise" && free(node)) stack.push(...node.operands);
  }
  const [scores, ...others] = found;
  return scores !== undefined && others.length === 0 && hasPlainIndices(scores) ? scores : undefined;
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
