/** Mask R-CNN: names and counts of torchvision's checkpoints, its results at `tiny`, and the choices of boxes. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { countOf, differences, elaborateModel, evaluateModel, type Values, valuesOf } from "./compile-model.ts";
import {
  type DetectorCase,
  detectorGraph,
  evaluateDetector,
  hashed,
  objects,
  pictures,
  readDetectorCases,
  runDetector,
} from "./mask-rcnn-reference.ts";

const cases = await readDetectorCases();
const caseOf = (name: string) => cases.get(name) as DetectorCase;

describe("parameters", () => {
  const image = { H: 64, W: 64, B: 1 };
  const build = (file: string, preset: string, settings = {}) =>
    elaborateModel({ path: `models/mask-rcnn/${file}.weft`, preset, settings: { ...image, ...settings } });

  it("have the names and shapes of torchvision's state", () => {
    const wanted = readFileSync("test/fixtures/mask-rcnn/state.txt", "utf8").trimEnd().split("\n");
    const got = build("mask-rcnn", "paper").parameters.map(({ path, type }) => `${path} [${type.shape}]`);
    expect(got.sort()).toEqual(wanted.sort());
  });

  it.each([
    ["mask-rcnn", "paper", {}, 44_401_393, 106_240],
    ["mask-rcnn", "clevr", {}, 44_175_349, 106_240],
    ["mask-rcnn", "paper", { classes: 4 }, 43_933_159, 106_240],
    ["mask-rcnn", "resnet34", {}, 41_476_849, 4 * 8_512],
    ["mask-rcnn", "resnet101", {}, 63_341_297, 210_688],
    ["mask-rcnn", "resnet101", { classes: 1273 }, 69_702_821, 210_688],
    ["mask-rcnn", "tiny", {}, 158_239, 720],
    ["mask-rcnn", "tiny", { frozen: true }, 157_519, 1_440],
    ["mask-rcnn", "tiny", { frozen: true, classes: 49 }, 172_909, 1_440],
    ["faster-rcnn", "paper", {}, 41_755_286, 106_240],
    ["faster-rcnn", "resnet34", { classes: 49 }, 38_615_492, 4 * 8_512],
  ])("of %s %s %o are as many as published", (file, preset, settings, parameters, constants) => {
    const program = build(file, preset, settings);
    expect([countOf(program, "param"), countOf(program, "buffer")]).toEqual([parameters, constants]);
  });
});

describe("torchvision's results", () => {
  const inputsOf = ({ entry }: DetectorCase): Readonly<Record<string, Values>> => {
    if (entry === "losses") return { ...pictures, ...objects };
    if (entry !== "describe") return pictures;
    return { images: pictures.images as Values, boxes: caseOf("detections").outputs.boxes as Values };
  };
  const gradientsOf = ({ outputs }: DetectorCase) =>
    Object.keys(outputs).flatMap((name) => name.match(/^gradient\((.*)\)$/)?.[1] ?? []);

  it.each(["proposals", "detections", "vectors", "losses", "losses while training"])(
    "for %s, in float64",
    (name) => {
      const each = caseOf(name);
      const gradient = gradientsOf(each);
      const graph = detectorGraph(each.entry, inputsOf(each), { training: each.training, gradient, loss: "total" });
      expectOutputs(evaluateDetector(graph, inputsOf(each)), each, 1e-6);
    },
    120_000,
  );

  // In f32 the proposals are part of the detections, and the gradients were compared above.
  it.runIf(device !== undefined).each(["detections", "losses"])(
    "for %s, on the device",
    async (name) => {
      const each = caseOf(name);
      const graph = detectorGraph(each.entry, inputsOf(each));
      expectOutputs(await runDetector(theDevice(), graph, inputsOf(each)), each, 1e-4);
    },
    240_000,
  );

  it("do not depend on what else is in the batch", () => {
    const both = evaluateDetector(detectorGraph("detect", pictures), pictures);
    const alone = Object.fromEntries(
      Object.entries(pictures).map(([name, { shape, data }]) => {
        const half = data.length / 2;
        return [name, { shape: [1, ...shape.slice(1)], data: Array.from(data).slice(half) }];
      }),
    );
    const second = evaluateDetector(detectorGraph("detect", alone), alone);
    for (const [name, values] of Object.entries(second)) {
      expect(Array.from(values), name).toEqual(Array.from(both[name] as ArrayLike<number>).slice(values.length));
    }
  }, 120_000);
});

/** Of some outputs the case holds the first places of each picture only. */
function expectOutputs(
  got: Readonly<Record<string, ArrayLike<number>>>,
  { outputs }: DetectorCase,
  most: number,
): void {
  expect(Object.keys(got).sort()).toEqual(Object.keys(outputs).sort());
  for (const [name, { shape, data }] of Object.entries(outputs)) {
    const found = Array.from(got[name] as ArrayLike<number>);
    const parts = found.length === data.length ? 1 : (shape[0] as number);
    const kept = Array.from({ length: parts }, (_, b) => {
      const start = (b * found.length) / parts;
      return found.slice(start, start + data.length / parts);
    }).flat();
    const { absolute, relative } = differences(kept, data);
    expect(Number.isNaN(relative) ? absolute : relative, name).toBeLessThan(most);
  }
}

describe("choices", () => {
  const selection = "models/mask-rcnn/selection.weft";
  const apart = (
    boxes: readonly (readonly number[])[],
    scores: readonly number[],
    groups: readonly number[],
    iou: number,
  ) => {
    const inputs = {
      boxes: valuesOf(boxes),
      scores: valuesOf(scores),
      groups: valuesOf(groups),
      iou: { shape: [], data: [iou] },
    };
    const keep = scores.length;
    const outputs = evaluateModel({ path: selection, entry: "best_apart", inputs, settings: { keep } });
    const [places, count] = Object.values(outputs) as [Float64Array, Float64Array];
    return Array.from(places.subarray(0, count[0]));
  };
  const few = [
    [0, 0, 10, 10],
    [1, 1, 11, 11],
    [0, 0, 10, 5],
    [20, 20, 30, 30],
    [21, 20, 31, 30],
  ];
  const scores = [0.9, 0.8, 0.95, 0.7, 0.7];

  it("of boxes leave out what overlaps a better one by more than the limit; of equals the first stays", () => {
    expect(apart(few, scores, [1, 1, 1, 1, 1], 0.5)).toEqual([2, 0, 3]);
    expect(apart(few, scores, [1, 2, 1, 1, 2], 0.5)).toEqual([2, 0, 1, 3, 4]);
    expect(apart(few, [0.9, -Infinity, 0.95, -Infinity, 0.7], [1, 1, 1, 1, 1], 0.5)).toEqual([2, 0, 4]);
    expect(
      apart(
        few,
        few.map(() => -Infinity),
        [1, 1, 1, 1, 1],
        0.5,
      ),
    ).toEqual([]);
  });

  it("of boxes are those of greedy suppression, whatever their order", () => {
    const count = 60;
    const draws = hashed("boxes", 6 * count);
    const draw = (k: number, part: number) => ((draws[6 * k + part] as number) + 1) / 2;
    const boxes = Array.from({ length: count }, (_, k) => {
      const [x, y] = [40 * draw(k, 0), 40 * draw(k, 1)];
      return [x, y, x + 5 + 20 * draw(k, 2), y + 5 + 20 * draw(k, 3)];
    });
    const scores = boxes.map((_, k) => draw(k, 4));
    const groups = boxes.map((_, k) => Math.floor(3 * draw(k, 5)));
    const order = scores.map((_, k) => k).sort((a, b) => (scores[b] as number) - (scores[a] as number));
    const kept: number[] = [];
    for (const k of order) {
      const rival = (other: number) =>
        groups[other] === groups[k] && overlapOf(boxes[other] as number[], boxes[k] as number[]) > 0.4;
      if (!kept.some(rival)) kept.push(k);
    }
    expect(apart(boxes, scores, groups, 0.4)).toEqual(kept);
    const turned = <T>(values: readonly T[]) => values.map((_, k) => values[(7 * k + 3) % count] as T);
    expect(apart(turned(boxes), turned(scores), turned(groups), 0.4).map((k) => (7 * k + 3) % count)).toEqual(kept);
  });

  it.each([0, 1, 5, 12, 40])("mark the %i greatest, and of equals the first", (count) => {
    const x = hashed("numbers", 30).map((value) => Math.round(8 * value) * 1e-3 + (value > 0.8 ? 1e6 : 0));
    const among = x.map((_, k) => (k % 4 === 1 ? 0 : 1));
    const inputs = { x: valuesOf(x), among: valuesOf(among), count: { shape: [], data: [count] } };
    const [marked] = Object.values(evaluateModel({ path: selection, entry: "greatest", inputs })) as [Float64Array];
    const best = x
      .map((value, k) => ({ value, k }))
      .filter(({ k }) => among[k] === 1)
      .sort((a, b) => b.value - a.value || a.k - b.k)
      .slice(0, count)
      .map(({ k }) => k);
    expect(Array.from(marked.keys()).filter((k) => marked[k] === 1)).toEqual(best.sort((a, b) => a - b));
  });

  it("of regions read the level that fits the box", () => {
    const size = 16; // The first of 2 × 2 bins lies inside.
    const map = (value: number) => ({ shape: [1, size, size], data: Array.from({ length: size ** 2 }, () => value) });
    const text = `use ./regions: PyramidAlign
model Level() {
  sub align: PyramidAlign(2)
  entry read<C, H, W>(p2: f32[C, H, W], p3: f32[C, H, W], p4: f32[C, H, W], p5: f32[C, H, W], box: f32[4]) -> f32[C, 2, 2] =
    align(p2, p3, p4, p5, box)
}`;
    const levelOf = (side: number) => {
      const inputs = { p2: map(2), p3: map(3), p4: map(4), p5: map(5), box: valuesOf([0, 0, side, side]) };
      const request = {
        path: "models/mask-rcnn/level.weft",
        texts: { "models/mask-rcnn/level.weft": text },
        inputs,
      };
      return (Object.values(evaluateModel(request))[0] as Float64Array)[0];
    };
    expect([10, 56, 111.9, 112, 223.9, 224, 447.9, 448].map(levelOf)).toEqual([2, 2, 2, 3, 3, 4, 4, 5]);
  });
});

function overlapOf(a: readonly number[], b: readonly number[]): number {
  const [ax1, ay1, ax2, ay2] = a as [number, number, number, number];
  const [bx1, by1, bx2, by2] = b as [number, number, number, number];
  const shared =
    Math.max(Math.min(ax2, bx2) - Math.max(ax1, bx1), 0) * Math.max(Math.min(ay2, by2) - Math.max(ay1, by1), 0);
  return shared / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared);
}
