/**
 * Ordering by counting: the place of an element is the number of elements that come before it, so every element finds its
 * place by itself, without barriers or rounds. Work grows with the square of the line, which suits the hundreds to few
 * thousands of candidates that models sort.
 */
import { elementCount, type Node } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { literal } from "./block.ts";
import { type IndexVariable, unflatten, valueIndex, variableIndex } from "./index-expression.ts";
import { arithmeticType } from "./kernel.ts";
import { kernelName, type LoweredKernel, Lowering } from "./lowering.ts";
import { applyOperation, indexValue, type RegionSources } from "./values.ts";

export function lowerOrder(group: KernelGroup, region?: RegionSources): LoweredKernel {
  const head = group.heads[0] as Node;
  const operand = head.operands[0] as Node;
  const { shape } = operand.type;
  const axis = head.attributes.axis as number;
  const length = shape[axis] as number;
  const before = head.attributes.descending === true ? "gt" : "lt";

  const thread: IndexVariable = { name: "element", extent: elementCount(shape) };
  const lowering = new Lowering(group, thread, region);
  const { block } = lowering;
  const position = unflatten(variableIndex(thread), shape);
  const own = position[axis] as (typeof position)[number];
  const mine = lowering.value(operand, position);
  const place = block.variable("place", literal(0, "i32"));
  const other: IndexVariable = { name: block.freshName("other"), extent: length };
  block.loop(other, {}, () => {
    const there = variableIndex(other);
    const value = lowering.value(
      operand,
      position.map((index, k) => (k === axis ? there : index)),
    );
    const earlier = applyOperation("lt", [indexValue(there), indexValue(own)], "bool");
    const equal = applyOperation("and", [applyOperation("eq", [value, mine], "bool"), earlier], "bool");
    const counts = applyOperation("or", [applyOperation(before, [value, mine], "bool"), equal], "bool");
    const step = applyOperation("select", [counts, literal(1, "i32"), literal(0, "i32")], "i32");
    block.assign(place, applyOperation("add", [place, step], arithmeticType("i32")));
  });
  const placed = valueIndex(place, "place", length);
  lowering.store(
    head,
    position.map((index, k) => (k === axis ? placed : index)),
    indexValue(own),
  );
  return lowering.finish(kernelName(group));
}
