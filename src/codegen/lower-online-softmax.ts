/**
 * Online softmax kernels (see passes/fusion-online-softmax.ts). A thread takes a few rows and walks the summed index eight
 * positions at a time: scores into registers, new maximum, weights, then the running total and the running weighted sums,
 * which are scaled by exp(old maximum - new maximum) whenever the maximum grows.
 */
import { largestF32, type Node } from "../ir/index.ts";
import { type KernelGroup, keptAxes, type OnlineSoftmax } from "../passes/index.ts";
import { lane, literal, splat } from "./block.ts";
import type { ScalarExpression } from "./kernel.ts";
import { kernelName, type LoweredKernel } from "./lowering.ts";
import type { OnlineSoftmaxSchedule } from "./schedule.ts";
import {
  allOf,
  keepTest,
  openStream,
  positionOf,
  type StreamKernel,
  type StreamTurn,
  tilePlaces,
  walkStream,
} from "./stream-kernel.ts";
import { addWeighted, openSums, type RowWeights, storeRows } from "./stream-sums.ts";
import { innerTile } from "./stream-tile.ts";
import { range } from "./tile-loads.ts";
import { applyOperation, lanes, type RegionSources } from "./values.ts";

const lowest = literal(-largestF32, "f32");
const zero = literal(0, "f32");

/** Running maxima and totals of a thread's rows. */
interface RowStatistics {
  readonly maxima: readonly ScalarExpression[];
  readonly totals: readonly ScalarExpression[];
}

export function lowerOnlineSoftmax(
  group: KernelGroup,
  schedule: OnlineSoftmaxSchedule,
  region?: RegionSources,
): LoweredKernel {
  const online = group.online as OnlineSoftmax;
  const kernel = openStream(group, schedule, region);
  const { indices, lowering, block } = kernel;
  const statistics: RowStatistics = {
    maxima: range(kernel.rows).map((r) => block.variable(`maximum_${r}`, lowest)),
    totals: range(kernel.rows).map((r) => block.variable(`total_${r}`, zero)),
  };
  const sums = openSums(kernel);
  walkStream(kernel, (turn) => {
    const tiles = new Map<Node, ScalarExpression[][]>(
      indices.inner.map((inner) => [inner.node, innerTile(kernel, turn, inner)]),
    );
    const rowWeights = range(kernel.rows).map((r) => weigh(kernel, turn, online, statistics, tiles, r));
    addWeighted(sums, turn, rowWeights);
  });
  const total = (r: number) => statistics.totals[r] as ScalarExpression;
  const names = keptAxes(online.maximum).map((axis) => indices.names[axis] as string);
  storeRows(sums, {
    result: (r, sum) => (online.normalised ? quotient(online, sum, total(r)) : sum),
    ofRow: (r, node) => (node === online.total ? total(r) : node === online.maximum ? statistics.maxima[r] : undefined),
    beside: group.outputs.slice(1).map((node) => ({ node, names })),
  });
  return lowering.finish(kernelName(group));
}

/** The weights of row `r` at a turn, after its running maximum and total have been brought up to date. */
function weigh(
  kernel: StreamKernel,
  turn: StreamTurn,
  online: OnlineSoftmax,
  { maxima, totals }: RowStatistics,
  tiles: ReadonlyMap<Node, ScalarExpression[][]>,
  r: number,
): RowWeights {
  const { indices, lowering, block, vectors } = kernel;
  // What changes from turn to turn may not be computed outside the loop.
  const now = (expression: ScalarExpression): ScalarExpression => ({
    ...expression,
    uses: new Set([...expression.uses, turn.variable.name]),
  });
  const maximum = maxima[r] as ScalarExpression;
  const total = totals[r] as ScalarExpression;
  const values = range(vectors).map((v) => {
    const position = positionOf(kernel, indices.names, tilePlaces(kernel, turn, r, v));
    lowering.computed = (node) => tiles.get(node)?.[r]?.[v];
    const value = lowering.value(online.exponent, position);
    lowering.computed = () => undefined;
    const masked = online.mask && block.bind(splat(lowering.value(online.mask, position)), undefined, "kept");
    const test = allOf([keepTest(kernel, turn, r, v), masked]);
    const kept = test === undefined ? splat(value) : applyOperation("select", [test, value, lowest], "f32");
    return { test, value: block.bind(kept, undefined, "score") };
  });
  const eachLane = (vector: ScalarExpression) => lanes.map((component) => lane(vector, component));
  const scores = values.flatMap(({ value }) => eachLane(value));
  const next = block.bind(
    now(scores.reduce((a, b) => applyOperation("max", [a, b], "f32"), maximum)),
    undefined,
    "largest",
  );
  const shrink = applyOperation("exp", [applyOperation("sub", [maximum, next], "f32")], "f32");
  const correction = block.bind(now(shrink), undefined, "correction");
  const vectorWeights = values.map(({ test, value }) => {
    const weight = applyOperation("exp", [applyOperation("sub", [value, next], "f32")], "f32");
    return block.bind(
      test === undefined ? weight : applyOperation("select", [test, weight, zero], "f32"),
      undefined,
      "weight",
    );
  });
  const weights = vectorWeights.flatMap(eachLane);
  const shrunk = applyOperation("mul", [total, correction], "f32");
  block.assign(
    total,
    weights.reduce((a, b) => applyOperation("add", [a, b], "f32"), shrunk),
  );
  block.assign(maximum, next);
  if (online.base === indices.weightsNode) return { correction, weights };
  const scaled = vectorWeights.map((weight, v) => {
    lowering.computed = (node) => (node === online.base ? weight : undefined);
    const value = lowering.value(
      indices.weightsNode,
      positionOf(kernel, indices.names, tilePlaces(kernel, turn, r, v)),
    );
    lowering.computed = () => undefined;
    return block.bind(splat(value), undefined, "scaled");
  });
  return { correction, weights: scaled.flatMap(eachLane) };
}

function quotient({ mask }: OnlineSoftmax, sum: ScalarExpression, total: ScalarExpression): ScalarExpression {
  const divided = applyOperation("div", [sum, total], "f32");
  if (mask === undefined) return divided;
  // Where a mask leaves no position, all weights are 0 and so is their sum.
  const none = applyOperation("eq", [total, zero], "bool");
  return applyOperation("select", [none, zero, divided], "f32");
}
