/** Copying what a workgroup reads of a contraction's factors into its own memory, a slice of the summed index at a time. */
import type { Node } from "../ir/index.ts";
import { literal } from "./block.ts";
import type { TileIndices } from "./contraction-tile.ts";
import {
  addIndex,
  clampIndex,
  constantIndex,
  type IndexExpression,
  type IndexVariable,
  scaleIndex,
  unflatten,
  variableIndex,
} from "./index-expression.ts";
import type { ScalarExpression, ScalarType } from "./kernel.ts";
import { below, type Lowering } from "./lowering.ts";
import { range } from "./tile-loads.ts";
import { applyOperation } from "./values.ts";

/** The summed index that is walked in slices: the longest. */
export function slicedIndex(tile: TileIndices): string {
  const size = (name: string) => tile.sizes.get(name) as number;
  return tile.summed.reduce((longest, name) => (size(name) >= size(longest) ? name : longest));
}

/** A factor of the contraction, as far as one slice of it is concerned. */
export interface SlicedFactor {
  readonly node: Node;
  readonly indices: readonly string[];
  /** The index that stands across the slice: of rows or of columns. */
  readonly across: string;
  /** Elements (or vec4s) across, and where the one with a number stands. */
  readonly width: number;
  readonly at: (place: IndexExpression) => IndexExpression;
  readonly store: (k: IndexExpression, place: IndexExpression, value: ScalarExpression) => void;
}

export interface Slicing {
  readonly tile: TileIndices;
  readonly dtype: ScalarType["dtype"];
  readonly member: IndexVariable;
  /** Elements of the summed index in a slice. */
  readonly depth: number;
  /** Where the kept and the other summed indices stand. */
  readonly places: ReadonlyMap<string, IndexExpression>;
}

/** Copies a slice of a factor: each thread takes every so-many-th of its elements. What lies beyond the end is 0. */
export function copySlice(lowering: Lowering, slicing: Slicing, slice: IndexExpression, factor: SlicedFactor): void {
  const { tile, dtype, member, depth, places } = slicing;
  const { block } = lowering;
  const sliced = slicedIndex(tile);
  const length = tile.sizes.get(sliced) as number;
  // Along the index that lies side by side in the buffer, neighbours are read by neighbouring threads.
  const slicedIsFastest = factor.indices[factor.indices.length - 1] === sliced;
  const count = depth * factor.width;
  for (const turn of range(Math.ceil(count / member.extent))) {
    const element = addIndex(variableIndex(member), constantIndex(turn * member.extent));
    const [a, b] = unflatten(element, slicedIsFastest ? [factor.width, depth] : [depth, factor.width]) as [
      IndexExpression,
      IndexExpression,
    ];
    const [k, place] = slicedIsFastest ? [b, a] : [a, b];
    const walked = addIndex(scaleIndex(slice, depth), k);
    const copy = () => {
      const own = new Map([
        [factor.across, factor.at(place)],
        [sliced, clampIndex(walked, 0, length - 1)],
      ]);
      const position = factor.indices.map((index) => own.get(index) ?? (places.get(index) as IndexExpression));
      const value = lowering.value(factor.node, position);
      const exists = below(walked, length);
      const kept = exists === undefined ? value : applyOperation("select", [exists, value, literal(0, dtype)], dtype);
      factor.store(k, place, kept);
    };
    block.when(below(element, count), copy);
  }
}

/** Loops over the summed indices: the sliced one innermost, in slices. The others' places are set in `places`. */
export function walkSlices(
  lowering: Lowering,
  tile: TileIndices,
  depth: number,
  places: Map<string, IndexExpression>,
  body: (slice: IndexExpression) => void,
): void {
  const { block } = lowering;
  const size = (name: string) => tile.sizes.get(name) as number;
  const sliced = slicedIndex(tile);
  const others = tile.summed.filter((name) => name !== sliced);
  const nest = (level: number) => {
    const name = others[level];
    const extent = name === undefined ? Math.ceil(size(sliced) / depth) : size(name);
    const variable: IndexVariable = { name: block.freshName(name ?? "slice"), extent };
    block.loop(variable, {}, () => {
      if (name === undefined) {
        body(variableIndex(variable));
        return;
      }
      places.set(name, variableIndex(variable));
      nest(level + 1);
    });
  };
  nest(0);
}
