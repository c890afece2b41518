/** RefWorld against its check vectors, and what must hold for every sample. */
import { describe, expect, it } from "vitest";
import { channelSide, regionSample, regionSide } from "../../models/shared/refworld/phrase-regions.ts";
import { denotation, vocabularyWords } from "../../models/shared/refworld/phrases.ts";
import { drawsFrom } from "../../models/shared/refworld/random-numbers.ts";
import { maskOf, shapes, stands } from "../../models/shared/refworld/scene.ts";
import { uniqueSample, uniqueSide } from "../../models/shared/refworld/unique.ts";

const areaOf = (mask: Uint8Array) => mask.reduce((sum, inside) => sum + inside, 0);
const range = (count: number) => Array.from({ length: count }, (_, k) => k);

describe("the generator", () => {
  it.each([
    [1, [2693262067, 11749833, 2265367787]],
    [123456789, [1107202814, 4169434471, 3372958138]],
  ])("gives the published numbers from state %i", (state, want) => {
    const draws = drawsFrom(state);
    expect(want.map(() => draws.bits())).toEqual(want);
  });

  it("draws from N(0, 1)", () => {
    const draws = drawsFrom(7);
    const values = range(20_000).map(() => draws.normal());
    const mean = values.reduce((a, b) => a + b) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  });
});

describe("phrases for one object", () => {
  it.each([
    [1, 0, "square above the green square", 1, [22, 4, 39, 21], 289],
    [1, 1, "large square", 1, [34, 6, 51, 23], 289],
    [2, 0, "large blue triangle", 3, [36, 44, 52, 57], 114],
  ])("sample (%i, %i) is %j", (seed, index, phrase, target, box, area) => {
    const sample = uniqueSample(seed, index);
    expect(sample.phrase).toBe(phrase);
    expect(sample.target).toBe(target);
    expect(sample.box).toEqual(box);
    expect(areaOf(sample.mask)).toBe(area);
  });

  it("places and colours the objects as published", () => {
    const { scene, values } = uniqueSample(1, 0);
    const lines = scene.objects.map(
      ({ shape, color, size, x, y }) => `${shape} ${color} ${size} ${x.toFixed(4)} ${y.toFixed(4)}`,
    );
    expect(lines).toEqual([
      "square red large 48.6615 40.6645",
      "square green large 30.9479 12.9844",
      "square green large 11.2664 38.3809",
      "triangle red large 51.8045 18.3974",
    ]);
    const meanOf = (channel: number) =>
      values.filter((_, k) => k % 3 === channel).reduce((a, b) => a + b) / uniqueSide ** 2;
    [0.2151, 0.22154, 0.14247].forEach((want, channel) => {
      expect(meanOf(channel)).toBeCloseTo(want, 5);
    });
  });

  it("mean exactly one object, in words of the vocabulary, as often by what it is like and where it stands as published", () => {
    const samples = range(1000).map((index) => uniqueSample(2, index));
    for (const { scene, description, target, phrase, mask, box, picture } of samples) {
      expect(denotation(scene, description)).toEqual([target]);
      expect(phrase.split(" ").every((word) => vocabularyWords.includes(word))).toBe(true);
      expect(areaOf(mask)).toBeGreaterThan(40);
      expect(box[0] >= 0 && box[1] >= 0 && box[2] <= uniqueSide && box[3] <= uniqueSide).toBe(true);
      expect(picture.rgb.length).toBe(3 * uniqueSide ** 2);
    }
    const share = samples.filter(({ kind }) => kind === "attribute").length / samples.length;
    expect(Math.abs(share - 0.61)).toBeLessThan(0.04);
    // The chance of guessing any object: 0.26.
    const chance = samples.reduce((sum, { scene }) => sum + 1 / scene.objects.length, 0) / samples.length;
    expect(Math.abs(chance - 0.26)).toBeLessThan(0.01);
    // An object of the right shape: 0.62.
    const ofShape = samples.reduce((sum, { scene, target }) => {
      const alike = scene.objects.filter(({ shape }) => shape === scene.objects[target]?.shape);
      return sum + 1 / alike.length;
    }, 0);
    expect(Math.abs(ofShape / samples.length - 0.62)).toBeLessThan(0.01);
  });

  it("are the same every time", () => {
    expect(uniqueSample(5, 17)).toEqual(uniqueSample(5, 17));
    expect(uniqueSample(5, 18).picture).not.toEqual(uniqueSample(5, 17).picture);
  });
});

describe("phrases for regions", () => {
  const sums = (channels: Float32Array) =>
    range(6).map((c) => channels.slice(c * channelSide ** 2, (c + 1) * channelSide ** 2).reduce((a, b) => a + b, 0));

  it.each([
    [0, "round below the round", 808, [48.1559, 0, 0, 65.8459, 48.3587, 0]],
    [1, "small round below the round", 1391, [155.5148, 0, 10.615, 0, 55.3655, 19.4334]],
  ])("sample %i is %j", (index, phrase, area, want) => {
    const sample = regionSample(1, index);
    expect(sample.phrase).toBe(phrase);
    expect(areaOf(sample.region)).toBe(area);
    sums(sample.shapeChannels).forEach((sum, c) => {
      expect(sum).toBeCloseTo(want[c]!, 3);
    });
  });

  it("need all their parts, and cover what they mean", () => {
    const kinds = new Set<string>();
    for (const index of range(80)) {
      const { scene, description, targets, region, attributeChannels, detections } = regionSample(2, index);
      const { head, relation } = description;
      expect(targets.length).toBeGreaterThan(0);
      const hasAttribute = head.color !== undefined || head.size !== undefined;
      if (hasAttribute) {
        expect(denotation(scene, { head: { name: head.name }, relation }).length).toBeGreaterThan(targets.length);
      }
      if (relation !== undefined) expect(denotation(scene, { head }).length).toBeGreaterThan(targets.length);
      kinds.add(`${hasAttribute} ${relation !== undefined}`);
      const areas = targets.map((k) => areaOf(maskOf(scene.objects[k]!, regionSide)));
      expect(areaOf(region)).toBeLessThanOrEqual(areas.reduce((a, b) => a + b));
      expect(areaOf(region)).toBeGreaterThanOrEqual(Math.max(...areas));
      expect(Math.max(...attributeChannels)).toBeLessThanOrEqual(1);
      expect(detections.length).toBeGreaterThanOrEqual(scene.objects.length);
    }
    expect(kinds.size).toBe(4);
  });
});

describe("relations", () => {
  const at = (x: number, y: number) => ({ ...uniqueSample(1, 0).scene.objects[0]!, x, y });
  it("look at the greater distance, and need some", () => {
    const held = (x: number, y: number) =>
      (["left of", "right of", "above", "below"] as const).filter((kind) => stands(at(x, y), kind, at(32, 32), 64));
    expect(held(10, 20)).toEqual(["left of"]);
    expect(held(44, 20)).toEqual(["right of"]);
    expect(held(40, 10)).toEqual(["above"]);
    expect(held(33, 60)).toEqual(["below"]);
    expect(held(35, 33)).toEqual([]);
  });
});

describe("shapes", () => {
  it.each(shapes)("a %s covers about what its area says", (shape) => {
    const r = 30;
    const area = areaOf(maskOf({ shape, color: "red", size: "large", x: 50, y: 50, radius: r }, 100));
    const wanted: Readonly<Record<(typeof shapes)[number], number>> = {
      circle: Math.PI * r * r,
      square: (2 * 0.8862 * r) ** 2,
      triangle: (1.5 * r) ** 2 / 1.7320508,
      cross: 4 * r * r - 4 * ((2 * r) / 3) ** 2,
      ring: Math.PI * r * r * (1 - 0.55 ** 2),
      diamond: 2 * r * r,
    };
    expect(Math.abs(area / wanted[shape] - 1)).toBeLessThan(0.06);
  });
});
