/** Two builds side by side: which equations correspond, and what each costs in both. */
import { describe, expect, it } from "vitest";
import { type ComparedEquation, compareBuilds, type Inspection } from "../../src/inspect/index.ts";
import { attention, inspectSource } from "./compile-for-inspection.ts";
import { validInspection } from "./valid-inspection.ts";

const settings = { L: 32, S: 32, d: 8, e: 8 };
const built = (text: string, passes = {}, sizes: Readonly<Record<string, number>> = settings) =>
  inspectSource({ path: "attention.weft", text, settings: sizes, passes }).inspection;
const original = built(attention);

const compare = (before: Inspection, after: Inspection) => compareBuilds(before, after, "before.json");
const find = (equations: readonly ComparedEquation[], start: string) => {
  const found = equations.filter(({ before, after }) => (after ?? before)?.text.startsWith(start));
  expect(found, start).toHaveLength(1);
  return found[0] as ComparedEquation;
};

describe("comparing two builds", () => {
  it("finds nothing different between a build and itself", () => {
    const { equations, before, after, rest } = compare(original, original);
    expect(equations.length).toBeGreaterThan(4);
    for (const { kind, before: old, after: now } of equations) {
      expect(kind).toBe("same");
      expect({ ...now, equation: undefined }).toEqual({ ...old, equation: undefined });
    }
    expect(after).toEqual(before);
    expect(before.modelled).toBeCloseTo(1, 9);
    expect(rest.after).toEqual(rest.before);
  });

  it("tells what is rewritten, moved, new and gone, whatever the layout and the comments", () => {
    const changed = built(`fn attention<L, S, d, e>(Q: f32[L, d], K: f32[S, d], V: f32[S, e]) -> f32[L, e] {
  let A[i, j] = sum[c]
    Q[i, c] * K[j, c]  // without softmax
  let B[i, c] =   sum[j] A[i, j] * V[j, c]
  let Z[i, c] = tanh(B[i, c])
  return Z
}
`);
    const { equations } = compare(original, changed);
    expect(find(equations, "let A")).toMatchObject({
      kind: "rewritten",
      before: { text: "let A[i, j] = softmax[j](sum[c] Q[i, c] * K[j, c] / sqrt(d))" },
      after: { text: "let A[i, j] = sum[c] Q[i, c] * K[j, c]", definition: "attention", name: "A", line: 2 },
    });
    expect(find(equations, "let Z").kind).toBe("appeared");
    const gone = equations.filter(({ kind }) => kind === "vanished");
    expect(gone.map(({ before }) => before?.text)).toContain("let e[k] = exp(x[k] - m)");
    expect(gone.map(({ before }) => before?.text)).toContain("let Y[i, c] = sum[j] A[i, j] * V[j, c]");
    expect(new Set(gone.map(({ before }) => before?.definition))).toEqual(new Set(["attention", "softmax"]));
    expect(gone.every(({ after }) => after === undefined)).toBe(true);

    const renamed = built(attention.replace("fn attention<", "fn weighted<"));
    expect(find(compare(original, renamed).equations, "let Y")).toMatchObject({
      kind: "moved",
      before: { definition: "attention" },
      after: { definition: "weighted" },
    });
  });

  it("matches equations of one name in the order of the text", () => {
    const twice = (first: string, second: string) =>
      built(
        `fn steps<L>(x: f32[L]) -> f32[L] {
  let y = tanh(x)
  y = y * ${first}
  y = y + ${second}
  return y
}
`,
        {},
        { L: 8 },
      );
    const { equations } = compare(twice("2", "3"), twice("4", "3"));
    expect(equations.filter(({ after }) => after?.name === "y").map(({ kind }) => kind)).toEqual([
      "same",
      "rewritten",
      "same",
    ]);
  });

  it("shows what other options do to the same text: kernels, work, and time against the whole run before", () => {
    const plain = built(attention, { optimise: false });
    const { equations, before, after } = compare(plain, original);
    expect(equations.every(({ kind }) => kind === "same")).toBe(true);
    expect(after.launches).toBeLessThan(before.launches);
    expect(after.modelled).toBeLessThan(before.modelled);
    const { before: old, after: now } = find(equations, "let A");
    const launches = (side: typeof old) => side?.kernels.reduce((sum, kernel) => sum + kernel.launches, 0);
    expect(launches(old)).toBe(2);
    expect(launches(now)).toBe(1);
  });

  it("adds up: equations and the rest are the whole, in both", () => {
    const { equations, rest, before, after } = compare(built(attention, { optimise: false }), original);
    for (const [side, whole] of [
      ["before", before],
      ["after", after],
    ] as const) {
      const parts = [...equations.flatMap((equation) => equation[side] ?? []), rest[side]];
      for (const figure of ["flops", "bytes", "modelled"] as const) {
        expect(parts.reduce((sum, part) => sum + part[figure], 0) / whole[figure], figure).toBeCloseTo(1, 9);
      }
    }
  });

  it("compares measured times where both were timed", () => {
    const timed = (ms: number): Inspection => ({
      ...original,
      profile: { method: "timestamps", ms: new Array<number>(original.steps).fill(ms) },
    });
    const both = compare(timed(2), timed(1));
    expect([both.before.ms, both.after.ms]).toEqual([2 * original.steps, original.steps]);
    expect(compare(original, timed(1)).before).not.toHaveProperty("ms");
  });

  it("is as the published schema says", () => {
    validInspection({ ...original, comparison: compare(built(attention, { optimise: false }), original) });
  });
});
