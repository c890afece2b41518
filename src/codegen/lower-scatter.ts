/**
 * Scatter kernels. Additions happen in the order of the values, without atomics, so every run gives the same bits.
 *
 * Usually a thread owns one column of the result (all places along the looked-up index, or of four neighbouring columns), fills
 * it with zeros and walks the values once. Where there are too few columns for that to keep a device busy, a thread owns one
 * element and searches the values for those that belong there.
 */
import { elementCount, indexSizes, type Node, parseSpec, stridesOf } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { literal, splat } from "./block.ts";
import {
  flatten,
  type IndexExpression,
  type IndexVariable,
  unflatten,
  valueIndex,
  variableIndex,
} from "./index-expression.ts";
import { arithmeticType, type ScalarExpression } from "./kernel.ts";
import { kernelName, type LoweredKernel, Lowering } from "./lowering.ts";
import { applyOperation, fourTimes, indexValue, loadAt, type RegionSources } from "./values.ts";

/** With fewer columns, threads search instead. */
const fewestColumns = 64;
/** Comparisons that a search may take, above which walking is quicker even with few threads. */
const largestSearch = 1 << 26;

/** A scatter with its indices by role. */
interface Scatter {
  readonly head: Node;
  readonly values: readonly string[];
  readonly index: readonly string[];
  readonly result: readonly string[];
  readonly at: string;
  readonly sizes: ReadonlyMap<string, number>;
  readonly summed: readonly string[];
}

export function lowerScatter(group: KernelGroup, region?: RegionSources): LoweredKernel {
  const head = group.heads[0] as Node;
  const spec = parseSpec(head.attributes.spec as string);
  const [values, index] = spec.operands as [readonly string[], readonly string[]];
  const at = head.attributes.at as string;
  const sizes = new Map(
    indexSizes(
      spec,
      head.operands.map((operand) => operand.type),
    ),
  );
  const summed = [...sizes.keys()].filter((name) => !spec.result.includes(name));
  sizes.set(at, head.attributes.size as number);
  const scatter: Scatter = { head, values, index, result: spec.result, at, sizes, summed };
  const columns = elementCount(head.type.shape) / (sizes.get(at) as number);
  const searched =
    elementCount(head.type.shape) * summed.reduce((count, name) => count * (sizes.get(name) as number), 1);
  return columns < fewestColumns && searched <= largestSearch
    ? search(group, scatter, region)
    : walk(group, scatter, columns, region);
}

/** Loops over the summed indices, outermost first. */
function visitValues(
  lowering: Lowering,
  { sizes, summed }: Scatter,
  places: Map<string, IndexExpression>,
  body: () => void,
): void {
  const nest = (depth: number) => {
    const name = summed[depth];
    if (name === undefined) {
      body();
      return;
    }
    const variable: IndexVariable = { name: lowering.block.freshName(name), extent: sizes.get(name) as number };
    lowering.block.loop(variable, {}, () => {
      places.set(name, variableIndex(variable));
      nest(depth + 1);
    });
  };
  nest(0);
}

const positionOf = (names: readonly string[], places: ReadonlyMap<string, IndexExpression>) =>
  names.map((name) => places.get(name) as IndexExpression);

function walk(group: KernelGroup, scatter: Scatter, columns: number, region?: RegionSources): LoweredKernel {
  const { head, values, index, result, at, sizes } = scatter;
  const last = result[result.length - 1] as string;
  const vector = last !== at && (sizes.get(last) as number) % 4 === 0 && !index.includes(last);
  const thread: IndexVariable = { name: "thread", extent: vector ? columns / 4 : columns };
  const lowering = new Lowering(group, thread, region);
  const { block } = lowering;
  const own = result.filter((name) => name !== at);
  const flat = vector ? fourTimes(variableIndex(thread)) : variableIndex(thread);
  const column = unflatten(
    flat,
    own.map((name) => sizes.get(name) as number),
  );
  const places = new Map(own.map((name, k) => [name, column[k] as IndexExpression]));
  const dtype = arithmeticType(head.type.dtype);
  const zero = literal(0, dtype);

  const place: IndexVariable = { name: block.freshName(at), extent: sizes.get(at) as number };
  block.loop(place, {}, () => {
    places.set(at, variableIndex(place));
    lowering.store(head, positionOf(result, places), vector ? splat(zero) : zero);
  });
  visitValues(lowering, scatter, places, () => {
    const value = lowering.value(head.operands[0] as Node, positionOf(values, places));
    const looked = lowering.value(head.operands[1] as Node, positionOf(index, places));
    const position = positionOf(index, places);
    places.set(
      at,
      valueIndex(
        looked,
        `place@${flatten(position, stridesOf((head.operands[1] as Node).type.shape)).key}`,
        sizes.get(at) as number,
      ),
    );
    const target = positionOf(result, places);
    const stored = region?.result(head, target) ?? { node: head, position: target };
    const held = loadAt(block, lowering.binding(stored.node), stored.node.type, stored.position);
    lowering.store(head, target, applyOperation("add", [held, value], dtype));
  });
  return lowering.finish(kernelName(group));
}

function search(group: KernelGroup, scatter: Scatter, region?: RegionSources): LoweredKernel {
  const { head, values, index, result, at } = scatter;
  const thread: IndexVariable = { name: "element", extent: elementCount(head.type.shape) };
  const lowering = new Lowering(group, thread, region);
  const { block } = lowering;
  const position = unflatten(variableIndex(thread), head.type.shape);
  const places = new Map(result.map((name, k) => [name, position[k] as IndexExpression]));
  const dtype = arithmeticType(head.type.dtype);
  const zero = literal(0, dtype);
  const sum: ScalarExpression = block.variable(head.name ?? "sum", zero);
  const own = indexValue(places.get(at) as IndexExpression);
  visitValues(lowering, scatter, places, () => {
    const value = lowering.value(head.operands[0] as Node, positionOf(values, places));
    const looked = lowering.value(head.operands[1] as Node, positionOf(index, places));
    const here = applyOperation("select", [applyOperation("eq", [looked, own], "bool"), value, zero], dtype);
    block.assign(sum, applyOperation("add", [sum, here], dtype));
  });
  lowering.store(head, position, sum);
  return lowering.finish(kernelName(group));
}
