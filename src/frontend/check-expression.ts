/** Expressions: one rule per kind; names, lists and joins are here, the larger kinds have files of their own. */
import {
  agreeOnDims,
  agreeOnElement,
  checkBinary,
  checkConditional,
  checkTensor,
  checkUnary,
  type Operand,
} from "./check-arithmetic.ts";
import { checkCall } from "./check-call.ts";
import { type Context, checkExpression, fail } from "./check-context.ts";
import { checkMember, chooseElements } from "./check-instance.ts";
import { checkRecurrentRead, failWhole } from "./check-recurrent-read.ts";
import { checkReduce } from "./check-reduce.ts";
import { checkSubscript } from "./check-subscript.ts";
import type { TensorValueType, ValueType } from "./checked-program.ts";
import {
  boolElement,
  integerElement,
  printDims,
  realElement,
  sizeType,
  tensorOfType,
  unknownType,
} from "./element-types.ts";
import { suggestion } from "./names.ts";
import { lookUp, visibleNames } from "./scope.ts";
import { addSizes, constantSize, printSize, type Size } from "./size.ts";
import { provablyEqual } from "./size-facts.ts";
import type {
  ConcatExpression,
  Expression,
  ListExpression,
  NameExpression,
  SubscriptExpression,
} from "./syntax-tree.ts";

function checkName(context: Context, expression: NameExpression): ValueType {
  const { name, span } = expression;
  const binding = lookUp(context.scope, name);
  if (binding === undefined) {
    if (context.file.skippedNames.has(name)) return unknownType;
    if (context.inSubscript && context.statement.kept !== undefined) {
      const known = suggestion(name, visibleNames(context.scope));
      if (known.length > 0 && [...name].length > 2)
        return fail(context, span, "name/unknown", `there is no \`${name}\``, { help: known });
      const spans = context.statement.unbound.get(name) ?? [];
      context.statement.unbound.set(name, [...spans, span]);
      return unknownType;
    }
    if (context.statement.unbound.has(name)) return unknownType;
    return fail(context, span, "name/unknown", `there is no \`${name}\``, {
      help: suggestion(name, visibleNames(context.scope)),
    });
  }
  switch (binding.kind) {
    case "index":
      binding.variable.uses++;
      context.checker.tables.uses.set(expression, {
        kind: "index",
        binder: binding.variable.binders[0] as (typeof binding.variable.binders)[0],
      });
      return tensorOfType(integerElement);
    case "value":
      context.checker.tables.uses.set(expression, binding.definition);
      return binding.type;
    case "callable": {
      const isModule = binding.definition.kind === "module";
      return fail(
        context,
        span,
        "type/not-a-value",
        `\`${name}\` is a ${isModule ? "module" : "function"}, not a value`,
        {
          help: isModule ? [`Make one with \`sub part: ${name}(…)\`.`] : [`Call it: \`${name}(…)\`.`],
        },
      );
    }
    case "defining":
      // The statement turns out to be a recurrence; it is checked again as one.
      binding.used = true;
      return binding.carried === undefined ? unknownType : failWhole(context, span, binding.carried);
    case "unknown":
      return unknownType;
  }
}

/** `[a, b, c]`: a new first axis. */
function checkList(context: Context, expression: ListExpression): ValueType {
  const types = expression.items.map((item) => checkTensor(context, item));
  if (types.some((type) => type === undefined)) return unknownType;
  const operands = expression.items.map(
    (item, i): Operand => ({ expression: item, type: types[i] as TensorValueType }),
  );
  const element = agreeOnElement(context, operands, "in a list");
  const dims = element && agreeOnDims(context, operands);
  if (element === undefined || dims === undefined) return unknownType;
  const odd = operands.find((operand) => operand.type.dims.length !== dims.length);
  if (odd !== undefined) {
    return fail(context, odd.expression.span, "shape/rank", "the items of a list must have the same axes", {
      label: "this is a single number",
      help: ["To join along the first axis, write `[a; b]`."],
    });
  }
  return tensorOfType(
    { dtype: element.dtype },
    [constantSize(operands.length), ...dims],
    operands.every((operand) => operand.type.constant === true),
  );
}

/** `[a; b]`: joined along the first axis; the other axes must agree. */
function checkJoin(context: Context, expression: ConcatExpression): ValueType {
  const types = expression.parts.map((part) => checkTensor(context, part));
  if (types.some((type) => type === undefined)) return unknownType;
  const operands = expression.parts.map(
    (part, i): Operand => ({ expression: part, type: types[i] as TensorValueType }),
  );
  const element = agreeOnElement(context, operands, "in a join");
  if (element === undefined) return unknownType;
  const scalar = operands.find((operand) => operand.type.dims.length === 0);
  if (scalar !== undefined) {
    return fail(context, scalar.expression.span, "shape/rank", "a single number cannot be joined", {
      help: ["Make a list of it: `[x]`."],
    });
  }
  const [first] = operands as [Operand, ...Operand[]];
  for (const operand of operands) {
    const [a, b] = [first.type.dims.slice(1), operand.type.dims.slice(1)];
    const axis = a.findIndex((size, i) => b[i] === undefined || !provablyEqual(size, b[i] as Size, context.facts));
    if (a.length === b.length && axis < 0) continue;
    const mismatch = a.length === b.length;
    return fail(
      context,
      operand.expression.span,
      mismatch ? "size/mismatch" : "shape/rank",
      "parts that are joined may differ only in their first axis",
      {
        label: `this has axes ${printDims(operand.type.dims)}`,
        secondary: [{ span: first.expression.span, text: `this has axes ${printDims(first.type.dims)}` }],
        notes: mismatch ? [`Nothing says ${printSize(a[axis] as Size)} = ${printSize(b[axis] as Size)}.`] : [],
      },
    );
  }
  const total = operands.map((operand) => operand.type.dims[0] as Size).reduce(addSizes);
  return tensorOfType(
    { dtype: element.dtype },
    [total, ...first.type.dims.slice(1)],
    operands.every((operand) => operand.type.constant === true),
  );
}

function checkRead(context: Context, expression: SubscriptExpression): ValueType {
  const binding = expression.object.kind === "name" ? lookUp(context.scope, expression.object.name) : undefined;
  if (binding?.kind === "defining" && binding.carried !== undefined) {
    return checkRecurrentRead(context, expression, binding.carried);
  }
  const object = checkExpression(context, expression.object);
  if (object.kind !== "instance" || object.missing === 0) return checkSubscript(context, expression, object);
  const elements: Expression[] = [];
  for (const subscript of expression.subscripts) {
    if (subscript.kind !== "at")
      return fail(context, subscript.span, "index/not-constant", "an array of modules is read with a number");
    elements.push(subscript.expression);
  }
  return chooseElements(context, object, elements);
}

/** The type of any expression; called through `checkExpression`, which remembers it. */
export function visitExpression(context: Context, expression: Expression): ValueType {
  switch (expression.kind) {
    case "number":
      return expression.integer ? sizeType(constantSize(expression.value)) : tensorOfType(realElement, [], true);
    case "boolean":
      return tensorOfType(boolElement, [], true);
    case "name":
      return checkName(context, expression);
    case "member":
      return checkMember(context, expression);
    case "subscript":
      return checkRead(context, expression);
    case "call":
      return checkCall({ ...context, inSubscript: false }, expression);
    case "reduce":
      return checkReduce({ ...context, inSubscript: false }, expression);
    case "unary":
      return checkUnary(context, expression);
    case "binary":
      return checkBinary(context, expression);
    case "conditional":
      return checkConditional(context, expression);
    case "list":
      return checkList(context, expression);
    case "concat":
      return checkJoin(context, expression);
    case "tuple": {
      const items = expression.items.map((item) => checkTensor(context, item));
      if (items.some((item) => item === undefined)) return unknownType;
      return { kind: "tuple", items: items as TensorValueType[] };
    }
  }
}
