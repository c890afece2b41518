/** What goes into JRNet and what its masks are worth: words, vectors, pictures, the synthetic world's batches, scores. */
import { describe, expect, it } from "vitest";
import {
  fittedWords,
  greyed,
  inputForm,
  phraseWords,
  prepareImage,
  worldNumbers,
} from "../../models/jrnet/preparation.ts";
import batches from "../../models/jrnet/training-data.ts";
import { readWordVectors, vectorRows } from "../../models/jrnet/word-vectors.ts";
import { worldBatch } from "../../models/jrnet/world.ts";
import { intersectionOverUnion, maskScores, overlapAbove } from "../../models/shared/mask-scores.ts";
import { blankPicture } from "../../models/shared/pictures.ts";
import { uniqueSample } from "../../models/shared/refworld/unique.ts";

describe("words", () => {
  it("are lower-case pieces of letters alone", () => {
    expect(phraseWords("The man's 2nd-best RED_hat, (left)!")).toEqual(["the", "man", "s", "best", "left"]);
  });

  it("are cut, and how many is told", () => {
    expect(fittedWords("one two three", 2)).toEqual({ words: ["one", "two"], left: 1 });
    expect(fittedWords("one two", 2).left).toBe(0);
    expect(() => fittedWords(" 12 ?", 2)).toThrow('" 12 ?" has no words; say which thing is meant');
  });

  it("of the synthetic world have the numbers of its description", () => {
    const form = inputForm("tiny");
    expect(Array.from(worldNumbers(uniqueSample(1, 0).phrase, form))).toEqual([2, 8, 21, 5, 14, 8, 3, 0, 0, 0, 0, 0]);
    expect(() => worldNumbers("the purple square", form)).toThrow(
      'does not know "purple"; its words are the, of, circle',
    );
    expect(() => worldNumbers("red ".repeat(11), form)).toThrow("shorten");
    expect(() => worldNumbers("", form)).toThrow("has no words");
    expect(() => inputForm("large")).toThrow("JRNet has no preset large; there are paper, resnet50, tiny");
  });
});

describe("word vectors", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const file = bytes("a 1 2 3\nred 4 5 6\r\nreddish 9 9 9\nred 7 7 7\ngrün 0.5 -1e-2 0");

  it("are found by their word", () => {
    const found = readWordVectors("glove.txt", file, ["grün", "red", "blue"], 3);
    expect([...found]).toEqual([
      ["red", Float32Array.of(4, 5, 6)],
      ["grün", Float32Array.of(0.5, -0.01, 0)],
    ]);
    const { x, isWord } = vectorRows(["blue", "red"], found, 3, 3);
    expect(Array.from(x)).toEqual([0, 0, 0, 4, 5, 6, 0, 0, 0]);
    expect(Array.from(isWord)).toEqual([1, 1, 0]);
  });

  it("say what is wrong with a file", () => {
    expect(() => readWordVectors("glove.txt", file, ["red"], 4)).toThrow("glove.txt, line 2: 3 numbers");
    expect(() => readWordVectors("glove.txt", bytes("red 1 x 2"), ["red"], 3)).toThrow("line 1: not all");
    expect(() => readWordVectors("glove.txt", bytes(""), ["red"], 3)).toThrow("has none of the words red");
    expect(() => readWordVectors("glove.txt", Uint8Array.of(0, 255, 32, 10), ["red"], 3)).toThrow("has none of");
  });
});

describe("pictures", () => {
  it("are stretched to the network's square and normalised", () => {
    const planes = prepareImage(blankPicture(10, 4, [255, 0, 51]), inputForm("tiny"));
    expect(planes).toHaveLength(3 * 64 * 64);
    expect([planes[0], planes[64 * 64], planes[2 * 64 * 64]].map((value) => Number(value?.toFixed(4)))).toEqual([
      2, -2, -1.2,
    ]);
  });

  it("can lose their colours", () => {
    expect(Array.from(greyed(blankPicture(1, 1, [100, 200, 50])).rgb)).toEqual([153, 153, 153]);
  });
});

describe("the synthetic world", () => {
  it("gives batches with half the resolution as targets", () => {
    const { images, ids, target, samples } = worldBatch(2, [0, 1]);
    expect([images.shape, ids.shape, target.shape]).toEqual([
      [2, 3, 64, 64],
      [2, 12],
      [2, 32, 32],
    ]);
    const covered = (values: ArrayLike<number>) => Array.from(values).reduce((sum, value) => sum + value, 0);
    const [area, share] = [covered(samples[0]?.mask ?? []), covered(target.data.subarray(0, 1024))];
    expect(area).toBe(114);
    expect(Math.abs(4 * share - area)).toBeLessThan(0.2 * area);
  });

  it("gives training batches that follow from seed and number alone", () => {
    const first = (seed: number, from: number) => {
      const { value } = batches({ seed, batch: 2, from }).next();
      return Array.from(value?.ids.data ?? []);
    };
    const stream = batches({ seed: 3, batch: 2, from: 0 });
    stream.next();
    expect(Array.from(stream.next().value?.ids.data ?? [])).toEqual(first(3, 1));
    expect(first(3, 1)).not.toEqual(first(3, 0));
    expect(first(4, 0)).not.toEqual(first(3, 0));
  });
});

describe("scores of masks", () => {
  const overlaps = [
    overlapAbove([0.9, 0.4, 0.41, 0], 0.4, [1, 1, 0, 0]),
    overlapAbove([0.9, 0.9, 0, 0], 0.4, [1, 1, 0, 0]),
    overlapAbove([0, 0, 0, 0], 0.4, [0, 0, 0, 0]),
  ];

  it("count pixels above the threshold", () => {
    expect(overlaps.map(intersectionOverUnion)).toEqual([1 / 3, 1, 0]);
    expect(() => overlapAbove([1], 0.4, [1, 1])).toThrow("1 scores cannot be compared with a mask of 2 pixels");
  });

  it("weigh pixels in the overall IoU and phrases in the mean", () => {
    const { overall, mean, precision } = maskScores(overlaps);
    expect(overall).toBeCloseTo(3 / 5, 12);
    expect(mean).toBeCloseTo(4 / 9, 12);
    expect(precision).toEqual({ "0.5": 1 / 3, "0.6": 1 / 3, "0.7": 1 / 3, "0.8": 1 / 3, "0.9": 1 / 3 });
  });
});
