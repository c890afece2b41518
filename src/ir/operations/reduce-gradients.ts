/** Gradients of reductions and scans. None divides by an element that may be 0. */
import type { Node } from "../graph.ts";
import { parseSpec } from "../index-spec.ts";
import type { DifferentiationContext, Reducer } from "../operation.ts";

/** Gradient by the operand of a sum, product, maximum or minimum. */
export function reductionGradient(reducer: Reducer, context: DifferentiationContext): Node {
  const { node, gradient, build, apply, constant } = context;
  const operand = node.operands[0] as Node;
  const { shape } = operand.type;
  const spec = parseSpec(node.attributes.spec as string);
  const own = spec.operands[0] as readonly string[];
  const where = (node.attributes.where as string | undefined) ?? "";
  const axes = spec.result.map((name) => own.indexOf(name));
  const spread = (value: Node) => build("broadcast", [value], { shape: [...shape], axes });
  // Elements outside the range get nothing: 1 inside and 0 outside is a product of ones under the same condition.
  const inside = (value: Node) => {
    if (where === "") return value;
    const ones = shape.map((size) => build("broadcast", [constant(1)], { shape: [size], axes: [] }));
    return apply("mul", value, build("contract", ones, { spec: `${own.join(", ")} -> ${own.join(" ")}`, where }));
  };
  if (reducer.operation === "add") return inside(spread(gradient));
  if (reducer.operation === "mul") {
    // The product of the others is the product over x, unless x is 0; then it is that of all but the zeros, if x is the only one.
    const isZero = apply("eq", operand, constant(0));
    const others = build("product", [apply("select", isZero, constant(1), operand)], node.attributes);
    const zeros = build("sum", [build("cast", [isZero], { to: operand.type.dtype })], node.attributes);
    const beside = apply("select", apply("eq", zeros, constant(1)), others, constant(0));
    const quotient = apply("div", spread(node), apply("select", isZero, constant(1), operand));
    return inside(apply("mul", spread(gradient), apply("select", isZero, spread(beside), quotient)));
  }
  // Ties share the gradient evenly, which keeps the rule symmetric in its arguments. An empty range has none.
  const hit = inside(build("cast", [apply("eq", operand, spread(node))], { to: operand.type.dtype }));
  const ties = apply("max", build("sum", [hit], { spec: node.attributes.spec as string }), constant(1));
  return apply("mul", hit, spread(apply("div", gradient, ties)));
}

/** Gradient by the operand of a running sum, product, maximum or minimum. */
export function scanGradient(reducer: Reducer, context: DifferentiationContext): Node {
  const { node, gradient, build } = context;
  const backwards = { axis: node.attributes.axis as number, reverse: node.attributes.reverse !== true };
  if (reducer.operation === "add") {
    return build("cumulative_sum", [gradient], { ...backwards, exclusive: node.attributes.exclusive === true });
  }
  const onInclusive = node.attributes.exclusive === true ? shifted(context) : gradient;
  return reducer.operation === "mul"
    ? productGradient(context, onInclusive)
    : extremeGradient(reducer, context, onInclusive);
}

/** An exclusive scan is the inclusive one a position earlier, so its gradient is that of the position after. */
function shifted(context: DifferentiationContext): Node {
  const { attributes } = context.node;
  return shiftedBy(context, context.gradient, attributes.axis as number, attributes.reverse === true ? 1 : -1);
}

/**
 * From `y_i = x_0 … x_i` follows `sum[i: i >= j] g_i y_i / x_j`. After the first zero every y is 0; the zero itself gets the same
 * sum over products that leave it out. Whatever comes after it gets nothing.
 */
function productGradient({ node, build, apply, constant }: DifferentiationContext, gradient: Node): Node {
  const operand = node.operands[0] as Node;
  const { axis, reverse = false } = node.attributes as { axis: number; reverse?: boolean };
  const isZero = apply("eq", operand, constant(0));
  const zerosBefore = build("cumulative_sum", [build("cast", [isZero], { to: operand.type.dtype })], {
    axis,
    reverse,
    exclusive: true,
  });
  const isFirst = apply("and", isZero, apply("eq", zerosBefore, constant(0)));
  const products = (x: Node) => build("cumulative_product", [x], { axis, reverse });
  const fromHere = (y: Node) => build("cumulative_sum", [apply("mul", gradient, y)], { axis, reverse: !reverse });
  const divided = apply("div", fromHere(products(operand)), apply("select", isZero, constant(1), operand));
  const leftOut = fromHere(products(apply("select", isFirst, constant(1), operand)));
  return apply("select", isZero, apply("select", isFirst, leftOut, constant(0)), divided);
}

/** Each result's gradient goes to the element that last became the extreme. */
function extremeGradient(
  reducer: Reducer,
  { node, build, apply, constant }: DifferentiationContext,
  gradient: Node,
): Node {
  const operand = node.operands[0] as Node;
  const { axis, reverse = false } = node.attributes as { axis: number; reverse?: boolean };
  const { shape } = operand.type;
  const length = shape[axis] as number;
  const running = build(reducer.operation === "max" ? "cumulative_maximum" : "cumulative_minimum", [operand], {
    axis,
    reverse,
  });
  const places = build("broadcast", [build("iota", [], { size: length })], { shape: [...shape], axes: [axis] });
  const whole = (value: number) => build("cast", [constant(value)], { to: "i32" });
  const plain = build("cast", [places], { to: "i32" });
  const reached = apply("select", apply("eq", operand, running), plain, whole(reverse ? length - 1 : 0));
  const latest = build(reverse ? "cumulative_minimum" : "cumulative_maximum", [reached], { axis, reverse });
  const names = shape.map((_, k) => `i${k}`);
  const result = names.map((name, k) => (k === axis ? "at" : name));
  return build("scatter", [gradient, build("cast", [latest], { to: "i32", below: length })], {
    spec: `${names.join(" ")}, ${names.join(" ")} -> ${result.join(" ")}`,
    at: "at",
    size: length,
  });
}

/**
 * With the gradient G of h summed over what comes later, `G[t] = g[t] + a[t+1] G[t+1]`: the recurrence runs the other way, by the
 * factors of the next steps. Then b gets G and a gets `G[t] h[t-1]`.
 */
export function linearRecurrenceGradient(context: DifferentiationContext): readonly Node[] {
  const { node, gradient, build, apply } = context;
  const [factors] = node.operands as readonly [Node, Node];
  const axis = node.attributes.axis as number;
  const reverse = node.attributes.reverse === true;
  const later = shiftedBy(context, factors, axis, reverse ? 1 : -1);
  const total = build("linear_recurrence", [later, gradient], { axis, reverse: !reverse });
  return [apply("mul", total, shiftedBy(context, node, axis, reverse ? -1 : 1)), total];
}

/** The tensor with its elements moved by one position along an axis, up (1) or down (-1); what comes in is 0. */
function shiftedBy({ build }: DifferentiationContext, x: Node, axis: number, by: 1 | -1): Node {
  const { shape } = x.type;
  const one = Math.min(1, shape[axis] as number);
  const along = (value: number) => shape.map((_, k) => (k === axis ? value : 0));
  const kept = build("slice", [x], {
    starts: along(by === 1 ? 0 : one),
    sizes: shape.map((size, k) => (k === axis ? size - one : size)),
    steps: shape.map(() => 1),
  });
  return build("pad", [kept], { low: along(by === 1 ? one : 0), high: along(by === 1 ? 0 : one) });
}
