/**
 * The cheapest order of multiplying factors and summing indices: dynamic programming over sets of factors.
 *
 * The value of a set of factors is fixed: their product, summed over the indices that nothing outside the set and not the
 * result needs. So the cheapest way to it is over its best split in two, as for chains of matrices (Godbole 1973) and
 * tensor networks (Pfeifer, Haegeman and Verstraete 2014, arXiv:1304.6112). Exact up to `exactFactors`, greedy above.
 */

/** A factor of the problem: which indices it has, by number. */
export interface OrderFactor {
  readonly indices: readonly number[];
  /** True for a divisor, which can only be divided by: it is never summed together with its partner in one step. */
  readonly reciprocal: boolean;
}

export interface OrderProblem {
  readonly factors: readonly OrderFactor[];
  /** Size of every index. */
  readonly sizes: readonly number[];
  /** Indices that the result keeps. */
  readonly result: readonly number[];
  /** Conditions: an index of one may be summed only where all its indices are at hand. */
  readonly constraints: readonly OrderConstraint[];
  /** Floating-point operations that one byte is worth. */
  readonly flopsPerByte: number;
  /** Largest number of elements that a value in between may have. */
  readonly largestValue: number;
}

export interface OrderConstraint {
  readonly indices: readonly number[];
  /** Part of the points of its indices' space that it lets through. */
  readonly fraction: number;
}

/** A bracketing of the factors. */
export type Order =
  | { readonly kind: "factor"; readonly factor: number }
  | { readonly kind: "pair"; readonly left: Order; readonly right: Order };

export interface OrderPlan {
  readonly order: Order;
  /** Indices that each bracket keeps, by the order object. */
  readonly kept: ReadonlyMap<Order, readonly number[]>;
  readonly flops: number;
  /** Bytes written and read again between steps. */
  readonly bytes: number;
  readonly cost: number;
}

/** Up to here every order is considered. */
export const exactFactors = 12;

const bytesPerElement = 4;

interface Entry {
  readonly flops: number;
  readonly bytes: number;
  readonly cost: number;
  /** The set on the left, 0 for a single factor. */
  readonly split: number;
}

/** The facts of a problem as bit sets, shared by both searches. */
interface Space {
  readonly problem: OrderProblem;
  readonly masks: readonly number[];
  readonly resultMask: number;
  readonly constraintMasks: readonly { readonly mask: number; readonly fraction: number }[];
  readonly fullSet: number;
  readonly sizeOf: (mask: number) => number;
  /** All indices of a set's factors. */
  readonly union: (set: number) => number;
  /** Indices that the set's value still has. */
  readonly kept: (set: number) => number;
}

/** The cheapest order, or `undefined` when every order breaks the limit on values in between. */
export function searchOrder(problem: OrderProblem): OrderPlan | undefined {
  const space = makeSpace(problem);
  return problem.factors.length <= exactFactors ? exactSearch(space) : greedySearch(space);
}

function makeSpace(problem: OrderProblem): Space {
  const bits = (indices: readonly number[]) => indices.reduce((mask, index) => mask | (1 << index), 0);
  const masks = problem.factors.map((factor) => bits(factor.indices));
  const resultMask = bits(problem.result);
  const constraintMasks = problem.constraints.map(({ indices, fraction }) => ({ mask: bits(indices), fraction }));
  const fullSet = 2 ** masks.length - 1;
  const sizes = new Map<number, number>();
  const sizeOf = (mask: number) => {
    let size = sizes.get(mask);
    if (size === undefined) {
      size = 1;
      for (let index = 0; index < problem.sizes.length; index++) {
        if (mask & (1 << index)) size *= problem.sizes[index] as number;
      }
      sizes.set(mask, size);
    }
    return size;
  };
  const union = (set: number) => {
    let mask = 0;
    for (let k = 0; k < masks.length; k++) if (set & (1 << k)) mask |= masks[k] as number;
    return mask;
  };
  const kept = (set: number) => {
    const own = union(set);
    let needed = resultMask | union(fullSet & ~set);
    // An index waits until every condition on it can be checked.
    for (const { mask } of constraintMasks) if ((mask & own) !== mask) needed |= mask;
    return own & needed;
  };
  return { problem, masks, resultMask, constraintMasks, fullSet, sizeOf, union, kept };
}

/** Part of the points of a space at which a summing step works. */
function fractionOf(space: Space, indices: number): number {
  let fraction = 1;
  for (const constraint of space.constraintMasks) {
    if ((constraint.mask & indices) === constraint.mask) fraction *= constraint.fraction;
  }
  return fraction;
}

/** Cost of summing what a single factor has for itself. */
function singleEntry(space: Space, factor: number): Entry {
  const own = space.masks[factor] as number;
  const set = 1 << factor;
  const kept = space.kept(set);
  if (kept === own) return { flops: 0, bytes: 0, cost: 0, split: 0 };
  const points = space.sizeOf(own);
  const divisor = (space.problem.factors[factor] as OrderFactor).reciprocal ? divisionFlops * points : 0;
  const flops = points * fractionOf(space, own) + divisor;
  const bytes = set === space.fullSet ? 0 : 2 * bytesPerElement * space.sizeOf(kept);
  return entry(space, flops, bytes, 0);
}

const divisionFlops = 4;

function entry(space: Space, flops: number, bytes: number, split: number): Entry {
  return { flops, bytes, cost: flops + bytes * space.problem.flopsPerByte, split };
}

/** True for a divisor that nothing has been done to yet. */
function isDivisor(space: Space, set: number): boolean {
  if ((set & (set - 1)) !== 0) return false;
  const factor = Math.log2(set);
  return (
    (space.problem.factors[factor] as OrderFactor).reciprocal && space.kept(set) === (space.masks[factor] as number)
  );
}

/**
 * Floating-point operations and bytes of bringing two values together, without the cost of the values; `undefined` when
 * it cannot be done. A product without a sum costs no memory where it can be the last step of the value before it.
 */
function joinCost(
  space: Space,
  left: Operand,
  right: Operand,
  kept: number,
  isLast: boolean,
): { readonly flops: number; readonly bytes: number } | undefined {
  if (left.divisor && right.divisor) return undefined;
  const indices = left.kept | right.kept;
  const points = space.sizeOf(indices);
  const size = space.sizeOf(kept);
  if (!isLast && size > space.problem.largestValue) return undefined;
  const multiplication = left.divisor || right.divisor ? divisionFlops : 1;
  const stored = 2 * bytesPerElement * size;
  if (kept === indices) {
    // The work can be the end of the step that computes a side of the same size, which was to be stored in any case.
    const absorbed = [left, right].some((side) => side.computed && space.sizeOf(side.kept) === size);
    // As the last step of all, it leaves nothing to be stored in between.
    const bytes = isLast ? (absorbed ? -stored : 0) : absorbed ? 0 : stored;
    return { flops: multiplication * points, bytes };
  }
  const flops =
    multiplication === 1
      ? 2 * points * fractionOf(space, indices)
      : points * (multiplication + fractionOf(space, indices));
  return { flops, bytes: isLast ? 0 : stored };
}

/** One side of a join: its indices, and whether a step computes it. */
interface Operand {
  readonly kept: number;
  readonly divisor: boolean;
  readonly computed: boolean;
}

function operandOf(space: Space, set: number): Operand {
  const kept = space.kept(set);
  const isFactor = (set & (set - 1)) === 0;
  return { kept, divisor: isDivisor(space, set), computed: !isFactor || space.union(set) !== kept };
}

/** Cheaper, then fewer bytes, then whichever came first. */
function isBetter(candidate: Entry, best: Entry | undefined): boolean {
  if (best === undefined) return true;
  const slack = 1e-12 * Math.abs(best.cost);
  if (Math.abs(candidate.cost - best.cost) > slack) return candidate.cost < best.cost;
  return candidate.bytes < best.bytes;
}

function exactSearch(space: Space): OrderPlan | undefined {
  const count = space.masks.length;
  const entries = new Array<Entry | undefined>(2 ** count);
  const operands = new Array<Operand>(2 ** count);
  for (let set = 1; set <= space.fullSet; set++) {
    operands[set] = operandOf(space, set);
    if ((set & (set - 1)) === 0) {
      entries[set] = singleEntry(space, Math.log2(set));
      continue;
    }
    const kept = (operands[set] as Operand).kept;
    const lowest = set & -set;
    let best: Entry | undefined;
    // Each split once: the left side has the lowest factor. Descending, so that long left sides come first.
    for (let left = (set - 1) & set; left > 0; left = (left - 1) & set) {
      if ((left & lowest) === 0) continue;
      const first = entries[left];
      const second = entries[set ^ left];
      if (first === undefined || second === undefined) continue;
      const sum = first.cost + second.cost;
      if (best !== undefined && sum > best.cost && set !== space.fullSet) continue;
      const join = joinCost(
        space,
        operands[left] as Operand,
        operands[set ^ left] as Operand,
        kept,
        set === space.fullSet,
      );
      if (join === undefined) continue;
      const candidate = entry(
        space,
        first.flops + second.flops + join.flops,
        first.bytes + second.bytes + join.bytes,
        left,
      );
      if (isBetter(candidate, best)) best = candidate;
    }
    entries[set] = best;
  }
  const total = entries[space.fullSet];
  if (total === undefined) return undefined;
  const kept = new Map<Order, readonly number[]>();
  const orderOf = (set: number): Order => {
    const { split } = entries[set] as Entry;
    const order: Order =
      split === 0
        ? { kind: "factor", factor: Math.log2(set) }
        : { kind: "pair", left: orderOf(split), right: orderOf(set ^ split) };
    kept.set(order, indicesOf(space.kept(set)));
    return order;
  };
  return { order: orderOf(space.fullSet), kept, flops: total.flops, bytes: total.bytes, cost: total.cost };
}

/** A value on the way of the greedy search. */
interface Bracket {
  readonly set: number;
  readonly order: Order;
}

/** What the greedy search minimises when it picks the next pair. */
type Preference = (space: Space, left: Bracket, right: Bracket, join: Entry) => number;

/** No one preference is good for all products (Gray and Kourtis 2021, arXiv:2002.01935), so several are tried. */
const preferences: readonly Preference[] = [
  // The cheapest step, with what its value adds to the memory that later steps read.
  (space, left, right, join) => join.cost + bytesPerElement * space.problem.flopsPerByte * growth(space, left, right),
  // The step after which least is left.
  (space, left, right) => growth(space, left, right),
  // From left to right: the first bracket always takes the next one.
  (_space, left, right) => left.set + right.set * 1e-9,
];

function growth(space: Space, left: Bracket, right: Bracket): number {
  const after = space.sizeOf(space.kept(left.set | right.set));
  return after - space.sizeOf(space.kept(left.set)) - space.sizeOf(space.kept(right.set));
}

function greedySearch(space: Space): OrderPlan | undefined {
  let best: OrderPlan | undefined;
  for (const preference of preferences) {
    const plan = joinGreedily(space, preference);
    if (plan !== undefined && (best === undefined || plan.cost < best.cost)) best = plan;
  }
  return best;
}

/** Joins the most preferred pair, again and again. */
function joinGreedily(space: Space, preference: Preference): OrderPlan | undefined {
  const kept = new Map<Order, readonly number[]>();
  const note = (set: number, order: Order): Bracket => {
    kept.set(order, indicesOf(space.kept(set)));
    return { set, order };
  };
  let total = entry(space, 0, 0, 0);
  let brackets = space.masks.map((_, factor) => {
    const own = singleEntry(space, factor);
    total = entry(space, total.flops + own.flops, total.bytes + own.bytes, 0);
    return note(1 << factor, { kind: "factor", factor });
  });
  while (brackets.length > 1) {
    let best:
      | { readonly join: Entry; readonly weight: number; readonly left: Bracket; readonly right: Bracket }
      | undefined;
    brackets.forEach((left, k) => {
      for (const right of brackets.slice(k + 1)) {
        const after = space.kept(left.set | right.set);
        const [a, b] = [operandOf(space, left.set), operandOf(space, right.set)];
        const cost = joinCost(space, a, b, after, brackets.length === 2);
        if (cost === undefined) continue;
        const join = entry(space, cost.flops, cost.bytes, 0);
        const weight = preference(space, left, right, join);
        if (best === undefined || weight < best.weight) best = { join, weight, left, right };
      }
    });
    if (best === undefined) return undefined;
    const { join, left, right } = best;
    total = entry(space, total.flops + join.flops, total.bytes + join.bytes, 0);
    const joined = note(left.set | right.set, { kind: "pair", left: left.order, right: right.order });
    brackets = brackets.flatMap((bracket) => (bracket === left ? [joined] : bracket === right ? [] : [bracket]));
  }
  const [only] = brackets;
  if (only === undefined) return undefined;
  return { order: only.order, kept, flops: total.flops, bytes: total.bytes, cost: total.cost };
}

function indicesOf(mask: number): number[] {
  const indices: number[] = [];
  for (let index = 0; index < 31; index++) if (mask & (1 << index)) indices.push(index);
  return indices;
}
