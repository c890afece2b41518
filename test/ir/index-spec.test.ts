/** What part of an index space conditions leave, against counting. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { constrainedFraction, parseConstraints, satisfies } from "../../src/ir/index.ts";

const counted = (where: string, n: number, m: number): number => {
  const constraints = parseConstraints(where);
  let kept = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) if (satisfies(constraints, (name) => (name === "i" ? i : j))) kept++;
  }
  return kept / (n * m);
};

const fraction = (where: string, n: number, m: number) =>
  constrainedFraction(
    parseConstraints(where),
    new Map([
      ["i", n],
      ["j", m],
    ]),
  );

it.each([
  "j <= i",
  "i <= j + 2, j <= i + 2",
  "i + 3 <= j, j <= i",
  "2 j <= 3 i + 1, i <= 2 j",
  "i <= 4",
  "i <= 4, 2 <= i",
])("counts `%s`", (where) => {
  expect(fraction(where, 9, 7)).toBeCloseTo(counted(where, 9, 7), 12);
});

it("counts bands of any slope and width", () => {
  const size = fc.integer({ min: 1, max: 12 });
  const side = fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 9 }));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(side, side, fc.boolean()), { minLength: 1, maxLength: 3 }),
      size,
      size,
      (sides, n, m) => {
        const where = sides
          .map(
            ([[a, low], [b, high], turned]) =>
              `${a} ${turned ? "i" : "j"} + ${low} <= ${b} ${turned ? "j" : "i"} + ${high}`,
          )
          .join(", ");
        expect(fraction(where, n, m)).toBeCloseTo(counted(where, n, m), 12);
      },
    ),
  );
});
