/** Reductions over indices, and the predicates that restrict a range. */
import { checkTensor } from "./check-arithmetic.ts";
import { type Context, constrainIndex, fail, newIndexVariable, settle, withIndices } from "./check-context.ts";
import { checkSize, factsOf } from "./check-size.ts";
import type { ElementType, ValueType } from "./checked-program.ts";
import { isFloatElement, printElement, printValueType, tensorOfType, unknownType } from "./element-types.ts";
import type { IndexVariable } from "./scope.ts";
import { constantSize, multiplySizes, printSize, type Size } from "./size.ts";
import { withFacts } from "./size-facts.ts";
import type { IndexBinder, ReduceExpression } from "./syntax-tree.ts";

/** Checks that what restricts a range is a condition on single elements. */
export function checkPredicate(context: Context, binder: IndexBinder): void {
  if (binder.predicate === undefined) return;
  const type = checkTensor(context, binder.predicate);
  if (type === undefined) return;
  if (type.element.dtype !== "bool" || type.dims.length > 0) {
    fail(
      context,
      binder.predicate.span,
      "type/predicate",
      `what restricts \`${binder.name.name}\` must be a condition`,
      {
        label: `this is ${printValueType(type)}`,
        help: ["For instance `[j: j <= i]` or `[j: mask[i, j]]`."],
      },
    );
  }
}

/** Indices of a reduction or of `f[j](…)` in scope, with their ranges as far as given and what their predicates tell. */
export function withBinders(
  context: Context,
  binders: readonly IndexBinder[],
): { inner: Context; variables: readonly IndexVariable[] } {
  const variables = binders.map((binder) => newIndexVariable(context, binder));
  const scoped = withIndices(context, variables);
  binders.forEach((binder, i) => {
    const variable = variables[i] as IndexVariable;
    const first = binders.findIndex((other) => other.name.name === variable.name);
    if (first < i) {
      fail(context, binder.span, "index/duplicate", `\`${variable.name}\` is bound twice here`);
      variable.failed = true;
      (variables[first] as IndexVariable).failed = true;
    }
    if (binder.range === undefined) return;
    const range = checkSize(context, binder.range);
    if (range === undefined) variable.failed = true;
    else
      constrainIndex(context, variable, range, {
        span: binder.span,
        text: `here \`${variable.name}\` runs over ${printSize(range)}`,
      });
  });
  let facts = scoped.facts;
  for (const binder of binders) {
    if (binder.predicate !== undefined) facts = withFacts(facts, factsOf(scoped, binder.predicate));
  }
  return { inner: { ...scoped, facts }, variables };
}

const takesBool = new Set(["any", "all"]);

/** The type of `sum[c] …` and its relatives. */
export function checkReduce(context: Context, expression: ReduceExpression): ValueType {
  const { inner, variables } = withBinders(context, expression.indices);
  for (const binder of expression.indices) checkPredicate(inner, binder);
  const body = checkTensor({ ...inner, inSubscript: false }, expression.body);
  const { reducer } = expression;
  const names = variables.map((variable) => variable.name).join(", ");
  if (body === undefined) {
    // The uses that would fix the ranges may be in what failed.
    for (const variable of variables) if (variable.range === undefined) variable.failed = true;
    return unknownType;
  }
  const isBool = body.element.dtype === "bool";
  if (takesBool.has(reducer) !== isBool) {
    return fail(
      context,
      expression.body.span,
      "type/reduction",
      isBool ? `\`${reducer}\` needs numbers` : `\`${reducer}\` asks conditions`,
      {
        label: `this is ${printElement(body.element)}`,
        help: isBool
          ? [`To count, write \`sum[${names}] (if … then 1 else 0)\`.`]
          : ["Compare with something: `x[i] > 0`."],
      },
    );
  }
  let element: ElementType = { dtype: body.element.dtype === "bf16" ? "f32" : body.element.dtype };
  if (reducer === "mean" || reducer === "logsumexp") {
    if (element.dtype === "integer") element = { dtype: "real" };
    if (!isFloatElement(element)) {
      return fail(context, expression.body.span, "type/reduction", `\`${reducer}\` needs real numbers`, {
        label: `this is ${printElement(element)}`,
        help: ["Convert them: `f32(…)`."],
      });
    }
  }
  if (reducer === "max" || reducer === "min") element = body.element;
  if (reducer === "argmax" || reducer === "argmin") {
    settle(context, false);
    const missing = variables.find((variable) => variable.range === undefined);
    if (missing !== undefined) {
      if (!missing.failed) {
        missing.failed = true;
        fail(
          context,
          expression.indices[0]?.span ?? expression.span,
          "index/no-range",
          `nothing before says how far \`${missing.name}\` runs`,
          {
            help: [`Give the range: \`${reducer}[${missing.name}: N]\`.`],
          },
        );
      }
      return unknownType;
    }
    const count = variables.reduce(
      (product, variable) => multiplySizes(product, variable.range as Size),
      constantSize(1),
    );
    element = { dtype: "i32", below: count };
  }
  return tensorOfType(element, body.dims);
}
