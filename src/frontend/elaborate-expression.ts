/** Expressions: every kind of the syntax tree as an indexed value. */

import type { Span } from "../ir/index.ts";
import { indexAsNumber } from "./affine-index.ts";
import type { CheckedProgram } from "./checked-program.ts";
import { elaborateBinary, elaborateConditional, elaborateUnary } from "./elaborate-arithmetic.ts";
import { elaborateCall, elaborateConcat, elaborateList } from "./elaborate-call.ts";
import { axisOf, knownSize } from "./elaborate-range.ts";
import { elaborateReduction } from "./elaborate-reduction.ts";
import { elaborateSubscript } from "./elaborate-subscript.ts";
import {
  type BufferWrites,
  type Elaboration,
  type Frame,
  type Instance,
  type InstanceTensor,
  instanceAt,
  makeEmitters,
  newFrame,
  refuseAbsent,
} from "./elaboration.ts";
import { constantValue } from "./elementwise-value.ts";
import type { IndexedValue } from "./indexed-value.ts";
import type { BindingTarget, Expression, MemberExpression, NameExpression, TensorMember } from "./syntax-tree.ts";

/** Sets up the elaboration of a program that the checker found no errors in. */
export function startElaboration(program: CheckedProgram, options: { readonly training?: boolean } = {}): Elaboration {
  const state = { nodes: 0, axes: 0, draws: new Map<string, number>() };
  const at = makeEmitters(state);
  const parameters = new Map<InstanceTensor, IndexedValue>();
  const written: BufferWrites = { values: new Map(), recurrences: 0 };
  const context: Elaboration = {
    program,
    tables: program.tables,
    training: options.training ?? false,
    written,
    state,
    at,
    evaluate: (expression, frame) => evaluateExpression(context, expression, frame),
    evaluateAll: (expression, frame) => evaluateAll(context, expression, frame),
    parameterValue: (tensor) => {
      let value = written.values.get(tensor) ?? parameters.get(tensor);
      if (value === undefined) {
        const node = at(tensor.member.span).source("parameter", { name: tensor.path }, tensor.type);
        value = { node, axes: [], dims: tensor.type.shape.map((size) => ({ size })), restrictions: [] };
        parameters.set(tensor, value);
      }
      return value;
    },
  };
  return context;
}

function evaluateAll(context: Elaboration, expression: Expression, frame: Frame): readonly IndexedValue[] {
  if (expression.kind === "tuple") return expression.items.map((item) => evaluateExpression(context, item, frame));
  if (expression.kind === "call") return elaborateCall(context, expression, frame);
  return [evaluateExpression(context, expression, frame)];
}

function evaluateExpression(context: Elaboration, expression: Expression, frame: Frame): IndexedValue {
  const known = knownSize(context, expression, frame);
  if (known !== undefined) return constantValue(context.at(expression.span), known, "integer");
  switch (expression.kind) {
    case "number":
      return constantValue(context.at(expression.span), expression.value, expression.integer ? "integer" : "real");
    case "boolean":
      return constantValue(context.at(expression.span), expression.value ? 1 : 0, "bool");
    case "name":
      return evaluateName(context, expression, frame);
    case "member":
      return evaluateMember(context, expression, frame);
    case "subscript":
      return elaborateSubscript(context, expression, frame);
    case "call": {
      const [value] = elaborateCall(context, expression, frame);
      return value as IndexedValue;
    }
    case "reduce":
      return elaborateReduction(context, expression, frame);
    case "unary":
      return elaborateUnary(context, expression, frame);
    case "binary":
      return elaborateBinary(context, expression, frame);
    case "conditional":
      return elaborateConditional(context, expression, frame);
    case "list":
      return elaborateList(context, expression, frame);
    case "concat":
      return elaborateConcat(context, expression, frame);
    case "tuple":
      throw new Error(`several values where one is needed, line ${expression.span.line}`);
  }
}

function evaluateName(context: Elaboration, expression: NameExpression, frame: Frame): IndexedValue {
  const emit = context.at(expression.span);
  const definition = context.tables.uses.get(expression);
  switch (definition?.kind) {
    case "index":
      return frame.steps.get(definition.binder) ?? indexAsNumber(emit, axisOf(frame, definition.binder));
    case "local":
      return frame.values.get(definition.target) ?? moduleLet(context, definition.target, expression, frame);
    case "parameter": {
      const setting = frame.instance?.settings.get(definition.parameter.name.name);
      if (definition.of.kind !== "module" || setting === undefined)
        return bound(frame, definition.parameter, expression);
      return constantValue(emit, setting.value, setting.dtype);
    }
    case "tensor":
      return tensorValue(context, frame.instance, definition.member, frame, expression.span);
    case "constant":
      return namedConstant(context, expression, definition.name);
    default:
      throw new Error(`${expression.name} is no value, ${expression.span.file}:${expression.span.line}`);
  }
}

function bound(frame: Frame, key: object, expression: NameExpression): IndexedValue {
  const value = frame.values.get(key);
  if (value === undefined)
    throw new Error(`${expression.name} has no value yet, ${expression.span.file}:${expression.span.line}`);
  return value;
}

/** A `let` among the members of the enclosing module: compile-time, evaluated where it is read. */
function moduleLet(
  context: Elaboration,
  target: BindingTarget,
  expression: NameExpression,
  frame: Frame,
): IndexedValue {
  const { instance } = frame;
  for (const member of instance?.module.members ?? []) {
    if (member.kind !== "let" || !member.targets.includes(target)) continue;
    const value = context.evaluate(member.value, newFrame(instance, instance?.sizes ?? [], frame.depth));
    frame.values.set(target, value);
    return value;
  }
  return bound(frame, target, expression);
}

function namedConstant(context: Elaboration, expression: NameExpression, name: string): IndexedValue {
  const emit = context.at(expression.span);
  switch (name) {
    case "inf":
      return constantValue(emit, Number.POSITIVE_INFINITY, "real");
    case "pi":
    case "π":
      return constantValue(emit, Math.PI, "real");
    case "training":
      return constantValue(emit, context.training ? 1 : 0, "bool");
    default:
      throw new Error(`no constant named ${name}`);
  }
}

function tensorValue(
  context: Elaboration,
  instance: Instance | undefined,
  member: TensorMember,
  frame: Frame,
  span: Span,
): IndexedValue {
  const tensor = instance?.tensors.get(member);
  if (tensor === undefined) return refuseAbsent(context, member, frame, span);
  return context.parameterValue(tensor);
}

/** `embed.weight`, `layer[0].bias`: a parameter of a sub module. */
function evaluateMember(context: Elaboration, expression: MemberExpression, frame: Frame): IndexedValue {
  const type = context.tables.types.get(expression.object);
  const definition = context.tables.uses.get(expression.member);
  if (type?.kind !== "instance" || definition?.kind !== "tensor") {
    throw new Error(`${expression.member.name} is no value, ${expression.span.file}:${expression.span.line}`);
  }
  return tensorValue(
    context,
    instanceAt(context, type.path, frame, expression.span),
    definition.member,
    frame,
    expression.span,
  );
}
