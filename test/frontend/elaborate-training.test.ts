/** What differs between training and inference: `training`, random draws, and functions over a batch. */
import { describe, expect, it } from "vitest";
import { compareWithin, evaluateWithBounds, graphNodes, philox } from "../../src/ir/index.ts";
import { runValues, testDevice, valuesOf } from "../codegen/on-device.ts";
import { array, elaborated, expectRun, graphOf, noise, run, shortForm } from "./elaborate-text.ts";

const device = await testDevice();

const dropout = `use std/dropout: Dropout
model M(p: f32 = 0.25) {
  sub first: Dropout(p)
  sub second: Dropout(p)
  entry f<B, n>(x: f32[B, n], seed: u32) -> (a: f32[B, n], b: f32[B, n]) {
    return (first(x, seed), second(x, seed))
  }
}`;

describe("random numbers", () => {
  it("are Philox by position, stream and seed, and reproducible", () => {
    const text = "fn f<n>(x: f32[n], seed: u32) -> f32[n] = uniform_like(x, seed)";
    const graph = graphOf(text, { settings: { n: 6 } });
    const stream = graphNodes(graph).find(({ op, type }) => op === "constant" && type.dtype === "u32");
    const [number] = (stream as NonNullable<typeof stream>).attributes.values as readonly [number];
    const want = array([6], (k) => ((philox([k, 0, number, 0], [7, 0])[0] >>> 8) | 1) / 2 ** 24);
    expectRun(text, { settings: { n: 6 }, values: { x: noise([6]), seed: array([], () => 7) } }, want);
  });

  it("have the mean and variance of a uniform distribution", () => {
    const text = "fn f<n>(x: f32[n], seed: u32) -> f32[n] = uniform_like(seed: seed, x: x)";
    const n = 20000;
    const { f } = run(text, { settings: { n }, values: { x: array([n], () => 0), seed: array([], () => 1) } });
    const data = [...(f?.data ?? [])];
    const mean = data.reduce((a, b) => a + b, 0) / n;
    const variance = data.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
    // Five standard deviations: sqrt(1/12/n), sqrt(1/180/n).
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / n));
    expect(Math.min(...data)).toBeGreaterThan(0);
    expect(Math.max(...data)).toBeLessThan(1);
  });

  it("are the same bits on the device, four at a time or one by one", async () => {
    for (const n of [8, 7]) {
      const text = "fn f<m, n>(x: f32[m, n], seed: u32) -> f32[m, n] = uniform_like(x, seed)";
      const graph = graphOf(text, { settings: { m: 3, n } });
      const values = valuesOf(graph);
      const reference = evaluateWithBounds(graph, values).f as ReturnType<typeof evaluateWithBounds>[string];
      expect(Math.max(...reference.bound.data)).toBe(0);
      if (device === undefined) continue;
      const { f } = await runValues(device, graph, values);
      expect(compareWithin(f as Float64Array, reference.value, reference.bound, 1)?.ratio ?? 0).toBe(0);
    }
  });

  it("take a whole number as seed", () => {
    const { diagnostics } = elaborated("fn f<n>(x: f32[n]) -> f32[n] = uniform_like(x, 3)", { settings: { n: 2 } });
    expect(diagnostics).toEqual([]);
  });
});

describe("dropout", () => {
  const values = { x: array([4, 500], () => 1), seed: array([], () => 11) };
  const settings = { B: 4, n: 500 };

  it("is the identity at inference", () => {
    expectRun(dropout, { settings, values }, values.x);
  });

  it("keeps the share 1 - p, scaled, and draws for each example and each instance", () => {
    const { a, b } = run(dropout, { settings, values, training: true });
    const kept = [...(a?.data ?? [])].filter((value) => value !== 0);
    expect(new Set(kept)).toEqual(new Set([1 / 0.75]));
    expect(Math.abs(kept.length / 2000 - 0.75)).toBeLessThan(5 * Math.sqrt((0.75 * 0.25) / 2000));
    const row = (data: Float64Array | undefined, k: number) => [...(data?.slice(500 * k, 500 * (k + 1)) ?? [])];
    expect(row(a?.data, 0)).not.toEqual(row(a?.data, 1));
    expect(row(a?.data, 0)).not.toEqual(row(b?.data, 0));
    const again = run(dropout, { settings, values, training: true });
    expect([...(again.a?.data ?? [])]).toEqual([...(a?.data ?? [])]);
  });
});

describe("functions over a batch", () => {
  const norm = `use std/norm: BatchNorm1d
model M(c: size = 3) {
  sub norm: BatchNorm1d(c)
  entry whole<B>(x: f32[B, c]) -> f32[B, c] = norm(x)
  entry split<G, B>(x: f32[G, B, c]) -> f32[G, B, c] = norm(x)
  entry by_index<G, B>(x: f32[G, B, c]) -> f32[G, B, c] {
    let y[g, :, :] = norm(x[g])
    return y
  }
}`;
  const complaint = (entry: string, training: boolean, mapped: readonly number[] = []) => {
    const sizes: Record<string, number> = entry === "whole" ? { B: 4 } : { G: 2, B: 4 };
    return elaborated(norm, { entry, settings: sizes, training, mapped }).diagnostics.map(shortForm);
  };

  it("take a whole batch, and anything at inference", () => {
    expect(complaint("whole", true)).toEqual([]);
    expect(complaint("split", false)).toEqual([]);
    expect(complaint("by_index", false)).toEqual([]);
  });

  it("are not mapped while training, in whatever way", () => {
    expect(complaint("split", true)).toEqual([
      "module/batch-mapped at 5:56: `forward` takes the statistics of a batch and is mapped over examples (mapped over 2)\n  While training, every batch would be normalised by itself, which is something else.",
    ]);
    expect(complaint("by_index", true)[0]).toContain("module/batch-mapped at 7:22");
    expect(complaint("whole", true, [2])[0]).toContain("module/batch-mapped");
  });

  it.each([
    [true, []],
    [false, [expect.stringContaining("module/batch-mapped")]],
  ])("may be mapped where the vectors of a normalisation are constants: %s", (frozen, wanted) => {
    const source = `use std/norm: MaybeFrozenBatchNorm2d
model M(frozen: bool) {
  sub norm: MaybeFrozenBatchNorm2d(3, frozen)
  entry split<G, B>(x: f32[G, B, 3, 2, 2]) -> f32[G, B, 3, 2, 2] = norm(x)
}`;
    const settings = { G: 2, B: 4, frozen };
    const { diagnostics } = elaborated(source, { entry: "split", settings, training: true });
    expect(diagnostics.map(shortForm)).toEqual(wanted);
  });

  it("leaves `batch` free as a name", () => {
    expectRun(
      "fn f<batch, n>(x: f32[batch, n]) -> f32[n, batch] {\n let y[j, i] = x[i, j]\n return y\n}",
      { settings: { batch: 2, n: 3 }, values: { x: noise([2, 3]) } },
      array([3, 2], (j, i) => noise([2, 3]).at(i, j)),
    );
  });
});
