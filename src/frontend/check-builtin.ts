/** Calls that the language itself answers: conversions, scalar functions, `concat`. */
import type { DType } from "../ir/index.ts";
import { checkArgumentsOnly, giveBack, matchArguments } from "./check-arguments.ts";
import { agreeOnDims, agreeOnElement, checkTensor, type Operand } from "./check-arithmetic.ts";
import { type Context, fail, newIndexVariable, settle, withIndices } from "./check-context.ts";
import type { Builtin, TensorValueType, ValueType } from "./checked-program.ts";
import {
  isFloatElement,
  isIntegerElement,
  printElement,
  printValueType,
  tensorOfType,
  unknownType,
} from "./element-types.ts";
import { randomName } from "./names.ts";
import { addSizes, type Size } from "./size.ts";
import type { CallExpression, IndexBinder } from "./syntax-tree.ts";

function rejectAxes(context: Context, call: CallExpression, name: string): boolean {
  const [axis] = call.axes ?? [];
  if (axis === undefined) return false;
  fail(context, axis.span, "call/axes", `\`${name}\` works on single numbers and takes no axis`, {
    help: [`Without brackets it applies to every element: \`${name}(…)\`.`],
  });
  return true;
}

export function checkCast(context: Context, call: CallExpression, to: DType): ValueType {
  const [argument] = call.arguments;
  if (rejectAxes(context, call, to)) return checkArgumentsOnly(context, call);
  if (call.arguments.length !== 1 || argument === undefined) {
    return fail(context, call.span, "call/arguments", `\`${to}\` converts one value, not ${call.arguments.length}`);
  }
  const type = checkTensor(context, argument.value);
  if (type === undefined) return unknownType;
  context.checker.tables.calls.set(call, { kind: "cast", to });
  return tensorOfType({ dtype: to }, type.dims, type.constant);
}

export function checkBuiltin(context: Context, call: CallExpression, name: string, builtin: Builtin): ValueType {
  if (rejectAxes(context, call, name)) return checkArgumentsOnly(context, call);
  const operands: Operand[] = [];
  for (const argument of call.arguments) {
    const type = checkTensor(context, argument.value);
    if (argument.label !== undefined) {
      fail(context, argument.label.span, "call/label", `the arguments of \`${name}\` have no names`);
    }
    if (type !== undefined) operands.push({ expression: argument.value, type });
  }
  if (call.arguments.length !== builtin.arity) {
    const count = builtin.arity === 1 ? "one argument" : `${builtin.arity} arguments`;
    return fail(context, call.span, "call/arguments", `\`${name}\` takes ${count}, not ${call.arguments.length}`, {
      help: name === "max" || name === "min" ? [`The largest along an axis is written \`${name}[k] x[k]\`.`] : [],
    });
  }
  if (operands.length < builtin.arity) return unknownType;
  const element = agreeOnElement(context, operands, `in \`${name}\``);
  if (element === undefined) return unknownType;
  const fits = {
    float: element.dtype === "integer" || isFloatElement(element),
    number: element.dtype !== "bool",
    integer: isIntegerElement(element),
    boolean: element.dtype === "bool",
  }[builtin.domain];
  if (!fits) {
    const [first] = operands as [Operand, ...Operand[]];
    const wanted = { float: "real numbers", number: "numbers", integer: "whole numbers", boolean: "conditions" }[
      builtin.domain
    ];
    return fail(context, first.expression.span, "type/argument", `\`${name}\` takes ${wanted}`, {
      label: `this is ${printElement(first.type.element)}`,
      help: builtin.domain === "float" ? ["Convert it: `f32(…)`."] : [],
    });
  }
  const dims = agreeOnDims(context, operands);
  if (dims === undefined) return unknownType;
  context.checker.tables.calls.set(call, { kind: "builtin", name });
  const result =
    builtin.domain === "float" && element.dtype === "integer" ? { dtype: "real" as const } : { dtype: element.dtype };
  return tensorOfType(
    result,
    dims,
    operands.every((operand) => operand.type.constant === true),
  );
}

/** `rising_order(x)`, `falling_order(x)`: places along the last axis, which an index table of that length holds. */
export function checkOrder(context: Context, call: CallExpression, name: string, descending: boolean): ValueType {
  const [axis] = call.axes ?? [];
  if (axis !== undefined) {
    checkArgumentsOnly(context, call);
    return fail(context, axis.span, "call/axes", `\`${name}\` orders whole vectors and takes no axis`, {
      help: [`Along an index: \`${descending ? "argsort_descending" : "argsort"}[j](…)\`.`],
    });
  }
  const [argument] = call.arguments;
  if (call.arguments.length !== 1 || argument === undefined) {
    checkArgumentsOnly(context, call);
    return fail(context, call.span, "call/arguments", `\`${name}\` takes one argument, not ${call.arguments.length}`);
  }
  const type = checkTensor(context, argument.value);
  if (type === undefined) return unknownType;
  const length = type.dims[type.dims.length - 1];
  if (length === undefined || type.element.dtype === "bool") {
    return fail(context, argument.value.span, "type/argument", `\`${name}\` orders a vector of numbers`, {
      label: `this is ${printValueType(type)}`,
    });
  }
  context.checker.tables.calls.set(call, { kind: "order", descending });
  return tensorOfType({ dtype: "i32", below: length }, type.dims);
}

/** `uniform_like(x, seed)`: the axes of x, and of everything over which x varies. */
export function checkRandom(context: Context, call: CallExpression): ValueType {
  if (rejectAxes(context, call, randomName)) return checkArgumentsOnly(context, call);
  const matched = matchArguments(context, call, randomName, [
    { name: "x", optional: false },
    { name: "seed", optional: false },
  ]);
  const types = call.arguments.map((argument) => checkTensor(context, argument.value));
  if (matched === undefined || types.some((type) => type === undefined)) return unknownType;
  const typeOf = (argument: CallExpression["arguments"][number] | undefined) =>
    types[call.arguments.indexOf(argument as CallExpression["arguments"][number])] as TensorValueType;
  const [x, seed] = [typeOf(matched[0]), typeOf(matched[1])];
  if (!isIntegerElement(seed.element) || seed.dims.length > 0) {
    return fail(context, matched[1]?.span ?? call.span, "type/argument", "a seed is one whole number", {
      label: `this is ${printValueType(seed)}`,
    });
  }
  context.checker.tables.calls.set(call, { kind: "random" });
  return tensorOfType({ dtype: "f32" }, x.dims);
}

/** `concat[c](A[i, c], B[i, c])`: every argument has its own `c`; the result's is as long as all together. */
export function checkConcat(context: Context, call: CallExpression): ValueType {
  const [axis] = call.axes ?? [];
  if (axis?.kind !== "index" || call.axes?.length !== 1 || axis.predicate !== undefined || axis.range !== undefined) {
    fail(context, call.callee.span, "call/axes", "`concat` needs the index along which it joins", {
      help: ["Write `concat[c](A[i, c], B[i, c])`, or `[a; b]` to join along the first axis."],
    });
    return checkArgumentsOnly(context, call);
  }
  const operands: Operand[] = [];
  const extents: Size[] = [];
  for (const argument of call.arguments) {
    const variable = newIndexVariable(context, axis);
    const inner = withIndices(context, [variable]);
    const type = checkTensor(inner, argument.value);
    settle(context, false);
    if (type === undefined) {
      variable.failed = true;
      continue;
    }
    operands.push({ expression: argument.value, type });
    if (variable.range === undefined) {
      if (!variable.failed) {
        variable.failed = true;
        fail(
          context,
          argument.value.span,
          "index/no-range",
          `this part of \`concat\` does not say how far \`${axis.name.name}\` runs`,
          {
            help: [`Use \`${axis.name.name}\` as a subscript in it, as in \`A[i, ${axis.name.name}]\`.`],
          },
        );
      }
      continue;
    }
    extents.push(variable.range);
  }
  if (operands.length < call.arguments.length || extents.length < operands.length || operands.length === 0)
    return unknownType;
  const element = agreeOnElement(context, operands, "in `concat`");
  const dims = element && agreeOnDims(context, operands);
  if (element === undefined || dims === undefined) return unknownType;
  const total = extents.reduce(addSizes);
  const outer = giveBack(context, axis, total, call);
  if (outer === undefined) return unknownType;
  context.checker.tables.calls.set(call, { kind: "concat", axis, outer: outer.binders[0] as IndexBinder, extents });
  return tensorOfType({ dtype: element.dtype }, dims);
}
