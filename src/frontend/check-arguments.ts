/** What all kinds of calls share: the order of arguments, axes handed back, and arguments of hopeless calls. */

import { type Context, checkExpression, constrainIndex, fail, newIndexVariable, withIndices } from "./check-context.ts";
import type { ValueType } from "./checked-program.ts";
import { unknownType } from "./element-types.ts";
import { suggestion } from "./names.ts";
import { type IndexVariable, lookUp } from "./scope.ts";
import { printSize, type Size } from "./size.ts";
import type { Argument, CallExpression, IndexBinder } from "./syntax-tree.ts";

/** Checks arguments for the mistakes inside them when the call itself is hopeless. */
export function checkArgumentsOnly(context: Context, call: CallExpression): ValueType {
  const binders = (call.axes ?? []).filter((axis): axis is IndexBinder => axis.kind === "index");
  const variables = binders.map((binder) => newIndexVariable(context, binder));
  for (const variable of variables) variable.failed = true;
  const inner = withIndices(context, variables);
  for (const argument of call.arguments) checkExpression(inner, argument.value);
  return unknownType;
}

/** Hands the last axis of a result back to the index of the same name outside of the call. */
export function giveBack(
  context: Context,
  binder: IndexBinder,
  size: Size,
  call: CallExpression,
): IndexVariable | undefined {
  const name = binder.name.name;
  const binding = lookUp(context.scope, name);
  if (binding?.kind !== "index") {
    if (binding?.kind === "unknown" || context.file.skippedNames.has(name)) return undefined;
    if (context.statement.kept === undefined) {
      fail(context, binder.span, "name/unknown", `there is no index \`${name}\` here`);
      return undefined;
    }
    const spans = context.statement.unbound.get(name) ?? [];
    context.statement.unbound.set(name, [...spans, binder.name.span]);
    return undefined;
  }
  binding.variable.uses++;
  constrainIndex(context, binding.variable, size, {
    span: binder.span,
    text: `here \`${name}\` walks ${printSize(size)}, what \`${call.callee.kind === "name" ? call.callee.name : call.callee.member.name}\` gives`,
  });
  return binding.variable;
}

/** Puts arguments in the order of the parameters. */
export function matchArguments(
  context: Context,
  call: CallExpression,
  callee: string,
  parameters: readonly { readonly name: string; readonly optional: boolean }[],
): (Argument | undefined)[] | undefined {
  const matched: (Argument | undefined)[] = parameters.map(() => undefined);
  let sound = true;
  let position = 0;
  for (const argument of call.arguments) {
    const { label } = argument;
    const index = label === undefined ? position++ : parameters.findIndex((parameter) => parameter.name === label.name);
    if (label !== undefined && index < 0) {
      fail(context, label.span, "call/label", `\`${callee}\` has no parameter \`${label.name}\``, {
        help: suggestion(
          label.name,
          parameters.map((parameter) => parameter.name),
        ),
      });
      sound = false;
    } else if (index >= parameters.length) {
      const wanted = parameters.length === 1 ? "one argument" : `${parameters.length} arguments`;
      fail(context, argument.span, "call/arguments", `\`${callee}\` takes ${wanted}, not ${call.arguments.length}`, {
        label: "one too many",
      });
      return undefined;
    } else if (matched[index] !== undefined) {
      fail(context, argument.span, "call/arguments", `\`${parameters[index]?.name}\` of \`${callee}\` is given twice`);
      sound = false;
    } else {
      matched[index] = argument;
    }
  }
  const missing = parameters
    .filter((parameter, i) => matched[i] === undefined && !parameter.optional)
    .map((parameter) => `\`${parameter.name}\``);
  if (missing.length > 0) {
    fail(context, call.span, "call/arguments", `\`${callee}\` needs ${missing.join(", ")} too`);
    sound = false;
  }
  return sound ? matched : undefined;
}
