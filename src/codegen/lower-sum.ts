/**
 * Contractions that have no tile: any number of factors, matrix times vector, diagonals, sums of one factor. Every thread
 * computes one element, or four along the fastest axis, and loops over the summed indices.
 */
import { type Constraint, elementCount, indexSizes, type Node, parseConstraints, parseSpec } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { lane, literal, splat } from "./block.ts";
import { type IndexExpression, type IndexVariable, unflatten, variableIndex } from "./index-expression.ts";
import { arithmeticType, type ScalarExpression } from "./kernel.ts";
import { followEpilogue, kernelName, type LoweredKernel, Lowering } from "./lowering.ts";
import { constraintTest, loopBounds } from "./ranges.ts";
import { applyOperation, fourTimes, lanes, laneVariable, type RegionSources } from "./values.ts";

export function lowerSum(group: KernelGroup, region?: RegionSources): LoweredKernel {
  const head = group.heads[0] as Node;
  const root = group.outputs[0] as Node;
  const spec = parseSpec(head.attributes.spec as string);
  const sizes = indexSizes(
    spec,
    head.operands.map((operand) => operand.type),
  );
  const where: readonly Constraint[] = parseConstraints((head.attributes.where as string | undefined) ?? "");
  const summed = [...sizes.keys()].filter((name) => !spec.result.includes(name));
  const lastSummed = summed[summed.length - 1];
  const elements = elementCount(head.type.shape);

  // Vectors run along the result's last index where a factor does, else along a summed index that ends every factor it is in.
  const lastKept = spec.result[spec.result.length - 1];
  const endsWith = (name: string) => spec.operands.some((indices) => indices[indices.length - 1] === name);
  const across =
    lastKept !== undefined &&
    (sizes.get(lastKept) as number) % 4 === 0 &&
    (endsWith(lastKept) || lastSummed === undefined);
  const within =
    !across && lastSummed !== undefined && (sizes.get(lastSummed) as number) % 4 === 0 && endsWith(lastSummed);

  const thread: IndexVariable = { name: "thread", extent: across ? elements / 4 : elements };
  const lowering = new Lowering(group, thread, region);
  const { block } = lowering;
  const flat = across ? fourTimes(variableIndex(thread)) : variableIndex(thread);
  const kept = unflatten(flat, head.type.shape);
  const places = new Map<string, IndexExpression>(
    spec.result.map((name, axis) => [name, kept[axis] as IndexExpression]),
  );

  const dtype = arithmeticType(head.type.dtype);
  const zero = literal(0, dtype);
  const sum = block.variable(head.name ?? "sum", across || within ? splat(zero) : zero);
  const nest = (depth: number) => {
    const name = summed[depth];
    if (name === undefined) {
      const factors = head.operands.map((operand, k) =>
        lowering.value(
          operand,
          (spec.operands[k] as readonly string[]).map((index) => places.get(index) as IndexExpression),
        ),
      );
      const product = factors.reduce((a, b) => applyOperation("mul", [a, b], dtype));
      const test = constraintTest(where, places);
      const kept = test === undefined ? product : applyOperation("select", [test, product, zero], dtype);
      block.assign(sum, applyOperation("add", [sum, kept], dtype));
      return;
    }
    const size = sizes.get(name) as number;
    const vector = within && name === lastSummed;
    const variable: IndexVariable = { name: block.freshName(name), extent: vector ? size / 4 : size };
    const unknown = new Set(summed.slice(depth));
    block.loop(variable, loopBounds(where, name, places, size, vector ? 4 : 1, [laneVariable], unknown), () => {
      places.set(name, vector ? fourTimes(variableIndex(variable)) : variableIndex(variable));
      nest(depth + 1);
    });
  };
  nest(0);
  const result: ScalarExpression = within
    ? block.bind(
        lanes.map((component) => lane(sum, component)).reduce((a, b) => applyOperation("add", [a, b], dtype)),
        undefined,
        "total",
      )
    : sum;
  lowering.computed = (node) => (node === head ? result : undefined);
  const position = followEpilogue(head, root, new Set(group.members), kept);
  lowering.store(root, position, lowering.value(root, position));
  return lowering.finish(kernelName(group));
}
