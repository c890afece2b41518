/**
 * Keys and values of a turn in workgroup memory, for GPUs: all rows of a workgroup walk the same places, so its threads copy what a turn
 * reads together, neighbouring threads neighbouring elements, and each then reads all of it from there.
 */
import { byteSize, type Node } from "../ir/index.ts";
import { type PrivateArray, splat } from "./block.ts";
import {
  addIndex,
  clampIndex,
  constantIndex,
  type IndexExpression,
  scaleIndex,
  unflatten,
  variableIndex,
} from "./index-expression.ts";
import type { Team } from "./kernel.ts";
import { below, type Lowering } from "./lowering.ts";
import type { InnerSides, StreamIndices } from "./stream-indices.ts";
import type { StreamKernel, StreamTurn } from "./stream-kernel.ts";
import { range } from "./tile-loads.ts";
import { fourTimes } from "./values.ts";

/** What is walked of a kernel's operands, as a turn has it: `[place of the turn][vec4]`, one behind the other. */
export interface StreamBlocks {
  readonly values: PrivateArray;
  /** By the inner contraction's factor; vec4s along the summed index. */
  readonly keys: ReadonlyMap<Node, PrivateArray>;
}

/** Whether a kernel can copy its turns: rows share all that is walked, and it is whole vec4s. */
export function canBlock({ shared, sizes, column, inner }: StreamIndices): boolean {
  const isWhole = (count: number | undefined) => count !== undefined && count % 4 === 0;
  return (
    shared &&
    isWhole(sizes.get(column)) &&
    inner.every(({ sides }) => sides?.summed.length === 1 && isWhole(sides.sizes.get(sides.summed[0] as string)))
  );
}

/** Bytes of workgroup memory that a turn takes. */
export function blockBytesOf(indices: StreamIndices, vectors: number): number {
  const elements = [...innerSidesOf(indices)].map(keyLength).reduce((sum, length) => sum + length, 0);
  return 4 * vectors * (elements + (indices.sizes.get(indices.column) as number)) * byteSize("f32");
}

const keyLength = ({ sizes, summed }: InnerSides) => sizes.get(summed[0] as string) as number;

/** The different factors that are walked. */
function innerSidesOf({ inner }: StreamIndices): Iterable<InnerSides> {
  return new Map(
    inner.flatMap(({ sides }) => (sides === undefined ? [] : [[sides.walkedNode, sides] as const])),
  ).values();
}

export function declareBlocks(lowering: Lowering, indices: StreamIndices, vectors: number): StreamBlocks {
  const array = (wish: string, across: number) =>
    lowering.workgroupArray(wish, vectors * across, { dtype: "f32", width: 4 });
  const keys = [...innerSidesOf(indices)].map(
    (sides) => [sides.walkedNode, array("keys_of_turn", keyLength(sides))] as const,
  );
  return { values: array("values_of_turn", indices.sizes.get(indices.column) as number), keys: new Map(keys) };
}

/** Copies what a turn reads, between two barriers. */
export function copyBlocks(kernel: StreamKernel, { values, keys }: StreamBlocks, turn: StreamTurn): void {
  const { indices, block } = kernel;
  block.barrier("workgroup");
  for (const sides of innerSidesOf(indices)) {
    const along = sides.summed[0] as string;
    const array = keys.get(sides.walkedNode) as PrivateArray;
    copyBlock(kernel, turn, {
      node: sides.walkedNode,
      names: sides.walkedNames,
      along,
      length: keyLength(sides),
      array,
    });
  }
  const { valueNode, valueNames, column, sizes } = indices;
  const length = sizes.get(column) as number;
  copyBlock(kernel, turn, { node: valueNode, names: valueNames, along: column, length, array: values });
  block.barrier("workgroup");
}

function copyBlock(
  { indices, threads, lowering, block, vectors }: StreamKernel,
  turn: StreamTurn,
  of: {
    readonly node: Node;
    readonly names: readonly string[];
    /** The index of the vec4s. */
    readonly along: string;
    readonly length: number;
    readonly array: PrivateArray;
  },
): void {
  const { member, size } = lowering.team as Team;
  const { walked, sizes } = indices;
  const step = 4 * vectors;
  const across = of.length / 4;
  const count = step * across;
  for (const part of range(Math.ceil(count / size))) {
    const element = addIndex(variableIndex(member), constantIndex(part * size));
    const [place, vector] = unflatten(element, [step, across]) as [IndexExpression, IndexExpression];
    const copy = () => {
      const at = addIndex(scaleIndex(variableIndex(turn.variable), step), place);
      const own = new Map(threads.places)
        .set(walked, clampIndex(at, 0, (sizes.get(walked) as number) - 1))
        .set(of.along, fourTimes(vector));
      const position = of.names.map((name) => own.get(name) as IndexExpression);
      of.array.set(element, splat(lowering.value(of.node, position)));
    };
    block.when(below(element, count), copy);
  }
}

/** The vec4 of keys at a place of the turn, beginning at four times `vector`. */
export function blockElement(array: PrivateArray, place: number, across: number, vector: IndexExpression) {
  return array.at(addIndex(vector, constantIndex(place * across)));
}
