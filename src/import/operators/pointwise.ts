/** Results whose elements are computed from those of the operands at the same place, with broadcasting. */
import { literalOf } from "../constants.ts";
import type { Expression } from "../expression.ts";
import type { Element } from "../onnx-tensor.ts";
import { broadcast, type Call } from "../operator.ts";
import { broadcastSubscripts, type Draft, sameShape, type Value } from "../value.ts";

export type Make = (...operands: Expression[]) => Expression;

/**
 * A result computed from the elements of its operands at the same place.
 *
 * @param make  the expression; also of whole tensors, unless `form` says that the language has no such form without indices
 */
export function pointwise(
  { scope }: Pick<Call, "scope">,
  element: Element,
  values: readonly Value[],
  make: Make,
  form: "any" | "elements" = "any",
): Draft {
  const shape = broadcast(values.map((value) => value.shape));
  const literals = values.map(({ constant }) => (constant === undefined ? undefined : literalOf(constant)));
  const hasWhole = (value: Value) =>
    sameShape(value.shape, shape) &&
    (value.variable !== undefined || value.whole !== undefined || value.constant?.tensor !== undefined);
  const asWhole =
    form === "any" &&
    values.every((value, k) => literals[k] !== undefined || hasWhole(value)) &&
    literals.some((each) => each === undefined);
  const lacksElements = values.some((value) => value.elements === undefined);
  const isReduced = values.some(({ kind }) => kind === "reduced");
  // A sum may stand inside where each of its elements is read once.
  const inside = values.filter(({ kind }) => kind === "reduced").every((value) => sameShape(value.shape, shape));
  if (asWhole && !values.some(({ kind }) => kind === "reduced")) {
    const whole = make(...values.map((value, k) => literals[k] ?? scope.whole(value)));
    if (lacksElements) return { element, shape, whole, kind: "computed" };
    return { ...byElements(), whole };
  }
  return byElements();

  function byElements(): Draft {
    const read = values.map((value) => scope.elements(value, inside ? "reduced" : undefined));
    return {
      element,
      shape,
      kind: isReduced && inside ? "reduced" : "computed",
      elements: (subscripts) =>
        make(
          ...values.map(
            (value, k) => literals[k] ?? (read[k] as (typeof read)[0])(broadcastSubscripts(value.shape, subscripts)),
          ),
        ),
    };
  }
}

/** The value itself. */
export function viewOf({ scope }: Pick<Call, "scope">, value: Value): Draft {
  const { element, shape, below, product } = value;
  return {
    element,
    shape,
    kind: value.kind,
    ...(value.variable === undefined && value.elements === undefined
      ? {}
      : { elements: scope.elements(value, "reduced") }),
    ...(value.variable === undefined && value.whole === undefined ? {} : { whole: scope.whole(value) }),
    ...(below === undefined ? {} : { below }),
    ...(product === undefined ? {} : { product }),
  };
}
