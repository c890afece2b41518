/** Subscripts in the text, resolved to positions along axes. */

import { affineForm, axisOf, integerBounds } from "./elaborate-range.ts";
import type { Elaboration, Frame } from "./elaboration.ts";
import { convert } from "./elementwise-value.ts";
import type { IndexedValue } from "./indexed-value.ts";
import { type ResolvedSubscript, readSubscripts } from "./read-subscripts.ts";
import type { Subscript, SubscriptExpression } from "./syntax-tree.ts";

export function elaborateSubscript(context: Elaboration, expression: SubscriptExpression, frame: Frame): IndexedValue {
  const emit = context.at(expression.span);
  let object = context.evaluate(expression.object, frame);
  const subscripts = expression.subscripts.map((subscript) => resolveSubscript(context, subscript, frame));
  if (expression.otherwise === undefined) return readSubscripts(emit, object, subscripts);
  let otherwise = context.evaluate(expression.otherwise, frame);
  // A table of plain numbers takes the type of what stands outside of it, otherwise the table decides.
  if (object.weak !== undefined) object = convert(emit, object, otherwise.weak ?? otherwise.node.type.dtype);
  otherwise = convert(emit, otherwise, object.weak ?? object.node.type.dtype);
  return readSubscripts(emit, object, subscripts, otherwise);
}

function resolveSubscript(context: Elaboration, subscript: Subscript, frame: Frame): ResolvedSubscript {
  switch (subscript.kind) {
    case "all":
      return { kind: "all" };
    case "group":
      return { kind: "group", axes: subscript.indices.map(({ name }) => indexAxis(context, name, frame)) };
    case "at": {
      const form = affineForm(context, subscript.expression, frame);
      if (form !== undefined) return { kind: "affine", form };
      const position = context.evaluate(subscript.expression, frame);
      const bounds = integerBounds(context, subscript.expression, frame);
      return { kind: "computed", position, ...bounds };
    }
  }
}

function indexAxis(context: Elaboration, name: Parameters<Elaboration["tables"]["uses"]["get"]>[0], frame: Frame) {
  const definition = context.tables.uses.get(name);
  if (definition?.kind !== "index") throw new Error(`${name.name} is not an index`);
  return axisOf(frame, definition.binder);
}
