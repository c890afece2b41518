/** Scan kernels: a thread walks one line along the scanned axis (or four neighbouring lines) and stores as it goes. */
import { elementCount, type Node, operationOf, type ScanStep } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { literal, splat } from "./block.ts";
import { type IndexExpression, type IndexVariable, scaleIndex, unflatten, variableIndex } from "./index-expression.ts";
import { arithmeticType, type ScalarExpression } from "./kernel.ts";
import { followEpilogue, kernelName, type LoweredKernel, Lowering } from "./lowering.ts";
import { applyOperation, fourTimes, type RegionSources } from "./values.ts";

export function lowerScan(group: KernelGroup, region?: RegionSources): LoweredKernel {
  const head = group.heads[0] as Node;
  const root = group.outputs[0] as Node;
  const { start, next } = operationOf(head.op).scanStep as ScanStep;
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
  const dtype = arithmeticType(head.type.dtype);
  const first = literal(start(head.type.dtype), dtype);
  const held = block.variable(head.name ?? "running", vector ? splat(first) : first);
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
    const elements = head.operands.map((operand) => lowering.value(operand, position));
    if (head.attributes.exclusive === true) store();
    block.assign(held, next({ apply: (op, ...args) => applyOperation(op, args, dtype) }, held, elements));
    if (head.attributes.exclusive !== true) store();
  });
  return lowering.finish(kernelName(group));
}
