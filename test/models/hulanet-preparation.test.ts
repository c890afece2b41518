/** What goes into HULANet: phrases, detections as channels, the synthetic world's batches, scores. */
import { describe, expect, it } from "vitest";
import { channelsOf, placedOnCanvas, readDetections, segmentsOf } from "../../models/hulanet/channels.ts";
import {
  numberedPhrase,
  type Phrase,
  phraseOf,
  phraseText,
  readWordNumbers,
  wordsOf,
  worldWordNumbers,
} from "../../models/hulanet/phrases.ts";
import batches from "../../models/hulanet/training-data.ts";
import {
  kindOf,
  regionScores,
  thresholdOfShare,
  worldBatch,
  worldChannels,
  worldPlaces,
} from "../../models/hulanet/world.ts";
import { regionSample } from "../../models/shared/refworld/phrase-regions.ts";
import { shapes } from "../../models/shared/refworld/scene.ts";

const sum = (values: Iterable<number>) => Array.from(values).reduce((total, value) => total + value, 0);

describe("phrases", () => {
  const phrase = (name: string, attributes: readonly string[], relations: Phrase["relations"] = []): Phrase => ({
    name,
    attributes,
    relations,
  });

  it("are put together as the data set does it", () => {
    expect(phraseText(phrase("car", ["red", "parked"]))).toBe("parked red car");
    expect(phraseText(phrase("man", ["wearing a hat", "with long hair", "old"]))).toBe(
      "old man wearing a hat with long hair",
    );
    expect(phraseText(phrase("fan", ["ceiling mounted", "running"]))).toBe("running ceiling mounted fan");
    expect(phraseText(phrase("cup", [], [{ predicate: "on", object: "table" }]))).toBe("cup on table");
  });

  it("are divided into words by its rule", () => {
    expect(wordsOf("Man's T-shirt (no. 5), red/blue")).toEqual("man ' s t - shirt ( no . 5 ) , red / blue".split(" "));
  });

  it("become numbers part by part", () => {
    const description = regionSample(1, 1).description;
    const numbers = numberedPhrase(phraseOf(description), worldWordNumbers, worldPlaces);
    expect(phraseText(phraseOf(description))).toBe("small round below round");
    expect(Object.values(numbers).map((part) => Array.from(part as ArrayLike<number>))).toEqual([
      [23],
      [17, 0],
      [22, 0],
      [23],
      [],
    ]);
  });

  it("that cannot be used say why", () => {
    const numbered = (each: Phrase) => () => numberedPhrase(each, worldWordNumbers, worldPlaces);
    expect(numbered(phrase(" ", []))).toThrow("the phrase has no category");
    expect(numbered(phrase("big ring", []))).toThrow('the category "big ring" has 2 words, and there are 1 places');
    expect(numbered(phrase("ring", ["red", "small", "blue"]))).toThrow("has 3 words, and there are 2 places");
    expect(numbered(phrase("ring", [], [{ predicate: "above", object: "" }]))).toThrow('"above" needs the thing');
    expect(numberedPhrase(phrase("sofa", []), worldWordNumbers, worldPlaces)).toMatchObject({
      unknown: ["sofa"],
      cat_ids: Int32Array.of(1),
    });
  });

  it("read a vocabulary", () => {
    expect([...readWordNumbers("words.txt", "cat\r\ndog\n")]).toEqual([
      ["cat", 4],
      ["dog", 5],
    ]);
    expect(readWordNumbers("words.txt", "<PAD>\n<UNK>\n<BOS>\n<EOS>\ncat").get("cat")).toBe(4);
    expect(() => readWordNumbers("words.txt", "cat\ncat")).toThrow('words.txt, line 2 repeats "cat"');
    expect(() => readWordNumbers("words.txt", "")).toThrow("holds no words");
    expect(() => readWordNumbers("words.txt", "cat\n\ndog")).toThrow("line 2 is empty");
  });
});

describe("channels", () => {
  it("of the synthetic detector are those of its world", () => {
    const { detections, shapeChannels, attributeChannels } = regionSample(1, 1);
    const segments = detections.map((each) => ({ ...each, category: shapes.indexOf(each.shape) }));
    const { C, present, Catt } = channelsOf(segments, worldChannels);
    expect(Array.from(present)).toEqual([0, 2, 4, 5]);
    const plane = 32 * 32;
    present.forEach((category, k) => {
      const want = shapeChannels.subarray(category * plane, (category + 1) * plane);
      expect(C.subarray(k * plane, (k + 1) * plane)).toEqual(want);
    });
    expect(sum(C.subarray(0, plane))).toBeCloseTo(155.5148, 3);
    expect(Catt).toEqual(attributeChannels);
  });

  it("of a picture without detections are one channel of nothing", () => {
    const { C, present } = channelsOf([], worldChannels);
    expect([Array.from(present), C.length, sum(C)]).toEqual([[0], 32 * 32, 0]);
  });

  const detection = {
    box: [20, 10, 60, 50],
    label: 3,
    score: 0.75,
    attributes: [0.5, 0, 0, 0, 0, 1],
    mask: Array(784).fill(1),
  };

  it("of a detection fill its box, scaled to the canvas", () => {
    const placement = placedOnCanvas({ width: 256, height: 100 }, worldChannels);
    expect(placement).toEqual({ ratio: 0.5, width: 128, height: 50 });
    const list = readDetections("found.json", JSON.stringify([detection]), worldChannels);
    const { C, present, Catt } = channelsOf(segmentsOf(list, placement, worldChannels), worldChannels);
    expect(Array.from(present)).toEqual([2]);
    // The box covers 20 × 20 pixels of the canvas; masks reach up to one pixel beyond where they are interpolated.
    expect(16 * sum(C)).toBeGreaterThan(0.75 * 19 * 19);
    expect(16 * sum(C)).toBeLessThan(0.75 * 22 * 22);
    expect(sum(Catt) / sum(C)).toBeCloseTo(1.5 / 0.75, 5);
    expect(C[4 * 32 + 5]).toBe(0.75);
    expect(C[20 * 32 + 20]).toBe(0);
  });

  it("refuse detections that are damaged", () => {
    const read = (list: unknown) => () => readDetections("found.json", JSON.stringify(list), worldChannels);
    expect(() => readDetections("found.json", "[", worldChannels)).toThrow("found.json is no JSON");
    expect(read({})).toThrow("must hold a list");
    expect(read([null])).toThrow("detection 0: `box` must be four numbers");
    expect(read([{ ...detection, label: 7 }])).toThrow("`label` must be a whole number from 1 to 6");
    expect(read([detection, { ...detection, box: [4, 0, 3, 9] }])).toThrow("detection 1: `box`");
    expect(read([{ ...detection, score: 1.5 }])).toThrow("`score` must be a number from 0 to 1");
    expect(read([{ ...detection, attributes: [1] }])).toThrow("`attributes` must be 6 numbers");
    expect(read([{ ...detection, mask: [1] }])).toThrow("`mask` must be 28 × 28");
  });
});

describe("the synthetic world", () => {
  it("gives batches whose targets cover the regions", () => {
    const { samples, inputs, G } = worldBatch(1, [0, 1]);
    expect([inputs.C.shape, inputs.cat_ids.shape, inputs.rel_ids.shape, G.shape]).toEqual([
      [2, 6, 32, 32],
      [2, 1],
      [2, 2],
      [2, 32, 32],
    ]);
    expect(16 * sum(G.data.subarray(0, 1024))).toBe(808);
    expect(16 * sum(G.data.subarray(1024))).toBe(1391);
    expect(samples.map(kindOf)).toEqual(["relation", "both"]);
  });

  it("gives training batches that follow from seed and number alone", () => {
    const ids = (seed: number, from: number) =>
      Array.from(batches({ seed, batch: 3, from }).next().value?.cat_ids.data ?? []);
    const stream = batches({ seed: 3, batch: 3, from: 0 });
    stream.next();
    expect(Array.from(stream.next().value?.cat_ids.data ?? [])).toEqual(ids(3, 1));
    expect(ids(3, 0)).not.toEqual(ids(3, 1));
  });

  it("has scores with the best of four thresholds", () => {
    const { samples } = worldBatch(2, [0, 1, 2, 3]);
    const maps = samples.map(({ region }) => Float32Array.from(region, (inside) => (inside === 1 ? 0.45 : 0.35)));
    const { threshold, all } = regionScores(samples, maps);
    expect(threshold).toBe(0.4);
    expect(all).toMatchObject({ overall: 1, mean: 1, precision: { "0.9": 1 } });
  });

  it("is scored by the published rule for every object at once", () => {
    const { samples } = worldBatch(
      2,
      Array.from({ length: 40 }, (_, k) => k),
    );
    const maps = samples.map(({ shapeChannels }) =>
      Float32Array.from({ length: 128 * 128 }, (_, pixel) => {
        const place = Math.floor(pixel / 512) * 32 + Math.floor((pixel % 128) / 4);
        return Math.max(...[0, 1, 2, 3, 4, 5].map((c) => shapeChannels[c * 1024 + place] as number));
      }),
    );
    expect(regionScores(samples, maps).all.mean).toBeGreaterThan(0.17);
    expect(regionScores(samples, maps).all.mean).toBeLessThan(0.31);
  });

  it("finds the threshold that a share of all pixels exceeds", () => {
    const maps = [Float32Array.of(0.1, 0.2, 0.3, 0.4, 0.5), Float32Array.of(0.6, 0.7, 0.8, 0.9, 1)];
    const threshold = thresholdOfShare(maps, 0.2);
    expect(maps.flatMap((map) => Array.from(map)).filter((score) => score >= threshold)).toHaveLength(2);
  });
});
