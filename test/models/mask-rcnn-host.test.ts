/** What is done with pictures before and after the detectors, against torchvision. */
import { describe, expect, it } from "vitest";
import { presentName } from "../../models/mask-rcnn/checkpoint-names.ts";
import { classNames } from "../../models/mask-rcnn/class-names.ts";
import { type Detection, detectionsOf, pastedMask, scoreMaps } from "../../models/mask-rcnn/detections.ts";
import { detectorInput, placementOf, publishedSize } from "../../models/mask-rcnn/preprocessing.ts";
import { blankPicture } from "../../models/shared/pictures.ts";
import { differences } from "./compile-model.ts";
import { type DetectorCase, hashed, readDetectorCases } from "./mask-rcnn-reference.ts";

const cases = await readDetectorCases();

describe("pictures become inputs", () => {
  it("as torchvision normalises, resizes and pads them", () => {
    const { outputs } = cases.get("preprocessing") as DetectorCase;
    // The hash walks planes, a picture pixels.
    const draws = hashed("small picture", 3 * 30 * 45);
    const rgb = Uint8Array.from(draws, (_, k) => {
      const [pixel, channel] = [Math.floor(k / 3), k % 3];
      return Math.floor(((draws[channel * 30 * 45 + pixel] as number) + 1) * 128);
    });
    const { images, sizes } = detectorInput([{ width: 45, height: 30, rgb }], { shortest: 70, longest: 100 });
    const [, , H, W] = images.shape as [number, number, number, number];
    expect([...sizes.data, H, W]).toEqual(Array.from(outputs.size?.data ?? []));
    const thinned = Array.from(images.data).filter((_, k) => (Math.floor(k / W) % H) % 3 === 0 && (k % W) % 3 === 0);
    expect(differences(thinned, outputs.image?.data ?? []).absolute).toBeLessThan(1e-5);
  });

  // What torchvision 0.14 gives.
  it.each([
    [480, 320, 1200, 800],
    [640, 427, 1199, 799],
    [500, 375, 1066, 799],
    [427, 640, 799, 1199],
    [333, 500, 799, 1201],
    [612, 612, 800, 800],
    [2000, 500, 1333, 333],
  ])("of %i × %i pixels at %i × %i", (width, height, newWidth, newHeight) => {
    expect(placementOf({ width, height }, publishedSize)).toMatchObject({ width: newWidth, height: newHeight });
  });

  it("in one batch, each in its corner", () => {
    const [gray, white] = [blankPicture(50, 40, [124, 116, 104]), blankPicture(70, 20, [255, 255, 255])];
    const { images, sizes } = detectorInput([gray, white], { shortest: 40, longest: 100 });
    expect(images.shape).toEqual([2, 3, 64, 128]);
    expect(Array.from(sizes.data)).toEqual([40, 50, 28, 100]);
    expect(images.data[3 * 64 * 128 + 27 * 128 + 99]).toBeCloseTo((1 - 0.485) / 0.229, 5);
    expect(images.data[3 * 64 * 128 + 27 * 128 + 100]).toBe(0);
    expect(images.data[3 * 64 * 128 + 28 * 128]).toBe(0);
  });

  it("unless there is nothing left of them", () => {
    expect(() => detectorInput([])).toThrow("there is no picture; give at least one");
    expect(() => placementOf({ width: 5000, height: 1 }, publishedSize)).toThrow(
      /a picture of 5000 × 1 pixels would become 133\d × 0; cut it to a less extreme shape/,
    );
  });
});

describe("detections", () => {
  it.each([0, 1, 2, 3])("have masks that are pasted as torchvision does, box %i", (k) => {
    const { outputs, box } = cases.get(`pasted ${k}`) as DetectorCase;
    const mask = hashed("mask", 28 * 28).map((value) => Math.fround((value + 1) / 2));
    const pasted = pastedMask(mask, box as readonly [number, number, number, number], { width: 45, height: 30 });
    expect(differences(pasted, outputs.mask?.data ?? []).absolute).toBeLessThan(1e-6);
  });

  it("paste a mask by hand: a corner missing", () => {
    const mask = Array.from({ length: 16 }, (_, k) => (k === 0 ? 0 : 1));
    const rows = Array.from(pastedMask(mask, [2, 1, 6, 4], { width: 9, height: 7 }), (value) => value.toFixed(4));
    expect(rows.slice(0, 9).map(Number)).toEqual([0, 0, 0, 0.0643, 0.1, 0.1, 0.0786, 0, 0]);
    expect(rows.slice(9, 18).map(Number)).toEqual([0, 0, 0.2357, 0.75, 1, 1, 0.7857, 0, 0]);
  });

  const placements = [
    { picture: { width: 20, height: 10 }, width: 40, height: 30 },
    { picture: { width: 10, height: 10 }, width: 10, height: 10 },
  ];
  const outputs = {
    boxes: [4, 6, 20, 15, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
    labels: [2, 0, 1, 3],
    scores: [0.75, 0, 0.5, 0.25],
    count: [1, 2],
  };

  it("come back in pixels of their picture, as many as count", () => {
    expect(detectionsOf(outputs, placements, 0)).toEqual([{ box: [2, 2, 10, 5], label: 2, score: 0.75 }]);
    expect(detectionsOf(outputs, placements, 1).map(({ label }) => label)).toEqual([1, 3]);
    expect(detectionsOf(outputs, placements, 1, 0.4).map(({ label }) => label)).toEqual([1]);
    expect(() => detectionsOf(outputs, placements, 2)).toThrow("no picture 2 in a batch of 2");
  });

  it("make maps of scores", () => {
    const mask = new Float32Array(28 * 28).fill(1);
    const detections: Detection[] = [
      { box: [0, 0, 4, 4], label: 1, score: 0.5, mask },
      { box: [2, 2, 6, 6], label: 1, score: 0.25 },
      { box: [2, 2, 6, 6], label: 2, score: 0.125 },
    ];
    const size = { width: 8, height: 8 };
    const at = (maps: Float32Array, label: number, x: number, y: number) => maps[label * 64 + y * 8 + x];
    const greatest = scoreMaps(detections, 3, size);
    const sum = scoreMaps(detections, 3, size, "sum");
    expect([at(greatest, 1, 1, 1), at(greatest, 1, 3, 3), at(greatest, 1, 5, 5), at(greatest, 1, 7, 7)]).toEqual([
      0.5, 0.5, 0.25, 0,
    ]);
    expect([at(sum, 1, 3, 3), at(sum, 2, 3, 3), at(sum, 0, 3, 3)]).toEqual([0.75, 0.125, 0]);
    expect(() => scoreMaps(detections, 2, size)).toThrow("a detection has label 2, but there are 2 classes");
  });
});

describe("names", () => {
  it.each([
    ["rpn.head.conv.weight", "rpn.head.conv.0.0.weight"],
    ["backbone.fpn.inner_blocks.2.bias", "backbone.fpn.inner_blocks.2.0.bias"],
    ["backbone.fpn.layer_blocks.0.0.weight", "backbone.fpn.layer_blocks.0.0.weight"],
    ["roi_heads.mask_head.mask_fcn4.bias", "roi_heads.mask_head.3.0.bias"],
    ["backbone.body.bn1.num_batches_tracked", undefined],
  ])("of older checkpoints, %s", (old, present) => expect(presentName(old)).toBe(present));

  it("of classes", () => {
    expect(classNames(91).slice(0, 3)).toEqual(["__background__", "person", "bicycle"]);
    expect(classNames(49)[1 + 6 * 6 + 3 * 1 + 2]).toBe("red metal sphere");
    expect(new Set(classNames(49)).size).toBe(49);
    expect(classNames(5)[4]).toBe("class 4");
  });
});
