/** TAP's synthetic world: scenes, features, questions and their answers, batches, and files of detections. */
import { describe, expect, it } from "vitest";
import { diceOf } from "../../models/shared/dice.ts";
import { sceneInputs } from "../../models/tap/inputs.ts";
import { phoc } from "../../models/tap/phoc.ts";
import { readRegions } from "../../models/tap/regions.ts";
import { coverLabel } from "../../models/tap/relations.ts";
import { sizesOf } from "../../models/tap/sizes.ts";
import {
  answerBatch,
  askedScenes,
  drawQuestion,
  drawScene,
  drawScenePicture,
  objectNames,
  pretrainingBatch,
  type Scene,
  worldAnswers,
  worldPictureSize,
  worldVocabulary,
  writtenWords,
} from "../../models/tap/world.ts";
import { elementCount, type Shape } from "../../src/ir/index.ts";
import type { Batch } from "../../src/train/index.ts";
import { elaborateModel, parametersOf, type Values } from "./compile-model.ts";
import { evaluateTap, path, tapGraph } from "./tap-reference.ts";

const names = Array.from({ length: 300 }, (_, k) => `scene ${k}`);
const scenes = names.map((name) => drawScene(0, name));
const count = <T>(things: readonly T[], is: (thing: T) => boolean) => things.filter(is).length;

describe("the lexicon", () => {
  it("has 93 words to read and 18 answers", () => {
    expect(worldVocabulary.pieces).toHaveLength(93);
    expect(worldAnswers).toHaveLength(18);
    expect(new Set([...writtenWords, ...objectNames]).size).toBe(72);
    expect(
      writtenWords.every((word) => /^[b-df-hj-np-tv-z][aeiou][b-df-hj-np-tv-z][aeiou]?[b-df-hj-np-tv-z]?$/.test(word)),
    ).toBe(true);
  });
});

describe("scenes", () => {
  it("are the same for the same seed and name, and others for another seed", () => {
    expect(drawScene(3, "a")).toEqual(drawScene(3, "a"));
    expect(drawScene(3, "a")).not.toEqual(drawScene(4, "a"));
  });

  it("have what the network takes, with different classes and words", () => {
    for (const { objects, tokens } of scenes) {
      expect(objects.length).toBeGreaterThanOrEqual(2);
      expect(objects.length).toBeLessThanOrEqual(5);
      expect(tokens.length).toBeLessThanOrEqual(6);
      expect(new Set(objects.map(({ name }) => name)).size).toBe(objects.length);
      expect(new Set(tokens.map(({ text }) => text)).size).toBe(tokens.length);
      for (const { fc6 } of [...objects, ...tokens]) expect(Math.hypot(...fc6)).toBeCloseTo(1, 5);
    }
    const objects = scenes.flatMap((scene) => scene.objects);
    expect(Math.abs(count(objects, ({ word }) => word !== undefined) / objects.length - 0.7)).toBeLessThan(0.05);
  });

  it("have a word inside its object and inside no other", () => {
    for (const { objects, tokens } of scenes)
      for (const object of objects)
        for (const { text, box } of tokens)
          expect(coverLabel(object.box, box), `${object.name}, ${text}`).toBe(text === object.word ? 1 : 0);
  });

  it("look the same for the same class or word, and differently for others", () => {
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, c) => sum + value * b[c]!, 0);
    const cups = scenes.flatMap(({ objects }) => objects.filter(({ name }) => name === "cup"));
    const cars = scenes.flatMap(({ objects }) => objects.filter(({ name }) => name === "car"));
    expect(dot(cups[0]!.fc6, cups[1]!.fc6)).toBeGreaterThan(0.7);
    expect(Math.abs(dot(cups[0]!.fc6, cars[0]!.fc6))).toBeLessThan(0.5);
    expect(phoc(writtenWords[0]!)).not.toEqual(phoc(writtenWords[1]!));
  });

  it("can be drawn", () => {
    const { width, height, rgb } = drawScenePicture(scenes[0]!);
    expect({ width, height }).toEqual(worldPictureSize);
    const [x1, y1] = scenes[0]!.objects[0]!.box;
    const colorAt = (x: number, y: number) => [...rgb.slice(3 * (y * width + x), 3 * (y * width + x) + 3)];
    expect(colorAt(Math.round(x1 * width) + 1, Math.round(y1 * height) + 1)).not.toEqual(colorAt(0, 0));
  });
});

/** Answers by looking at the scene again, from the words of the question alone. */
function answerAgain({ objects, tokens }: Scene, question: string): string {
  const words = question.split(" ");
  const wordOn = (name: string) => objects.find((each) => each.name === name)!.word!;
  const centre = (text: string) => {
    const { box } = tokens.find((each) => each.text === text)!;
    return (box[0] + box[2]) / 2;
  };
  if (question.startsWith("what is written on the")) return wordOn(words[5]!);
  if (question.startsWith("which object")) return objects.find(({ word }) => word === words[5])!.name;
  if (question.startsWith("what is on the")) return `${wordOn(words[4]!)} ${wordOn(words[7]!)}`;
  if (question.startsWith("is there"))
    return objects.some(({ name, word }) => name === words[5] && word === words[2]) ? "yes" : "no";
  const side = words[3] === "right" ? 1 : -1;
  const away = tokens.map(({ text }) => ({ text, by: side * (centre(text) - centre(words[5]!)) }));
  return away.filter(({ by }) => by >= 0.12).reduce((a, b) => (b.by < a.by ? b : a)).text;
}

describe("questions", () => {
  const questions = scenes.map((scene, k) => drawQuestion(scene, 0, names[k]!));

  it("are of all five kinds, with answers that the scene confirms", () => {
    expect(new Set(questions.map(({ kind }) => kind)).size).toBe(5);
    questions.forEach(({ question, answer }, k) => {
      expect(answerAgain(scenes[k]!, question), question).toBe(answer);
    });
    const yes = count(questions, ({ answer }) => answer === "yes");
    expect(yes).toBeGreaterThan(5);
    expect(count(questions, ({ answer }) => answer === "no")).toBeGreaterThan(5);
  });

  it("are read without an unknown word, and can be answered", () => {
    const table = askedScenes(0, names.slice(0, 60));
    const inputs = answerBatch(table, [...table.scenes.keys()]);
    const unknown = worldVocabulary.special["[UNK]"];
    expect(Array.from(inputs.txt!.data)).not.toContain(unknown);
    const { steps, answers: fixed, tokens } = sizesOf.tiny;
    const width = fixed + tokens;
    table.questions.forEach(({ answer }, b) => {
      const written = answer.split(" ").length;
      const mask = Array.from(inputs.loss_mask!.data).slice(b * steps, (b + 1) * steps);
      expect(mask).toEqual(Array.from({ length: steps }, (_, t) => (t <= written ? 1 : 0)));
      const first = Array.from(inputs.target!.data).slice(b * steps * width, b * steps * width + width);
      expect(first.filter((value) => value > 0)).toEqual([1]);
    });
  });
});

describe("batches", () => {
  const table = askedScenes(0, names.slice(0, 40));
  const examples = [...table.scenes.keys()];
  const field = (batch: Batch, name: string) => Array.from(batch[name]!.data, Number);

  it("have the scenes that are asked for, in that order", () => {
    const [one, two] = [answerBatch(table, [5, 3]), answerBatch(table, [3])];
    expect(one.obj_num!.shape).toEqual([2]);
    for (const [name, { shape, data }] of Object.entries(one)) {
      expect(data.length, name).toBe(elementCount(shape));
      expect(field(one, name).slice(data.length / 2), name).toEqual(field(two, name));
    }
    expect(field(two, "ocr_num")).toEqual([table.scenes[3]!.tokens.length]);
  });

  it("of pre-training are the same for the same draws, and others for others", () => {
    const drawn = (path: string) => pretrainingBatch(table, examples, diceOf(0, path));
    expect(drawn("a")).toEqual(drawn("a"));
    for (const name of ["txt", "polluted", "rel_ocr"])
      expect(field(drawn("a"), name), name).not.toEqual(field(drawn("b"), name));
  });

  it("of pre-training keep the words of the table where nothing is masked or polluted", () => {
    const batch = pretrainingBatch(table, examples, diceOf(0, "a"), [0, 0, 0]);
    const [shown, labels, words] = [
      field(batch, "txt"),
      field(batch, "txt_label"),
      field(answerBatch(table, examples), "txt"),
    ];
    expect(field(batch, "polluted")).toEqual(examples.map(() => 0));
    expect(labels.some((label) => label >= 0)).toBe(true);
    words.forEach((word, i) => {
      expect(labels[i]! >= 0 ? labels[i] : shown[i]).toBe(word);
    });
  });

  it("of pre-training tell whether the token lies on the object", () => {
    const batch = pretrainingBatch(table, examples, diceOf(0, "a"));
    const [relations, objects, tokens] = ["rel", "rel_obj", "rel_ocr"].map((name) => field(batch, name));
    const asked = examples.filter((k) => relations![k]! >= 0);
    expect(asked.length).toBeGreaterThan(20);
    for (const k of asked) {
      const { text } = table.scenes[k]!.tokens[tokens![k]!]!;
      expect(relations![k], text).toBe(table.scenes[k]!.objects[objects![k]!]!.word === text ? 1 : 0);
    }
  });
});

describe("losses of an untrained network", () => {
  const table = askedScenes(0, names.slice(0, 8));
  const examples = [...table.scenes.keys()];
  const drawn = parametersOf(elaborateModel({ path, preset: "tiny", entry: "answer" }));
  const weights = (name: string, _shape: Shape) => drawn.get(name)!;
  const values = (batch: Batch) => {
    for (const { shape, data } of Object.values(batch)) expect(data.length).toBe(elementCount(shape));
    return Object.fromEntries(
      Object.entries(batch).map(([name, { shape, data }]): [string, Values] => [
        name,
        { shape, data: Array.from(data, Number) },
      ]),
    );
  };

  it("are those of guessing, in pre-training", () => {
    const batch = values(pretrainingBatch(table, examples, diceOf(0, "pre-training")));
    const { mlm, itm, rpp } = evaluateTap(tapGraph("pretraining_losses", batch), batch, weights);
    expect(Math.abs(mlm![0]! - Math.log(93))).toBeLessThan(0.3);
    expect(Math.abs(itm![0]! - Math.log(2))).toBeLessThan(0.6);
    expect(Math.abs(rpp![0]! - Math.log(2))).toBeLessThan(0.6);
  });

  it("are about ln 2 for every answer that there is", () => {
    const batch = values(answerBatch(table, examples));
    const { answer_loss } = evaluateTap(tapGraph("answer_loss", batch), batch, weights);
    // Eighteen fixed answers and up to six tokens.
    expect(answer_loss![0]).toBeGreaterThan(18 * Math.log(2));
    expect(answer_loss![0]).toBeLessThan(1.5 * 24 * Math.log(2));
  });
});

describe("files of detections", () => {
  const picture = { width: 200, height: 100 };
  const fc6 = Array(64).fill(0.125);
  const good = {
    objects: [{ name: "cup", box: [20, 10, 60, 50], fc6 }],
    tokens: [{ text: "nak", box: [30, 20, 50, 30], fc6 }],
  };
  const read = (value: unknown) =>
    readRegions(typeof value === "string" ? value : JSON.stringify(value), picture, () => new Float32Array(32));

  it("become the network's inputs", () => {
    const { objects, tokens } = read(good);
    expect(objects[0]!.box).toEqual([0.1, 0.1, 0.3, 0.5]);
    const { inputs, notes } = sceneInputs("what is on the cup ?", objects, tokens, worldVocabulary, sizesOf.tiny);
    expect(inputs.obj_num!.data[0]).toBe(1);
    expect(Array.from(inputs.ocr_phoc!.data).slice(0, 604)).toEqual([...phoc("nak")]);
    expect(notes).toEqual([]);
  });

  it("say what the network does not see", () => {
    const { objects, tokens } = read({ ...good, objects: Array(7).fill(good.objects[0]) });
    const { notes } = sceneInputs("what ?", objects, tokens, worldVocabulary, sizesOf.tiny);
    expect(notes).toEqual(["1 objects beyond the first 6 are not seen"]);
  });

  it.each<[string, unknown, RegExp]>([
    ["no JSON", "{", /the regions are no JSON/],
    ["a list", [], /must be an object/],
    ["no tokens", { objects: [] }, /have no list "tokens"; give an empty one/],
    [
      "a box outside",
      { ...good, objects: [{ ...good.objects[0], box: [0, 0, 300, 50] }] },
      /object 0 .* in pixels of the 200 × 100 picture/,
    ],
    ["an empty box", { ...good, tokens: [{ ...good.tokens[0], box: [5, 5, 5, 9] }] }, /token 0 .* give x1 < x2/],
    ["no feature", { ...good, tokens: [{ text: "nak", box: [1, 1, 2, 2] }] }, /token 0 of the regions has no "fc6"/],
    ["no name", { ...good, objects: [{ box: [1, 1, 2, 2], fc6 }] }, /object 0 of the regions has no "name"/],
  ])("are refused with %s", (_name, value, message) => expect(() => read(value)).toThrow(message));

  it("must have features of the network's length, and finite", () => {
    const given = (feature: readonly number[]) => {
      const { objects, tokens } = read({ ...good, objects: [{ ...good.objects[0], fc6: feature }] });
      return () => sceneInputs("what ?", objects, tokens, worldVocabulary, sizesOf.tiny);
    };
    expect(given([1, 2])).toThrow("the feature of object 0 (cup) has 2 numbers, and the network takes 64");
    expect(given([1e300, ...fc6.slice(1)])).toThrow("not a finite number");
  });
});
