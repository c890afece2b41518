/**
 * Products under a condition `j <= i`: the sum over j is a prefix of a longer sum, so neighbouring results share work.
 *
 * `out[i, c] = sum over r, j <= i of Q[i, r] K[j, r] V[j, c]` has two forms without a value of i by j elements:
 *
 * - prefix sum: `P[i, r, c]`, the running sum over j of `K[j, r] V[j, c]`, then `sum over r of Q[i, r] P[i, r, c]`; good
 *   when the state (r, c) is small;
 * - chunked: i and j are cut into chunks of C. Inside a chunk the masked product is computed directly; what comes from the
 *   chunks before is one state per chunk, a running sum over chunks (Hua et al. 2022, arXiv:2202.10447, section 3).
 *
 * Both run backwards for `j >= i`. They apply when no factor has both indices.
 */
import { type Builder, type Constraint, isConstant, type Node } from "../../ir/index.ts";
import { emitProduct, type OrderFinder } from "./emit.ts";
import { type Factor, onesOf, type Product, type SharedProduct } from "./product.ts";

/** A form that a restricted product can take. */
export interface PrefixForm {
  readonly rule: "prefix sum" | "chunked prefix";
  /** For reports: `chunks of 64`. */
  readonly detail: string;
  readonly node: Node;
}

/** Chunk lengths worth trying; the search by cost picks. */
const chunkLengths = [32, 64, 128, 256];

/** A condition between a summed index and another: which runs, and where it stops. */
interface Restriction {
  readonly summed: string;
  readonly other: string;
  /** `j < i` rather than `j <= i`. */
  readonly exclusive: boolean;
  /** `j >= i` rather than `j <= i`. */
  readonly reverse: boolean;
}

interface Emission {
  readonly finder: OrderFinder;
  readonly builder: Builder;
  readonly largestValue: number;
}

/** The restricted product taken apart: `outside * sum of (queries * keys)`. */
interface Parts {
  readonly product: Product;
  readonly restriction: Restriction;
  readonly constraint: Constraint;
  /** Factors that only have kept indices: applied last, to the finished sum. */
  readonly outside: readonly Factor[];
  /** Factors with the summed index. */
  readonly keys: readonly Factor[];
  /** All others. */
  readonly queries: readonly Factor[];
  /** Indices of the sum itself: the result's, as far as its factors have them. */
  readonly result: readonly string[];
  /** Indices of the keys' sum at every position, those that stand before and after the position. */
  readonly state: { readonly before: readonly string[]; readonly after: readonly string[] };
}

/**
 * All prefix forms of a product; none when its conditions are of another kind. Chunked forms come also with each of the
 * shared products computed for itself inside the chunks, so that other products can use it.
 */
export function prefixForms(product: Product, shared: readonly SharedProduct[], emission: Emission): PrefixForm[] {
  const [constraint, ...more] = product.constraints;
  if (constraint === undefined || more.length > 0) return [];
  const forms: PrefixForm[] = [];
  for (const restriction of restrictionsOf(constraint, product)) {
    const parts = takeApart(product, restriction, constraint, emission.builder);
    if (parts === undefined) continue;
    const whole = prefixSum(parts, emission);
    if (whole !== undefined) forms.push({ rule: "prefix sum", detail: "one running sum", node: whole });
    if (!parts.queries.some((factor) => factor.indices.includes(restriction.other))) continue;
    const length = Math.max(sizeOf(product, restriction.summed), sizeOf(product, restriction.other));
    for (const chunk of chunksFor(length)) {
      const inside = shared.filter((own) => isScore(own, restriction));
      for (const own of [undefined, ...inside]) {
        const node = chunkedPrefix(parts, chunk, own, emission);
        if (node !== undefined) forms.push({ rule: "chunked prefix", detail: `chunks of ${chunk}`, node });
      }
    }
  }
  return forms;
}

/** True for shared products over both indices: what attention calls scores. */
function isScore({ indices, factors }: SharedProduct, { summed, other }: Restriction): boolean {
  const ordinary = factors.some((factor) => !factor.reciprocal);
  return ordinary && indices.includes(summed) && indices.includes(other) && new Set(indices).size === indices.length;
}

const sizeOf = (product: Product, name: string) => product.sizes.get(name) as number;

function restrictionsOf(constraint: Constraint, product: Product): Restriction[] {
  const terms = [...constraint.terms];
  if (terms.length !== 2 || terms.some(([, value]) => Math.abs(value) !== 1)) return [];
  const [[a, x], [b, y]] = terms as [[string, number], [string, number]];
  if (x + y !== 0 || (constraint.constant !== 0 && constraint.constant !== -1)) return [];
  const exclusive = constraint.constant === -1;
  const roles = [
    { summed: a, other: b, exclusive, reverse: x > 0 },
    { summed: b, other: a, exclusive, reverse: y > 0 },
  ];
  return roles.filter(({ summed }) => !product.result.includes(summed));
}

function takeApart(
  product: Product,
  restriction: Restriction,
  constraint: Constraint,
  builder: Builder,
): Parts | undefined {
  const { summed, other } = restriction;
  const has = (factor: Factor, name: string) => factor.indices.includes(name);
  if (product.factors.some((factor) => has(factor, summed) && has(factor, other))) return undefined;
  if (product.factors.some((factor) => new Set(factor.indices).size < factor.indices.length)) return undefined;
  const keys = product.factors.filter((factor) => has(factor, summed));
  if (keys.every((factor) => factor.reciprocal)) {
    keys.push({ node: onesOf([sizeOf(product, summed)], builder), indices: [summed], reciprocal: false });
  }
  const others = product.factors.filter((factor) => !has(factor, summed));
  const isOutside = (factor: Factor) => factor.indices.every((name) => product.result.includes(name));
  const queries = others.filter((factor) => !isOutside(factor));
  // Ones that only carried the other index have done their duty: the sum has it.
  const outside = others.filter((factor) => isOutside(factor) && !isConstant(factor.node, 1));
  const carried = new Set([...keys, ...queries].flatMap((factor) => factor.indices));
  const result = product.result.filter((name) => name === other || carried.has(name));
  const needed = new Set([...result, ...queries.flatMap((factor) => factor.indices)]);
  // In the order in which the keys have them, so that the usual layouts need no transposition.
  const names = [...new Set(keys.flatMap((factor) => factor.indices))].filter(
    (name) => name === summed || needed.has(name),
  );
  const place = names.indexOf(summed);
  const state = { before: names.slice(0, place), after: names.slice(place + 1) };
  return { product, restriction, constraint, outside, keys, queries, result, state };
}

/** The product with other factors and indices; a factor of ones joins when only divisors are left. */
function productOf(
  factors: readonly Factor[],
  result: readonly string[],
  sizes: ReadonlyMap<string, number>,
  builder: Builder,
  rest: Partial<Product> = {},
): Product {
  const ordinary = factors.some((factor) => !factor.reciprocal);
  const complete = ordinary ? factors : [{ node: onesOf([], builder), indices: [], reciprocal: false }, ...factors];
  const names = new Set([...result, ...complete.flatMap((factor) => factor.indices)]);
  return {
    scale: 1,
    constraints: [],
    ...rest,
    factors: complete,
    result,
    sizes: new Map([...names].map((name) => [name, sizes.get(name) as number])),
  };
}

/** Applies what stands outside the sum, and the scale. */
function finish(parts: Parts, sum: Node, { finder, builder, largestValue }: Emission): Node | undefined {
  const inner: Factor = { node: sum, indices: parts.result, reciprocal: false };
  const whole = productOf([inner, ...parts.outside], parts.product.result, parts.product.sizes, builder, {
    scale: parts.product.scale,
  });
  return emitProduct(whole, largestValue, finder, builder);
}

function prefixSum(parts: Parts, emission: Emission): Node | undefined {
  const { finder, builder, largestValue } = emission;
  const { product, restriction, state } = parts;
  const { summed, other, exclusive, reverse } = restriction;
  const inPlace = [...state.before, summed, ...state.after];
  const terms = emitProduct(productOf(parts.keys, inPlace, product.sizes, builder), largestValue, finder, builder);
  if (terms === undefined) return undefined;
  const axis = state.before.length;
  const available = sizeOf(product, summed);
  const wanted = sizeOf(product, other);
  const padded = available < wanted ? padAxis(builder, terms, axis, wanted - available, 0) : terms;
  const running = builder.node("cumulative_sum", [padded], { axis, exclusive, reverse });
  const cut = available > wanted ? sliceAxis(builder, running, axis, wanted) : running;
  const prefix: Factor = { node: cut, indices: [...state.before, other, ...state.after], reciprocal: false };
  const whole = productOf([...parts.queries, prefix, ...parts.outside], product.result, product.sizes, builder, {
    scale: product.scale,
  });
  return emitProduct(whole, largestValue, finder, builder);
}

function chunkedPrefix(
  parts: Parts,
  chunk: number,
  score: SharedProduct | undefined,
  emission: Emission,
): Node | undefined {
  const { finder, builder, largestValue } = emission;
  const { product, restriction, constraint, state } = parts;
  const { summed, other, reverse } = restriction;
  const longest = Math.max(sizeOf(product, summed), sizeOf(product, other));
  const groups = Math.ceil(longest / chunk);
  const length = groups * chunk;
  const group = freshName(product.sizes, "g");
  // Inside a chunk the two indices keep their names, so that the condition between them reads the same.
  const sizes = new Map([...product.sizes, [group, groups], [summed, chunk], [other, chunk]]);
  const inChunks = (factor: Factor): Factor => {
    const name = factor.indices.includes(summed) ? summed : other;
    const axis = factor.indices.indexOf(name);
    if (axis < 0) return factor;
    const missing = length - sizeOf(product, name);
    const padded =
      missing === 0 ? factor.node : padAxis(builder, factor.node, axis, missing, factor.reciprocal ? 1 : 0);
    const shape = padded.type.shape.flatMap((size, a) => (a === axis ? [groups, chunk] : [size]));
    const indices = factor.indices.flatMap((own) => (own === name ? [group, own] : [own]));
    return { node: builder.reshape(padded, shape), indices, reciprocal: factor.reciprocal };
  };
  const chunked = new Map([...parts.keys, ...parts.queries].map((factor) => [factor, inChunks(factor)]));
  const inAll = (factors: readonly Factor[]) => factors.map((factor) => chunked.get(factor) as Factor);
  const [keys, queries] = [inAll(parts.keys), inAll(parts.queries)];
  const result = parts.result.flatMap((name) => (name === other ? [group, name] : [name]));

  const emit = (part: Product) => emitProduct(part, largestValue, finder, builder);
  const scores = score?.factors.every((factor) => chunked.has(factor)) ? score : undefined;
  if (score !== undefined && scores === undefined) return undefined;
  const inScores = new Set(scores === undefined ? [] : inAll(scores.factors));
  const factors = [...queries, ...keys].filter((factor) => !inScores.has(factor));
  if (scores !== undefined) {
    const indices = [
      ...new Set(scores.indices.flatMap((name) => (name === summed || name === other ? [group, name] : [name]))),
    ];
    const node = emit(productOf([...inScores], indices, sizes, builder, { constraints: [constraint] }));
    if (node === undefined) return undefined;
    factors.push({ node, indices, reciprocal: false });
  }
  const within = emit(productOf(factors, result, sizes, builder, { constraints: [constraint] }));
  const states = emit(productOf(keys, [...state.before, group, ...state.after], sizes, builder));
  if (within === undefined || states === undefined) return undefined;
  const before = builder.node("cumulative_sum", [states], { axis: state.before.length, exclusive: true, reverse });
  const prefix: Factor = { node: before, indices: [...state.before, group, ...state.after], reciprocal: false };
  const across = emit(productOf([...queries, prefix], result, sizes, builder));
  if (across === undefined) return undefined;
  const sum = builder.apply("add", within, across);
  const axis = parts.result.indexOf(other);
  if (axis < 0) return finish(parts, sum, emission);
  const merged = builder.reshape(
    sum,
    parts.result.map((name) => (name === other ? length : sizeOf(product, name))),
  );
  const wanted = sizeOf(product, other);
  return finish(parts, wanted === length ? merged : sliceAxis(builder, merged, axis, wanted), emission);
}

/** The usual lengths, and near each that does not divide the whole length a divisor that does, to save the padding. */
function chunksFor(length: number): number[] {
  const chunks = new Set<number>();
  for (const wanted of chunkLengths) {
    if (wanted < length) chunks.add(wanted);
    for (let distance = 1; length % wanted !== 0 && distance <= wanted / 2; distance++) {
      const divisor = [wanted - distance, wanted + distance].find((size) => size < length && length % size === 0);
      if (divisor === undefined) continue;
      chunks.add(divisor);
      break;
    }
  }
  return [...chunks];
}

function padAxis(builder: Builder, x: Node, axis: number, count: number, value: number): Node {
  const none = x.type.shape.map(() => 0);
  return builder.node("pad", [x], { low: none, high: none.map((_, a) => (a === axis ? count : 0)), value });
}

function sliceAxis(builder: Builder, x: Node, axis: number, size: number): Node {
  const sizes = x.type.shape.map((extent, a) => (a === axis ? size : extent));
  return builder.node("slice", [x], { starts: sizes.map(() => 0), sizes, steps: sizes.map(() => 1) });
}

function freshName(taken: ReadonlyMap<string, number>, wanted: string): string {
  let name = wanted;
  for (let n = 1; taken.has(name); n++) name = `${wanted}${n}`;
  return name;
}
