/** The networks of NS-VQA: parameters as published, and the question parser against a transcription of its own. */
import { describe, expect, it } from "vitest";
import type { WeftDevice } from "../../src/runtime/index.ts";
import { testDevice } from "../codegen/on-device.ts";
import {
  countOf,
  deviceModel,
  differences,
  elaborateModel,
  evaluateModel,
  type ModelRequest,
  parametersOf,
  type Values,
} from "./compile-model.ts";
import { type ParserSettings, questionParser } from "./ns-vqa-reference.ts";

const path = "models/ns-vqa/ns-vqa.weft";
const device = await testDevice();

describe("parameters", () => {
  const questions: Values = { shape: [1, 4], data: [1, 5, 6, 2] };
  const objects = (size: number): Values => ({ shape: [1, 6, size, size], data: new Float32Array(6 * size * size) });
  const parser = (preset: string, settings = {}) =>
    elaborateModel({ path, model: "QuestionParser", preset, settings, entry: "parse", inputs: { questions } });
  const network = (preset: string) =>
    elaborateModel({ path, model: "AttributeNetwork", preset, entry: "scores", inputs: { objects: objects(64) } });

  it("of the question parser are those of the checkpoint", () => {
    const program = parser("paper");
    expect(countOf(program, "param")).toBe(7_076_536);
    const shapes = Object.fromEntries(program.parameters.map((each) => [each.path, each.type.shape]));
    const bidirectional = ["", "_reverse"].flatMap((direction) => [
      [`encoder.rnn.weight_ih_l0${direction}`, [1024, 300]],
      [`encoder.rnn.weight_ih_l1${direction}`, [1024, 512]],
      ...["l0", "l1"].flatMap((layer) => [
        [`encoder.rnn.weight_hh_${layer}${direction}`, [1024, 256]],
        [`encoder.rnn.bias_ih_${layer}${direction}`, [1024]],
        [`encoder.rnn.bias_hh_${layer}${direction}`, [1024]],
      ]),
    ]);
    expect(shapes).toEqual({
      ...Object.fromEntries(bidirectional),
      "encoder.embedding.weight": [93, 300],
      "decoder.embedding.weight": [44, 300],
      "decoder.rnn.weight_ih_l0": [2048, 300],
      "decoder.rnn.weight_hh_l0": [2048, 512],
      "decoder.rnn.bias_ih_l0": [2048],
      "decoder.rnn.bias_hh_l0": [2048],
      "decoder.rnn.weight_ih_l1": [2048, 512],
      "decoder.rnn.weight_hh_l1": [2048, 512],
      "decoder.rnn.bias_ih_l1": [2048],
      "decoder.rnn.bias_hh_l1": [2048],
      "decoder.out_linear.weight": [44, 512],
      "decoder.out_linear.bias": [44],
      "decoder.attention.linear_out.weight": [512, 1024],
      "decoder.attention.linear_out.bias": [512],
    });
  });

  it("of the tiny parser and of the other decoders are counted", () => {
    expect(countOf(parser("tiny"), "param")).toBe(443_500);
    expect(countOf(parser("paper", { learnt: true }), "param")).toBe(7_076_536 + 512 * 512);
    // W_O of 44 × 1024 in place of the two layers.
    expect(countOf(parser("paper", { direct: true }), "param")).toBe(7_076_536 - 524_800 + 44 * 512);
  });

  it("of the attribute network are those of the checkpoint", () => {
    const program = network("paper");
    expect([countOf(program, "param"), countOf(program, "buffer")]).toEqual([21_303_314, 17_024]);
    const shapes = new Map(program.parameters.map((each) => [each.path, each.type.shape]));
    expect(shapes.get("main.0.weight")).toEqual([64, 6, 7, 7]);
    expect(shapes.get("main.1.running_var")).toEqual([64]);
    expect(shapes.get("main.4.2.conv2.weight")).toEqual([64, 64, 3, 3]);
    expect(shapes.get("main.5.0.downsample.0.weight")).toEqual([128, 64, 1, 1]);
    expect(shapes.get("main.7.2.bn2.bias")).toEqual([512]);
    expect(shapes.get("final_layer.weight")).toEqual([18, 512]);
    expect(shapes.has("main.4.0.downsample.0.weight")).toBe(false);
    expect(countOf(network("tiny"), "param")).toBe(312_114);
  });
});

describe.each([
  { masked: true, learnt: false, direct: false },
  { masked: false, learnt: false, direct: false },
  { masked: true, learnt: true, direct: true },
])("the question parser, %o", (choice: ParserSettings) => {
  const functions = 7;
  const steps = 5;
  const rows = [
    [1, 5, 3, 4, 7, 2],
    [1, 6, 2, 0, 0, 0],
  ];
  const programs = [
    [1, 4, 5, 6, 2, 0],
    [1, 6, 2, 0, 0, 0],
  ];
  const questions: Values = { shape: [2, 6], data: rows.flat() };
  const request = (entry: string, inputs: Readonly<Record<string, Values>>, settings = {}): ModelRequest => ({
    path,
    model: "QuestionParser",
    entry,
    settings: { words: 8, functions, width: 3, hidden: 2, steps, ...choice, ...settings },
    inputs: { questions, ...inputs },
    parameters,
  });
  let parameters: ReadonlyMap<string, Values> = new Map();
  const drawn = parametersOf(elaborateModel(request("parse", {})), 3);
  // Larger weights, so that no two programs and no two words are nearly alike.
  parameters = new Map(
    [...drawn].map(([name, { shape, data }]) => [name, { shape, data: Array.from(data, (value) => 2 * value) }]),
  );
  const reference = questionParser(parameters, choice);
  const known = (program: readonly number[]) => (t: number) => program[t + 1] ?? 0;

  it("gives the log-probabilities of programs", () => {
    const previous = { shape: [2, steps], data: programs.flatMap((program) => program.slice(0, steps)) };
    const got = evaluateModel(request("log_probability", { previous })).log_probability!;
    const want = rows.flatMap((row, b) =>
      reference.decode(row, steps, known(programs[b]!)).flatMap(({ logProbabilities }) => logProbabilities),
    );
    expect(differences(got, want).relative).toBeLessThan(1e-12);
  });

  it("gives the mean negative log-likelihood with the padding", () => {
    const got = evaluateModel(request("loss", { programs: { shape: [2, 6], data: programs.flat() } })).loss![0]!;
    const gained = rows.flatMap((row, b) =>
      reference
        .decode(row, steps, known(programs[b]!))
        .map(({ logProbabilities, chosen }) => logProbabilities[chosen]!),
    );
    expect(got).toBeCloseTo(-gained.reduce((sum, value) => sum + value, 0) / gained.length, 12);
  });

  it.each([true, false])("weighs sampled programs by their advantage, to <END>: %s", (stopAtEnd) => {
    const samples = [
      [4, 5, 2, 3, 2],
      [3, 3, 6, 4, 5],
    ];
    const advantage = [0.75, -0.5];
    const inputs = {
      samples: { shape: [2, steps], data: samples.flat() },
      advantage: { shape: [2], data: advantage },
    };
    const got = evaluateModel(request("reinforce", inputs, { stop_at_end: stopAtEnd, entropy: 0.125 })).reinforce![0]!;
    let want = 0;
    rows.forEach((row, b) => {
      const program = samples[b]!;
      const end = program.indexOf(2);
      const last = stopAtEnd && end !== -1 ? end : steps - 1;
      for (const [t, { logProbabilities }] of reference.decode(row, steps, (t) => program[t]!).entries()) {
        if (t > last) continue;
        want -= advantage[b]! * logProbabilities[program[t]!]!;
        want += 0.125 * logProbabilities.reduce((sum, value) => sum + Math.exp(value) * value, 0);
      }
    });
    expect(got).toBeCloseTo(want, 12);
  });

  it("writes the best functions, and samples by the noise of Gumbel", () => {
    const best = (values: readonly number[]) => values.indexOf(Math.max(...values));
    const greedy = rows.flatMap((row) => reference.decode(row, steps, (_, s) => best(s)).map(({ chosen }) => chosen));
    expect(Array.from(evaluateModel(request("parse", {})).programs!)).toEqual(greedy);
    const uniform = Float32Array.from({ length: 2 * steps * functions }, (_, i) => ((i * 37) % 71) / 71 + 0.005);
    const sampled = rows.flatMap((row, b) =>
      reference
        .decode(row, steps, (t, s) =>
          best(s.map((value, v) => value - Math.log(-Math.log(uniform[(b * steps + t) * functions + v]!)))),
        )
        .map(({ chosen }) => chosen),
    );
    const inputs = { uniform: { shape: [2, steps, functions], data: uniform } };
    expect(Array.from(evaluateModel(request("sample", inputs)).programs!)).toEqual(sampled);
    expect(sampled).not.toEqual(greedy);
  });

  it.runIf(device !== undefined && !choice.learnt)("writes the same programs on the device", async () => {
    const parse = request("parse", {});
    const model = await deviceModel(device as WeftDevice, parse);
    try {
      const { programs } = await model.run({ questions });
      expect(Array.from(programs as ArrayLike<number>)).toEqual(Array.from(evaluateModel(parse).programs!));
    } finally {
      model.dispose();
    }
  });
});

it.runIf(device !== undefined)("the attribute network scores objects on the device as the reference does", async () => {
  const data = Float32Array.from({ length: 2 * 6 * 32 * 32 }, (_, i) => ((i * 7919) % 1009) / 1009);
  const objects: Values = { shape: [2, 6, 32, 32], data };
  const request: ModelRequest = {
    path,
    model: "AttributeNetwork",
    preset: "tiny",
    settings: { width: 4 },
    entry: "scores",
    inputs: { objects },
  };
  const model = await deviceModel(device as WeftDevice, request);
  try {
    const { scores } = await model.run({ objects });
    expect(differences(scores as ArrayLike<number>, evaluateModel(request).scores!).relative).toBeLessThan(1e-5);
  } finally {
    model.dispose();
  }
});
