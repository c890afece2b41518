/**
 * Symbolic sizes in normal form: polynomials with integer coefficients over names and floor quotients.
 *
 * `a % b` is stored as `a - b*(a//b)`, so quotients are the only atoms besides names. Quotients are simplified by rules that
 * hold for all integers and every positive divisor: exact division, splitting off what the divisor divides, common factors,
 * and nested quotients. Two sizes with the same normal form are equal for all values; the converse is not claimed.
 * Coefficients are bigints: nothing here overflows. What facts add is in size-facts.ts.
 */

export type Atom =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "quotient"; readonly numerator: Size; readonly denominator: Size };

export interface Factor {
  readonly atom: Atom;
  /** At least 1. */
  readonly power: number;
}

/** `coefficient * factors…`; the factors are sorted by key and all different. */
export interface Term {
  readonly coefficient: bigint;
  readonly factors: readonly Factor[];
  /** Identifies the product of the factors. */
  readonly key: string;
}

export interface Size {
  /** Sorted, with different keys and coefficients other than 0; empty for 0. */
  readonly terms: readonly Term[];
  /** Identifies the value: equal keys, equal sizes. */
  readonly key: string;
  /** How the author wrote it, where it comes from the text. */
  readonly written?: string;
}

/** A size with so many terms that it can only come from generated or hostile text. */
export class SizeLimitError extends Error {
  override readonly name = "SizeLimitError";
}

const mostTerms = 500;

function atomKey(atom: Atom): string {
  return atom.kind === "name" ? atom.name : `(${atom.numerator.key})//(${atom.denominator.key})`;
}

function termOf(coefficient: bigint, factors: readonly Factor[]): Term {
  const [only] = factors;
  if (only === undefined) return { coefficient, factors, key: "" };
  if (factors.length === 1) return { coefficient, factors, key: `${atomKey(only.atom)}^${only.power}` };
  const sorted = factors
    .map((factor) => ({ factor, key: atomKey(factor.atom) }))
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return {
    coefficient,
    factors: sorted.map((entry) => entry.factor),
    key: sorted.map((entry) => `${entry.key}^${entry.factor.power}`).join("*"),
  };
}

/** Number of factors, counted with their powers. */
export function degree(term: Term): number {
  return term.factors.reduce((sum, factor) => sum + factor.power, 0);
}

/** Sums terms of equal key and sorts: higher degree first, then by key. */
export function sizeOfTerms(terms: readonly Term[]): Size {
  const [only] = terms;
  if (only !== undefined && terms.length === 1 && only.coefficient !== 0n)
    return { terms: [only], key: `${only.coefficient}:${only.key}` };
  const sums = new Map<string, Term>();
  for (const term of terms) {
    const previous = sums.get(term.key);
    sums.set(term.key, previous ? { ...term, coefficient: previous.coefficient + term.coefficient } : term);
  }
  const sorted = [...sums.values()]
    .filter((term) => term.coefficient !== 0n)
    .sort((a, b) => degree(b) - degree(a) || (a.key < b.key ? -1 : 1));
  if (sorted.length > mostTerms) throw new SizeLimitError("a size expression has too many terms");
  return { terms: sorted, key: sorted.map((term) => `${term.coefficient}:${term.key}`).join("+") };
}

/** The size that is a known integer. */
export function constantSize(value: number | bigint): Size {
  return sizeOfTerms([termOf(BigInt(value), [])]);
}

/** The size called `name`. Different things must have different names; `\0…` suffixes are not printed. */
export function nameSize(name: string): Size {
  return sizeOfTerms([termOf(1n, [{ atom: { kind: "name", name }, power: 1 }])]);
}

export function atomSize(atom: Atom): Size {
  return sizeOfTerms([termOf(1n, [{ atom, power: 1 }])]);
}

/** The same size, remembered as the author spelled it. */
export function withSpelling(size: Size, written: string): Size {
  return { ...size, written };
}

function withoutSpelling(size: Size): Size {
  return size.written === undefined ? size : { terms: size.terms, key: size.key };
}

/** The value of a size without names, else undefined. */
export function constantValue(size: Size): bigint | undefined {
  if (size.terms.length === 0) return 0n;
  const [term] = size.terms;
  return size.terms.length === 1 && term?.factors.length === 0 ? term.coefficient : undefined;
}

export function addSizes(a: Size, b: Size): Size {
  return sizeOfTerms([...a.terms, ...b.terms]);
}

export function scaleSize(a: Size, factor: bigint): Size {
  return sizeOfTerms(a.terms.map((term) => ({ ...term, coefficient: term.coefficient * factor })));
}

export function subtractSizes(a: Size, b: Size): Size {
  return addSizes(a, scaleSize(b, -1n));
}

export function multiplyTerms(a: Term, b: Term): Term {
  const powers = new Map<string, Factor>();
  for (const factor of [...a.factors, ...b.factors]) {
    const key = atomKey(factor.atom);
    powers.set(key, { atom: factor.atom, power: factor.power + (powers.get(key)?.power ?? 0) });
  }
  return termOf(a.coefficient * b.coefficient, [...powers.values()]);
}

export function multiplySizes(a: Size, b: Size): Size {
  if (a.terms.length * b.terms.length > mostTerms * mostTerms)
    throw new SizeLimitError("a size expression has too many terms");
  return sizeOfTerms(a.terms.flatMap((x) => b.terms.map((y) => multiplyTerms(x, y))));
}

/** `a^exponent` for a natural number up to 64. */
export function powerOfSize(a: Size, exponent: bigint): Size {
  if (exponent > 64n) throw new SizeLimitError("a size is raised to a power above 64");
  if (exponent === 0n) return constantSize(1);
  let result = withoutSpelling(a);
  for (let i = 1n; i < exponent; i++) result = multiplySizes(result, a);
  return result;
}

/** The term that times `divisor` is `term`, if there is one. */
export function divideTerm(term: Term, divisor: Term): Term | undefined {
  if (divisor.coefficient === 0n || term.coefficient % divisor.coefficient !== 0n) return undefined;
  const remaining = new Map(term.factors.map((factor) => [atomKey(factor.atom), factor]));
  for (const factor of divisor.factors) {
    const key = atomKey(factor.atom);
    const power = (remaining.get(key)?.power ?? 0) - factor.power;
    if (power < 0) return undefined;
    if (power === 0) remaining.delete(key);
    else remaining.set(key, { atom: factor.atom, power });
  }
  return termOf(term.coefficient / divisor.coefficient, [...remaining.values()]);
}

/** The size that times `divisor` is `size` for all values of the names, if polynomial division finds one. */
export function divideExactly(size: Size, divisor: Size): Size | undefined {
  const leading = divisor.terms[0];
  if (leading === undefined) return undefined;
  let rest = size;
  let quotient = constantSize(0);
  for (let steps = 0; rest.terms.length > 0; steps++) {
    const top = rest.terms[0] as Term;
    const part = divideTerm(top, leading);
    if (part === undefined || steps > mostTerms) return undefined;
    const partSize = sizeOfTerms([part]);
    quotient = addSizes(quotient, partSize);
    rest = subtractSizes(rest, multiplySizes(partSize, divisor));
    // The order of terms is not a monomial order for every input: stop when the leading term does not go away.
    if (rest.terms[0]?.key === top.key) return undefined;
  }
  return quotient;
}

function floorDivideIntegers(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a < 0n !== b < 0n ? quotient - 1n : quotient;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  let [x, y] = [a < 0n ? -a : a, b < 0n ? -b : b];
  while (y !== 0n) [x, y] = [y, x % y];
  return x;
}

function contentOf(size: Size): bigint {
  return size.terms.reduce((content, term) => greatestCommonDivisor(content, term.coefficient), 0n);
}

/** `a // b`, rounded towards minus infinity; b is taken to be positive. */
export function floorDivideSizes(a: Size, b: Size): Size {
  const divisor = constantValue(b);
  if (divisor === 1n) return a;
  const dividend = constantValue(a);
  if (dividend === 0n && divisor !== 0n) return a;
  if (divisor !== undefined && dividend !== undefined && divisor !== 0n) {
    return constantSize(floorDivideIntegers(dividend, divisor));
  }
  const exact = divideExactly(a, b);
  if (exact !== undefined) return exact;
  // (b*x + r) // b = x + r // b, whatever r is.
  const [onlyTerm] = b.terms;
  if (b.terms.length === 1 && onlyTerm !== undefined && divisor !== 0n) {
    const whole: Term[] = [];
    const rest: Term[] = [];
    for (const term of a.terms) {
      const part = divideTerm(term, onlyTerm);
      if (part !== undefined) {
        whole.push(part);
      } else if (onlyTerm.factors.length === 0) {
        // Integer divisor: split the coefficient, so that the remainder's lies in [0, divisor).
        const quotient = floorDivideIntegers(term.coefficient, onlyTerm.coefficient);
        if (quotient !== 0n) whole.push({ ...term, coefficient: quotient });
        rest.push({ ...term, coefficient: term.coefficient - quotient * onlyTerm.coefficient });
      } else {
        rest.push(term);
      }
    }
    if (whole.length > 0) return addSizes(sizeOfTerms(whole), floorDivideSizes(sizeOfTerms(rest), b));
  }
  const common = greatestCommonDivisor(contentOf(a), contentOf(b));
  if (common > 1n) {
    const shrink = (size: Size) =>
      sizeOfTerms(size.terms.map((term) => ({ ...term, coefficient: term.coefficient / common })));
    return floorDivideSizes(shrink(a), shrink(b));
  }
  // (x // y + r) // b = (x + r*y) // (y*b)
  const lone = a.terms.filter(
    (term) => term.coefficient === 1n && degree(term) === 1 && term.factors[0]?.atom.kind === "quotient",
  );
  const [only] = lone;
  const inner = only?.factors[0]?.atom;
  if (lone.length === 1 && inner?.kind === "quotient") {
    const rest = sizeOfTerms(a.terms.filter((term) => term !== only));
    const numerator = addSizes(inner.numerator, multiplySizes(rest, inner.denominator));
    return floorDivideSizes(numerator, multiplySizes(inner.denominator, b));
  }
  return atomSize({ kind: "quotient", numerator: a, denominator: b });
}

/** `a % b` with the sign of b: between 0 and b - 1. */
export function moduloSizes(a: Size, b: Size): Size {
  return subtractSizes(a, multiplySizes(b, floorDivideSizes(a, b)));
}

/** Equality of normal forms; see size-facts.ts for equality under what is known. */
export function sizesEqual(a: Size, b: Size): boolean {
  return a.key === b.key;
}

/** Puts sizes for names, everywhere at once; names without an entry stay. */
export function substitute(size: Size, values: ReadonlyMap<string, Size>): Size {
  if (values.size === 0) return size;
  const terms: Term[] = [];
  let changed = false;
  for (const term of size.terms) {
    const rest: Factor[] = [];
    let product: Size | undefined;
    for (const factor of term.factors) {
      const value = substituteAtom(factor.atom, values);
      if (value === undefined) rest.push(factor);
      else {
        const power = powerOfSize(value, BigInt(factor.power));
        product = product === undefined ? power : multiplySizes(product, power);
      }
    }
    if (product === undefined) terms.push(term);
    else {
      changed = true;
      const isWhole = rest.length === 0 && term.coefficient === 1n;
      const others = isWhole ? product : multiplySizes(sizeOfTerms([termOf(term.coefficient, rest)]), product);
      terms.push(...others.terms);
    }
  }
  return changed ? sizeOfTerms(terms) : size;
}

/** What an atom becomes; undefined when nothing in it is replaced. */
function substituteAtom(atom: Atom, values: ReadonlyMap<string, Size>): Size | undefined {
  if (atom.kind === "name") return values.get(atom.name);
  const numerator = substitute(atom.numerator, values);
  const denominator = substitute(atom.denominator, values);
  const isSame = numerator === atom.numerator && denominator === atom.denominator;
  return isSame ? undefined : floorDivideSizes(numerator, denominator);
}

/** All names in a size, in the order of the normal form. */
export function namesOf(size: Size): Set<string> {
  const names = new Set<string>();
  const visit = (part: Size) => {
    for (const term of part.terms) {
      for (const { atom } of term.factors) {
        if (atom.kind === "name") {
          names.add(atom.name);
        } else {
          visit(atom.numerator);
          visit(atom.denominator);
        }
      }
    }
  };
  visit(size);
  return names;
}

export type SizeValue =
  | { readonly kind: "value"; readonly value: number }
  | { readonly kind: "unbound"; readonly name: string }
  | { readonly kind: "division-by-zero" }
  /** Outside of ±2^53: no array has such a size, and the number would not be exact. */
  | { readonly kind: "too-large"; readonly value: bigint };

/** The value of a size under numbers for its names, exact or not at all. */
export function evaluateSize(size: Size, values: ReadonlyMap<string, number | bigint>): SizeValue {
  let failure: SizeValue | undefined;
  const evaluate = (part: Size): bigint => {
    let sum = 0n;
    for (const term of part.terms) {
      let product = term.coefficient;
      for (const { atom, power } of term.factors) {
        let value = 0n;
        if (atom.kind === "name") {
          const given = values.get(atom.name);
          if (given === undefined) failure ??= { kind: "unbound", name: atom.name };
          else value = BigInt(given);
        } else {
          const denominator = evaluate(atom.denominator);
          if (denominator === 0n) failure ??= { kind: "division-by-zero" };
          else value = floorDivideIntegers(evaluate(atom.numerator), denominator);
        }
        product *= value ** BigInt(power);
      }
      sum += product;
    }
    return sum;
  };
  const value = evaluate(size);
  if (failure !== undefined) return failure;
  const limit = BigInt(Number.MAX_SAFE_INTEGER);
  return value > limit || value < -limit ? { kind: "too-large", value } : { kind: "value", value: Number(value) };
}

function printAtom(atom: Atom): string {
  if (atom.kind === "name") return atom.name.split("\0")[0] as string;
  const group = (size: Size) =>
    size.terms.length === 1 &&
    degree(size.terms[0] as Term) + (constantValue(size) === undefined ? 0 : 1) === 1 &&
    (size.terms[0] as Term).coefficient === (constantValue(size) ?? 1n)
      ? printNormalForm(size)
      : `(${printNormalForm(size)})`;
  return `${group(atom.numerator)}//${group(atom.denominator)}`;
}

function printTerm(term: Term): string {
  const magnitude = term.coefficient < 0n ? -term.coefficient : term.coefficient;
  const factors = term.factors.map(({ atom, power }) => {
    const text = printAtom(atom);
    const grouped = atom.kind === "quotient" && (degree(term) > 1 || magnitude !== 1n) ? `(${text})` : text;
    return power === 1 ? grouped : `${grouped}^${power}`;
  });
  return magnitude === 1n && factors.length > 0 ? factors.join("*") : [String(magnitude), ...factors].join("*");
}

/** The normal form in the language's spelling: `2*N + 1`, `d//H`, `L - 1`. */
export function printNormalForm(size: Size): string {
  if (size.terms.length === 0) return "0";
  // A leading minus reads badly: begin with a positive term where there is one.
  const terms = [
    ...size.terms.filter((term) => term.coefficient > 0n),
    ...size.terms.filter((term) => term.coefficient < 0n),
  ];
  return terms
    .map((term, i) => {
      const negative = term.coefficient < 0n;
      return i === 0 ? `${negative ? "-" : ""}${printTerm(term)}` : `${negative ? " - " : " + "}${printTerm(term)}`;
    })
    .join("");
}

/** As the author wrote it, else the normal form. */
export function printSize(size: Size): string {
  return size.written ?? printNormalForm(size);
}
