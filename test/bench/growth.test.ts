/** How memory, work and dispatches grow from one doubling to the next, counted from the plans; time is measured by scripts/growth.ts. */
import { describe, expect, it, test } from "vitest";
import { type GrowthAxis, growthAxes } from "../../bench/growth/axes.ts";
import { growthChart } from "../../bench/growth/chart.ts";
import { type GrowthPoint, planSize } from "../../bench/growth/measure.ts";
import { exponentOf, ratiosOf } from "../../bench/growth/rate.ts";
import { type Growth, type GrowthTable, growthPage, printGrowth } from "../../bench/growth/report.ts";
import { adapterName, resultFolder } from "../../bench/result-files.ts";
import { doublings } from "../../models/performer/scaling.ts";
import type { DeviceProfile } from "../../src/codegen/index.ts";
import { countedProfile } from "../counters.ts";

/** Large enough that no size is refused: nothing is launched. */
const roomy: DeviceProfile = {
  ...countedProfile,
  limits: { ...countedProfile.limits, maxBindingBytes: 2 ** 40, maxBufferBytes: 2 ** 40 },
};

const axisOf = (name: string) => growthAxes.find((axis) => axis.name === name) as GrowthAxis;
const pointsOf = (name: string, sizes: readonly number[]) =>
  sizes.map((size) => planSize(axisOf(name), size, roomy).point);
const grown = (points: readonly GrowthPoint[], of: (point: GrowthPoint) => number) => ratiosOf(points.map(of));

describe("every doubling costs at most twice", () => {
  test.each([
    ["favor", doublings(4096, 16_384)],
    ["favor-causal", doublings(4096, 16_384)],
    ["windowed", doublings(2048, 8192)],
    ["strided", doublings(16_384, 65_536)],
    ["gathered", doublings(2048, 8192)],
    ["batch-bert", [1, 2, 4]],
    ["batch-resnet", [2, 4]],
  ] as const)("%s", (name, sizes) => {
    const points = pointsOf(name, sizes);
    for (const ratio of grown(points, ({ bytes }) => bytes)) expect(ratio).toBeLessThanOrEqual(2.001);
    for (const ratio of grown(points, ({ flops }) => flops)) {
      expect(ratio).toBeGreaterThan(1.9);
      // What is cut at the first and the last places weighs less the more places there are.
      expect(ratio).toBeLessThanOrEqual(2.02);
    }
    // Long sums are taken in parts first, one dispatch more.
    const dispatches = points.map((point) => point.dispatches);
    expect(Math.max(...dispatches)).toBeLessThanOrEqual(Math.min(...dispatches) + 1);
  });
});

describe("exact attention", () => {
  it("does four times the work in twice the memory, one dispatch", () => {
    const points = pointsOf("exact", doublings(512, 4096));
    for (const ratio of grown(points, ({ flops }) => flops)) expect(ratio).toBeCloseTo(4, 1);
    for (const ratio of grown(points, ({ bytes }) => bytes)) expect(ratio).toBeCloseTo(2, 3);
    expect(points.map(({ dispatches }) => dispatches)).toEqual([1, 1, 1, 1]);
  });

  it("as written takes four times the memory", () => {
    const points = pointsOf("exact-written", doublings(1024, 4096));
    for (const ratio of grown(points, ({ activationBytes }) => activationBytes)) expect(ratio).toBeGreaterThan(3.9);
  });

  test.each(["exact", "windowed", "strided", "gathered"])("%s keeps no scores", (name) => {
    const { activationBytes, dispatches } = planSize(axisOf(name), 2048, roomy).point;
    expect(dispatches).toBe(1);
    // Scores of one head alone would be 4 L² bytes, gathered keys 4 · 64 · 64 L.
    expect(activationBytes).toBeLessThan(2048 * 64 * 4);
  });
});

test("the work of restricted attention is that of the positions that the condition leaves", () => {
  const [reach, places] = [64, 4096];
  const { flops } = planSize(axisOf("windowed"), places, roomy).point;
  const positions = 8 * (places * (2 * reach + 1) - reach * (reach + 1));
  // Both products, and at most a twentieth more for the softmax.
  expect(flops / (positions * 4 * 64)).toBeGreaterThan(1);
  expect(flops / (positions * 4 * 64)).toBeLessThan(1.1);
});

describe("rates", () => {
  it("finds the power in a power law", () => {
    const points = [1, 2, 4, 8, 16].map((x) => ({ x, y: 3 * x ** 1.5 }));
    expect(exponentOf(points)).toBeCloseTo(1.5, 10);
    expect(ratiosOf([1, 2, 6])).toEqual([2, 3]);
  });

  it("leaves out the small sizes, where what is fixed dominates", () => {
    const points = [1, 2, 64, 128, 256].map((x) => ({ x, y: x < 64 ? 64 : x }));
    expect(exponentOf(points)).toBeLessThan(0.9);
    expect(exponentOf([...points, { x: 512, y: 512 }])).toBeCloseTo(1, 10);
  });
});

describe("the page and the picture", () => {
  const point = (size: number, ms?: number): GrowthPoint => ({
    size,
    ...(ms === undefined ? {} : { ms, spread: [ms, ms] }),
    bytes: size * 1e6,
    activationBytes: 0,
    flops: size * 1e9,
    dispatches: 3,
  });
  const table = (name: string, points: readonly GrowthPoint[]): GrowthTable => ({
    name,
    title: `${name} & more`,
    unit: "places",
    remark: "",
    points,
  });
  const growth: Growth = {
    adapter: "an adapter",
    date: "2026-01-02",
    node: "20",
    repeat: 5,
    tables: [table("timed", [point(1, 2), point(2, 5), point(4, 10)]), table("planned", [point(1), point(2)])],
    compiling: {
      title: "layers",
      remark: "",
      points: [{ size: 1, processorMs: 10, nodes: 100, dispatches: 9, kernels: 9 }],
    },
  };

  it("shows each ratio beside its line", () => {
    const page = growthPage(growth);
    expect(page).toContain("| places | ms | × | MB | × | of it activations | GFLOP | × | dispatches |");
    expect(page).toContain("| 2 | 5.00 | 2.50 | 2.00 | 2.00 | 0.00 | 2.00 | 2.00 | 3 |");
    expect(page).toContain("| places | MB | × | of it activations | GFLOP | × | dispatches |");
    expect(printGrowth(table("one", [point(1, 2)]))).not.toContain("NaN");
  });

  it("draws what has two sizes, a point for each", () => {
    const picture = growthChart(growth);
    expect(picture.match(/<circle /g)).toHaveLength(3 * 3 + 2 * 2);
    expect(picture).toContain("timed &amp; more");
    expect(picture).not.toContain("NaN");
    expect(picture).not.toContain("Infinity");
  });
});

describe("where results lie", () => {
  test.each([
    ["NVIDIA H200", "nvidia-h200"],
    ["llvmpipe (LLVM 19.1.7, 256 bits)", "llvmpipe"],
    ["AMD Radeon(TM) Graphics (RADV)", "amd-radeon-graphics"],
    ["()", "unnamed-adapter"],
  ])("%s", (description, name) => {
    expect(adapterName(description)).toBe(name);
  });

  it("keeps a GPU's apart from those of the software adapter", () => {
    expect(resultFolder({ kind: "gpu", description: "NVIDIA H200" })).toMatch(/bench.adapters.nvidia-h200$/);
    expect(resultFolder({ kind: "software", description: "llvmpipe" })).toMatch(/bench$/);
  });
});
