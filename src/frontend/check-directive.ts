/** Directives on calls: `@approx(favor, features: 256, seed: 1)`. */
import { approximationMethods } from "../ir/index.ts";
import { type Context, fail } from "./check-context.ts";
import { checkSize } from "./check-size.ts";
import { suggestion } from "./names.ts";
import type { CallExpression, Directive, Expression } from "./syntax-tree.ts";

/** Checks the directives of a call whose callee has been resolved. */
export function checkDirectives(context: Context, call: CallExpression): void {
  const [first, second] = call.directives;
  if (second !== undefined) {
    fail(context, second.span, "directive/twice", "a call has one directive at most", {
      secondary: first === undefined ? [] : [{ span: first.span, text: "the first" }],
    });
  }
  if (first === undefined) return;
  if (first.name.name === "approx") checkApproximation(context, call, first);
  else
    fail(context, first.name.span, "name/directive", `there is no directive \`@${first.name.name}\``, {
      help: suggestion(first.name.name, ["approx"]),
    });
}

function checkApproximation(context: Context, call: CallExpression, directive: Directive): void {
  const [method, ...settings] = directive.arguments;
  const help = ["Write `@approx(favor)` or `@approx(favor, features: 256, seed: 1)`."];
  const name = method?.label === undefined && method?.value.kind === "name" ? method.value.name : undefined;
  if (method === undefined || name === undefined || !approximationMethods.includes(name)) {
    const title =
      name === undefined ? "`@approx` needs the name of an approximation" : `there is no approximation \`${name}\``;
    fail(context, method?.span ?? directive.span, "directive/method", title, { help });
    return;
  }
  const found: { features?: Expression; seed?: Expression } = {};
  for (const { label, value, span } of settings) {
    const setting = label?.name;
    if (setting !== "features" && setting !== "seed") {
      fail(context, span, "directive/setting", `\`${name}\` has no such setting`, {
        label: setting === undefined ? "a setting has a name" : `\`${setting}\``,
        help,
      });
      return;
    }
    if (checkSize(context, value) === undefined) return;
    found[setting] = value;
  }
  const resolution = context.checker.tables.calls.get(call);
  if (resolution?.kind === "function") context.checker.tables.approximations.set(call, { method: name, ...found });
  else if (resolution !== undefined)
    fail(context, directive.span, "directive/callee", "only the call of a function or module can be approximated", {
      help: ["Put the attention in a function and mark its call."],
    });
}
