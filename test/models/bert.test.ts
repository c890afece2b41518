/** BERT: names and counts of the published checkpoint, golden values, and what masks must not change. */
import { describe, expect, it } from "vitest";
import { elementCount } from "../../src/ir/index.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { bertSineWeights } from "../std/torch-cases.ts";
import {
  deviceModel,
  differences,
  elaborateModel,
  evaluateModel,
  type ModelRequest,
  type Values,
} from "./compile-model.ts";

const path = "models/bert/bert.weft";
const example = (rows: readonly (readonly number[])[]) => {
  const values = (element: (id: number) => number): Values => ({
    shape: [rows.length, rows[0]!.length],
    data: rows.flatMap((row) => row.map(element)),
  });
  return {
    input_ids: values((id) => id),
    token_type_ids: values(() => 0),
    attention_mask: values((id) => (id > 0 ? 1 : 0)),
  };
};
const ids = [
  [2, 18, 13, 7, 3, 0, 0, 0, 0, 0, 0, 0],
  [2, 8, 19, 6, 5, 15, 7, 3, 0, 0, 0, 0],
];
const request = (entry: string, inputs: ModelRequest["inputs"] = example(ids), settings = {}): ModelRequest => {
  return { path, preset: "tiny", entry, inputs, settings, parameters: bertSineWeights() };
};
const parametersOf = (preset: string) =>
  elaborateModel({ path, preset, entry: "embed", settings: { L: 1 } }).parameters;

describe("parameters of BERT-base", () => {
  const parameters = parametersOf("paper");
  const count = (prefix: string) =>
    parameters.filter(({ path }) => path.startsWith(prefix)).reduce((n, { type }) => n + elementCount(type.shape), 0);

  it.each([
    ["bert.embeddings.word_embeddings.", 23_440_896],
    ["bert.embeddings.position_embeddings.", 393_216],
    ["bert.embeddings.token_type_embeddings.", 1_536],
    ["bert.embeddings.", 23_837_184],
    ["bert.encoder.layer.0.", 7_087_872],
    ["bert.encoder.layer.11.", 7_087_872],
    ["bert.encoder.", 85_054_464],
    ["bert.pooler.", 590_592],
    ["bert.", 109_482_240],
    ["cls.", 624_188],
    ["", 110_106_428],
  ])("%s… has %i", (prefix, want) => expect(count(prefix)).toBe(want));

  it("are the tensors of the checkpoint", () => {
    expect(parameters.length).toBe(206);
    expect(parameters.filter(({ path }) => path.startsWith("bert.")).length).toBe(199);
    const layer = parameters.flatMap(({ path, type }) =>
      path.startsWith("bert.encoder.layer.7.") ? [`${path.slice(21)} [${type.shape}]`] : [],
    );
    expect(layer).toEqual([
      "attention.self.query.weight [768,768]",
      "attention.self.query.bias [768]",
      "attention.self.key.weight [768,768]",
      "attention.self.key.bias [768]",
      "attention.self.value.weight [768,768]",
      "attention.self.value.bias [768]",
      "attention.output.dense.weight [768,768]",
      "attention.output.dense.bias [768]",
      "attention.output.LayerNorm.weight [768]",
      "attention.output.LayerNorm.bias [768]",
      "intermediate.dense.weight [3072,768]",
      "intermediate.dense.bias [3072]",
      "output.dense.weight [768,3072]",
      "output.dense.bias [768]",
      "output.LayerNorm.weight [768]",
      "output.LayerNorm.bias [768]",
    ]);
    expect(parameters.flatMap(({ path }) => (path.startsWith("bert.encoder.") ? [] : [path]))).toEqual([
      "bert.embeddings.word_embeddings.weight",
      "bert.embeddings.position_embeddings.weight",
      "bert.embeddings.token_type_embeddings.weight",
      "bert.embeddings.LayerNorm.weight",
      "bert.embeddings.LayerNorm.bias",
      "bert.pooler.dense.weight",
      "bert.pooler.dense.bias",
      "cls.predictions.transform.dense.weight",
      "cls.predictions.transform.dense.bias",
      "cls.predictions.transform.LayerNorm.weight",
      "cls.predictions.transform.LayerNorm.bias",
      "cls.predictions.bias",
      "cls.seq_relationship.weight",
      "cls.seq_relationship.bias",
    ]);
  });

  it("of the tiny preset are 106,752 in 39 tensors", () => {
    const tiny = parametersOf("tiny").filter(({ path }) => path.startsWith("bert."));
    expect(tiny.length).toBe(39);
    expect(tiny.reduce((n, { type }) => n + elementCount(type.shape), 0)).toBe(106_752);
  });
});

// A float64 computation in numpy, independent of this project and of the PyTorch cases in test/std.
const golden = {
  embedded: [0.657908, -0.991792, -1.181908, 0.42138],
  afterOne: [0.769778, -0.757797, -0.044268, 1.683342],
  last: [0.808844, -0.208835, 0.653457, 1.621885],
  lastOfSecond: [0.973886, -0.02606, 0.475758, 1.380011],
  pooled: [0.839858, 0.835749, -0.807554, -0.877356],
  pooledOfSecond: [0.914807, 0.868835, -0.894264, -0.90857],
  sentence: [0.789311, -0.483316, 0.304595, 1.652614],
  absoluteSum: 680.44545,
};

type Run = (request: ModelRequest) => Promise<Record<string, ArrayLike<number>>>;
const onDevice: Run = async (request) => {
  const model = await deviceModel(theDevice(), request);
  try {
    return await model.run(request.inputs ?? {});
  } finally {
    model.dispose();
  }
};
const ways: readonly { readonly way: string; readonly run: Run; readonly skip: boolean; readonly error: number }[] = [
  { way: "evaluated", run: async (request) => evaluateModel(request), skip: false, error: 1e-6 },
  { way: "on the device", run: onDevice, skip: device === undefined, error: 2e-5 },
];

describe.each(ways.filter(({ skip }) => !skip))("tiny BERT, $way", ({ run, error }) => {
  const firstFour = (data: ArrayLike<number> | undefined, offset = 0) =>
    Array.from(data ?? []).slice(offset, offset + 4);
  const close = (got: readonly number[], want: readonly number[]) =>
    expect(differences(got, want).absolute).toBeLessThanOrEqual(error);
  const size = 12 * 64;

  it("gives the golden values", async () => {
    const { last_hidden_state: last, pooler_output: pooled } = await run(request("encode"));
    close(firstFour(last), golden.last);
    close(firstFour(last, size + 7 * 64), golden.lastOfSecond);
    close(firstFour(pooled), golden.pooled);
    close(firstFour(pooled, 64), golden.pooledOfSecond);
    const unmasked = Array.from(last as ArrayLike<number>).filter((_, k) => ids.flat()[Math.floor(k / 64)] !== 0);
    const absolute = unmasked.reduce((sum, x) => sum + Math.abs(x), 0);
    expect(Math.abs(absolute / golden.absoluteSum - 1)).toBeLessThanOrEqual(error);

    const { input_ids, token_type_ids } = example(ids);
    close(firstFour((await run(request("embed", { input_ids, token_type_ids }))).embed), golden.embedded);
    close(firstFour((await run(request("encode", example(ids), { layers: 1 }))).last_hidden_state), golden.afterOne);
    close(firstFour((await run(request("sentence"))).sentence), golden.sentence);
  });

  it("does not see padding", async () => {
    const [short, long] = await Promise.all([
      run(request("encode", example([ids[0]!.slice(0, 5)]))),
      run(request("encode", example([ids[0]!]))),
    ]);
    close(Array.from(long.last_hidden_state!).slice(0, 5 * 64), Array.from(short.last_hidden_state!));
  });

  it("treats every example by itself", async () => {
    const [forwards, backwards] = await Promise.all([
      run(request("encode")),
      run(request("encode", example([ids[1]!, ids[0]!]))),
    ]);
    const [a, b] = [forwards, backwards].map((each) => Array.from(each.last_hidden_state!));
    expect(b!.slice(size)).toEqual(a!.slice(0, size));
    expect(b!.slice(0, size)).toEqual(a!.slice(size));
  });

  it("stays finite where everything is padding", async () => {
    const { last_hidden_state } = await run(request("encode", example([[0, 0, 0]])));
    expect(Array.from(last_hidden_state!).every(Number.isFinite)).toBe(true);
  });

  it("sums its two losses over what was masked", async () => {
    const vocab = 25;
    const parameters = new Map(bertSineWeights());
    for (const { path, type } of parametersOf("tiny")) {
      if (parameters.has(path)) continue;
      const data = Array.from({ length: elementCount(type.shape) }, (_, k) =>
        Math.fround(Math.cos(k + path.length) / 4),
      );
      parameters.set(path, { shape: type.shape, data });
    }
    const [inputs, labels, chosen] = [example([ids[1]!]), ids[1]!.map((id) => (3 * id + 1) % vocab), [1, 4, 5]];
    const { words, next_sentence } = await run({ ...request("pretraining_logits", inputs), parameters });
    const crossEntropy = (logits: readonly number[], k: number) =>
      Math.log(logits.reduce((sum, x) => sum + Math.exp(x), 0)) - logits[k]!;
    const wordLosses = chosen.map((t) =>
      crossEntropy(Array.from(words!).slice(t * vocab, (t + 1) * vocab), labels[t]!),
    );
    const want = wordLosses.reduce((a, b) => a + b) / chosen.length + crossEntropy(Array.from(next_sentence!), 1);
    const given = {
      ...inputs,
      labels: { shape: [1, 12], data: labels },
      masked: { shape: [1, 12], data: labels.map((_, t) => (chosen.includes(t) ? 1 : 0)) },
      not_next: { shape: [1], data: [1] },
    };
    const { pretraining_loss } = await run({ ...request("pretraining_loss", given), parameters });
    close(Array.from(pretraining_loss!), [want]);
  });
});
