/** Writing a product back as nodes, in the order that the search found. */
import {
  type Builder,
  type Constraint,
  constrainedFraction,
  elementCount,
  type Node,
  printConstraints,
  printSpec,
} from "../../ir/index.ts";
import { layOut } from "../layout.ts";
import { type Order, type OrderPlan, type OrderProblem, searchOrder } from "./order-search.ts";
import type { Factor, Product } from "./product.ts";

/** Finds the order of a product; equal problems are searched once. */
export interface OrderFinder {
  readonly find: (product: Product, largestValue: number) => OrderPlan | undefined;
}

export function makeOrderFinder(flopsPerByte: number): OrderFinder {
  const found = new Map<string, OrderPlan | undefined>();
  return {
    find: (product, largestValue) => {
      const problem = problemOf(product, largestValue, flopsPerByte);
      const key = JSON.stringify(problem);
      if (!found.has(key)) found.set(key, searchOrder(problem));
      return found.get(key);
    },
  };
}

const indexNumbers = (product: Product) => new Map([...product.sizes.keys()].map((name, number) => [name, number]));

function problemOf(product: Product, largestValue: number, flopsPerByte: number): OrderProblem {
  const numbers = indexNumbers(product);
  const numberOf = (name: string) => numbers.get(name) as number;
  return {
    factors: product.factors.map(({ indices, reciprocal }) => ({ indices: indices.map(numberOf), reciprocal })),
    sizes: [...product.sizes.values()],
    result: product.result.map(numberOf),
    constraints: product.constraints.map((constraint) => ({
      indices: [...constraint.terms.keys()].map(numberOf),
      fraction: constrainedFraction([constraint], product.sizes),
    })),
    flopsPerByte,
    largestValue,
  };
}

/** A value on the way: its node, the names of its axes, and whether it still stands for its reciprocal. */
type Value = Factor;

/** What emission needs at hand at every step. */
interface Emission {
  readonly product: Product;
  readonly builder: Builder;
  readonly plan: OrderPlan;
  readonly names: readonly string[];
  /** The place where the scale goes in. */
  readonly scaled: Order;
}

/**
 * Nodes that compute the product, of shape `product.result`. `undefined` when no order keeps all values in between within
 * `largestValue` elements.
 */
export function emitProduct(
  product: Product,
  largestValue: number,
  finder: OrderFinder,
  builder: Builder,
): Node | undefined {
  const plan = finder.find(product, largestValue);
  if (plan === undefined) return undefined;
  const names = [...product.sizes.keys()];
  const emission: Emission = { product, builder, plan, names, scaled: placeOfScale(product, plan, names) };
  const value = emit(plan.order, emission);
  if (value.reciprocal) throw new Error("a product came out as a divisor");
  return layOut(builder, value.node, value.indices, product.result, product.sizes);
}

/**
 * The scale is applied to the smallest value that a step computes (of equal ones, to the last), where it ends a kernel.
 * Scaling what a step reads would be done again at every reading.
 */
function placeOfScale(product: Product, plan: OrderPlan, names: readonly string[]): Order {
  let best: Order = plan.order;
  let smallest = Number.POSITIVE_INFINITY;
  const stack: Order[] = [plan.order];
  while (stack.length > 0) {
    const order = stack.pop() as Order;
    const size = keptSize(order, product, plan, names);
    if ((order === plan.order || isComputed(order, product, plan)) && size < smallest) {
      smallest = size;
      best = order;
    }
    if (order.kind === "pair") stack.push(order.right, order.left);
  }
  return best;
}

/** True for the values of steps; a single factor is one when it is summed by itself. */
function isComputed(order: Order, product: Product, plan: OrderPlan): boolean {
  if (order.kind === "pair") return true;
  const { indices } = product.factors[order.factor] as Factor;
  return (plan.kept.get(order) ?? []).length < new Set(indices).size;
}

function keptSize(order: Order, product: Product, plan: OrderPlan, names: readonly string[]): number {
  const kept = plan.kept.get(order) ?? [];
  return elementCount(kept.map((index) => product.sizes.get(names[index] as string) as number));
}

/** Orders are as deep as there are factors, so recursion is bounded. */
function emit(order: Order, emission: Emission): Value {
  const { plan, product, names } = emission;
  const keptNumbers = plan.kept.get(order) ?? [];
  const isLast = order === plan.order;
  const kept = new Set(keptNumbers.map((number) => names[number] as string));
  const value =
    order.kind === "factor"
      ? emitFactor(product.factors[order.factor] as Factor, kept, emission)
      : emitPair(emit(order.left, emission), emit(order.right, emission), kept, isLast, emission);
  return order === emission.scaled ? applyScale(value, emission) : value;
}

function applyScale(value: Value, { product, builder }: Emission): Value {
  if (product.scale === 1) return value;
  const node =
    product.scale === -1
      ? builder.apply("neg", value.node)
      : builder.apply("mul", value.node, builder.constant(product.scale));
  return { ...value, node };
}

/** Conditions that can be checked where these indices are at hand, as a `where` text. */
function conditionsOn(indices: readonly string[], product: Product): string {
  const checkable = product.constraints.filter((constraint: Constraint) =>
    [...constraint.terms.keys()].every((name) => indices.includes(name)),
  );
  return printConstraints(checkable);
}

function emitFactor(factor: Factor, kept: ReadonlySet<string>, emission: Emission): Value {
  const { builder, product } = emission;
  const unique = [...new Set(factor.indices)];
  let node = factor.node;
  let indices: readonly string[] = factor.indices;
  if (unique.length < indices.length) {
    node = builder.contract(printSpec({ operands: [indices], result: unique }), [node]);
    indices = unique;
  }
  const left = indices.filter((name) => kept.has(name));
  if (left.length === indices.length) return { node, indices, reciprocal: factor.reciprocal };
  // A sum of reciprocals is no reciprocal of a sum.
  if (factor.reciprocal) node = builder.apply("div", builder.constant(1), node);
  return {
    node: builder.node("sum", [node], {
      spec: printSpec({ operands: [indices], result: left }),
      where: conditionsOn(indices, product),
    }),
    indices: left,
    reciprocal: false,
  };
}

function emitPair(left: Value, right: Value, kept: ReadonlySet<string>, isLast: boolean, emission: Emission): Value {
  const { builder, product } = emission;
  const both = [...new Set([...left.indices, ...right.indices])];
  const summed = both.some((name) => !kept.has(name));
  if (!summed || left.reciprocal || right.reciprocal) {
    const joined = emitElementwise(left, right, both, isLast && !summed, emission);
    return summed ? emitFactor({ ...joined, reciprocal: false }, kept, emission) : joined;
  }
  const indices = isLast ? product.result.filter((name) => kept.has(name)) : keptInOrder(left, right, kept);
  const spec = printSpec({ operands: [left.indices, right.indices], result: indices });
  return {
    node: builder.contract(spec, [left.node, right.node], conditionsOn(both, product)),
    indices,
    reciprocal: false,
  };
}

/** Indices that both sides have first (a batch), then the left side's, then the right side's. */
function keptInOrder(left: Value, right: Value, kept: ReadonlySet<string>): string[] {
  const shared = left.indices.filter((name) => kept.has(name) && right.indices.includes(name));
  const first = left.indices.filter((name) => kept.has(name) && !right.indices.includes(name));
  const second = right.indices.filter((name) => kept.has(name) && !left.indices.includes(name));
  return [...shared, ...first, ...second];
}

function emitElementwise(
  left: Value,
  right: Value,
  both: readonly string[],
  isLast: boolean,
  { builder, product }: Emission,
): Value {
  const larger = right.indices.length > left.indices.length ? right : left;
  const rest = both.filter((name) => !larger.indices.includes(name));
  const target = isLast ? product.result.filter((name) => both.includes(name)) : [...larger.indices, ...rest];
  const lay = (value: Value) =>
    value.indices.length === 0 ? value.node : layOut(builder, value.node, value.indices, target, product.sizes);
  const [numerator, denominator] = left.reciprocal ? [right, left] : [left, right];
  const op = denominator.reciprocal ? "div" : "mul";
  return { node: builder.apply(op, lay(numerator), lay(denominator)), indices: target, reciprocal: false };
}
