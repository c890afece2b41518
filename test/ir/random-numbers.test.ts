/** The generator against its published answers, and the initialisers against what their equations promise. */
import { describe, expect, it } from "vitest";
import {
  hash64,
  InitialiserError,
  initialisers,
  initialValues,
  philox,
  randomStream,
  type Words4,
} from "../../src/ir/index.ts";

const hex = (words: readonly number[]) => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");

describe("philox", () => {
  // Known answers published with Random123 (kat_vectors, philox4x32 with 10 rounds).
  it.each<[Words4, [number, number], string]>([
    [[0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"],
    [[0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff], "408f276d 41c83b0e a20bc7c6 6d5451fd"],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], "d16cfe09 94fdcceb 5001e420 24126ea1"],
  ])("gives the published words: %#", (counter, key, words) => {
    expect(hex(philox(counter, key))).toBe(words);
  });
});

describe("hash64", () => {
  // Test vectors of the FNV authors.
  it.each([
    ["", 0xcbf29ce484222325n],
    ["a", 0xaf63dc4c8601ec8cn],
    ["foobar", 0x85944171f73967e8n],
  ])("of %j is FNV-1a", (text, hash) => {
    expect(hash64(text)).toBe(hash);
  });
});

describe("streams", () => {
  it("begin with the words of their counter and key", () => {
    const hash = hash64("layer.0.weight");
    const words = philox([0, 0, Number(hash & 0xffffffffn), Number(hash >> 32n)], [7, 1]);
    const expected = words.map((word) => (Math.floor(word / 512) * 2 + 1) / 2 ** 24);
    expect([...randomStream(2 ** 32 + 7, "layer.0.weight").uniform(4)]).toEqual(expected);
  });

  it("do not depend on how they are cut into calls", () => {
    const whole = randomStream(3, "w").uniform(101);
    const stream = randomStream(3, "w");
    const parts = [1, 2, 3, 30, 65].flatMap((count) => [...stream.uniform(count)]);
    expect(parts).toEqual([...whole]);
  });

  it("differ by seed and by path", () => {
    const first = (seed: number, path: string) => randomStream(seed, path).uniform(4).join();
    expect(new Set([first(0, "a"), first(1, "a"), first(2 ** 32, "a"), first(0, "b"), first(0, "")]).size).toBe(5);
  });

  it("are uniform strictly inside (0, 1) and exact in f32", () => {
    const n = 200_000;
    const values = randomStream(1, "moments").uniform(n);
    expect(values.every((u) => u > 0 && u < 1 && Math.fround(u) === u)).toBe(true);
    const { mean, variance } = moments(values);
    expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / n));
    // The variance of (u - 1/2)^2 is 1/180.
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(4 * Math.sqrt(1 / 180 / n));
    const cells = new Float64Array(256);
    for (const u of values) cells[Math.floor(u * 256)] = (cells[Math.floor(u * 256)] as number) + 1;
    const chi = cells.reduce((sum, count) => sum + (count - n / 256) ** 2 / (n / 256), 0);
    // 255 degrees of freedom: mean 255, deviation 22.6.
    expect(Math.abs(chi - 255)).toBeLessThan(4 * 22.6);
  });

  it("are normal in moments and tails", () => {
    const n = 200_000;
    const values = randomStream(1, "normal").normal(n);
    const { mean, variance } = moments(values);
    expect(Math.abs(mean)).toBeLessThan(4 / Math.sqrt(n));
    expect(Math.abs(variance - 1)).toBeLessThan(4 * Math.sqrt(2 / n));
    const fourth = values.reduce((sum, z) => sum + z ** 4, 0) / n;
    // The variance of z^4 is 96.
    expect(Math.abs(fourth - 3)).toBeLessThan(4 * Math.sqrt(96 / n));
    const beyond = values.filter((z) => Math.abs(z) > 2).length / n;
    expect(Math.abs(beyond - 0.0455)).toBeLessThan(4 * Math.sqrt(0.0455 / n));
    const lag = values.slice(1).reduce((sum, z, i) => sum + z * (values[i] as number), 0) / n;
    expect(Math.abs(lag)).toBeLessThan(4 / Math.sqrt(n));
  });

  it("refuse seeds that are no natural number", () => {
    expect(() => randomStream(-1, "a")).toThrow(RangeError);
    expect(() => randomStream(0.5, "a")).toThrow(RangeError);
  });
});

function moments(values: ArrayLike<number>) {
  const list = Array.from(values);
  const mean = list.reduce((a, b) => a + b, 0) / list.length;
  const variance = list.reduce((sum, x) => sum + (x - mean) ** 2, 0) / list.length;
  return { mean, variance };
}

const draw = (name: string, shape: number[], args: Record<string, number> = {}, path = "w") =>
  initialValues(name, shape, args, randomStream(11, path));

describe("initialisers", () => {
  const shape = [300, 200];
  const n = 60_000;

  it.each([
    ["uniform", { low: -3, high: 1 }, -1, 16 / 12],
    ["uniform", {}, 0.5, 1 / 12],
    ["normal", { mean: 2, std: 0.5 }, 2, 0.25],
    ["truncated_normal", { std: 0.02 }, 0, (0.8796 * 0.02) ** 2],
    ["kaiming_uniform", { fan_in: 200 }, 0, 1 / 200 / 3],
    ["kaiming_uniform", { fan_in: 200, a: 0 }, 0, 2 / 200],
    ["kaiming_normal", { fan_in: 200 }, 0, 2 / 200],
    ["kaiming_normal", { fan_out: 300 }, 0, 2 / 300],
    ["xavier_uniform", { fan_in: 200, fan_out: 300 }, 0, 2 / 500],
    ["xavier_normal", { fan_in: 200, fan_out: 300, gain: 2 }, 0, 8 / 500],
    ["gaussian_features", {}, 0, 1],
  ])("%s %j has its mean and variance", (name, args, mean, variance) => {
    const found = moments(draw(name, shape, args));
    expect(Math.abs(found.mean - mean)).toBeLessThan(4.5 * Math.sqrt(variance / n));
    // The fourth moment of none of these exceeds the normal's 3.
    expect(Math.abs(found.variance / variance - 1)).toBeLessThan(4.5 * Math.sqrt(2 / n) + 1e-4);
  });

  it("fill with constants", () => {
    expect([...draw("zeros", [3])]).toEqual([0, 0, 0]);
    expect([...draw("ones", [])]).toEqual([1]);
    expect([...draw("constant", [2], { value: 0.1 })]).toEqual([Math.fround(0.1), Math.fround(0.1)]);
  });

  it("stay inside their bounds", () => {
    const bound = 1 / Math.sqrt(200);
    expect(draw("kaiming_uniform", shape, { fan_in: 200 }).every((x) => Math.abs(x) <= bound)).toBe(true);
    expect(draw("truncated_normal", shape).every((x) => Math.abs(x) <= 2)).toBe(true);
  });

  it("give the same values for the same seed and path, in f32", () => {
    const first = draw("normal", [4]);
    expect([...draw("normal", [4])]).toEqual([...first]);
    expect([...draw("normal", [4], {}, "v")]).not.toEqual([...first]);
    // These words are part of the language: a change here changes the weights of every seeded model.
    expect([...randomStream(0, "a").uniform(4)].map((u) => u * 2 ** 24)).toMatchInlineSnapshot(`
      [
        7823201,
        5245545,
        1124339,
        5947955,
      ]
    `);
    expect([...initialValues("normal", [4], {}, randomStream(0, "a"))]).toMatchInlineSnapshot(`
      [
        -0.4738505482673645,
        1.1407548189163208,
        -1.4195319414138794,
        1.8413532972335815,
      ]
    `);
  });

  it("each say in words what they do", () => {
    for (const initialiser of initialisers) {
      expect(initialiser.doc).toMatch(/\.$/);
      for (const parameter of initialiser.parameters) expect(parameter.doc.length).toBeGreaterThan(5);
    }
    expect(new Set(initialisers.map(({ name }) => name)).size).toBe(initialisers.length);
  });

  it.each([
    ["kaiming_uniform", [2], {}, /needs fan_in/],
    ["kaiming_uniform", [2], { fan_in: 0 }, /above 0/],
    ["kaiming_normal", [2], {}, /either fan_in or fan_out/],
    ["kaiming_normal", [2], { fan_in: 3, fan_out: 4 }, /either fan_in or fan_out/],
    ["zeros", [2], { value: 1 }, /no argument value/],
    ["uniform", [2], { low: 1, high: 0 }, /empty/],
    ["normal", [2], { std: -1 }, /below 0/],
    ["normal", [2], { mean: Number.NaN }, /finite/],
    ["orthogonal_features", [2], {}, /matrix/],
    ["orthogonal_features", [2, 2], { scaling: 2 }, /0 or 1/],
    ["glorot", [2], {}, /no initialiser glorot/],
    ["toString", [2], {}, /no initialiser/],
  ])("refuse %s of %j with %j", (name, wrong, args, message) => {
    expect(() => draw(name, wrong, args as Record<string, number>)).toThrow(InitialiserError);
    expect(() => draw(name, wrong, args as Record<string, number>)).toThrow(message);
  });
});

describe("orthogonal features", () => {
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Array.from(a).reduce((sum, x, i) => sum + x * (b[i] as number), 0);
  const rowsOf = (values: Float32Array, d: number) =>
    Array.from({ length: values.length / d }, (_, r) => values.subarray(r * d, (r + 1) * d));

  it("are orthogonal within blocks of d rows and not between them", () => {
    const [m, d] = [12, 8];
    const rows = rowsOf(draw("orthogonal_features", [m, d]), d);
    for (let r = 0; r < m; r++) {
      for (let s = 0; s < r; s++) {
        const [a, b] = [rows[r] as Float32Array, rows[s] as Float32Array];
        const cosine = Math.abs(dot(a, b)) / Math.sqrt(dot(a, a) * dot(b, b));
        if (Math.floor(r / d) === Math.floor(s / d)) expect(cosine).toBeLessThan(1e-6);
        else expect(cosine).toBeGreaterThan(1e-6);
      }
    }
  });

  it("have lengths sqrt(d) with scaling 1 and chi(d) with scaling 0", () => {
    const d = 16;
    const regular = rowsOf(draw("orthogonal_features", [64, d], { scaling: 1 }), d).map((row) => dot(row, row));
    for (const square of regular) expect(square).toBeCloseTo(d, 4);
    const n = 20_000;
    const squares = rowsOf(draw("orthogonal_features", [n, d]), d).map((row) => dot(row, row));
    const { mean, variance } = moments(squares);
    // Chi-squared with d degrees of freedom: mean d, variance 2d, fourth central moment 12 d (d + 4).
    expect(Math.abs(mean - d)).toBeLessThan(4 * Math.sqrt((2 * d) / n));
    expect(Math.abs(variance - 2 * d)).toBeLessThan(4 * Math.sqrt((12 * d * (d + 4) - 4 * d * d) / n));
  });

  // The check that a Householder Q fails (its estimates are off by 0.05 to 0.22): x = y = 0.5 e_1, d = 16.
  it.each([4, 8, 16])("are unbiased in the first direction with %i rows", (m) => {
    const d = 16;
    const draws = 20_000;
    const stream = randomStream(5, `bias ${m}`);
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < draws; i++) {
      const w = initialValues("orthogonal_features", [m, d], {}, stream);
      let estimate = 0;
      for (let r = 0; r < m; r++) estimate += Math.exp(2 * 0.5 * (w[r * d] as number) - 0.25) / m;
      sum += estimate;
      squares += estimate ** 2;
    }
    const mean = sum / draws;
    const error = Math.sqrt((squares / draws - mean ** 2) / draws);
    expect(error).toBeLessThan(0.01);
    expect(Math.abs(mean - Math.exp(0.25))).toBeLessThan(4 * error);
  });

  /** Mean and mean squared error of the estimate of exp(x.y), |x| = |y| = 0.5, x.y = 0.15. */
  function estimates(name: string, m: number, d: number, draws: number, trigonometric = false) {
    const stream = randomStream(9, `${name} ${m}`);
    const x = [0.5, 0];
    const y = [0.3, 0.4];
    const target = Math.exp(0.15);
    const errors = { mean: 0, square: 0, fourth: 0 };
    for (let i = 0; i < draws; i++) {
      const w = initialValues(name, [m, d], {}, stream);
      let estimate = 0;
      for (let r = 0; r < m; r++) {
        const [a, b] = [w[r * d] as number, w[r * d + 1] as number];
        const u = (x[0] as number) * a + (x[1] as number) * b;
        const v = (y[0] as number) * a + (y[1] as number) * b;
        estimate += trigonometric ? Math.exp(0.25) * Math.cos(u - v) : Math.exp(u + v - 0.25);
      }
      const error = estimate / m - target;
      errors.mean += error / draws;
      errors.square += error ** 2 / draws;
      errors.fourth += error ** 4 / draws;
    }
    const deviation = Math.sqrt((errors.fourth - errors.square ** 2) / draws);
    return { mean: errors.mean, square: errors.square, deviation, draws };
  }

  it("follow the variance laws: independent rows, m MSE+ = 1.6543 and m MSEtrig = 0.0271", () => {
    const positive = estimates("gaussian_features", 8, 16, 60_000);
    expect(Math.abs(positive.mean)).toBeLessThan(4 * Math.sqrt(positive.square / positive.draws));
    expect(Math.abs(positive.square - 1.6543 / 8)).toBeLessThan(4 * positive.deviation);
    const trigonometric = estimates("gaussian_features", 8, 16, 20_000, true);
    expect(Math.abs(trigonometric.square - 0.0271 / 8)).toBeLessThan(4 * trigonometric.deviation + 0.00005 / 8);
  });

  it.each([
    [8, 0.1876, 0.1925, 0.2068],
    [16, 0.0827, 0.0881, 0.1034],
  ])("of %i rows have the smaller error %f of the orthogonal kind", (m, measured, limit, independent) => {
    const found = estimates("orthogonal_features", m, 16, 40_000);
    expect(Math.abs(found.mean)).toBeLessThan(4 * Math.sqrt(found.square / found.draws));
    expect(Math.abs(found.square - measured)).toBeLessThan(4 * found.deviation + 0.0005);
    expect(found.square - 3 * found.deviation).toBeLessThan(limit);
    expect(found.square + 3 * found.deviation).toBeLessThan(independent);
  });
});
