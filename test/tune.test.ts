/** Tuning from a source text to schedules that the library takes. */
import { describe, expect, it } from "vitest";
import { type TunedSchedules, tuningCases } from "../src/codegen/index.ts";
import { compileSource } from "../src/compile.ts";
import { compile } from "../src/index.ts";
import { readLibrarySource } from "../src/library.ts";
import { tuneKernels } from "../src/tune.ts";
import { testDevice } from "./codegen/on-device.ts";

const device = await testDevice();

const product = `fn product<n>(A: f32[n, n], B: f32[n, n]) -> f32[n, n] {
  let C[i, j] = sum[k] A[i, k] * B[k, j]
  return C
}
`;
const settings = { n: 64 };

function compiled(text: string) {
  const profile = device?.profile as NonNullable<typeof device>["profile"];
  const readSource = (path: string) => (path === "f.weft" ? text : readLibrarySource(path));
  const { value } = compileSource({ path: "f.weft", readSource, settings, profile });
  if (value === undefined) throw new Error("the text has mistakes");
  return tuningCases(value.kernels, profile);
}

describe.skipIf(device === undefined)("tuning", () => {
  if (device === undefined) return;

  it("measures a product, finds no fault, and stores at most what is faster", async () => {
    const { cases, loops, settled } = compiled(product);
    expect([cases.length, loops.length, settled]).toEqual([1, 0, 0]);
    // Few candidates, so that the test is short; all of them are compared with the evaluator in schedules.test.ts.
    const [full] = cases as [(typeof cases)[number]];
    const few = { ...full, candidates: full.candidates.slice(0, 5) };
    const plan = { ...full.plan, steps: full.plan.steps.slice(0, 5) };
    const seen = new Set<number>();
    const [result] = await tuneKernels(device, [{ ...few, plan }], {
      limit: 20_000,
      seed: 0,
      onProgress: ({ candidate, candidates, left }) => {
        seen.add(candidate);
        expect([candidates, left <= 20_000]).toEqual([5, true]);
      },
    });
    expect(seen.size).toBe(5);
    expect(result).toMatchObject({ wrong: [], failures: [], tried: 5 });
    expect(["better", "default"]).toContain(result?.verdict);
    expect(result?.winner === undefined).toBe(result?.verdict === "default");
    if (result?.winner !== undefined) expect(result.winner.ms).toBeLessThan(0.97 * result.winner.defaultMs);
  });

  it("measures nothing when there is no time, and blames no kernel", async () => {
    const { cases } = compiled(product);
    const results = await tuneKernels(device, cases, { limit: 0, seed: 0 });
    expect(results.map(({ verdict, tried, winner }) => ({ verdict, tried, winner }))).toEqual([
      { verdict: "unfinished", tried: 0, winner: undefined },
    ]);
  });

  it("gives indices that are valid to kernels that look up", async () => {
    const text = `fn looked_up<n>(E: f32[n, n], W: f32[n, n], I: idx<n>[n]) -> f32[n, n] {
  let C[i, j] = sum[k] E[I[i], k] * W[k, j]
  return C
}
`;
    const { cases } = compiled(text);
    const [first] = cases as [(typeof cases)[number]];
    const one = { ...first, plan: { ...first.plan, steps: first.plan.steps.slice(0, 2) } };
    const types = one.plan.inputs.map(({ type }) => `${type.dtype} ${type.below ?? ""}`.trim());
    expect(types.sort()).toEqual(["f32", "f32", "i32 64"]);
    const [result] = await tuneKernels(device, [one], { limit: 20_000, seed: 0 });
    expect(result).toMatchObject({ wrong: [], failures: [], tried: 2 });
  });

  it("gives schedules that `compile` takes, parsed or as text, with the same results", async () => {
    const [{ key, label, candidates }] = compiled(product).cases as [ReturnType<typeof compiled>["cases"][number]];
    const { vendor, architecture, description } = device.profile;
    const tuned: TunedSchedules = {
      format: 1,
      adapter: { vendor, architecture, description },
      date: "2026-01-31T12:00:00.000Z",
      weft: "1",
      kernels: { [key]: { label, schedule: candidates[3]?.stored ?? {}, ms: 1, defaultMs: 2 } },
    };
    const A = Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i));
    const B = Float32Array.from({ length: 64 * 64 }, (_, i) => Math.cos(0.7 * i));
    const run = async (schedules?: TunedSchedules | string) => {
      const program = await compile(product, { settings, device, ...(schedules === undefined ? {} : { schedules }) });
      try {
        const [values] = Object.values(await program.run({ A, B })) as [Float32Array];
        return { values, choice: program.kernels[0]?.choice, notes: program.notes };
      } finally {
        program.dispose();
      }
    };
    const own = await run();
    expect(own.choice).toEqual({ schedule: candidates[0]?.schedule, by: "model" });
    for (const given of [tuned, JSON.stringify(tuned)]) {
      const { values, choice, notes } = await run(given);
      expect(choice).toEqual({ schedule: candidates[3]?.schedule, by: "measurement" });
      expect(notes).toEqual([]);
      // 64 products each, rounded differently at most.
      values.forEach((value, i) => {
        expect(Math.abs(value - (own.values[i] as number))).toBeLessThan(64 * 2 ** -23 * 64);
      });
    }
    const refused = await run("{");
    expect(refused.choice?.by).toBe("model");
    expect(refused.notes.join()).toMatch(/no JSON/);
  });
});
