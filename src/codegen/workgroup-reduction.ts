/** Reductions of what the threads of a workgroup hold. */

import { type Block, literal } from "./block.ts";
import {
  addIndex,
  clampIndex,
  constantIndex,
  type IndexExpression,
  type IndexVariable,
  scaleIndex,
  variableIndex,
} from "./index-expression.ts";
import type { ScalarExpression } from "./kernel.ts";
import { below, type Lowering } from "./lowering.ts";
import { applyOperation, indexValue } from "./values.ts";

/** Threads of a workgroup that reduce together: `parts` of them, `stride` apart in the workgroup; every group of threads has its own result. */
export interface ReducingThreads {
  readonly member: IndexVariable;
  /** Number of a thread among those that reduce together. */
  readonly part: IndexExpression;
  /** A power of two. */
  readonly parts: number;
  readonly stride: number;
}

/** All threads of the workgroup together. */
export function wholeWorkgroup(member: IndexVariable): ReducingThreads {
  return { member, part: variableIndex(member), parts: member.extent, stride: 1 };
}

/** The reduction of what the threads hold, in all of them: halves are joined until one is left, always in the same order. */
export function reduceTogether(
  lowering: Lowering,
  { member, part, parts, stride }: ReducingThreads,
  operation: string,
  own: ScalarExpression,
): ScalarExpression {
  const { block } = lowering;
  const { dtype } = own.type;
  const held = lowering.workgroupArray("parts", member.extent, own.type);
  const at = (ahead: number) => addIndex(variableIndex(member), constantIndex(ahead * stride));
  held.set(at(0), own);
  block.barrier("workgroup");
  for (let half = parts / 2; half >= 1; half /= 2) {
    block.when(applyOperation("lt", [indexValue(part), literal(half, "i32")], "bool"), () => {
      held.set(at(0), applyOperation(operation, [held.at(at(0)), held.at(at(half))], dtype));
    });
    block.barrier("workgroup");
  }
  const first = parts === member.extent ? constantIndex(0) : addIndex(variableIndex(member), scaleIndex(part, -stride));
  return block.variable("whole", held.at(first));
}

/** Each of the threads takes every so-many-th step. */
export function walkTogether(
  block: Block,
  { part, parts }: ReducingThreads,
  count: number,
  body: (k: IndexExpression) => void,
): void {
  const turn: IndexVariable = { name: block.freshName("turn"), extent: Math.ceil(count / parts) };
  block.loop(turn, {}, () => {
    const k = addIndex(scaleIndex(variableIndex(turn), parts), part);
    // What is computed under the test may be computed before it: steps beyond the end read the last one.
    block.when(below(k, count), () => body(clampIndex(k, 0, count - 1)));
  });
}
