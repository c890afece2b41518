/** TAP: what masks, the order of tokens and the way of decoding must not change, in float64; and FAVOR in its fusion transformer. */
import { describe, expect, it } from "vitest";
import { hostProfile } from "../../src/compile.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { compileOnly, differences, elaborateModel, parametersOf, type Values } from "./compile-model.ts";
import { evaluateTap, path, readTapCases, runTap, tapGraph, weightOf } from "./tap-reference.ts";

const allCases = await readTapCases();
const readCases = (...names: readonly string[]) => allCases.filter(({ name }) => names.includes(name));
const inputs = readCases("answer scores")[0]!.inputs;
const { prev: _, ...withoutAnswer } = inputs;
const [samples, tokens, steps, answers, choices, d] = [3, 6, 4, 18, 24, 64];

const evaluate = (
  entry: string,
  given: Readonly<Record<string, Values>>,
  settings = {},
  weights: typeof weightOf = weightOf,
) => evaluateTap(tapGraph(entry, given, settings), given, weights);
const changed = (name: string, change: (value: number, k: number) => number): Record<string, Values> => {
  const { shape, data } = inputs[name]!;
  return { ...inputs, [name]: { shape, data: Array.from(data, change) } };
};
const fused = evaluate("fuse", inputs);
const { scores } = evaluate("answer", inputs);

describe("masks", () => {
  it("hide the answer from words, objects and tokens, and later steps from earlier ones", () => {
    const [step, other] = [2, 7];
    const got = evaluate(
      "fuse",
      changed("prev", (value, k) => (k % steps === step ? other : value)),
    );
    for (const name of ["words", "objects", "tokens"]) expect(got[name]).toEqual(fused[name]);
    for (let row = 0; row < samples * steps; row++) {
      const [was, is] = [fused, got].map((each) => Array.from(each.answer!).slice(row * d, (row + 1) * d));
      if (row % steps < step) expect(is).toEqual(was);
      else expect(is).not.toEqual(was);
    }
  });

  it.each(["obj_fc6", "ocr_phoc", "obj_box"])("hide %s beyond the number of them", (name) => {
    const most = 6;
    const counts = Array.from(inputs[name.startsWith("obj") ? "obj_num" : "ocr_num"]!.data);
    const width = inputs[name]!.shape[2]!;
    const given = changed(name, (value, k) =>
      Math.floor(k / width) % most >= counts[Math.floor(k / width / most)]! ? value + 1 : value,
    );
    expect(differences(Array.from(given[name]!.data), inputs[name]!.data).absolute).toBe(1);
    const got = evaluate("fuse", given);
    expect(got.words).toEqual(fused.words);
    expect(got.answer).toEqual(fused.answer);
    expect(Array.from(evaluate("answer", given).scores!).slice(0, answers)).toEqual(
      Array.from(scores!).slice(0, answers),
    );
  });

  it("leave no score to tokens that are not there", () => {
    const counts = Array.from(inputs.ocr_num!.data);
    for (let k = 0; k < samples * steps * choices; k++) {
      const token = (k % choices) - answers;
      if (token < 0) continue;
      const there = token < counts[Math.floor(k / (steps * choices))]!;
      expect(scores![k]! > -1000).toBe(there);
    }
  });
});

it("the order of OCR tokens orders the pointer's scores, and changes nothing else", () => {
  // The second sample has all six; an answer that copied token n copies it where it went.
  const order = [3, 0, 5, 1, 2, 4];
  const permuted = (name: string): Values => {
    const { shape, data } = inputs[name]!;
    const width = shape.length === 3 ? shape[2]! : 1;
    const from = (token: number) => tokens + order[token]!;
    const moved = Array.from(data);
    for (let token = 0; token < tokens; token++)
      for (let c = 0; c < width; c++) moved[(tokens + token) * width + c] = data[from(token) * width + c]!;
    return { shape, data: moved };
  };
  const given = {
    ...changed("prev", (value, k) =>
      Math.floor(k / steps) === 1 && value >= answers ? answers + order.indexOf(value - answers) : value,
    ),
    ...Object.fromEntries(["ocr_fasttext", "ocr_phoc", "ocr_fc6", "ocr_box"].map((name) => [name, permuted(name)])),
  };
  const got = evaluate("answer", given).scores!;
  for (let t = 0; t < steps; t++) {
    const row = (all: ArrayLike<number>) => Array.from(all).slice((steps + t) * choices, (steps + t + 1) * choices);
    const was = row(scores!);
    const want = [...was.slice(0, answers), ...order.map((token) => was[answers + token]!)];
    expect(differences(row(got), want).relative).toBeLessThan(1e-12);
  }
});

it("pairs of which nothing is known lose nothing", () => {
  const { entry, inputs: given } = readCases("pre-training losses")[0]!;
  const unknown = {
    ...given,
    rel: { shape: given.rel!.shape, data: [...Array(given.rel!.data.length)].map(() => -1) },
  };
  const path = "overlap_cls.dense.weight";
  const { rpp } = evaluate(entry, unknown);
  expect(Array.from(rpp!)).toEqual([0]);
  const graph = tapGraph("pretraining_loss", unknown, {}, [path]);
  const found = evaluateTap(graph, unknown);
  expect(Object.values(found).every((values) => Array.from(values).every(Number.isFinite))).toBe(true);
  expect(Array.from(found[`gradient(${path})`]!).every((value) => value === 0)).toBe(true);
});

describe("decoding with the context fused once", () => {
  // The table of answers scores them too: with these weights an answer is not what follows itself.
  const weights: typeof weightOf = (path, shape) => {
    const { data } = weightOf(path, shape);
    const factor = path.endsWith("ans_layer_norm.weight") ? -1 : 1;
    return { shape, data: Array.from(data, (value) => factor * value) };
  };

  it("gives what a pass over everything for each step gives", () => {
    const { answer, scores: stepwise } = evaluate("decode", withoutAnswer, {}, weights);
    const shape = [samples, steps];
    let prev: number[] = Array.from({ length: samples * steps }, (_, k) => (k % steps === 0 ? 1 : 0));
    let best: number[] = [];
    let all: ArrayLike<number> = [];
    for (let round = 0; round < steps; round++) {
      all = evaluate("answer", { ...withoutAnswer, prev: { shape, data: prev } }, {}, weights).scores!;
      best = Array.from({ length: samples * steps }, (_, row) => {
        const values = Array.from(all).slice(row * choices, (row + 1) * choices);
        return values.indexOf(Math.max(...values));
      });
      prev = best.map((_, k) => (k % steps === 0 ? 1 : best[k - 1]!));
    }
    expect(Array.from(answer!)).toEqual(best);
    expect(new Set(best).size).toBeGreaterThan(2);
    expect(differences(stepwise!, all).relative).toBeLessThan(1e-12);
  });

  it("leaves <unk> out of captions", () => {
    const unknown: typeof weightOf = (path, shape) => {
      const { data } = weights(path, shape);
      return { shape, data: path === "classifier.module.bias" ? Array.from(data, (v, k) => (k === 3 ? 50 : v)) : data };
    };
    expect(new Set(Array.from(evaluate("decode", withoutAnswer, {}, unknown).answer!))).toEqual(new Set([3]));
    expect(Array.from(evaluate("decode", withoutAnswer, { captions: true }, unknown).answer!)).not.toContain(3);
  });
});

describe("dropout", () => {
  const cases = readCases("answer loss", "pre-training losses");

  it.each(cases)(
    "of $name follows from the seed while training, is drawn for each example, and is none elsewhere",
    ({ entry, inputs }) => {
      const losses = (seed: number, training: boolean, dropout: number) => {
        const given = { ...inputs, seed: { shape: [], data: [seed] } };
        const graph = tapGraph(entry, given, { dropout }, [], training);
        return Object.values(evaluateTap(graph, given)).map((loss) => loss[0] as number);
      };
      const exact = losses(1, false, 0);
      expect(losses(1, false, 0.5)).toEqual(exact);
      expect(losses(2, true, 0)).toEqual(exact);
      const [one, two] = [losses(1, true, 0.2), losses(2, true, 0.2)];
      one.forEach((loss, k) => {
        expect(loss).not.toBe(two[k]);
        expect(loss).not.toBe(exact[k]);
        expect(Number.isFinite(loss)).toBe(true);
      });
    },
  );
});

it("FAVOR replaces both attentions of each fusion layer and that of the text encoder, whose mask is added, and says so", () => {
  const request = { path, preset: "tiny", entry: "answer" };
  const passes = { approximation: { features: 64, seed: 0 } };
  const { rewrites } = compileOnly({ profile: hostProfile }, request, passes);
  const favor = rewrites.filter(({ pass }) => pass === "approximate");
  expect(favor.map(({ count }) => count)).toEqual([5]);
  expect(favor[0]!.rule).toMatch(/^favor, 64 features, seed 0/);
  expect(compileOnly({ profile: hostProfile }, request).rewrites.map(({ pass }) => pass)).not.toContain("approximate");
});

it.runIf(device !== undefined)("FAVOR comes nearer to the exact scores with more features, on the device", async () => {
  // With the weights of an untrained network, whose queries and keys are short: the error of a weight is √((e^|q + k|² - 1) / features), which
  // for the long ones of the other tests is above 1.
  const drawn = parametersOf(elaborateModel({ path, preset: "tiny", entry: "answer" }));
  const weights: typeof weightOf = (name) => drawn.get(name)!;
  const exact = evaluate("answer", inputs, {}, weights).scores!;
  const relative = async (features: number) => {
    const passes = { approximation: { features, seed: 0 } };
    const got = await runTap(theDevice(), tapGraph("answer", inputs), inputs, passes, weights);
    // Of the fixed answers: tokens that are not there score -10000, beside which every difference is small.
    const fixed = (all: ArrayLike<number>) => Array.from(all).filter((_, k) => k % choices < answers);
    return differences(fixed(got.scores!), fixed(exact)).relative;
  };
  const [few, many] = [await relative(16), await relative(1024)];
  // The error falls as 1/√features, by 8 here; half of that is left to chance.
  expect(many).toBeLessThan(few / 4);
  expect(few).toBeLessThan(0.1);
});
