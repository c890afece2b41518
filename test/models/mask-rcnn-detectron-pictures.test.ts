/** Pictures for Mask R-CNN as Detectron makes them, and the demo that does. */
import { describe, expect, it } from "vitest";
import { demo } from "../../models/mask-rcnn/demo.ts";
import { detectorInput, placementOf, publishedSize } from "../../models/mask-rcnn/preprocessing.ts";
import { blankPicture, pngBytes } from "../../models/shared/pictures.ts";
import { differences } from "./compile-model.ts";
import { type DemoAnswer, demoContext } from "./demo-context.ts";

describe("pictures for Detectron", () => {
  it.each([
    [480, 320, 1200, 800, 2.5],
    [640, 427, 1199, 800, 800 / 427],
    [2000, 500, 1333, 333, 1333 / 2000],
    [666, 400, 1332, 800, 2],
    [667, 400, 1333, 799, 1333 / 667],
  ])("of %i × %i pixels become %i × %i", (width, height, newWidth, newHeight, scale) => {
    expect(placementOf({ width, height }, publishedSize, "detectron")).toEqual({
      picture: { width, height },
      width: newWidth,
      height: newHeight,
      scale,
    });
  });

  it("are blue, green and red less their means, and zeros beside them", () => {
    const { images, sizes, placements } = detectorInput(
      [blankPicture(50, 40, [10, 20, 30])],
      { shortest: 40, longest: 100 },
      "detectron",
    );
    expect(Array.from(sizes.data)).toEqual([40, 50]);
    expect(placements[0]?.scale).toBe(1);
    const at = (channel: number, y: number, x: number) => images.data[(channel * 64 + y) * 64 + x];
    expect(images.shape).toEqual([1, 3, 64, 64]);
    expect([0, 1, 2].map((channel) => at(channel, 39, 49))).toEqual(
      [30 - 102.9801, 20 - 115.9465, 10 - 122.7717].map(Math.fround),
    );
    expect([at(0, 40, 0), at(0, 0, 50)]).toEqual([0, 0]);
  });

  it("lie where the scale puts them, not where the rounded size would", () => {
    const rgb = new Uint8Array(3 * 7 * 3).map((_, k) => 30 * (Math.floor(k / 3) % 7));
    const { images } = detectorInput([{ width: 7, height: 3, rgb }], { shortest: 5, longest: 100 }, "detectron");
    // 7 · 5/3 = 11.67 becomes 12 pixels; pixel k lies at (k + 1/2) · 3/5 - 1/2 of the picture, whose values rise by 30.
    const row = Array.from({ length: 12 }, (_, k) => Math.min(Math.max((k + 0.5) * 0.6 - 0.5, 0), 6) * 30 - 102.9801);
    expect(differences(images.data.slice(0, 12), row).absolute).toBeLessThan(1e-4);
  });

  it("are what the demo makes with that preset, and come back in their own pixels", async () => {
    const results = {
      boxes: Float32Array.of(20, 30, 59, 69),
      labels: Int32Array.of(1),
      scores: Float32Array.of(0.9),
      masks: new Float32Array(784).fill(1),
      count: Int32Array.of(1),
    };
    const answers = (): DemoAnswer => ({ outputs: {}, results });
    const files = { "a.png": pngBytes(blankPicture(90, 60, [10, 20, 30])) };
    const { context, requests, inputs, values } = demoContext({
      options: { image: "a.png" },
      files,
      preset: "detectron",
      answers,
    });
    await demo.run(context);
    expect(requests[0]?.settings).toEqual({ B: 1, H: 800, W: 1216, scale: 800 / 60 });
    const { images } = inputs[0] as unknown as { images: { data: Float32Array } };
    expect(images.data[0]).toBe(Math.fround(30 - 102.9801));
    const [found] = values.get("detections") as readonly { box: readonly number[] }[];
    expect(differences(found?.box ?? [], [1.5, 2.25, 4.425, 5.175]).absolute).toBeLessThan(1e-5);
  });
});
