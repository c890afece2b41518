/** Scan kernels: a thread walks one line along the scanned axis (or four neighbouring lines) and stores as it goes. */
import { elementCount, type Node, operationOf, type Reducer } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { literal, splat } from "./block.ts";
import { type IndexExpression, type IndexVariable, scaleIndex, unflatten, variableIndex } from "./index-expression.ts";
import { arithmeticType, type ScalarExpression } from "./kernel.ts";
import { followEpilogue, kernelName, type LoweredKernel, Lowering } from "./lowering.ts";
import { applyOperation, fourTimes, type RegionSources } from "./values.ts";

export function lowerScan(group: KernelGroup, region?: RegionSources): LoweredKernel {
  const head = group.heads[0] as Node;
  const root = group.outputs[0] as Node;
  const operand = head.operands[0] as Node;
  const reducer = operationOf(head.op).reducer as Reducer;
  const shape = head.type.shape;
  const axis = head.attributes.axis as number;
  const length = shape[axis] as number;
  const lines = shape.filter((_, k) => k !== axis);
  const count = elementCount(lines);
  const vector = axis !== shape.length - 1 && (shape[shape.length - 1] as number) % 4 === 0;

  const thread: IndexVariable = { name: "line", extent: vector ? count / 4 : count };
  const lowering = new Lowering(group, thread, region);
  const { block } = lowering;
  const line = unflatten(vector ? fourTimes(variableIndex(thread)) : variableIndex(thread), lines);
  const dtype = arithmeticType(operand.type.dtype);
  const start = literal(reducer.identity(operand.type.dtype), dtype);
  const held = block.variable(head.name ?? "running", vector ? splat(start) : start);
  const members = new Set(group.members);
  const step: IndexVariable = { name: block.freshName("step"), extent: length };
  block.loop(step, {}, () => {
    const along =
      head.attributes.reverse === true ? scaleIndex(variableIndex(step), -1, length - 1) : variableIndex(step);
    const position: IndexExpression[] = [...line.slice(0, axis), along, ...line.slice(axis)];
    // It changes from step to step, so nothing computed from it may leave the loop.
    const current: ScalarExpression = { ...held, uses: new Set([...held.uses, step.name]) };
    const store = () => {
      lowering.computed = (node) => (node === head ? current : undefined);
      const target = followEpilogue(head, root, members, position);
      lowering.store(root, target, lowering.value(root, target));
      lowering.computed = () => undefined;
    };
    const element = lowering.value(operand, position);
    if (head.attributes.exclusive === true) store();
    block.assign(held, applyOperation(reducer.operation, [held, element], dtype));
    if (head.attributes.exclusive !== true) store();
  });
  return lowering.finish(kernelName(group));
}
