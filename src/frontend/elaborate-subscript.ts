/** Subscripts in the text, resolved to positions along axes. */

import type { RecurrentRead } from "./checked-program.ts";
import { affineForm, axisOf, integerBounds } from "./elaborate-range.ts";
import { readCarried } from "./elaborate-recurrence.ts";
import type { Elaboration, Frame } from "./elaboration.ts";
import { constantValue, convert, elementwise } from "./elementwise-value.ts";
import type { IndexedValue } from "./indexed-value.ts";
import { type ResolvedSubscript, readSubscripts } from "./read-subscripts.ts";
import type { Subscript, SubscriptExpression } from "./syntax-tree.ts";

export function elaborateSubscript(context: Elaboration, expression: SubscriptExpression, frame: Frame): IndexedValue {
  const emit = context.at(expression.span);
  const carried = context.tables.recurrentReads.get(expression);
  if (carried !== undefined) return elaborateCarriedRead(context, expression, carried, frame);
  let object = context.evaluate(expression.object, frame);
  const subscripts = expression.subscripts.map((subscript) => resolveSubscript(context, subscript, frame));
  if (expression.otherwise === undefined) return readSubscripts(emit, object, subscripts);
  let otherwise = context.evaluate(expression.otherwise, frame);
  // A table of plain numbers takes the type of what stands outside of it, otherwise the table decides.
  if (object.weak !== undefined) object = convert(emit, object, otherwise.weak ?? otherwise.node.type.dtype);
  otherwise = convert(emit, otherwise, object.weak ?? object.node.type.dtype);
  return readSubscripts(emit, object, subscripts, otherwise);
}

/** `h[t-1]` inside the recurrence that defines `h`. */
function elaborateCarriedRead(
  context: Elaboration,
  expression: SubscriptExpression,
  read: RecurrentRead,
  frame: Frame,
): IndexedValue {
  const emit = context.at(expression.span);
  const subscripts = expression.subscripts
    .filter((_, axis) => axis !== read.axis)
    .map((subscript) => resolveSubscript(context, subscript, frame));
  if (expression.otherwise === undefined) return readCarried(emit, read, subscripts, undefined, frame);
  const element = readCarried(emit, read, [], undefined, frame).node.type.dtype;
  const otherwise = convert(emit, context.evaluate(expression.otherwise, frame), element);
  return readCarried(emit, read, subscripts, otherwise, frame);
}

function resolveSubscript(context: Elaboration, subscript: Subscript, frame: Frame): ResolvedSubscript {
  switch (subscript.kind) {
    case "all":
      return { kind: "all" };
    case "group":
      return resolveGroup(context, subscript, frame);
    case "at": {
      const form = affineForm(context, subscript.expression, frame);
      if (form !== undefined) return { kind: "affine", form };
      const position = context.evaluate(subscript.expression, frame);
      const bounds = integerBounds(context, subscript.expression, frame);
      return { kind: "computed", position, ...bounds };
    }
  }
}

/** `(h c)` as axes, or where one of the indices counts steps as the position that they make together. */
function resolveGroup(
  context: Elaboration,
  { indices }: Extract<Subscript, { kind: "group" }>,
  frame: Frame,
): ResolvedSubscript {
  const steps = indices.map(({ name }) => {
    const definition = context.tables.uses.get(name);
    return definition?.kind === "index" ? frame.steps.get(definition.binder) : undefined;
  });
  if (steps.every((step) => step === undefined)) {
    return { kind: "group", axes: indices.map(({ name }) => indexAxis(context, name, frame)) };
  }
  let position: IndexedValue | undefined;
  let count = 1;
  indices.forEach(({ name, span }, k) => {
    const emit = context.at(span);
    const value = convert(emit, context.evaluate(name, frame), "i32");
    const size = steps[k]?.node.type.below ?? indexAxis(context, name, frame).size;
    const scaled = position && elementwise(emit, "mul", [position, constantValue(emit, size, "i32")]);
    position = scaled === undefined ? value : elementwise(emit, "add", [scaled, value]);
    count *= size;
  });
  return { kind: "computed", position: position as IndexedValue, low: 0, high: count - 1 };
}

function indexAxis(context: Elaboration, name: Parameters<Elaboration["tables"]["uses"]["get"]>[0], frame: Frame) {
  const definition = context.tables.uses.get(name);
  if (definition?.kind !== "index") throw new Error(`${name.name} is not an index`);
  return axisOf(frame, definition.binder);
}
