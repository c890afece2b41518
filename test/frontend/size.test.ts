import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addSizes,
  constantSize,
  evaluateSize,
  floorDivideSizes,
  moduloSizes,
  multiplySizes,
  nameSize,
  printNormalForm,
  type Size,
  sizesEqual,
  substitute,
  subtractSizes,
} from "../../src/frontend/size.ts";
import {
  noFacts,
  provableQuotient,
  provablyEqual,
  provablyNonNegative,
  reduceByFacts,
  solveForName,
  withFacts,
} from "../../src/frontend/size-facts.ts";

type Sketch =
  | { readonly op: "name"; readonly name: string }
  | { readonly op: "constant"; readonly value: number }
  | { readonly op: "+" | "-" | "*" | "//" | "%"; readonly left: Sketch; readonly right: Sketch };

const names = ["L", "d", "H"];
const { sketch } = fc.letrec<{ sketch: Sketch; positive: Sketch }>((tie) => ({
  // Divisors are positive for all positive names, as the language assumes of them.
  positive: fc.oneof(
    { maxDepth: 2 },
    fc.constantFrom(...names).map((name): Sketch => ({ op: "name", name })),
    fc.integer({ min: 1, max: 6 }).map((value): Sketch => ({ op: "constant", value })),
    fc
      .tuple(fc.constantFrom("+" as const, "*" as const), tie("positive"), tie("positive"))
      .map(([op, left, right]): Sketch => ({ op, left, right })),
  ),
  sketch: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(...names).map((name): Sketch => ({ op: "name", name })),
    fc.integer({ min: -6, max: 6 }).map((value): Sketch => ({ op: "constant", value })),
    fc
      .tuple(fc.constantFrom("+" as const, "-" as const, "*" as const), tie("sketch"), tie("sketch"))
      .map(([op, left, right]): Sketch => ({ op, left, right })),
    fc
      .tuple(fc.constantFrom("//" as const, "%" as const), tie("sketch"), tie("positive"))
      .map(([op, left, right]): Sketch => ({ op, left, right })),
  ),
}));

function sizeOf(sketch: Sketch): Size {
  switch (sketch.op) {
    case "name":
      return nameSize(sketch.name);
    case "constant":
      return constantSize(sketch.value);
    default: {
      const combine = {
        "+": addSizes,
        "-": subtractSizes,
        "*": multiplySizes,
        "//": floorDivideSizes,
        "%": moduloSizes,
      }[sketch.op];
      return combine(sizeOf(sketch.left), sizeOf(sketch.right));
    }
  }
}

function numberOf(sketch: Sketch, values: ReadonlyMap<string, number>): bigint {
  switch (sketch.op) {
    case "name":
      return BigInt(values.get(sketch.name) as number);
    case "constant":
      return BigInt(sketch.value);
    default: {
      const a = numberOf(sketch.left, values);
      const b = numberOf(sketch.right, values);
      const quotient = () => (a >= 0n ? a / b : -((-a + b - 1n) / b));
      return { "+": () => a + b, "-": () => a - b, "*": () => a * b, "//": quotient, "%": () => a - b * quotient() }[
        sketch.op
      ]();
    }
  }
}

const numbers = fc.tuple(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 40 }),
);
const bind = (values: readonly number[]) => new Map(names.map((name, i) => [name, values[i] as number]));
const [L, d, H] = [nameSize("L"), nameSize("d"), nameSize("H")];
const n = constantSize;

describe("normal form", () => {
  it("has the value of what was written", () => {
    fc.assert(
      fc.property(sketch, numbers, (sketch, values) => {
        const env = bind(values);
        const expected = numberOf(sketch, env);
        fc.pre(expected > -(2n ** 53n) && expected < 2n ** 53n);
        expect(evaluateSize(sizeOf(sketch), env)).toEqual({ kind: "value", value: Number(expected) });
      }),
      { numRuns: 2000 },
    );
  });

  it("is the same only for equal values", () => {
    fc.assert(
      fc.property(sketch, sketch, numbers, (a, b, values) => {
        if (sizesEqual(sizeOf(a), sizeOf(b))) expect(numberOf(a, bind(values))).toBe(numberOf(b, bind(values)));
      }),
      { numRuns: 1000 },
    );
  });

  it("commutes with substitution", () => {
    fc.assert(
      fc.property(sketch, numbers, (sketch, values) => {
        const env = bind(values);
        const replaced = substitute(sizeOf(sketch), new Map([...env].map(([name, value]) => [name, n(value)])));
        const value = numberOf(sketch, env);
        fc.pre(value > -(2n ** 53n) && value < 2n ** 53n);
        expect(evaluateSize(replaced, new Map())).toEqual({ kind: "value", value: Number(value) });
      }),
      { numRuns: 1000 },
    );
  });

  it("finds the equalities of the language page", () => {
    expect(sizesEqual(addSizes(L, n(1)), addSizes(n(1), L))).toBe(true);
    expect(sizesEqual(floorDivideSizes(addSizes(multiplySizes(n(2), L), n(2)), n(2)), addSizes(L, n(1)))).toBe(true);
    expect(sizesEqual(floorDivideSizes(multiplySizes(L, addSizes(d, n(1))), addSizes(d, n(1))), L)).toBe(true);
    expect(sizesEqual(floorDivideSizes(floorDivideSizes(L, n(2)), n(3)), floorDivideSizes(L, n(6)))).toBe(true);
    expect(moduloSizes(multiplySizes(n(4), L), n(2)).terms).toEqual([]);
  });

  it("is exact far beyond 2^53 and says so", () => {
    const big = multiplySizes(L, multiplySizes(L, L));
    expect(evaluateSize(L, new Map([["L", 10 ** 12]]))).toEqual({ kind: "value", value: 10 ** 12 });
    expect(evaluateSize(big, new Map([["L", 10 ** 12]]))).toEqual({ kind: "too-large", value: 10n ** 36n });
    expect(
      evaluateSize(
        floorDivideSizes(L, H),
        new Map([
          ["L", 1],
          ["H", 0],
        ]),
      ),
    ).toEqual({ kind: "division-by-zero" });
    expect(evaluateSize(L, new Map())).toEqual({ kind: "unbound", name: "L" });
  });

  it("prints as the language is written", () => {
    const text = (size: Size) => printNormalForm(size);
    expect(text(addSizes(multiplySizes(n(2), L), n(1)))).toBe("2*L + 1");
    expect(text(subtractSizes(n(3), L))).toBe("3 - L");
    expect(text(multiplySizes(H, floorDivideSizes(d, H)))).toBe("(d//H)*H");
    expect(text(floorDivideSizes(addSizes(L, n(-3)), n(2)))).toBe("(L + 1)//2 - 2");
    expect(text(n(0))).toBe("0");
  });
});

describe("facts", () => {
  const divides = withFacts(noFacts, { zero: [moduloSizes(d, H)] });

  it("use divisibility", () => {
    expect(provablyEqual(multiplySizes(H, floorDivideSizes(d, H)), d, noFacts)).toBe(false);
    expect(provablyEqual(multiplySizes(H, floorDivideSizes(d, H)), d, divides)).toBe(true);
    expect(
      provablyEqual(multiplySizes(L, multiplySizes(floorDivideSizes(d, H), H)), multiplySizes(d, L), divides),
    ).toBe(true);
  });

  it("use divisibility of what divides", () => {
    const dh = floorDivideSizes(d, H);
    const facts = withFacts(noFacts, { zero: [moduloSizes(d, H), moduloSizes(dh, n(2))] });
    expect(provablyEqual(multiplySizes(multiplySizes(n(2), H), floorDivideSizes(dh, n(2))), d, facts)).toBe(true);
    expect(provableQuotient(d, multiplySizes(n(2), H), facts)).toEqual(floorDivideSizes(dh, n(2)));
    expect(provableQuotient(d, dh, divides)).toEqual(H);
    expect(provableQuotient(d, dh, noFacts)).toBeUndefined();
  });

  it("use equations between names", () => {
    const equal = withFacts(noFacts, { zero: [subtractSizes(L, multiplySizes(n(2), d))] });
    expect(provablyEqual(floorDivideSizes(L, n(2)), d, equal)).toBe(true);
  });

  it("bound no quotient beside a factor of unknown sign", () => {
    const sign = floorDivideSizes(subtractSizes(L, d), addSizes(multiplySizes(n(2), L), n(1)));
    const size = multiplySizes(sign, multiplySizes(L, moduloSizes(L, multiplySizes(n(2), L))));
    expect(provablyNonNegative(size, noFacts)).toBe(false);
  });

  it("prove only what holds", () => {
    fc.assert(
      fc.property(sketch, numbers, (sketch, values) => {
        const env = bind(values);
        if (provablyNonNegative(sizeOf(sketch), noFacts)) expect(numberOf(sketch, env) >= 0n).toBe(true);
        fc.pre((env.get("d") as number) % (env.get("H") as number) === 0);
        if (provablyNonNegative(sizeOf(sketch), divides)) expect(numberOf(sketch, env) >= 0n).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it("equate only what is equal", () => {
    const dh = floorDivideSizes(d, H);
    const facts = withFacts(noFacts, { zero: [moduloSizes(d, H), moduloSizes(dh, n(2)), subtractSizes(L, dh)] });
    fc.assert(
      fc.property(sketch, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), (sketch, h, half) => {
        const env = bind([2 * half, 2 * half * h, h]);
        const expected = numberOf(sketch, env);
        fc.pre(expected > -(2n ** 53n) && expected < 2n ** 53n);
        const rewritten = evaluateSize(reduceByFacts(sizeOf(sketch), facts), env);
        expect(rewritten).toEqual({ kind: "value", value: Number(expected) });
      }),
      { numRuns: 1500 },
    );
  });

  it("bound quotients, as a strided window needs", () => {
    // 2*y + k stays below L for y < (L - 3)//2 + 1 and k < 3.
    const y = nameSize("y");
    const k = nameSize("k");
    const last = floorDivideSizes(subtractSizes(L, n(3)), n(2));
    const facts = withFacts(noFacts, {
      ranges: new Map([
        ["y", { first: n(0), last }],
        ["k", { first: n(0), last: n(2) }],
      ]),
    });
    const place = addSizes(multiplySizes(n(2), y), k);
    expect(provablyNonNegative(place, facts)).toBe(true);
    expect(provablyNonNegative(subtractSizes(subtractSizes(L, n(1)), place), facts)).toBe(true);
    expect(provablyNonNegative(subtractSizes(subtractSizes(L, n(2)), place), facts)).toBe(false);
  });

  it("solve for one name", () => {
    const pattern = addSizes(multiplySizes(n(2), d), n(1));
    expect(solveForName(pattern, addSizes(multiplySizes(n(4), L), n(3)), "d")).toEqual(
      addSizes(multiplySizes(n(2), L), n(1)),
    );
    expect(solveForName(pattern, L, "d")).toBeUndefined();
  });
});
