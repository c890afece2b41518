/**
 * The gradient through a window, `y[q] = x[affine(q)]`: every position p of x collects from all q that read it.
 *
 * Each axis is solved for one of the indices it is read at: from `p = 2 q + k - 1` follows `q = (p - k + 1) / 2`, so the gradient
 * is the sum over k of such a window of the incoming one. An axis without an index of its own (a diagonal, a fixed
 * position) becomes a condition instead.
 */
import type { Node } from "../graph.ts";
import { type Constraint, printConstraints, printSpec } from "../index-spec.ts";
import type { DifferentiationContext } from "../operation.ts";
import { parseWindow, printWindow, type WindowAxis } from "./window-spec.ts";

/** `constant + sum of terms`, by index name. */
interface Sum {
  readonly terms: ReadonlyMap<string, number>;
  readonly constant: number;
}

const scaled = (sum: Sum, factor: number): Sum => ({
  terms: new Map([...sum.terms].map(([name, coefficient]) => [name, coefficient * factor])),
  constant: sum.constant * factor,
});

function added(a: Sum, b: Sum): Sum {
  const terms = new Map(a.terms);
  for (const [name, coefficient] of b.terms) {
    const total = (terms.get(name) ?? 0) + coefficient;
    if (total === 0) terms.delete(name);
    else terms.set(name, total);
  }
  return { terms, constant: a.constant + b.constant };
}

/** A sum of indices over a number that divides it. */
interface Quotient {
  readonly sum: Sum;
  readonly divisor: number;
}

function readAt({ terms, constant, divisor }: WindowAxis): Quotient {
  let sum: Sum = { terms: new Map(), constant };
  for (const { index, coefficient } of terms) sum = added(sum, { terms: new Map([[index, coefficient]]), constant: 0 });
  return { sum, divisor };
}

/** Puts what solved indices are in their place. */
function withSolved(quotient: Quotient, solved: ReadonlyMap<string, Quotient>): Quotient {
  let { sum, divisor } = quotient;
  for (const [name, inner] of solved) {
    const coefficient = sum.terms.get(name);
    if (coefficient === undefined) continue;
    const without = added(sum, { terms: new Map([[name, -coefficient]]), constant: 0 });
    sum = added(scaled(without, inner.divisor), scaled(inner.sum, coefficient));
    divisor *= inner.divisor;
  }
  return { sum, divisor };
}

/** Gradient by the operand of a window. */
export function windowGradient(context: DifferentiationContext): readonly Node[] {
  const { node, build } = context;
  const { shape } = (node.operands[0] as Node).type;
  const spec = parseWindow(node.attributes.spec as string);
  const sizes = new Map(spec.result.map((name, axis) => [name, node.type.shape[axis] as number]));
  const digits = spec.axes.map((axis, k) => asDigits(axis, shape[k] as number, sizes));
  const axes = spec.axes.flatMap((axis, k) => digits[k]?.map(plainAxis) ?? [axis]);
  const split = shape.flatMap((size, k) => digits[k]?.map((name) => sizes.get(name) as number) ?? [size]);
  const found = gradientByAxes(context, axes, split, sizes);
  return [split.length === shape.length ? found : build("reshape", [found], { shape: [...shape] })];
}

const plainAxis = (index: string): WindowAxis => ({ terms: [{ index, coefficient: 1 }], constant: 0, divisor: 1 });

/**
 * Indices that number the positions of an axis like digits, `d g + c` with `c < d`: groups of channels, windows side by side. Such an axis
 * is read as several axes, and nothing overlaps.
 */
function asDigits(
  { terms, constant, divisor }: WindowAxis,
  length: number,
  sizes: ReadonlyMap<string, number>,
): readonly string[] | undefined {
  if (constant !== 0 || divisor !== 1 || terms.length < 2) return undefined;
  const sorted = [...terms].sort((a, b) => a.coefficient - b.coefficient);
  let weight = 1;
  for (const { index, coefficient } of sorted) {
    if (coefficient !== weight) return undefined;
    weight *= sizes.get(index) as number;
  }
  return weight === length ? sorted.map(({ index }) => index).reverse() : undefined;
}

/** The gradient by an operand of the given shape that is read at the given axes. */
function gradientByAxes(
  { node, gradient, build, constant }: DifferentiationContext,
  axes: readonly WindowAxis[],
  shape: readonly number[],
  sizes: ReadonlyMap<string, number>,
): Node {
  const { result: indices } = parseWindow(node.attributes.spec as string);
  const places = shape.map((_, axis) => freshName(`p${axis}`, sizes));
  const solved = new Map<string, Quotient>();
  const conditions: number[] = [];
  axes.forEach((axis, k) => {
    const { sum, divisor } = withSolved(readAt(axis), solved);
    const chosen = longest(
      [...sum.terms.keys()].filter((name) => sizes.has(name)),
      sizes,
    );
    if (chosen === undefined) {
      conditions.push(k);
      return;
    }
    // divisor * p = coefficient * index + rest
    const coefficient = sum.terms.get(chosen) as number;
    const place: Sum = { terms: new Map([[places[k] as string, divisor]]), constant: 0 };
    const rest = added(sum, { terms: new Map([[chosen, -coefficient]]), constant: 0 });
    const solution: Quotient = {
      sum: scaled(added(place, scaled(rest, -1)), Math.sign(coefficient)),
      divisor: Math.abs(coefficient),
    };
    for (const [name, earlier] of solved) solved.set(name, withSolved(earlier, new Map([[chosen, solution]])));
    solved.set(chosen, solution);
  });

  const free = indices.filter((name) => !solved.has(name));
  const held = places.filter((_, axis) => !conditions.includes(axis));
  const result = [...held, ...free];
  const sizeOf = (name: string) => sizes.get(name) ?? (shape[places.indexOf(name)] as number);
  const view = build("window", [gradient], {
    spec: printWindow({ axes: indices.map((name) => axisFor(name, solved.get(name))), result }),
    shape: result.map(sizeOf),
  });
  if (conditions.length === 0) {
    return free.length === 0 ? view : build("sum", [view], { spec: printSpec({ operands: [result], result: held }) });
  }
  const ones = conditions.map((axis) =>
    build("broadcast", [constant(1)], { shape: [shape[axis] as number], axes: [] }),
  );
  const where = conditions.flatMap((axis) => equalities(axes[axis] as WindowAxis, places[axis] as string, solved));
  const operands = [result, ...conditions.map((axis) => [places[axis] as string])];
  const spec = printSpec({ operands, result: places });
  return build("contract", [view, ...ones], { spec, where: printConstraints(where) });
}

/** The index that leaves the fewest positions to sum over. */
function longest(names: readonly string[], sizes: ReadonlyMap<string, number>): string | undefined {
  const size = (name: string) => sizes.get(name) as number;
  return names.reduce<string | undefined>(
    (best, name) => (best === undefined || size(name) > size(best) ? name : best),
    undefined,
  );
}

function axisFor(name: string, solution: Quotient | undefined): WindowAxis {
  if (solution === undefined) return plainAxis(name);
  const terms = [...solution.sum.terms].map(([index, coefficient]) => ({ index, coefficient }));
  return { terms, constant: solution.sum.constant, divisor: solution.divisor };
}

/** The position is where the axis is read: both directions of the inequality. */
function equalities(axis: WindowAxis, place: string, solved: ReadonlyMap<string, Quotient>): Constraint[] {
  const { sum, divisor } = withSolved(readAt(axis), solved);
  const difference = added(sum, { terms: new Map([[place, -divisor]]), constant: 0 });
  return [difference, scaled(difference, -1)];
}

function freshName(wished: string, taken: ReadonlyMap<string, number>): string {
  let name = wished;
  while (taken.has(name)) name += "'";
  return name;
}
