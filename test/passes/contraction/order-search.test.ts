/** The order search against a search written independently: every bracketing, costed by walking the tree. */
import { describe, expect, it } from "vitest";
import { type OrderProblem, searchOrder } from "../../../src/passes/contraction/order-search.ts";
import { uniforms } from "../../ir/random-graph.ts";

/** A bracketing, as nested lists of factor numbers. */
type Tree = number | readonly [Tree, Tree];

/** All bracketings of a set of factors, regardless of the order of the two sides. */
function allTrees(factors: readonly number[]): Tree[] {
  if (factors.length === 1) return [factors[0]!];
  const trees: Tree[] = [];
  const [first, ...rest] = factors as [number, ...number[]];
  for (let mask = 0; mask < 2 ** rest.length - 1; mask++) {
    const left = [first, ...rest.filter((_, k) => mask & (1 << k))];
    const right = rest.filter((_, k) => !(mask & (1 << k)));
    for (const a of allTrees(left)) for (const b of allTrees(right)) trees.push([a, b]);
  }
  return trees;
}

const bitsOf = (numbers: Iterable<number>) => [...numbers].reduce((bits, n) => bits | (1 << n), 0);

/**
 * Floating-point work and memory of bracketings without constraints and divisors, by the definitions. Facts of brackets
 * are remembered, because there are many more trees than sets.
 */
function treeCosts(problem: OrderProblem): (tree: Tree) => { flops: number; bytes: number } {
  const volumes = new Map<number, number>();
  const volume = (bits: number) => {
    if (!volumes.has(bits))
      volumes.set(
        bits,
        problem.sizes.reduce((v, size, i) => (bits & (1 << i) ? v * size : v), 1),
      );
    return volumes.get(bits)!;
  };
  const indicesOf = (factors: readonly number[]) => new Set(factors.flatMap((k) => [...problem.factors[k]!.indices]));
  const facts = new Map<number, { own: number; kept: number }>();
  const factsOf = (set: number) => {
    let known = facts.get(set);
    if (known === undefined) {
      const everything = problem.factors.map((_, k) => k);
      const own = indicesOf(everything.filter((k) => set & (1 << k)));
      const outside = indicesOf(everything.filter((k) => !(set & (1 << k))));
      const kept = [...own].filter((i) => outside.has(i) || problem.result.includes(i));
      known = { own: bitsOf(own), kept: bitsOf(kept) };
      facts.set(set, known);
    }
    return known;
  };
  return (tree) => {
    let flops = 0;
    let bytes = 0;
    const walk = (part: Tree, top: boolean): number => {
      if (typeof part === "number") {
        const { own, kept } = factsOf(1 << part);
        if (own !== kept) {
          flops += volume(own);
          if (!top) bytes += 8 * volume(kept);
        }
        return 1 << part;
      }
      const [left, right] = [walk(part[0], false), walk(part[1], false)];
      const sides = [factsOf(left), factsOf(right)];
      const { kept } = factsOf(left | right);
      const points = sides[0]!.kept | sides[1]!.kept;
      const sums = points !== kept;
      flops += sums ? 2 * volume(points) : volume(points);
      // Work of the same size can end the kernel that computes a side.
      const computed = (set: number) => (set & (set - 1)) !== 0 || factsOf(set).own !== factsOf(set).kept;
      const ends = [left, right].some((set) => computed(set) && volume(factsOf(set).kept) === volume(kept));
      if (sums) bytes += top ? 0 : 8 * volume(kept);
      else if (top) bytes -= ends ? 8 * volume(kept) : 0;
      else bytes += ends ? 0 : 8 * volume(kept);
      return left | right;
    };
    walk(tree, true);
    return { flops, bytes };
  };
}

function cheapest(problem: OrderProblem): number {
  let best = Number.POSITIVE_INFINITY;
  const costOfTree = treeCosts(problem);
  for (const tree of allTrees(problem.factors.map((_, k) => k))) {
    const { flops, bytes } = costOfTree(tree);
    best = Math.min(best, flops + bytes * problem.flopsPerByte);
  }
  return best;
}

function randomProblem(next: () => number, factorCount: number): OrderProblem {
  const pick = (count: number) => Math.floor(next() * count);
  const indexCount = 2 + pick(6);
  const sizes = Array.from({ length: indexCount }, () => [1, 2, 3, 5, 8, 16, 64, 300][pick(8)]!);
  const factors = Array.from({ length: factorCount }, () => {
    const indices = new Set(Array.from({ length: 1 + pick(3) }, () => pick(indexCount)));
    return { indices: [...indices], reciprocal: false };
  });
  const used = [...new Set(factors.flatMap((factor) => factor.indices))];
  const result = used.filter(() => next() < 0.35);
  const flopsPerByte = [0, 1, 10][pick(3)]!;
  return { factors, sizes, result, constraints: [], flopsPerByte, largestValue: Number.POSITIVE_INFINITY };
}

const matrixChain = (sizes: readonly number[]): OrderProblem => ({
  factors: sizes.slice(1).map((_, k) => ({ indices: [k, k + 1], reciprocal: false })),
  sizes,
  result: [0, sizes.length - 1],
  constraints: [],
  flopsPerByte: 0,
  largestValue: Number.POSITIVE_INFINITY,
});

describe("the order search", () => {
  it("is never costlier than the best of all bracketings, on 240 random products of 2 to 6 factors", () => {
    const next = uniforms(5);
    for (let n = 0; n < 240; n++) {
      // Few of the longest: 6 factors have 945 bracketings, 8 have 135,135.
      const problem = randomProblem(next, n < 200 ? 2 + (n % 4) : 6);
      const found = searchOrder(problem)!;
      const best = cheapest(problem);
      expect(found.cost, JSON.stringify(problem)).toBeLessThanOrEqual(best + 1e-9 * Math.abs(best));
      const asTree = (order: typeof found.order): Tree =>
        order.kind === "factor" ? order.factor : [asTree(order.left), asTree(order.right)];
      const { flops, bytes } = treeCosts(problem)(asTree(found.order));
      expect(found.flops).toBeCloseTo(flops, 3);
      expect(found.bytes).toBeCloseTo(bytes, 3);
    }
  }, 60_000);

  it("is exact for 7 and 8 factors as well", () => {
    const next = uniforms(6);
    for (const factors of [7, 7, 7, 8]) {
      const problem = randomProblem(next, factors);
      const best = cheapest(problem);
      expect(searchOrder(problem)!.cost).toBeLessThanOrEqual(best + 1e-9 * Math.abs(best));
    }
  }, 60_000);

  it("finds the textbook order of a chain of matrices", () => {
    // Cormen, Leiserson, Rivest and Stein, Introduction to Algorithms, section 15.2: 15,125 multiplications.
    expect(searchOrder(matrixChain([30, 35, 15, 5, 10, 20, 25]))!.flops).toBe(2 * 15_125);
  });

  it("stays within the limit on values in between, or says that it cannot", () => {
    const chain = matrixChain([10, 1000, 10, 1000]);
    expect(searchOrder({ ...chain, largestValue: 100 })!.flops).toBe(2 * (10 * 1000 * 10 + 10 * 10 * 1000));
    expect(searchOrder({ ...chain, largestValue: 10 })).toBeUndefined();
  });

  it("never divides by a product of divisors, and never sums before a condition can be checked", () => {
    const divisors = searchOrder({
      factors: [
        { indices: [0], reciprocal: true },
        { indices: [0], reciprocal: true },
        { indices: [0, 1], reciprocal: false },
      ],
      sizes: [4, 4],
      result: [0],
      constraints: [],
      flopsPerByte: 1,
      largestValue: Number.POSITIVE_INFINITY,
    })!;
    const sides = (order: typeof divisors.order): string =>
      order.kind === "factor" ? String(order.factor) : `(${sides(order.left)} ${sides(order.right)})`;
    expect(sides(divisors.order)).not.toContain("(0 1)");

    // sum over j <= i of q[i] k[j]: summing k alone would ignore i.
    const conditioned = searchOrder({
      factors: [
        { indices: [0], reciprocal: false },
        { indices: [1], reciprocal: false },
      ],
      sizes: [100, 100],
      result: [0],
      constraints: [{ indices: [0, 1], fraction: 0.5 }],
      flopsPerByte: 0,
      largestValue: Number.POSITIVE_INFINITY,
    })!;
    expect(conditioned.flops).toBe(100 * 100);
  });

  it("handles 20 factors greedily, no worse than from left to right", () => {
    const sizes = Array.from({ length: 21 }, (_, k) => [8, 64, 16, 128][k % 4]!);
    const plan = searchOrder(matrixChain(sizes))!;
    const leftToRight = sizes.slice(2).reduce((sum, size, k) => sum + 2 * 8 * sizes[k + 1]! * size, 0);
    expect(plan.flops).toBeLessThanOrEqual(leftToRight);
  });
});
