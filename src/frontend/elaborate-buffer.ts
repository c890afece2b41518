/** Buffers that a training step changes, `running_mean[c] = …` inside `if training { }`: running statistics, counters. */
import type { GraphOutput, Span } from "../ir/index.ts";
import { layOut } from "./align-values.ts";
import { type Elaboration, type Frame, refuseAbsent } from "./elaboration.ts";
import type { IndexedValue } from "./indexed-value.ts";
import type { TensorMember } from "./syntax-tree.ts";

/** Name of the output with what a buffer holds after a training step. */
export function writtenName(path: string): string {
  return `written(${path})`;
}

/** Path of the buffer whose new value an output is; `undefined` for other outputs. */
export function writtenPath(output: string): string | undefined {
  return /^written\((.*)\)$/u.exec(output)?.[1];
}

/**
 * Gives a buffer of the frame's module its new value, which reads after it see. There is one value for a step: none for every example, and none
 * for every step of a recurrence.
 */
export function writeBuffer(
  context: Elaboration,
  member: TensorMember,
  value: IndexedValue,
  frame: Frame,
  span: Span,
): void {
  const emit = context.at(span);
  const tensor = frame.instance?.tensors.get(member);
  if (tensor === undefined) refuseAbsent(context, member, frame, span);
  const name = member.name.name;
  if (!context.training)
    emit.refuse("module/buffer-write", `the buffer \`${name}\` changes while training only`, {
      secondary: [{ span: member.name.span, text: "what a run reads and leaves as it is" }],
      help: [`Write it inside \`if training { }\`.`],
    });
  const notes = ["A training step leaves one value in a buffer."];
  if (context.written.recurrences > 0)
    emit.refuse("module/buffer-write", `the buffer \`${name}\` is written in every step of a recurrence`, {
      notes,
      help: ["Carry the value in the recurrence, and write the last one after it."],
    });
  const [axis] = value.axes;
  if (axis !== undefined)
    emit.refuse("module/buffer-write", `the buffer \`${name}\` would get a value for each of ${axis.size} places`, {
      label: axis.name === "b" ? "the function is mapped over them" : `one for each \`${axis.name}\``,
      notes,
      help: ["Give the function the whole batch, `fn f<batch B>(x: f32[B, …])`, and reduce over it."],
    });
  context.written.values.set(tensor, value);
}

/** What all buffers that were written hold at the end, as outputs named by `writtenName`. */
export function writtenBuffers(context: Elaboration): readonly GraphOutput[] {
  return [...context.written.values].map(([{ path, member }, value]) => ({
    name: writtenName(path),
    node: layOut(context.at(member.span), value, [], value.dims),
  }));
}
