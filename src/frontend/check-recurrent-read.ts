/** Reading what is being defined: `h[t-1]` inside the definition of `h[t]`. */
import { checkTensor } from "./check-arithmetic.ts";
import { type Context, checkExpression, fail, textOf } from "./check-context.ts";
import { polynomialOf } from "./check-size.ts";
import { checkGroup, checkPlace, loneIndex } from "./check-subscript.ts";
import type { ElementType, TensorValueType, ValueType } from "./checked-program.ts";
import { combineElements, elementFits, integerElement, printElement, unknownType } from "./element-types.ts";
import type { CarriedValue } from "./scope.ts";
import { addSizes, constantSize, nameSize, type Size, subtractSizes } from "./size.ts";
import { provablyAtMost, provablyNonNegative } from "./size-facts.ts";
import type { SubscriptExpression } from "./syntax-tree.ts";

/** Reports that the whole of a value is wanted while it is being computed. */
export function failWhole(context: Context, span: SubscriptExpression["span"], carried: CarriedValue): ValueType {
  const { name } = carried.target.name;
  const time = carried.time.name;
  return fail(context, span, "recurrence/whole", `the whole of \`${name}\` is not known while it is computed`, {
    label: `this needs every \`${time}\``,
    secondary: [{ span: carried.target.span, text: `computed one \`${time}\` after the other` }],
    help: [
      `Read an earlier step: \`${name}[${time}-1]\`.`,
      "What needs all steps stands in a statement after this one.",
    ],
  });
}

/**
 * The type of a read of what is being defined, under what is assumed of it. Where it reads (its distance from the step) is
 * noted, and judged when all reads are known.
 */
export function checkRecurrentRead(
  context: Context,
  expression: SubscriptExpression,
  carried: CarriedValue,
): ValueType {
  const inside: Context = { ...context, inSubscript: true };
  const dims = carried.dims();
  const guarded = expression.otherwise !== undefined;
  const otherwise = expression.otherwise === undefined ? undefined : checkTensor(context, expression.otherwise);
  if (dims !== undefined && expression.subscripts.length > dims.length) {
    const text = textOf(context, expression.object.span);
    const extra = expression.subscripts[dims.length] as (typeof expression.subscripts)[0];
    return fail(context, extra.span, "index/too-many", `\`${text}\` has ${dims.length} axes here`, {
      label: "one subscript too many",
      secondary: [{ span: carried.target.span, text: "this is what is being defined" }],
    });
  }
  const place = expression.subscripts[carried.axis];
  if (place?.kind !== "at") return failWhole(context, expression.span, carried);
  const type = checkTensor(inside, place.expression);
  const kept: (Size | undefined)[] = [];
  expression.subscripts.forEach((subscript, axis) => {
    if (axis === carried.axis) return;
    const dim = dims?.[axis];
    if (subscript.kind === "all") kept.push(dim);
    else if (subscript.kind === "group") {
      if (dim === undefined) for (const { name } of subscript.indices) checkExpression(inside, name);
      else checkGroup(context, subscript.indices, dim, subscript);
    } else {
      // The definition's own index at its own axis says nothing new about its range.
      const own = carried.indices[axis];
      const isOwn = own !== undefined && loneIndex(context, subscript.expression) === own;
      if (isOwn || dim === undefined) checkExpression(inside, subscript.expression);
      else checkPlace(context, expression.object, subscript.expression, dim, guarded);
    }
  });
  kept.push(...(dims?.slice(expression.subscripts.length) ?? []));
  if (type === undefined) return unknownType;
  const walked = loneIndex(context, place.expression);
  // `sum[k] h[k]` has a mistake that says more than that `k` has no range.
  if (walked !== undefined && walked.range === undefined && walked !== carried.time) walked.failed = true;
  const polynomial = polynomialOf(context, place.expression);
  carried.reads.push({
    expression,
    place: place.expression,
    guarded,
    offset: polynomial && subtractSizes(polynomial, nameSize(carried.time.atom)),
  });
  const known = kept.every((dim) => dim !== undefined) && dims !== undefined;
  if (!known) carried.incomplete = true;
  const element = elementOfRead(context, expression, carried, otherwise);
  if (element === undefined) return unknownType;
  const result: TensorValueType = { kind: "tensor", element, dims: kept.filter((dim) => dim !== undefined) };
  return carried.size !== undefined && result.dims.length === 0 && !guarded
    ? { ...result, size: carried.size, constant: true }
    : result;
}

/** The element type of a read; with `else` in it, that of both together. */
function elementOfRead(
  context: Context,
  { otherwise: place, span }: SubscriptExpression,
  carried: CarriedValue,
  otherwise: TensorValueType | undefined,
): ElementType | undefined {
  const { element } = carried;
  if (place === undefined) return element ?? integerElement;
  if (otherwise === undefined) return undefined;
  const combined =
    element === undefined || elementFits(otherwise.element, element)
      ? (element ?? otherwise.element)
      : combineElements(element, otherwise.element);
  if (combined === undefined || otherwise.dims.length > 0) {
    fail(context, place.span, "type/else", "the value after `else` must be one number of the type that is read", {
      label: `this is ${printElement(otherwise.element)}${otherwise.dims.length > 0 ? " with axes" : ""}`,
      secondary: element === undefined ? [] : [{ span, text: `this is ${printElement(element)}` }],
    });
    return undefined;
  }
  const { below } = combined;
  if (below === undefined) return combined;
  const keeps =
    otherwise.size !== undefined &&
    provablyNonNegative(otherwise.size, context.facts) &&
    provablyAtMost(addSizes(otherwise.size, constantSize(1)), below, context.facts);
  return keeps ? combined : { dtype: combined.dtype };
}
