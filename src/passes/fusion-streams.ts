/**
 * Streams: where gradients need the weights of a softmax again, every kernel that reads them computes them for itself, from the scores'
 * factors and each row's maximum and total. Nothing of the size of the scores is stored, in either direction: memory is linear in the
 * number of rows, for the price of computing the scores once for each reader (Dao et al. 2022, "FlashAttention", section 3.1; Rabe and
 * Staats 2021).
 */
import { elementCount, type Node } from "../ir/index.ts";
import type { FusionGraph } from "./fusion.ts";
import { findOnlineSoftmax, type OnlineSoftmax, scoresBehind } from "./fusion-online-softmax.ts";
import {
  isInnerContraction,
  keepsElements,
  type StreamedContraction,
  streamedContraction,
} from "./streamed-contraction.ts";
import { matchWeightedSoftmax, type WeightedSoftmax } from "./weighted-softmax.ts";

/** Kernels around one softmax that all compute its scores for themselves. */
export interface Stream {
  readonly online: OnlineSoftmax;
  readonly contractions: readonly StreamedContraction[];
  /** The nodes of the size of the scores, which no kernel stores. */
  readonly recomputed: ReadonlySet<Node>;
}

/** Fewer scores than this are stored. */
const fewestScores = 1 << 16;

/** So many times what they are computed from: smaller scores are stored, and computed once. */
const leastGrowth = 2;

export function findStream(facts: FusionGraph, weighted: Node, free: (node: Node) => boolean): Stream | undefined {
  if (weighted.op !== "contract" || weighted.operands.length !== 2) return undefined;
  for (const weightsOperand of [0, 1] as const) {
    const softmax = matchWeightedSoftmax(facts.users, weighted, weightsOperand);
    const stream = softmax && around(facts, softmax, free);
    if (stream !== undefined) return stream;
  }
  return undefined;
}

function around(facts: FusionGraph, softmax: WeightedSoftmax, free: (node: Node) => boolean): Stream | undefined {
  const { weighted, maximum, total, exponent } = softmax;
  const scores = scoresBehind(exponent, (node) => free(node) && !facts.isOutput(node));
  if (scores === undefined || !isWorthStreaming(scores)) return undefined;
  const region = regionOf(facts, scores, new Set([maximum, total]), free);
  if (region === undefined || !region.readers.has(weighted)) return undefined;
  const { recomputed, readers } = region;
  const contractions: StreamedContraction[] = [];
  for (const reader of readers) {
    if (reader === weighted) continue;
    const streamed = streamedContraction(reader, recomputed);
    if (streamed === undefined || !free(reader)) return undefined;
    contractions.push(streamed);
  }
  const online = findOnlineSoftmax(facts, weighted, free, recomputed);
  return online?.scores === undefined ? undefined : { online, contractions, recomputed };
}

function isWorthStreaming(scores: Node): boolean {
  const size = elementCount(scores.type.shape);
  const factors = scores.operands.reduce((sum, operand) => sum + elementCount(operand.type.shape), 0);
  return size >= fewestScores && size >= leastGrowth * factors;
}

interface Region {
  readonly recomputed: ReadonlySet<Node>;
  /** What reads the region and is none of it, the statistics of the rows left out. */
  readonly readers: ReadonlySet<Node>;
}

/**
 * Everything of the size of the scores that follows from them, or from other contractions that meet them, element by element;
 * `undefined` when something of it must be stored.
 */
function regionOf(
  facts: FusionGraph,
  scores: Node,
  statistics: ReadonlySet<Node>,
  free: (node: Node) => boolean,
): Region | undefined {
  const size = elementCount(scores.type.shape);
  const recomputed = new Set<Node>();
  const readers = new Set<Node>();
  const isInside = (node: Node) =>
    elementCount(node.type.shape) === size && (keepsElements(node) || isInnerContraction(node));
  const stack = [scores];
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (recomputed.has(node)) continue;
    if (!free(node) || facts.isOutput(node)) return undefined;
    recomputed.add(node);
    for (const user of facts.users.get(node) ?? []) {
      if (keepsElements(user) && isInside(user)) stack.push(user);
      else if (!statistics.has(user)) readers.add(user);
    }
    if (node.op !== "contract") stack.push(...node.operands.filter(isInside));
  }
  return { recomputed, readers };
}
