/** Reading pictures, well-formed and not, resizing, letterboxes, drawing. */
import jpeg from "jpeg-js";
import { PNG } from "pngjs";
import { describe, expect, it } from "vitest";
import { drawBox, drawContour, drawCross, drawMask, enlarged, sideBySide } from "../../models/shared/draw.ts";
import { blankPicture, imageNet, type Picture, planesOf, pngBytes, readPicture } from "../../models/shared/pictures.ts";
import {
  boxInLetterbox,
  boxOutOfLetterbox,
  cropped,
  letterbox,
  resizeArea,
  resizeBilinear,
} from "../../models/shared/resizing.ts";
import { DemoInputError } from "../../src/demo.ts";

/** A picture whose pixels are all different. */
function pattern(width: number, height: number): Picture {
  const rgb = Uint8Array.from({ length: 3 * width * height }, (_, k) => (37 * k + 11 * (k % 7)) % 256);
  return { width, height, rgb };
}

/** One row of gray values. */
const gray = (values: readonly number[]): Picture => {
  return { width: values.length, height: 1, rgb: Uint8Array.from(values.flatMap((v) => [v, v, v])) };
};
const reds = ({ rgb }: Picture) => Array.from(rgb).filter((_, k) => k % 3 === 0);

/** A PNG header that claims a size, with nothing behind it. */
function pngHeader(width: number, height: number): Uint8Array {
  const bytes = Uint8Array.from(pngBytes(pattern(1, 1)).subarray(0, 33));
  const view = new DataView(bytes.buffer);
  view.setUint32(16, width);
  view.setUint32(20, height);
  return bytes;
}

/** A JPEG file with an EXIF segment that tells an orientation. */
function withOrientation(file: Uint8Array, orientation: number, little: boolean): Uint8Array {
  const tiff = new DataView(new ArrayBuffer(26));
  tiff.setUint16(0, little ? 0x4949 : 0x4d4d);
  tiff.setUint16(2, 42, little);
  tiff.setUint32(4, 8, little);
  tiff.setUint16(8, 1, little);
  tiff.setUint16(10, 0x0112, little);
  tiff.setUint16(12, 3, little);
  tiff.setUint32(14, 1, little);
  tiff.setUint16(18, orientation, little);
  const body = [...Buffer.from("Exif\0\0"), ...new Uint8Array(tiff.buffer)];
  const segment = [0xff, 0xe1, 0, body.length + 2, ...body];
  return Uint8Array.from([...file.subarray(0, 2), ...segment, ...file.subarray(2)]);
}

describe("reading", () => {
  it("gives back what was written", () => {
    const picture = pattern(5, 3);
    expect(readPicture("a.png", pngBytes(picture))).toEqual(picture);
  });

  it.each([
    ["gray", 0, 8],
    ["gray in 16 bits", 0, 16],
    ["colours in 16 bits", 2, 16],
    ["gray with transparency", 4, 8],
    ["colours with transparency", 6, 8],
  ] as const)("takes PNG files of %s", (_, colorType, bitDepth) => {
    const png = new PNG({ width: 2, height: 2 });
    png.data = Buffer.from([10, 10, 10, 255, 200, 200, 200, 0, 90, 90, 90, 128, 0, 0, 0, 255]);
    const wide = Buffer.from(Uint16Array.from(png.data, (v) => 257 * v).buffer);
    const source = bitDepth === 16 ? ({ ...png, data: wide, width: 2, height: 2 } as unknown as PNG) : png;
    const bytes = PNG.sync.write(source, {
      colorType,
      bitDepth,
      inputHasAlpha: true,
      bgColor: { red: 255, green: 255, blue: 255 },
    });
    const { width, height, rgb } = readPicture("a.png", bytes);
    expect([width, height]).toEqual([2, 2]);
    expect(rgb[0]).toBe(10);
    expect(Array.from(rgb).slice(9)).toEqual([0, 0, 0]);
    expect(rgb[0]).toBe(rgb[2]);
  });

  it("takes JPEG files, upright", () => {
    const data = Buffer.alloc(4 * 16 * 8, 255);
    for (let row = 0; row < 8; row++) for (let k = 0; k < 4 * 8; k++) data[row * 64 + k] = 20; // The left half is dark.
    const file = jpeg.encode({ width: 16, height: 8, data }, 95).data;
    const darkSide = (orientation: number, little: boolean) => {
      const picture = readPicture("a.jpg", withOrientation(file, orientation, little));
      const at = (column: number, row: number) => picture.rgb[3 * (row * picture.width + column)]! < 128;
      const right = picture.width - 1;
      const low = picture.height - 1;
      const corners = [at(0, 0), at(right, 0), at(0, low), at(right, low)].map((dark) => (dark ? 1 : 0)).join("");
      return `${picture.width}x${picture.height} ${corners}`;
    };
    expect(readPicture("a.jpg", file).width).toBe(16);
    expect([1, 2, 3, 4].map((k) => darkSide(k, true))).toEqual(["16x8 1010", "16x8 0101", "16x8 0101", "16x8 1010"]);
    expect([5, 6, 7, 8].map((k) => darkSide(k, false))).toEqual(["8x16 1100", "8x16 1100", "8x16 0011", "8x16 0011"]);
    expect(darkSide(77, true)).toBe("16x8 1010");
  });

  const whole = pngBytes(pattern(40, 40));
  const photo = Uint8Array.from(
    jpeg.encode(
      { width: 64, height: 64, data: Buffer.from(Uint8Array.from({ length: 64 * 256 }, (_, k) => k * k)) },
      90,
    ).data,
  );
  it.each<[string, Uint8Array, RegExp]>([
    ["an empty file", new Uint8Array(), /is empty; give a PNG or JPEG/],
    ["a text", Buffer.from("not a picture"), /neither a PNG nor a JPEG/],
    ["a PNG signature alone", whole.slice(0, 8), /ends before its size/],
    ["a PNG file cut in its middle", whole.slice(0, whole.length >> 1), /is a damaged PNG/],
    ["a PNG file without its end", whole.slice(0, -40), /is a damaged PNG/],
    ["a PNG file with a wrong byte", whole.map((byte, k) => (k === 200 ? byte ^ 255 : byte)), /is a damaged PNG/],
    ["a PNG file without pixels", pngHeader(0, 5), /0 × 5 pixels/],
    ["a PNG file of 20,000 × 20,000", pngHeader(20_000, 20_000), /20000 × 20000 pixels, more than the 50 million/],
    ["a PNG file of 2³²-1 × 2³²-1", pngHeader(2 ** 32 - 1, 2 ** 32 - 1), /more than the 50 million/],
    ["a PNG header without content", pngHeader(10, 10), /is a damaged PNG/],
    ["a JPEG marker alone", photo.slice(0, 2), /ends before its size/],
    ["a JPEG header without content", photo.slice(0, 300), /JPEG/],
  ])("refuses %s", (_, bytes, message) => {
    let error: unknown;
    try {
      readPicture("folder/name.png", bytes);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(DemoInputError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toMatch(/^folder\/name\.png /);
  });

  it("normalises into planes", () => {
    const { shape, data } = planesOf({ width: 1, height: 2, rgb: Uint8Array.of(255, 0, 51, 0, 255, 102) }, imageNet);
    expect(shape).toEqual([3, 2, 1]);
    const want = [
      (1 - 0.485) / 0.229,
      -0.485 / 0.229,
      -0.456 / 0.224,
      (1 - 0.456) / 0.224,
      -0.206 / 0.225,
      -0.006 / 0.225,
    ];
    data.forEach((value, k) => {
      expect(value).toBeCloseTo(want[k]!, 6);
    });
  });
});

describe("resizing", () => {
  it("takes means over areas", () => {
    expect(reds(resizeArea(gray([0, 100, 200, 40]), 2, 1))).toEqual([50, 120]);
    expect(reds(resizeArea(gray([90, 30, 150]), 2, 1))).toEqual([70, 110]); // (90 + 30/2) / 1.5, (30/2 + 150) / 1.5
    const flat = resizeArea(blankPicture(37, 23, [7, 130, 255]), 11, 6);
    expect(flat).toEqual(blankPicture(11, 6, [7, 130, 255]));
  });

  it("repeats pixels where it enlarges by whole numbers, and mixes two at a border otherwise", () => {
    expect(reds(resizeArea(gray([10, 200]), 4, 1))).toEqual([10, 10, 200, 200]);
    expect(reds(resizeArea(gray([10, 200]), 3, 1))).toEqual([10, 105, 200]);
  });

  it("interpolates between centres", () => {
    expect(reds(resizeBilinear(gray([0, 100]), 4, 1))).toEqual([0, 25, 75, 100]);
    expect(reds(resizeBilinear(gray([0, 100, 200]), 1, 1))).toEqual([100]);
    expect(resizeBilinear(pattern(9, 7), 9, 7)).toEqual(pattern(9, 7));
    expect(resizeArea(pattern(9, 7), 9, 7)).toEqual(pattern(9, 7));
  });

  it("cuts out a part", () => {
    const part = cropped(pattern(6, 5), [2, 1, 4, 4]);
    expect([part.width, part.height]).toEqual([2, 3]);
    expect(part.rgb[0]).toBe(pattern(6, 5).rgb[3 * (6 + 2)]);
  });
});

describe("a letterbox", () => {
  it.each([
    [500, 375],
    [33, 200],
    [1, 1],
    [3, 1000],
    [256, 256],
  ])("holds a picture of %i × %i and gives its boxes back", (width, height) => {
    const box = letterbox(pattern(width, height), 256);
    expect([box.picture.width, box.picture.height]).toEqual([256, 256]);
    const given = [width * 0.25, height * 0.5, width * 0.75, height] as const;
    const back = boxOutOfLetterbox(boxInLetterbox(given, box), box, { width, height });
    back.forEach((edge, k) => {
      expect(edge).toBeCloseTo(given[k]!, 9);
    });
  });

  it("has borders of the mean colour above and below a wide picture", () => {
    const { picture, border, ratio } = letterbox(blankPicture(512, 254, [1, 2, 3]), 256);
    expect([ratio, ...border]).toEqual([0.5, 0, 64.5]);
    const row = (k: number) => Array.from(picture.rgb.slice(3 * 256 * k, 3 * 256 * k + 3));
    expect([row(0), row(63), row(64), row(190), row(191)]).toEqual([
      [124, 116, 104],
      [124, 116, 104],
      [1, 2, 3],
      [1, 2, 3],
      [124, 116, 104],
    ]);
  });

  it("cuts boxes off at the edges of the picture", () => {
    const box = letterbox(pattern(100, 50), 256);
    expect(boxOutOfLetterbox([-20, 0, 400, 256], box, { width: 100, height: 50 })).toEqual([0, 0, 100, 50]);
  });
});

describe("drawing", () => {
  const black = blankPicture(6, 6, [0, 0, 0]);
  const painted = (picture: Picture) => reds(picture).filter((v) => v > 0).length;

  it("frames a box from its inside, also one that leaves the picture", () => {
    expect(painted(drawBox(black, [1, 1, 5, 5], [255, 0, 0], 1))).toBe(12);
    expect(painted(drawBox(black, [-3, -3, 3, 3], [255, 0, 0], 1))).toBe(5);
    expect(black.rgb.every((v) => v === 0)).toBe(true);
  });

  it("lays masks over and outlines them", () => {
    const mask = Float32Array.from({ length: 36 }, (_, k) => (k % 6 < 3 ? 1 : 0));
    expect(reds(drawMask(black, mask, [200, 0, 0], 0.5)).slice(0, 4)).toEqual([100, 100, 100, 0]);
    expect(painted(drawContour(black, mask, [255, 0, 0]))).toBe(18 - 4);
    expect(() => drawMask(black, new Float32Array(35), [1, 1, 1])).toThrow(/35 values does not fit/);
  });

  it("marks places, enlarges and puts side by side", () => {
    expect(painted(drawCross(black, 2.5, 2.5, [255, 0, 0], 1))).toBe(5);
    expect(painted(enlarged(drawCross(black, 2, 2, [255, 0, 0], 1), 3))).toBe(45);
    const both = sideBySide([black, blankPicture(2, 3, [9, 9, 9])], 1);
    expect([both.width, both.height]).toEqual([9, 6]);
    expect(reds(both).slice(0, 9)).toEqual([0, 0, 0, 0, 0, 0, 255, 9, 9]);
  });
});
