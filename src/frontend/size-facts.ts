/**
 * What is known about sizes at a place in the text, and what follows from it.
 *
 * Names are at least 1 unless they are in `natural` or a range is known. `require` adds equations and inequalities. Proofs are sound and incomplete:
 * `false` means "not shown", never "shown false".
 */
import {
  addSizes,
  atomSize,
  constantSize,
  constantValue,
  degree,
  divideExactly,
  divideTerm,
  floorDivideSizes,
  multiplySizes,
  namesOf,
  type Size,
  SizeLimitError,
  scaleSize,
  sizeOfTerms,
  substitute,
  subtractSizes,
  type Term,
} from "./size.ts";

/** First and last value of a name that stands for an index or a loop variable. */
export interface NameRange {
  readonly first: Size;
  readonly last: Size;
}

export interface SizeFacts {
  /** Sizes known to be 0. */
  readonly zero: readonly Size[];
  /** Sizes known to be at least 0. */
  readonly nonNegative: readonly Size[];
  readonly ranges: ReadonlyMap<string, NameRange>;
  /** Names of sizes that may be 0: parameters whose default is 0, such as `padding: size = 0`. */
  readonly natural: ReadonlySet<string>;
}

export const noFacts: SizeFacts = { zero: [], nonNegative: [], ranges: new Map(), natural: new Set() };

/** The facts together with more of them. */
export function withFacts(facts: SizeFacts, more: Partial<SizeFacts>): SizeFacts {
  return {
    zero: [...facts.zero, ...(more.zero ?? [])],
    nonNegative: [...facts.nonNegative, ...(more.nonNegative ?? [])],
    ranges: new Map([...facts.ranges, ...(more.ranges ?? [])]),
    natural: new Set([...facts.natural, ...(more.natural ?? [])]),
  };
}

/** Terms of an equation that may be written in terms of the others: the most composite first. */
function pivots(equation: Size): Term[] {
  const unit = equation.terms.filter((term) => term.coefficient === 1n || term.coefficient === -1n);
  return unit.filter((term) => term.factors.length > 0);
}

/** Puts the other side of an equation for its most composite term. */
function rewriteWith(size: Size, equation: Size): Size {
  const pivot = pivots(equation)[0];
  if (pivot === undefined) return size;
  // pivot = value, from pivot*(±1) + rest = 0
  const rest = sizeOfTerms(equation.terms.filter((term) => term !== pivot));
  const value = pivot.coefficient === 1n ? scaleSize(rest, -1n) : rest;
  const [factor] = pivot.factors;
  if (degree(pivot) === 1 && factor?.atom.kind === "name" && !namesOf(value).has(factor.atom.name)) {
    return substitute(size, new Map([[factor.atom.name, value]]));
  }
  return replaceMonomial(size, { ...pivot, coefficient: 1n }, value);
}

/** Puts `value` for a product, also where it occurs in the numerator of a quotient. */
function replaceMonomial(size: Size, monomial: Term, value: Size): Size {
  let result = constantSize(0);
  for (const term of size.terms) {
    const cofactor = divideTerm(term, monomial);
    if (cofactor !== undefined) {
      result = addSizes(result, multiplySizes(sizeOfTerms([cofactor]), value));
      continue;
    }
    let product = constantSize(term.coefficient);
    for (const { atom, power } of term.factors) {
      const inside = atom.kind === "quotient" ? replaceMonomial(atom.numerator, monomial, value) : undefined;
      const isNew = atom.kind === "quotient" && inside !== undefined && inside.key !== atom.numerator.key;
      const factor = isNew ? floorDivideSizes(inside, atom.denominator) : atomSize(atom);
      for (let i = 0; i < power; i++) product = multiplySizes(product, factor);
    }
    result = addSizes(result, product);
  }
  return result;
}

/** The equations, and each again in terms of the others: H*(d//H) = d and 2*(d//H//2) = d//H give 2*H*(d//(2*H)) = d. */
function combinedEquations(zero: readonly Size[]): readonly Size[] {
  if (zero.length < 2) return zero;
  const combined = new Map(zero.map((equation) => [equation.key, equation]));
  for (const equation of zero) {
    const others = zero.filter((other) => other !== equation);
    const rewritten = others.reduce(rewriteWith, equation);
    if (rewritten.terms.length > 0) combined.set(rewritten.key, rewritten);
  }
  return [...combined.values()];
}

/** Rewrites with every equation until nothing changes; bounded, because equations may chase each other. */
export function reduceByFacts(size: Size, facts: SizeFacts): Size {
  if (facts.zero.length === 0) return size;
  const equations = combinedEquations(facts.zero);
  let current = size;
  for (let round = 0; round < 8 && current.terms.length > 0; round++) {
    const before = current.key;
    for (const equation of equations) current = rewriteWith(current, equation);
    if (current.key === before) return current;
  }
  return current;
}

/** Whether a = b follows. */
export function provablyEqual(a: Size, b: Size, facts: SizeFacts): boolean {
  const difference = subtractSizes(a, b);
  if (difference.terms.length === 0) return true;
  return facts.zero.length > 0 && reduceByFacts(difference, facts).terms.length === 0;
}

/** The size that times `divisor` is `size`, by the normal form or by what is known. */
export function provableQuotient(size: Size, divisor: Size, facts: SizeFacts): Size | undefined {
  const plain = floorDivideSizes(size, divisor);
  if (provablyEqual(multiplySizes(divisor, plain), size, facts)) return plain;
  for (const equation of combinedEquations(facts.zero)) {
    const exact =
      divideExactly(subtractSizes(size, equation), divisor) ?? divideExactly(addSizes(size, equation), divisor);
    if (exact !== undefined) return exact;
  }
  return undefined;
}

/** Coefficient of a name to the first power, or undefined where it occurs in any other way. */
export function linearCoefficient(size: Size, name: string): { coefficient: Size; rest: Size } | undefined {
  const coefficient: Term[] = [];
  const rest: Term[] = [];
  for (const term of size.terms) {
    const factor = term.factors.find(({ atom }) => atom.kind === "name" && atom.name === name);
    const occursInside = term.factors.some(
      ({ atom }) =>
        atom.kind === "quotient" && (namesOf(atom.numerator).has(name) || namesOf(atom.denominator).has(name)),
    );
    if (occursInside || (factor !== undefined && factor.power > 1)) return undefined;
    if (factor === undefined) rest.push(term);
    else coefficient.push(divideTerm(term, { coefficient: 1n, factors: [factor], key: "" }) as Term);
  }
  return { coefficient: sizeOfTerms(coefficient), rest: sizeOfTerms(rest) };
}

/** True when the lower bounds of names (quotients: 0) make it plain: shift each name by one and look at the signs. */
function signsAreNonNegative(size: Size, facts: SizeFacts, budget: number): boolean {
  const shifted = new Map<string, Size>();
  for (const name of namesOf(size)) {
    if (!facts.ranges.has(name) && !facts.natural.has(name))
      shifted.set(name, addSizes(atomSize({ kind: "name", name }), constantSize(1)));
  }
  let result = constantSize(0);
  for (const term of size.terms) {
    let product = constantSize(term.coefficient);
    for (const { atom, power } of term.factors) {
      let value = atom.kind === "name" ? (shifted.get(atom.name) ?? atomSize(atom)) : atomSize(atom);
      if (atom.kind === "quotient") {
        if (!prove(atom.numerator, facts, budget - 1)) return false;
        if (prove(subtractSizes(atom.numerator, atom.denominator), facts, budget - 1)) {
          value = addSizes(value, constantSize(1));
        }
      }
      for (let i = 0; i < power; i++) product = multiplySizes(product, value);
    }
    result = addSizes(result, product);
  }
  return result.terms.every((term) => term.coefficient > 0n);
}

/**
 * For a size c + q or c - q with a lone quotient q = a//b: a size that is at least 0 exactly where this one is, since
 * a//b >= -c means a >= -b*c, and a//b <= c means a <= b*c + b - 1.
 */
function withoutLoneQuotient(size: Size): Size | undefined {
  for (const term of size.terms) {
    const atom = term.factors[0]?.atom;
    if (atom?.kind !== "quotient" || degree(term) !== 1 || term.coefficient ** 2n !== 1n) continue;
    const { numerator, denominator } = atom;
    const scaled = multiplySizes(sizeOfTerms(size.terms.filter((other) => other !== term)), denominator);
    if (term.coefficient === 1n) return addSizes(scaled, numerator);
    return subtractSizes(addSizes(scaled, subtractSizes(denominator, constantSize(1))), numerator);
  }
  return undefined;
}

/**
 * Puts a bound for the first quotient: b*(a//b) is at most a and at least a - b + 1. Undefined where a factor beside the quotient
 * has no known sign, since the bound then has no known side.
 */
function boundQuotient(size: Size, facts: SizeFacts, budget: number): Size | undefined {
  for (const term of size.terms) {
    for (const { atom } of term.factors) {
      if (atom.kind !== "quotient") continue;
      const { numerator, denominator } = atom;
      // Multiplying by the (positive) divisor does not change the sign.
      const scaled = multiplySizes(size, denominator);
      let result = constantSize(0);
      for (const part of scaled.terms) {
        const has = part.factors.some(
          (factor) => factor.atom.kind === "quotient" && atomSize(factor.atom).key === atomSize(atom).key,
        );
        if (!has) {
          result = addSizes(result, sizeOfTerms([part]));
          continue;
        }
        const rest = divideTerm(part, atomSize(atom).terms[0] as Term) as Term;
        const cofactor = divideExactly(sizeOfTerms([rest]), denominator);
        const isNegative = part.coefficient < 0n;
        if (cofactor === undefined || !prove(scaleSize(cofactor, isNegative ? -1n : 1n), facts, budget - 1))
          return undefined;
        const bound = isNegative ? numerator : addSizes(subtractSizes(numerator, denominator), constantSize(1));
        result = addSizes(result, multiplySizes(cofactor, bound));
      }
      return result;
    }
  }
  return undefined;
}

function prove(size: Size, facts: SizeFacts, budget: number): boolean {
  const value = constantValue(size);
  if (value !== undefined) return value >= 0n;
  if (budget <= 0) return false;
  const reduced = reduceByFacts(size, facts);
  // An index takes its extreme where its coefficient has one sign.
  for (const [name, range] of facts.ranges) {
    if (!namesOf(reduced).has(name)) continue;
    for (const fact of facts.nonNegative) {
      if (namesOf(fact).has(name) && budget > 2 && prove(subtractSizes(reduced, fact), facts, budget - 2)) return true;
    }
    const linear = linearCoefficient(reduced, name);
    if (linear === undefined) return false;
    const { coefficient, rest } = linear;
    const at = (extreme: Size) => prove(addSizes(rest, multiplySizes(coefficient, extreme)), facts, budget - 1);
    if (prove(coefficient, facts, budget - 1)) return at(range.first);
    if (prove(scaleSize(coefficient, -1n), facts, budget - 1)) return at(range.last);
    return false;
  }
  if (signsAreNonNegative(reduced, facts, budget)) return true;
  const exact = withoutLoneQuotient(reduced);
  if (exact !== undefined && prove(exact, facts, budget - 1)) return true;
  const bounded = boundQuotient(reduced, facts, budget);
  if (bounded !== undefined && prove(bounded, facts, budget - 1)) return true;
  return budget > 2 && facts.nonNegative.some((fact) => prove(subtractSizes(reduced, fact), facts, budget - 2));
}

/** Whether size ≥ 0 follows. */
export function provablyNonNegative(size: Size, facts: SizeFacts): boolean {
  try {
    return prove(size, facts, 6);
  } catch (error) {
    // The search, not the author's text, made an expression so large: nothing is proven.
    if (error instanceof SizeLimitError) return false;
    throw error;
  }
}

/** Whether a ≤ b follows. */
export function provablyAtMost(a: Size, b: Size, facts: SizeFacts): boolean {
  return provablyNonNegative(subtractSizes(b, a), facts);
}

/**
 * Solves `pattern = value` for one unknown name of the pattern that occurs linearly, such as `2*n + 1 = 2*N + 3`.
 * Undefined when there are several unknowns or the division leaves a rest.
 */
export function solveForName(pattern: Size, value: Size, unknown: string): Size | undefined {
  const linear = linearCoefficient(pattern, unknown);
  if (linear === undefined || linear.coefficient.terms.length === 0) return undefined;
  return divideExactly(subtractSizes(value, linear.rest), linear.coefficient);
}
