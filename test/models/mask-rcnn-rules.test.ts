/** The detector's rules by numbers: coding of boxes, anchors, RoIAlign, and how many of everything there are. */
import { describe, expect, it } from "vitest";
import { countOf, differences, elaborateModel, evaluateModel, type Values, valuesOf } from "./compile-model.ts";

const path = "models/mask-rcnn/rules.weft";
const text = `
use ./proposals: ProposalNetwork
use ./regions: PyramidAlign
use std/boxes: base_anchors, decode_box, encode_box, intersection_over_union

model Rules(shortest: f32 = 32) {
  sub rpn: ProposalNetwork(1, shortest, false)
  sub align: PyramidAlign(2)

  entry coded(box: f32[4], anchor: f32[4], weights: f32[4]) -> f32[4] = encode_box(box, anchor, weights)

  entry decoded(offsets: f32[4], anchor: f32[4], weights: f32[4]) -> f32[4] = decode_box(offsets, anchor, weights)

  entry overlap(a: f32[4], b: f32[4]) -> f32 = intersection_over_union(a, b)

  entry level(length: f32) -> f32[3, 4] = base_anchors(length, [0.5, 1, 2])

  entry anchors<H, W, h2, w2, h3, w3, h4, w4, h5, w5, h6, w6>(
    image: f32[H, W], p2: f32[1, h2, w2], p3: f32[1, h3, w3], p4: f32[1, h4, w4], p5: f32[1, h5, w5], p6: f32[1, h6, w6]
  ) -> (anchors: f32[3 * (h2 * w2 + h3 * w3 + h4 * w4 + h5 * w5 + h6 * w6), 4]) {
    let (anchors, logits, offsets) = rpn(p2, p3, p4, p5, p6, H, W)
    return anchors
  }

  entry read(p2: f32[1, 6, 8], p3: f32[1, 3, 4], p4: f32[1, 2, 2], p5: f32[1, 1, 1], box: f32[4]) -> f32[1, 2, 2] =
    align(p2, p3, p4, p5, box)
}`;

const evaluated = (entry: string, inputs: Readonly<Record<string, Values>>) =>
  Array.from(Object.values(evaluateModel({ path, texts: { [path]: text }, entry, inputs }))[0] as Float64Array);
const expectNumbers = (got: readonly number[], want: readonly number[], digits: number) =>
  expect(differences(got, want).absolute).toBeLessThan(0.6 * 10 ** -digits);

describe("boxes", () => {
  const [anchor, box] = [valuesOf([10, 20, 50, 100]), valuesOf([14, 26, 62, 90])];

  it.each([
    [
      [10, 10, 5, 5],
      [2, -0.25, 0.91161, -1.11572],
    ],
    [
      [1, 1, 1, 1],
      [0.2, -0.025, 0.18232, -0.22314],
    ],
  ])("are coded with weights %j, and decoded again", (weights, want) => {
    const offsets = evaluated("coded", { box, anchor, weights: valuesOf(weights) });
    expectNumbers(offsets, want, 5);
    expectNumbers(
      evaluated("decoded", { offsets: valuesOf(offsets), anchor, weights: valuesOf(weights) }),
      [14, 26, 62, 90],
      9,
    );
  });

  it("grow 62.5 times at most", () => {
    const inputs = { offsets: valuesOf([0.1, -0.2, 0.3, 5]), anchor, weights: valuesOf([1, 1, 1, 1]) };
    expectNumbers(evaluated("decoded", inputs), [7.0028, -2456, 60.9972, 2544], 4);
  });

  it.each([
    [[0, 0, 10, 10], [0, 0, 10, 5], 0.5],
    [[0, 0, 10, 10], [1, 1, 11, 11], 0.680672],
    [[20, 20, 30, 30], [21, 20, 31, 30], 0.818182],
  ])("%j and %j share %f", (a, b, want) => {
    expectNumbers(evaluated("overlap", { a: valuesOf(a), b: valuesOf(b) }), [want], 6);
  });
});

describe("anchors", () => {
  it.each<readonly [length: number, halves: readonly (readonly [number, number])[]]>([
    [
      32,
      [
        [23, 11],
        [16, 16],
        [11, 23],
      ],
    ],
    [
      64,
      [
        [45, 23],
        [32, 32],
        [23, 45],
      ],
    ],
    [
      128,
      [
        [91, 45],
        [64, 64],
        [45, 91],
      ],
    ],
    [
      256,
      [
        [181, 91],
        [128, 128],
        [91, 181],
      ],
    ],
    [
      512,
      [
        [362, 181],
        [256, 256],
        [181, 362],
      ],
    ],
    [
      8,
      [
        [6, 3],
        [4, 4],
        [3, 6],
      ],
    ],
    [
      16,
      [
        [11, 6],
        [8, 8],
        [6, 11],
      ],
    ],
  ])("of %i pixels reach as far as is published", (length, halves) => {
    const want = halves.flatMap(([across, down]) => [-across, -down, across, down]);
    expect(evaluated("level", { length: { shape: [], data: [length] } })).toEqual(want);
  });

  const halved = (side: number) => Math.ceil(side / 2);
  const levels = (height: number, width: number) => {
    const sides = [[height / 4, width / 4]];
    while (sides.length < 5) sides.push((sides.at(-1) as number[]).map(halved));
    const maps = sides.map((side, k): [string, Values] => [`p${k + 2}`, { shape: [1, ...side], data: [] }]);
    return { image: { shape: [height, width], data: [] }, ...Object.fromEntries(maps) };
  };

  it.each([
    [800, 1216, 242_991],
    [800, 1344, 268_569],
    [96, 160, 3_843],
  ])("of %i × %i pixels number %i", (height, width, want) => {
    const request = { path, texts: { [path]: text }, entry: "anchors", inputs: levels(height, width) };
    expect(elaborateModel(request).graph.outputs.map(({ node }) => node.type.shape)).toEqual([[want, 4]]);
  });

  it("stand at the corners of cells, without half a stride", () => {
    const filled = Object.entries(levels(64, 96)).map(([name, { shape }]): [string, Values] => [
      name,
      { shape, data: new Float64Array(shape.reduce((product, side) => product * side, 1)) },
    ]);
    const got = evaluated("anchors", Object.fromEntries(filled));
    const anchorAt = (place: number) => got.slice(4 * place, 4 * place + 4);
    const [first, row] = [-23, 3 * 24];
    expect(anchorAt(0)).toEqual([first, -11, 23, 11]);
    expect(anchorAt(3)).toEqual([first + 4, -11, 27, 11]);
    expect(anchorAt(row + 1)).toEqual([-16, -12, 16, 20]);
    // The coarsest map has 1 × 2 cells for 64 × 96 pixels: 64 and 48 pixels each.
    expect(anchorAt(3 * (16 * 24 + 8 * 12 + 4 * 6 + 2 * 3) + 4)).toEqual([48 - 256, -256, 48 + 256, 256]);
  });
});

describe("RoIAlign", () => {
  const feature = {
    shape: [1, 6, 8],
    data: Array.from({ length: 48 }, (_, k) => 0.01 * k ** 2),
  };
  const zeros = (side: readonly number[]): Values => ({
    shape: [1, ...side],
    data: new Float64Array((side[0] as number) * (side[1] as number)),
  });

  it.each([
    [
      [2, 3, 17, 19],
      [2.665938, 3.280938, 10.165938, 11.380938],
    ],
    [
      [-4, -4, 10, 6],
      [0.001563, 0.029375, 0.703438, 0.936875],
    ],
    [
      [26, 18, 34, 30],
      [21.545, 10.83, 0, 0],
    ],
    [
      [5, 5, 5.5, 5.5],
      [1.985, 2.12125, 3.145, 3.32125],
    ],
  ])("of %j", (box, want) => {
    const inputs = { p2: feature, p3: zeros([3, 4]), p4: zeros([2, 2]), p5: zeros([1, 1]), box: valuesOf(box) };
    expectNumbers(evaluated("read", inputs), want, 6);
  });
});

describe("counts of parameters", () => {
  it.each([
    ["mask-rcnn", "resnet34", { classes: 49 }, 41_250_805],
    ["faster-rcnn", "paper", { classes: 49 }, 41_540_036],
    ["faster-rcnn", "resnet34", {}, 38_830_742],
    ["mask-rcnn", "paper", { frozen: false }, 44_454_513],
    ["mask-rcnn", "resnet34", { frozen: false }, 41_476_849 + 17_024],
  ])("of %s, %s, %o", (file, preset, settings, want) => {
    const request = { path: `models/mask-rcnn/${file}.weft`, preset, entry: "describe" };
    const program = elaborateModel({ ...request, settings: { B: 1, H: 64, W: 64, R: 1, ...settings } });
    expect(countOf(program, "param")).toBe(want);
  });
});
