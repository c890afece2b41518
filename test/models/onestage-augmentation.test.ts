/** Variations of training pictures: what becomes of pixels, phrases and boxes. */
import { describe, expect, it } from "vitest";
import { augmented, mirrored, recoloured, type Warp, warped } from "../../models/onestage-grounding/augmentation.ts";
import { intersectionOverUnion } from "../../models/onestage-grounding/scores.ts";
import { diceOf } from "../../models/shared/dice.ts";
import { blankPicture, type Picture } from "../../models/shared/pictures.ts";
import { uniqueSample } from "../../models/shared/refworld/unique.ts";
import { letterboxColor, type PixelBox } from "../../models/shared/resizing.ts";

const still: Warp = { degrees: 0, scale: 1, shift: [0, 0], shear: [0, 0] };

/** A picture of one colour with a box of another. */
function withBox(width: number, height: number, [x1, y1, x2, y2]: PixelBox): Picture {
  const picture = blankPicture(width, height, [0, 0, 0]);
  for (let y = y1; y < y2; y++) for (let x = x1; x < x2; x++) picture.rgb.set([255, 0, 0], 3 * (y * width + x));
  return picture;
}

/** The box around all pixels that are more red than black. */
function redBox({ width, rgb }: Picture): PixelBox {
  const places = Array.from({ length: rgb.length / 3 }, (_, k) => k).filter(
    (k) => (rgb[3 * k] as number) > 128 && (rgb[3 * k + 1] as number) < 64,
  );
  const [xs, ys] = [places.map((k) => k % width), places.map((k) => Math.floor(k / width))];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs) + 1, Math.max(...ys) + 1];
}

describe("mirroring", () => {
  it("exchanges left and right in the picture, in the box as published, and in words that begin so", () => {
    const picture = withBox(8, 4, [1, 0, 3, 2]);
    const phrase = "leftmost bright man, right of the left door";
    const other = mirrored({ picture, phrase, box: [1, 0, 3, 2] });
    expect(redBox(other.picture)).toEqual([5, 0, 7, 2]);
    // x' = w - x - 1: a pixel further left than the pixels are.
    expect(other.box).toEqual([4, 0, 6, 2]);
    expect(other.phrase).toBe("rightmost bright man, left of the right door");
    expect(mirrored(other)).toEqual({ picture, phrase, box: [1, 0, 3, 2] });
  });
});

describe("colours", () => {
  it("are scaled in value and saturation, and keep their hue", () => {
    const { rgb } = recoloured(blankPicture(1, 1, [200, 100, 50]), 0.5, 0.5);
    // V = 200 → 100; S = 3/4 → 3/8; the middle channel stays a third of the way from the least to the greatest.
    expect([...rgb]).toEqual([100, 75, 63]);
    expect([...recoloured(blankPicture(1, 1, [200, 100, 50]), 1.5, 1.5).rgb]).toEqual([255, 85, 0]);
    for (const gray of [0, 7, 255]) {
      expect([...recoloured(blankPicture(1, 1, [gray, gray, gray]), 1, 1.5).rgb]).toEqual([gray, gray, gray]);
    }
  });
});

describe("affine maps", () => {
  it("change nothing when they are none", () => {
    const { picture, box } = uniqueSample(1, 3);
    expect(warped({ picture, box }, still)).toEqual({ picture, box });
  });

  it("move by whole pixels exactly, and fill with the letterbox's colour", () => {
    const box: PixelBox = [10, 20, 30, 40];
    const { picture, box: there } = warped({ picture: withBox(64, 64, box), box }, { ...still, shift: [5, -3] });
    expect(redBox(picture)).toEqual([15, 17, 35, 37]);
    expect(there).toEqual([15, 17, 35, 37]);
    expect([...picture.rgb.subarray(0, 3)]).toEqual([...letterboxColor]);
  });

  it.each<[string, Partial<Warp>]>([
    ["grown", { scale: 1.1 }],
    ["slanted along rows", { shear: [2, 0] }],
    ["slanted along columns", { shear: [0, 2] }],
    ["turned", { degrees: 5 }],
    ["turned back, shrunk, moved and slanted", { degrees: -5, scale: 0.9, shift: [4, 6], shear: [-2, 1] }],
  ])("take the box where the pixels go: %s", (_, change) => {
    const box: PixelBox = [16, 24, 48, 40];
    const { picture, box: there } = warped({ picture: withBox(64, 64, box), box }, { ...still, ...change });
    const found = redBox(picture);
    there.forEach((edge, k) => {
      expect(Math.abs(edge - (found[k] as number))).toBeLessThan(2);
    });
    expect(found).not.toEqual(box);
  });

  it("keep boxes inside of the picture", () => {
    const box: PixelBox = [0, 0, 64, 20];
    const { box: there } = warped({ picture: withBox(64, 64, box), box }, { ...still, shift: [-6, -6] });
    expect(there).toEqual([0, 0, 58, 14]);
  });
});

describe("variations", () => {
  it("follow from the dice alone, differ, and keep the object in its box", () => {
    const { picture, phrase } = uniqueSample(1, 5);
    const box: PixelBox = [20, 24, 44, 40];
    const example = { picture: withBox(64, 64, box), phrase, box };
    const of = (name: string) => augmented(example, 64, diceOf(4, name));
    expect(of("a")).toEqual(of("a"));
    expect(of("a").picture.rgb).not.toEqual(of("b").picture.rgb);
    for (const name of ["a", "b", "c", "d", "e", "f"]) {
      const { picture: varied, box: there } = of(name);
      expect([varied.width, varied.height]).toEqual([64, 64]);
      const bright = withBrightRed(varied);
      expect(intersectionOverUnion(redBox(bright), there)).toBeGreaterThan(0.75);
    }
    const tall: Picture = blankPicture(picture.width, 2 * picture.height, [9, 9, 9]);
    expect(augmented({ picture: tall, phrase, box }, 32, diceOf(1, "x")).picture.width).toBe(32);
  });
});

/** Red whatever its brightness became: the red of the test pictures is the only colour whose other channels are less than half of it. */
function withBrightRed({ width, height, rgb }: Picture): Picture {
  const out = blankPicture(width, height, [0, 0, 0]);
  for (let k = 0; k < rgb.length; k += 3) {
    const [red, green] = [rgb[k] as number, rgb[k + 1] as number];
    if (red > 60 && green < red / 1.8) out.rgb.set([255, 0, 0], k);
  }
  return out;
}
