/** The parts of the bench that decide what its numbers mean: agreement, medians, layouts, models for ONNX Runtime, the page. */
import { describe, expect, test } from "vitest";
import { readAdapterWish } from "../../bench/adapter.ts";
import { askedFor, fitting } from "../../bench/choose-workloads.ts";
import { relativeDifference, summary } from "../../bench/measure.ts";
import { OnnxGraph } from "../../bench/onnx-model.ts";
import { meanRatio, type ResultRow, ratioOf, resultsChart, resultsPage } from "../../bench/report.ts";
import { longEnough } from "../../bench/roofline.ts";
import { logarithmic, powersBetween } from "../../bench/svg.ts";
import { elementCount, transposed, workloadData } from "../../bench/workload.ts";
import { allWorkloads, findWorkload, workloads } from "../../bench/workloads.ts";

describe("agreement of results", () => {
  const expected = Float32Array.of(0, -4, 2);
  test.each([
    [[0, -4, 2], 0],
    [[0.004, -4, 2], 0.001],
    [[0, 4, 2], 2],
    [[0, -4], Number.POSITIVE_INFINITY],
    [[0, Number.NaN, 2], Number.POSITIVE_INFINITY],
  ])("%j", (actual, difference) => {
    expect(relativeDifference(expected, Float32Array.from(actual))).toBeCloseTo(difference, 6);
  });

  test("nothing but zeros agrees with zeros only", () => {
    expect(relativeDifference(new Float32Array(2), new Float32Array(2))).toBe(0);
    expect(relativeDifference(new Float32Array(2), Float32Array.of(0, 1))).toBe(Number.POSITIVE_INFINITY);
  });
});

test("the median of an even number of rounds lies between the two in the middle", () => {
  expect(summary([9, 1, 4, 2])).toEqual({ ms: 3, fastest: 1, slowest: 9, rounds: 4 });
  expect(summary([5, 1, 2]).ms).toBe(2);
});

describe("the amount of work that the adapter is measured with", () => {
  /** An adapter that does so much in a millisecond, and takes 0.2 ms to begin. */
  const adapter = (perMs: number) => {
    const amounts: number[] = [];
    const time = async (amount: number) => {
      amounts.push(amount);
      return 0.2 + amount / perMs;
    };
    return { amounts, time };
  };

  test.each([0.01, 1, 30, 900])("is enough at %f a millisecond, and not much more", async (perMs) => {
    const { time, amounts } = adapter(perMs);
    const { amount, ms } = await longEnough(time, 65_535, 40);
    expect(ms).toBe(0.2 + amount / perMs);
    expect(ms).toBeGreaterThanOrEqual(40);
    if (amount > 1) expect(ms).toBeLessThanOrEqual(16 * 40);
    expect(amounts.length).toBeLessThan(12);
  });

  test("ends at what a launch can hold", async () => {
    expect((await longEnough(adapter(1e9).time, 1000, 40)).amount).toBe(1000);
  });
});

test("the wish for an adapter is one of three words", () => {
  expect(readAdapterWish(undefined)).toBe("auto");
  expect(readAdapterWish("gpu")).toBe("gpu");
  expect(() => readAdapterWish("cuda")).toThrow("--adapter cuda: it is auto, gpu, software");
});

test("logarithmic axes enclose what they show", () => {
  expect(powersBetween(0.5, 200)).toEqual([-1, 0, 1, 2, 3]);
  expect(powersBetween(1, 1000)).toEqual([0, 1, 2, 3]);
  expect(powersBetween(1, 32, 2)).toEqual([0, 1, 2, 3, 4, 5]);
  expect(powersBetween(4, 4, 2)).toEqual([2, 3]);
  const place = logarithmic([0, 1, 2], 10, 110);
  expect([1, 10, 100].map(place)).toEqual([10, 60, 110]);
});

test("transposed moves every element", () => {
  const shape = [2, 3, 4];
  const data = Float32Array.from({ length: 24 }, (_, i) => i);
  const result = transposed(data, shape, [2, 0, 1]);
  for (let a = 0; a < 2; a++) {
    for (let b = 0; b < 3; b++) {
      for (let c = 0; c < 4; c++) expect(result[(c * 2 + a) * 3 + b]).toBe(data[(a * 3 + b) * 4 + c]);
    }
  }
});

describe("workloads", () => {
  test("have names of their own", () => {
    expect(new Set(allWorkloads.map(({ name }) => name)).size).toBe(allWorkloads.length);
    for (const workload of allWorkloads) expect(findWorkload(workload.name)).toBe(workload);
  });

  test("those for GPUs say how much they take, and no others are", () => {
    expect(allWorkloads.filter(({ large }) => large !== undefined).map(({ name }) => name)).toEqual([
      "matmul 4096³",
      "FAVOR+ 1 × 1048576 × 64, 256 features",
    ]);
    expect(workloads.every(({ large }) => large === undefined)).toBe(true);
  });

  test("are chosen by name, by haste, and by the adapter", () => {
    const all = { only: [], quick: false, large: false };
    const names = (chosen: readonly { readonly name: string }[]) => chosen.map(({ name }) => name);
    const asked = askedFor(allWorkloads, { ...all, only: ["matmul"] });
    expect(names(asked)).toContain("matmul 4096³");
    expect(names(askedFor(allWorkloads, { ...all, only: ["matmul"], quick: true }))).not.toContain("matmul 4096³");
    expect(fitting(asked, "gpu", all)).toEqual({ wanted: asked, leftOut: [] });
    expect(fitting(asked, "software", { ...all, large: true }).wanted).toEqual(asked);
    const { wanted, leftOut } = fitting(asked, "software", all);
    expect(names(wanted)).toEqual(names(asked).filter((name) => name !== "matmul 4096³"));
    expect(leftOut).toEqual(["left out on a software adapter without --large: matmul 4096³ (137 GFLOP a run)"]);
  });

  test.each(workloads.filter(({ inputs }) => inputs.some(({ below }) => below !== undefined)))(
    "$name: indices stay below their bound",
    (workload) => {
      const data = workloadData(workload);
      for (const { name, shape, below } of workload.inputs) {
        const values = data.input(name);
        expect(values.length).toBe(elementCount(shape));
        if (below !== undefined) expect(values.every((value) => value >= 0 && value < below)).toBe(true);
      }
    },
  );
});

test("a model file holds its fields as protocol buffers do", () => {
  const graph = new OnnxGraph();
  graph.output(graph.apply("Softmax", [graph.input("x", [300])], { axis: -1 }), [300]);
  const bytes = graph.encode();
  const text = Buffer.from(bytes).toString("latin1");
  // ir_version = 9, then producer_name (field 2).
  expect([...bytes.slice(0, 4)]).toEqual([0x08, 9, 0x12, 10]);
  // A dimension of 300 takes two bytes, the attribute -1 ten.
  expect(text).toContain("\x08\xac\x02");
  expect(text).toContain("axis\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\xa0\x01\x02");
});

describe("the page", () => {
  const row = (name: string, ms: number, peers: ResultRow["peers"]): ResultRow => ({
    name,
    ms,
    peers,
    spread: { weft: [ms, ms] },
    rounds: 5,
    absent: { tfjs: "no such operation" },
    notes: {},
    flops: 1e9,
    unavoidableBytes: 1e6,
  });
  const rows = [row("fast", 10, { ort: 40, "jax-js": 80 }), row("slow", 10, { ort: 10 })];
  const results = {
    adapter: "an adapter",
    versions: { weft: "1" },
    date: "2026-01-02",
    roofline: { gigaflops: 200, gigabytes: 10 },
    rows,
  };

  test("compares with the best peer", () => {
    expect(rows.map(ratioOf)).toEqual([4, 1]);
    expect(meanRatio(rows)).toBeCloseTo(2, 12);
  });

  test("explains low ratios and what is left out", () => {
    const page = resultsPage(results, new Map([["slow", "because"]]));
    expect(page).toContain("| fast | 10.0 ±0% | 40.0 ±0% | – | 80.0 ±0% | 4.00 | 50% |");
    expect(page).toContain("- slow (1.00): because");
    expect(page).not.toContain("- fast (");
    expect(page).toContain("- fast, tfjs: no such operation");
    expect(page).toContain("**2.00**");
  });

  test("draws a point for every time", () => {
    // One more is the chart's own.
    expect(resultsChart(results).match(/<title>/g)).toHaveLength(6);
  });
});
