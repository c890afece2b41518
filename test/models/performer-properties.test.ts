/** What the paper proves about the features and the attention: expectations, variances, identities. */
import { describe, expect, it } from "vitest";
import {
  approximationInputs,
  approximationProjection,
  exactAttention,
  featureCounts,
  logSlope,
  meanSquaredError,
  standardSetting,
} from "../../models/performer/approximation.ts";
import { initialValues, randomStream } from "../../src/ir/index.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { deviceModel, differences, evaluateModel, type Values, valuesOf } from "./compile-model.ts";

const features = "models/performer/features.weft";
const attention = "models/performer/attention.weft";

const only = (outputs: Record<string, Float64Array>): Float64Array => Object.values(outputs)[0] as Float64Array;
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, c) => sum + x * (b[c] as number), 0);
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Mean of the samples and the standard error of that mean. */
function statistics(samples: readonly number[]): { readonly mean: number; readonly error: number } {
  const centre = mean(samples);
  const variance = mean(samples.map((sample) => (sample - centre) ** 2));
  return { mean: centre, error: Math.sqrt(variance / samples.length) };
}

const width = 16;
/** |x| = |y| = 0.5 and x·y = 0.15, in d = 16. */
const x = [0.5, ...new Array<number>(15).fill(0)];
const y = [0.3, 0.4, ...new Array<number>(14).fill(0)];
const kernel = Math.exp(0.15);
const z2 = 0.8;

type Kind = "orthogonal_features" | "gaussian_features";

/**
 * Estimates φ(x)·φ(y), each from `m` rows of a matrix drawn anew. One evaluation of the text over all rows gives the
 * features of all draws; `l` is the number of functions for each row, `attributes` are those of the drawing, and `pair` is another x and y.
 */
function estimates(
  entry: string,
  kind: Kind,
  m: number,
  draws: number,
  l = 1,
  { attributes = {}, pair = [x, y] } = {},
): number[] {
  const stream = randomStream(7, `${entry} ${kind} ${m}`);
  const matrices = Array.from({ length: draws }, () => initialValues(kind, [m, width], attributes, stream));
  const W: Values = {
    shape: [draws * m, width],
    data: Float64Array.from(matrices.flatMap((matrix) => Array.from(matrix))),
  };
  const φ = only(evaluateModel({ path: features, entry, inputs: { X: valuesOf(pair), W } }));
  const rows = draws * m;
  return matrices.map((_, draw) => {
    let sum = 0;
    for (let part = 0; part < l; part++) {
      for (let r = draw * m; r < (draw + 1) * m; r++) {
        sum += (φ[part * rows + r] as number) * (φ[l * rows + part * rows + r] as number);
      }
    }
    // The features were normalised for all rows together.
    return sum * draws;
  });
}

const laws = {
  positive_features: Math.exp(z2) * kernel ** 2 * (1 - Math.exp(-z2)),
  hyperbolic_features: 0.5 * (1 - Math.exp(-z2)) * Math.exp(z2) * kernel ** 2 * (1 - Math.exp(-z2)),
  trigonometric_features: 0.5 * Math.exp(z2) * kernel ** -2 * (1 - Math.exp(-0.2)) ** 2,
};

describe("the estimate of the softmax kernel", () => {
  it("has the variances that the specification quotes", () => {
    expect(laws.positive_features).toBeCloseTo(1.6543, 4);
    expect(laws.trigonometric_features).toBeCloseTo(0.0271, 4);
  });

  const kinds = [
    ["positive_features", 1],
    ["hyperbolic_features", 2],
    ["trigonometric_features", 2],
  ] as const;

  it.each(kinds)("is unbiased with %s", (entry, l) => {
    for (const kind of ["orthogonal_features", "gaussian_features"] as const) {
      const { mean: estimate, error } = statistics(estimates(entry, kind, 8, 4000, l));
      expect(Math.abs(estimate - kernel)).toBeLessThan(4 * error);
      expect(error).toBeLessThan(0.01);
    }
  });

  it.each(kinds)("has the variance of Lemma 2 with %s of independent rows", (entry, l) => {
    const m = 8;
    const squares = estimates(entry, "gaussian_features", m, 20_000, l).map((estimate) => m * (estimate - kernel) ** 2);
    const { mean: variance, error } = statistics(squares);
    expect(Math.abs(variance - laws[entry])).toBeLessThan(4 * error);
    expect(error).toBeLessThan(0.05 * laws[entry]);
  });

  it("has less variance with orthogonal rows, as far as Theorem 2 promises", () => {
    const m = 8;
    const squares = estimates("positive_features", "orthogonal_features", m, 20_000).map(
      (estimate) => (estimate - kernel) ** 2,
    );
    const { mean: variance, error } = statistics(squares);
    const bound = laws.positive_features / m - ((2 * (m - 1)) / (m * (width + 2))) * (kernel - Math.exp(-0.25)) ** 2;
    expect(bound).toBeCloseTo(0.1925, 3);
    expect(variance).toBeLessThan(bound + 3 * error);
    expect(variance).toBeLessThan(laws.positive_features / m);
  });

  /** SMREG / SM of inputs whose sum has the length √z2, in width d: 0F1(; d/2; d z2 / 4) / exp(z2 / 2) (Theorem 1). */
  function regularised(d: number, z2: number): number {
    let [term, sum] = [1, 1];
    for (let k = 1; k < 200; k++) {
      term *= (d * z2) / 4 / (k * (d / 2 + k - 1));
      sum += term;
    }
    return sum / Math.exp(z2 / 2);
  }

  it("is that of the regularised kernel with rows as long as √d", () => {
    const quoted = [16, 64].flatMap((d) => [1, 2, 3].map((length) => regularised(d, length ** 2).toFixed(5)));
    expect(quoted).toEqual(["0.98705", "0.83706", "0.47923", "0.99629", "0.94525", "0.76878"]);
    // x = y = e₁, so that their sum has the length 2.
    const pair = [0, 1].map(() => [1, ...new Array<number>(width - 1).fill(0)]);
    const drawn = { attributes: { scaling: 1 }, pair };
    const samples = estimates("positive_features", "orthogonal_features", width, 4000, 1, drawn);
    const { mean: estimate, error } = statistics(samples);
    expect(Math.abs(estimate / Math.E - regularised(width, 4))).toBeLessThan((4 * error) / Math.E);
    expect(1 - regularised(width, 4)).toBeGreaterThan((6 * error) / Math.E);
  });
});

const random = (name: string, rows: number, columns: number): number[][] => {
  const values = randomStream(3, name).normal(rows * columns);
  return Array.from({ length: rows }, (_, i) => Array.from(values.subarray(i * columns, (i + 1) * columns)));
};

describe("attention through features", () => {
  const [L, S, d, m, e] = [19, 23, 8, 12, 5];
  const q = random("q", L, d);
  const k = random("k", S, d);
  const v = random("v", S, e);
  const W = valuesOf(random("W", m, d));
  const favor = (keys: readonly (readonly number[])[], values: readonly (readonly number[])[]) =>
    only(
      evaluateModel({
        path: attention,
        entry: "favor",
        inputs: { q: valuesOf(q), k: valuesOf(keys), v: valuesOf(values), W },
      }),
    );

  it("does not depend on the order of the keys", () => {
    const order = Array.from({ length: S }, (_, j) => (j * 7 + 4) % S);
    expect(new Set(order).size).toBe(S);
    const permuted = <T>(rows: readonly T[]) => order.map((j) => rows[j] as T);
    expect(differences(favor(permuted(k), permuted(v)), favor(k, v)).absolute).toBeLessThan(1e-13);
    expect(differences(favor(permuted(k), v), favor(k, v)).absolute).toBeGreaterThan(1e-2);
  });

  it("is the same bracketed as Q'(K'ᵀV), bidirectional and causal", () => {
    const qp = random("qp", S, m).map((row) => row.map(Math.abs));
    const kp = random("kp", S, m).map((row) => row.map(Math.abs));
    const inputs = { Qp: valuesOf(qp), Kp: valuesOf(kp), V: valuesOf(v) };
    const bracketed = (seen: (i: number) => number) =>
      qp.flatMap((query, i) => {
        const keys = kp.slice(0, seen(i));
        const z = query.map((_, r) => keys.reduce((sum, key) => sum + (key[r] as number), 0));
        const kv = query.map((_, r) =>
          (v[0] as number[]).map((__, c) =>
            keys.reduce((sum, key, j) => sum + (key[r] as number) * ((v[j] as number[])[c] as number), 0),
          ),
        );
        return (v[0] as number[]).map(
          (_, c) =>
            dot(
              query,
              kv.map((row) => row[c] as number),
            ) / dot(query, z),
        );
      });
    const both = only(evaluateModel({ path: attention, entry: "linear_attention", inputs }));
    expect(
      differences(
        both,
        bracketed(() => S),
      ).absolute,
    ).toBeLessThan(1e-12);
    const causal = only(
      evaluateModel({ path: attention, entry: "linear_attention_causal", settings: { eps2: 0 }, inputs }),
    );
    expect(
      differences(
        causal,
        bracketed((i) => i + 1),
      ).absolute,
    ).toBeLessThan(1e-12);
  });

  it("gives means of what was seen when all keys are alike", () => {
    const ones = Array.from({ length: 3 }, () => [1, 1]);
    const inputs = {
      q: valuesOf(ones),
      k: valuesOf(ones),
      v: valuesOf([
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, 1],
      ]),
      W: valuesOf(random("W2", 4, 2)),
    };
    const causal = only(evaluateModel({ path: attention, entry: "favor_causal", settings: { eps2: 0 }, inputs }));
    expect(differences(causal, [1, 0, 0, 1 / 2, 1 / 2, 0, 1 / 3, 1 / 3, 1 / 3]).absolute).toBeLessThan(1e-13);
  });
});

it("the error of the features grows from layer to layer", () => {
  const L = 24;
  const tokens = { shape: [L], data: Array.from({ length: L }, (_, k) => (7 * k + 3) % 16) };
  const errorOf = (layers: number, seed: number) => {
    const [estimated, exact] = [false, true].map((isExact) => {
      const settings = { layers, exact: isExact };
      return only(
        evaluateModel({
          path: "models/performer/performer.weft",
          preset: "tiny",
          entry: "logits",
          settings,
          inputs: { tokens },
          seed,
        }),
      );
    }) as [Float64Array, Float64Array];
    return Math.sqrt(mean(Array.from(exact, (value, k) => (value - (estimated[k] as number)) ** 2)));
  };
  const [one, two, four] = [1, 2, 4].map((layers) => mean([0, 1, 2, 3].map((seed) => errorOf(layers, seed)))) as [
    number,
    number,
    number,
  ];
  expect(one).toBeGreaterThan(0);
  expect(two).toBeGreaterThan(1.1 * one);
  expect(four).toBeGreaterThan(1.1 * two);
});

describe.skipIf(device === undefined)("the error against exact attention", () => {
  it("falls as one over the number of features", { timeout: 120_000 }, async () => {
    const { length, width: d } = standardSetting;
    const seeds = [0, 1, 2, 3, 4];
    const problems = seeds.map((seed) => {
      const inputs = approximationInputs(standardSetting, seed);
      return { seed, inputs, exact: exactAttention(standardSetting, inputs) };
    });
    const errors: number[] = [];
    for (const m of featureCounts) {
      const shapes = { q: [length, d], k: [length, d], v: [length, d], W: [m, d] };
      const empty = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, data: [] }]));
      const model = await deviceModel(theDevice(), {
        path: attention,
        entry: "favor",
        settings: { eps: 0 },
        inputs: empty,
      });
      const runs: number[] = [];
      for (const { seed, inputs, exact } of problems) {
        const W = { shape: [m, d], data: approximationProjection("orthogonal", m, d, seed) };
        const given = Object.fromEntries(
          Object.entries(inputs).map(([name, data]) => [name, { shape: [length, d], data }]),
        );
        const output = Object.values(await model.run({ ...given, W }))[0] as ArrayLike<number>;
        runs.push(meanSquaredError(output, exact));
      }
      model.dispose();
      errors.push(mean(runs));
    }
    const slope = logSlope(featureCounts, errors);
    expect(slope, errors.map((error) => error.toExponential(2)).join(" ")).toBeGreaterThan(-1.15);
    expect(slope, errors.map((error) => error.toExponential(2)).join(" ")).toBeLessThan(-0.85);
    // Of the size that the specification measured for orthogonal features: 1.76e-5 at m = 16, 4.95e-7 at m = 512.
    expect(errors[0]).toBeLessThan(4e-5);
    expect(errors.at(-1)).toBeLessThan(1.2e-6);
  });
});
