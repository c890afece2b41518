/** The Performer's attention against the golden vector, and the model against an independent float64 transcription. */
import { describe, expect, it } from "vitest";
import { drawProjection, drawProjections, projectionPath, redrawCount } from "../../models/performer/redraw.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import {
  countOf,
  deviceModel,
  differences,
  elaborateModel,
  evaluateModel,
  type ModelRequest,
  parametersOf,
  type Values,
  valuesOf,
} from "./compile-model.ts";
import * as golden from "./performer-golden.ts";
import * as reference from "./performer-reference.ts";

const attention = "models/performer/attention.weft";
const performer = "models/performer/performer.weft";
const [q, k, v, W] = [golden.queries, golden.keys, golden.values, golden.projection].map(valuesOf) as [
  Values,
  Values,
  Values,
  Values,
];

/** Every entry for which there is a golden result. */
const goldenCases: readonly {
  readonly name: string;
  readonly request: ModelRequest;
  readonly want: readonly (readonly number[])[];
}[] = [
  {
    name: "query features",
    want: golden.queryFeatures,
    request: { path: "models/performer/features.weft", entry: "positive_query_features", inputs: { Q: q, W } },
  },
  {
    name: "key features",
    want: golden.keyFeatures,
    request: { path: "models/performer/features.weft", entry: "positive_key_features", inputs: { K: k, W } },
  },
  {
    name: "softmax kernel",
    want: golden.outputs.softmax,
    request: { path: attention, entry: "favor", inputs: { q, k, v, W } },
  },
  {
    name: "softmax kernel, ε = 1e-6",
    want: golden.outputs.smallEps,
    request: { path: attention, entry: "favor", settings: { eps: 1e-6 }, inputs: { q, k, v, W } },
  },
  {
    name: "causal, ε₂ = 0",
    want: golden.outputs.causal,
    request: { path: attention, entry: "favor_causal", settings: { eps2: 0 }, inputs: { q, k, v, W } },
  },
  {
    name: "causal, ε₂ = 1e-6",
    want: golden.outputs.causalWithEps2,
    request: { path: attention, entry: "favor_causal", inputs: { q, k, v, W } },
  },
  {
    name: "ReLU kernel",
    want: golden.outputs.relu,
    request: { path: attention, entry: "favor_relu", inputs: { q, k, v, W } },
  },
  {
    name: "ReLU kernel, averaged",
    want: golden.outputs.reluAveraged,
    request: { path: attention, entry: "favor_relu_averaged", inputs: { q, k, v, W } },
  },
  {
    name: "ReLU kernel, no projection",
    want: golden.outputs.reluDirect,
    request: { path: attention, entry: "favor_relu_direct", inputs: { q, k, v } },
  },
  {
    name: "exact softmax",
    want: golden.outputs.exact,
    request: { path: "std/attention.weft", entry: "softmax_attention", inputs: { Q: q, K: k, V: v } },
  },
];
const exactCausal: ModelRequest = {
  path: "std/attention.weft",
  entry: "softmax_attention_causal",
  inputs: { Q: q, K: k, V: v },
};

const onlyOutput = <T>(outputs: Record<string, T>): T => {
  const [output, ...others] = Object.values(outputs);
  if (output === undefined || others.length > 0) throw new Error(`${others.length + 1} outputs`);
  return output;
};

async function runOnDevice(request: ModelRequest): Promise<ArrayLike<number>> {
  const model = await deviceModel(theDevice(), request);
  try {
    return onlyOutput(await model.run(request.inputs ?? {}));
  } finally {
    model.dispose();
  }
}

describe("the golden vector", () => {
  it.each(goldenCases)("$name", ({ request, want }) => {
    // The golden numbers have nine decimals.
    expect(differences(onlyOutput(evaluateModel(request)), want.flat()).absolute).toBeLessThan(1e-9);
  });

  it("exact causal softmax, row 1", () => {
    const row = onlyOutput(evaluateModel(exactCausal)).slice(2, 4);
    expect(differences(row, golden.exactCausalRow1).absolute).toBeLessThan(1e-9);
  });

  describe.skipIf(device === undefined)("on the device", () => {
    it.each(goldenCases)("$name", async ({ request, want }) => {
      expect(differences(await runOnDevice(request), want.flat()).absolute).toBeLessThan(2e-6);
    });

    it("exact causal softmax, row 1", async () => {
      const row = Array.from(await runOnDevice(exactCausal)).slice(2, 4);
      expect(differences(row, golden.exactCausalRow1).absolute).toBeLessThan(2e-6);
    });
  });
});

const shape = { d: 16, heads: 2, layers: 2 };
const tokens = Array.from({ length: 32 }, (_, t) => (t * 7 + 3) % 16);
const targets = tokens.map((_, t) => (t * 5 + 1) % 16);
const chosen = tokens.map((_, t) => t % 3 !== 1);
const present = tokens.map((_, t) => t < 27);
const numbers = (flags: readonly boolean[]) => valuesOf(flags.map(Number));

interface ModelCase {
  readonly name: string;
  readonly request: ModelRequest;
  readonly want: (weights: reference.Weights) => number[];
}

const cases = [false, true].flatMap((causal): ModelCase[] => {
  const request: ModelRequest = { path: performer, preset: "tiny", settings: { causal } };
  const model = { ...shape, causal };
  const name = causal ? "causal" : "bidirectional";
  return [
    {
      name: `${name} logits`,
      request: { ...request, entry: "logits", inputs: { tokens: valuesOf(tokens) } },
      want: (weights: reference.Weights) => reference.logits(weights, tokens, model).flat(),
    },
    {
      name: `${name} hidden states`,
      request: { ...request, entry: "encode", inputs: { tokens: valuesOf(tokens) } },
      want: (weights: reference.Weights) => reference.encode(weights, tokens, model).flat(),
    },
    {
      name: `${name} loss`,
      request: {
        ...request,
        entry: "loss",
        inputs: { tokens: valuesOf(tokens), targets: valuesOf(targets), mask: numbers(chosen) },
      },
      want: (weights: reference.Weights) => [
        reference.crossEntropy(reference.logits(weights, tokens, model), targets, chosen),
      ],
    },
  ];
});
const masked: ModelCase = {
  name: "bidirectional logits with padding",
  request: {
    path: performer,
    preset: "tiny",
    entry: "masked_logits",
    inputs: { tokens: valuesOf(tokens), mask: numbers(present) },
  },
  want: (weights: reference.Weights) => reference.logits(weights, tokens, { ...shape, causal: false }, present).flat(),
};

const variant = (
  name: string,
  model: string,
  options: Partial<reference.PerformerShape>,
  path = performer,
  settings = {},
) => ({
  name,
  request: {
    path,
    model,
    preset: "tiny",
    entry: "logits",
    settings,
    inputs: { tokens: valuesOf(tokens) },
  } satisfies ModelRequest,
  want: (weights: reference.Weights) =>
    reference.logits(weights, tokens, { ...shape, causal: false, ...options }).flat(),
});
const variants = [
  variant("ReLU kernel", "Performer", { kernel: "relu" }, performer, { generalized: true }),
  variant("causal ReLU kernel", "Performer", { kernel: "relu", causal: true }, performer, {
    generalized: true,
    causal: true,
  }),
  variant("exact attention", "Performer", { kernel: "exact" }, performer, { exact: true }),
  variant("exact causal attention", "Performer", { kernel: "exact", causal: true }, performer, {
    exact: true,
    causal: true,
  }),
  variant("ScaleNorm", "PerformerScaleNorm", { residual: "scale-norm" }, "models/performer/variants.weft"),
  variant("ReZero", "PerformerReZero", { residual: "rezero" }, "models/performer/variants.weft"),
  variant("gated units", "PerformerGated", { gated: true }, "models/performer/variants.weft"),
  {
    name: "encoder-decoder",
    request: {
      path: "models/performer/encoder-decoder.weft",
      preset: "tiny",
      entry: "logits",
      inputs: { source: valuesOf(tokens), source_mask: numbers(present), target: valuesOf(targets.slice(0, 21)) },
    } satisfies ModelRequest,
    want: (weights: reference.Weights) =>
      reference
        .translate(weights, tokens, present, targets.slice(0, 21), { ...shape, layers: 1, causal: false }, 1)
        .flat(),
  },
];
const all: readonly ModelCase[] = [...cases, masked, ...variants];

describe("the tiny model against plain loops", () => {
  it.each(all)("$name", ({ request, want }) => {
    const weights = parametersOf(elaborateModel(request));
    const got = onlyOutput(evaluateModel({ ...request, parameters: weights }));
    // The tables hold float32 values; the transcription computes them in float64.
    const exact = new Map(weights);
    for (const path of weights.keys()) {
      if (path.endsWith("layer_pos_emb.emb")) exact.set(path, valuesOf(reference.sinusoidTable(32, 8)));
      else if (path.endsWith("pos_emb.emb")) exact.set(path, valuesOf(reference.sinusoidTable(32, 16)));
    }
    const inDouble = onlyOutput(evaluateModel({ ...request, parameters: exact }));
    expect(differences(inDouble, want(weights)).relative).toBeLessThan(1e-10);
    expect(differences(got, want(weights)).relative).toBeLessThan(1e-5);
  });

  // A model has some 70 kernels, which a software driver on a busy machine compiles slowly.
  const onDevice = all.filter(({ name }) => !name.includes("hidden states"));
  it.skipIf(device === undefined).each(onDevice)(
    "$name on the device",
    { timeout: 180_000 },
    async ({ request, want }) => {
      const weights = parametersOf(elaborateModel(request));
      const got = await runOnDevice({ ...request, parameters: weights });
      expect(differences(got, want(weights)).relative).toBeLessThan(1e-4);
    },
  );

  it("counts padded keys in the denominator when only values are masked", () => {
    const inputs = { q, k, v, W, mask: numbers([true, false, true]) };
    const got = onlyOutput(evaluateModel({ path: attention, entry: "favor_masked_values_only", inputs }));
    const qp = reference.queryFeatures(golden.queries, golden.projection, 1e-4);
    const kp = reference.keyFeatures(golden.keys, golden.projection, 1e-4);
    const zeroed = golden.values.map((row, j) => (j === 1 ? row.map(() => 0) : row));
    expect(differences(got, reference.linearAttention(qp, kp, zeroed).flat()).absolute).toBeLessThan(1e-12);
    const both = onlyOutput(evaluateModel({ path: attention, entry: "favor_masked", inputs }));
    expect(
      differences(both, reference.linearAttention(qp, kp, golden.values, [true, false, true]).flat()).absolute,
    ).toBeLessThan(1e-12);
    expect(differences(got, both).absolute).toBeGreaterThan(0.1);
  });

  it("changes nothing before a token that changes, when causal", () => {
    const logitsOf = (ids: readonly number[], causal: boolean) =>
      onlyOutput(
        evaluateModel({ path: performer, preset: "tiny", settings: { causal }, inputs: { tokens: valuesOf(ids) } }),
      );
    const other = tokens.map((token, t) => (t === 20 ? (token + 1) % 16 : token));
    const before = 20 * 16;
    // ε does not scale with the key stabiliser, which sees all positions: what leaks is of the order of ε.
    const causal = [logitsOf(tokens, true), logitsOf(other, true)] as const;
    expect(differences(causal[0].slice(0, before), causal[1].slice(0, before)).relative).toBeLessThan(1e-3);
    expect(differences(causal[0].slice(before), causal[1].slice(before)).relative).toBeGreaterThan(1e-2);
    const both = [logitsOf(tokens, false), logitsOf(other, false)] as const;
    expect(differences(both[0].slice(0, before), both[1].slice(0, before)).relative).toBeGreaterThan(1e-2);
  });
});

describe("parameters", () => {
  const countsOf = (request: ModelRequest) => {
    const program = elaborateModel({ ...request, settings: { L: 8, ...request.settings } });
    return { param: countOf(program, "param"), buffer: countOf(program, "buffer") };
  };

  it("number 6,992 and 961 buffer elements in the tiny model", () => {
    expect(countsOf({ path: performer, preset: "tiny" })).toEqual({ param: 6992, buffer: 961 });
    expect(countsOf({ path: performer, preset: "tiny", settings: { causal: true } })).toEqual({
      param: 6992,
      buffer: 961,
    });
  });

  it("number as published in the regular and the protein model", () => {
    expect(countsOf({ path: performer, preset: "paper" }).param).toBe(19_165_440);
    expect(countsOf({ path: performer }).param).toBe(19_165_440);
    expect(countsOf({ path: performer, settings: { causal: true, generalized: true } }).param).toBe(19_165_440);
    // The published model has a learned position table of 1024 x 512 in addition.
    expect(countsOf({ path: performer, preset: "protein" }).param).toBe(76_181_533 - 1024 * 512);
    expect(countsOf({ path: performer, settings: { layers: 12, vocab: 20_000 } }).param).toBe(58_305_056);
  });

  it("number 3,150,336 in one block", () => {
    const [one, two] = [1, 2].map((layers) => countsOf({ path: performer, settings: { layers } }).param) as [
      number,
      number,
    ];
    expect(two - one).toBe(3_150_336);
  });

  it("number as published in the variants", () => {
    const variants = "models/performer/variants.weft";
    expect(countsOf({ path: variants, model: "PerformerScaleNorm" }).param).toBe(19_153_164);
    expect(countsOf({ path: variants, model: "PerformerReZero" }).param).toBe(19_165_440 - 6 * 2048 + 12);
    expect(countsOf({ path: variants, model: "PerformerGated" }).param).toBe(19_165_440 + 6 * (2048 * 512 + 2048));
    const copying = { path: "models/performer/encoder-decoder.weft", settings: { S: 8 } };
    expect(countsOf(copying).param).toBe(22_091_300);
  });

  it("carry the published names", () => {
    const program = elaborateModel({ path: performer, preset: "tiny", settings: { L: 8 } });
    const block = (l: number) =>
      [
        "0.norm.weight 16",
        "0.norm.bias 16",
        "0.fn.fast_attention.projection_matrix 12x8",
        "0.fn.to_q.weight 16x16",
        "0.fn.to_k.weight 16x16",
        "0.fn.to_v.weight 16x16",
        "0.fn.to_out.weight 16x16",
        "1.norm.weight 16",
        "1.norm.bias 16",
        "1.fn.fn.w1.weight 64x16",
        "1.fn.fn.w1.bias 64",
        "1.fn.fn.w2.weight 16x64",
        "1.fn.fn.w2.bias 16",
      ].map((name) => `performer.net.layers.${l}.${name}`);
    expect(program.parameters.map(({ path, type }) => `${path} ${type.shape.join("x")}`)).toEqual([
      "token_emb.weight 16x16",
      "pos_emb.emb 32x16",
      "layer_pos_emb.emb 32x8",
      ...block(0),
      ...block(1),
      "performer.proj_updater.calls_since_last_redraw ",
      "norm.weight 16",
      "norm.bias 16",
      "to_out.weight 16x16",
      "to_out.bias 16",
    ]);
  });

  it("start as they should", () => {
    const values = parametersOf(elaborateModel({ path: performer, preset: "tiny", settings: { L: 8 } }), 5);
    const numbersOf = (path: string) => values.get(path)?.data ?? [];
    expect(differences(numbersOf("pos_emb.emb"), reference.sinusoidTable(32, 16).flat()).absolute).toBeLessThan(1e-7);
    expect(differences(numbersOf("layer_pos_emb.emb"), reference.sinusoidTable(32, 8).flat()).absolute).toBeLessThan(
      1e-7,
    );
    const query = Array.from(numbersOf("performer.net.layers.1.0.fn.to_q.weight"));
    expect(Math.max(...query.map(Math.abs))).toBeLessThanOrEqual(0.25);
    expect(Math.max(...query.map(Math.abs))).toBeGreaterThan(0.2);
  });
});

describe("redrawing the random matrices", () => {
  it("begins with those that a program starts with", () => {
    const values = parametersOf(elaborateModel({ path: performer, preset: "tiny", settings: { L: 8 } }), 5);
    for (const [path, matrix] of drawProjections(5, 0, { layers: 2, features: 12, width: 8 })) {
      expect(Array.from(values.get(path)?.data ?? [])).toEqual(Array.from(matrix));
    }
    expect(values.has(projectionPath(1))).toBe(true);
  });

  it("gives other matrices for other seeds, layers and counts, and the same for the same", () => {
    const all = [
      drawProjection(0, 0, 0, 12, 8),
      drawProjection(1, 0, 0, 12, 8),
      drawProjection(0, 1, 0, 12, 8),
      drawProjection(0, 0, 1, 12, 8),
      drawProjection(0, 0, 2, 12, 8),
    ];
    expect(new Set(all.map((matrix) => matrix.join())).size).toBe(all.length);
    expect(drawProjection(0, 0, 2, 12, 8)).toEqual(all[4]);
  });

  it("happens each thousand training calls", () => {
    expect([0, 999, 1000, 2500].map(redrawCount)).toEqual([0, 0, 1, 2]);
  });
});
