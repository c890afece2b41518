/** Variations of clips for the training of SSTVOS: sizes, parts, mirroring, and labels that stay on their pixels. */
import { describe, expect, it } from "vitest";
import { diceOf } from "../../models/shared/dice.ts";
import { blankPicture, type Picture } from "../../models/shared/pictures.ts";
import { type ClipVariation, publishedVariation, variedClip } from "../../models/sstvos/augmentation.ts";
import type { Labels } from "../../models/sstvos/frames.ts";
import type { WorldClip } from "../../models/sstvos/world.ts";

const [width, height] = [60, 40];
const ground = [40, 40, 40] as const;
const object = [200, 100, 0] as const;

/** A rectangle from `left` to `right`, over the whole height from `top` on. */
function frameWith(left: number, right: number, top: number): { readonly picture: Picture; readonly labels: Labels } {
  const picture = blankPicture(width, height, ground);
  const data = Int32Array.from({ length: width * height }, (_, k) => {
    const [x, y] = [k % width, Math.floor(k / width)];
    const label = x >= left && x < right && y >= top ? 1 : 0;
    if (label === 1) picture.rgb.set(object, 3 * k);
    return label;
  });
  return { picture, labels: { width, height, data, objects: 1 } };
}

function clipOf(...frames: readonly ReturnType<typeof frameWith>[]): WorldClip {
  return { frames: frames.map(({ picture }) => picture), labels: frames.map(({ labels }) => labels) };
}

const variation: ClipVariation = { shortest: 40, largest: 1.3, side: 32, tries: 5, fewest: 100 };
const varied = (clip: WorldClip, seed: number, more: Partial<ClipVariation> = {}) =>
  variedClip(clip, diceOf(seed, "clip"), { ...variation, ...more });
const counted = ({ data }: Labels) => data.filter((label) => label === 1).length;
const seeds = Array.from({ length: 60 }, (_, seed) => seed);

describe("a varied clip", () => {
  const clip = clipOf(frameWith(20, 40, 10), frameWith(24, 44, 12));

  it("has the published size, and is the same for the same dice", () => {
    expect(publishedVariation).toMatchObject({ shortest: 480, side: 465, tries: 5 });
    const { frames, labels } = varied(clip, 3);
    expect([...frames, ...labels].map((each) => [each.width, each.height])).toEqual(Array(4).fill([32, 32]));
    expect(varied(clip, 3)).toEqual({ frames, labels });
    expect(varied(clip, 4)).not.toEqual({ frames, labels });
  });

  it("has its labels on the pixels of the object", () => {
    for (const seed of seeds.slice(0, 20)) {
      const { frames, labels } = varied(clip, seed);
      frames.forEach(({ rgb }, f) => {
        const { data } = labels[f] as Labels;
        let wrong = 0;
        data.forEach((label, k) => {
          const isObject = (rgb[3 * k] as number) > (object[0] + ground[0]) / 2;
          if (isObject !== (label === 1)) wrong++;
        });
        // The border is one pixel off at most: two edges of 32 pixels and one of 32.
        expect(wrong).toBeLessThanOrEqual(96);
        expect(counted(labels[f] as Labels)).toBeGreaterThanOrEqual(100);
      });
    }
  });

  it("grows by up to the factor, in all frames alike", () => {
    const areas = seeds.map((seed) => {
      // The whole object is inside, whatever is cut.
      const small = clipOf(frameWith(26, 34, 36), frameWith(26, 34, 36));
      const { labels } = varied(small, seed, { fewest: 32, tries: 1000 });
      expect(labels[1]).toEqual(labels[0]);
      return counted(labels[0] as Labels);
    });
    expect(Math.max(...areas)).toBeLessThanOrEqual(11 * 6);
    expect(Math.max(...areas)).toBeGreaterThan(8 * 4 * 1.3);
  });

  it("is mirrored half of the time", () => {
    // The object moves to the right, unless right is left.
    const moves = seeds.map((seed) => {
      const { labels } = varied(clip, seed);
      const centre = ({ data }: Labels) =>
        data.reduce((sum, label, k) => sum + label * (k % 32), 0) / counted({ data } as Labels);
      return Math.sign(centre(labels[1] as Labels) - centre(labels[0] as Labels));
    });
    const right = moves.filter((move) => move > 0).length;
    expect(right).toBeGreaterThan(15);
    expect(right).toBeLessThan(45);
  });

  it("is cut where an object is, if five tries find one", () => {
    const corner = clipOf(frameWith(48, 60, 0));
    const missing = (tries: number) =>
      seeds.filter((seed) => counted(varied(corner, seed, { tries }).labels[0] as Labels) < 100).length;
    expect(missing(1)).toBeGreaterThan(15);
    expect(missing(5)).toBeLessThan(missing(1) / 2);
  });

  it("is resized by cubic interpolation", () => {
    // A ramp stays one: cubic weights keep straight lines, away from the border.
    const ramp = blankPicture(width, height, ground);
    ramp.rgb.forEach((_, k) => {
      ramp.rgb[k] = 4 * (Math.floor(k / 3) % width);
    });
    const { labels } = frameWith(0, 60, 0);
    const { frames } = varied({ frames: [ramp], labels: [labels] }, 1, { shortest: 80, largest: 1, side: 80 });
    const row = Array.from({ length: 80 }, (_, x) => frames[0]?.rgb[3 * (20 * 80 + x)] as number);
    const steps = row.slice(1).map((value, k) => Math.abs(value - (row[k] as number)));
    expect(steps.slice(4, -4).every((step) => step >= 1 && step <= 3)).toBe(true);
    expect(new Set(steps.slice(4, -4))).toContain(2);
  });

  it("needs frames as large as the square", () => {
    expect(() => varied(clip, 0, { side: 41 })).toThrow("a square of 41 pixels does not fit into frames of 40");
    expect(() => varied({ frames: [], labels: [] }, 0)).toThrow("the clip has no frames");
  });
});
