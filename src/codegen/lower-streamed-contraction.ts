/**
 * Streamed contractions (see passes/streamed-contraction.ts): a weighted sum whose weights lie nowhere. A thread takes a few rows and
 * walks the summed index eight positions at a time: the contractions inside into registers, the weights from them element by
 * element, then the weighted sums.
 */
import type { Node } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { lane, literal, splat } from "./block.ts";
import type { ScalarExpression } from "./kernel.ts";
import { kernelName, type LoweredKernel } from "./lowering.ts";
import type { OnlineSoftmaxSchedule } from "./schedule.ts";
import { keepTest, openStream, positionOf, tilePlaces, walkStream } from "./stream-kernel.ts";
import { addWeighted, openSums, storeRows } from "./stream-sums.ts";
import { innerTile } from "./stream-tile.ts";
import { range } from "./tile-loads.ts";
import { applyOperation, lanes, type RegionSources } from "./values.ts";

const zero = literal(0, "f32");

export function lowerStreamedContraction(
  group: KernelGroup,
  schedule: OnlineSoftmaxSchedule,
  region?: RegionSources,
): LoweredKernel {
  const kernel = openStream(group, schedule, region);
  const { indices, lowering, block } = kernel;
  const sums = openSums(kernel);
  walkStream(kernel, (turn) => {
    const tiles = new Map<Node, ScalarExpression[][]>(
      indices.inner.map((inner) => [inner.node, innerTile(kernel, turn, inner)]),
    );
    const weightsOf = (r: number) =>
      range(kernel.vectors).flatMap((v) => {
        lowering.computed = (node) => tiles.get(node)?.[r]?.[v];
        const position = positionOf(kernel, indices.names, tilePlaces(kernel, turn, r, v));
        const value = splat(lowering.value(indices.weightsNode, position));
        lowering.computed = () => undefined;
        const test = keepTest(kernel, turn, r, v);
        const kept = test === undefined ? value : applyOperation("select", [test, value, zero], "f32");
        const weight = block.bind(kept, undefined, "weight");
        return lanes.map((component) => lane(weight, component));
      });
    addWeighted(
      sums,
      turn,
      range(kernel.rows).map((r) => ({ weights: weightsOf(r) })),
    );
  });
  storeRows(sums, { result: (_, sum) => sum, ofRow: () => undefined, beside: [] });
  return lowering.finish(kernelName(group));
}
