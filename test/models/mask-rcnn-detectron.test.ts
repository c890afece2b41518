/** Mask R-CNN with the conventions of Detectron, against their rules written down with "+ 1". */
import { describe, expect, it } from "vitest";
import { detectionsOf } from "../../models/mask-rcnn/detections.ts";
import { elementCount } from "../../src/ir/index.ts";
import { countOf, differences, elaborateModel, evaluateModel, type Values, valuesOf } from "./compile-model.ts";
import { hashed, objects, pictures } from "./mask-rcnn-reference.ts";

type Box = readonly [x1: number, y1: number, x2: number, y2: number];

const path = "models/mask-rcnn/conventions.weft";
const text = `
use ./detectron: cell_anchors, level_of, lies_inside
use ./heads: RegionHeads
use ./losses: box_losses, proposal_losses
use ./proposals: ProposalNetwork
use std/resnet: Bottleneck

/// Pieces of the detector on maps of 64 × 64 pixels.
model Conventions(stride_first: bool = true, stride: size = 2) {
  sub rpn: ProposalNetwork(4, 8, true)
  sub heads: RegionHeads(4, 2, 6, 4, 4, 48, false, true, 2.5)
  sub bottleneck: Bottleneck(3, 2, stride, stride_first: stride_first)

  entry anchors(stride: f32, length: f32) -> f32[3, 4] = cell_anchors(stride, length, [0.5, 1, 2])

  entry level(box: f32[4]) -> f32 = level_of(box, 224)

  entry rows(p2: f32[4, 16, 16], p3: f32[4, 8, 8], p4: f32[4, 4, 4], p5: f32[4, 2, 2], p6: f32[4, 1, 1])
      -> (anchors: f32[1023, 4], logits: f32[1023], offsets: f32[1023, 4]) = rpn(p2, p3, p4, p5, p6, 64, 64)

  entry proposals(p2: f32[4, 16, 16], p3: f32[4, 8, 8], p4: f32[4, 4, 4], p5: f32[4, 2, 2], p6: f32[4, 1, 1])
      -> (boxes: f32[15, 4], count: i32) = rpn.proposals(p2, p3, p4, p5, p6, 50.0, 60.0, 64, 64, 20, 15)

  entry scores(p2: f32[4, 16, 16], p3: f32[4, 8, 8], p4: f32[4, 4, 4], p5: f32[4, 2, 2], boxes: f32[15, 4])
      -> (logits: f32[15, 4], offsets: f32[15, 4, 4]) = heads.box_predictor(heads.vectors(p2, p3, p4, p5, boxes))

  entry detections(p2: f32[4, 16, 16], p3: f32[4, 8, 8], p4: f32[4, 4, 4], p5: f32[4, 2, 2], boxes: f32[15, 4], count: i32)
      -> (boxes: f32[8, 4], labels: i32[8], scores: f32[8], count: i32) =
    heads.detections(p2, p3, p4, p5, boxes, count, 50.0, 60.0, 0.2, 8)

  entry narrowed<H, W>(x: f32[1, 3, H, W]) -> f32[1, 8, (H - 1) // stride + 1, (W - 1) // stride + 1] = bottleneck(x)

  entry asked(anchors: f32[6, 4], logits: f32[6], objects: f32[1, 4]) -> (objectness: f32, offset: f32, count: f32) {
    let inside[a, d] = if lies_inside(anchors[a], 50.0, 60.0) then anchors[a, d] else 0
    let offsets[a: 6, d: 4] = 0.0
    let keys[a: 6] = (a + 1) / 7
    let classes[g: 1] = 1
    return proposal_losses(inside, logits, offsets, objects, classes, keys, 4)
  }

  entry box_loss(off: f32) -> f32 {
    let logits[r: 1, k: 2] = 0.0
    let offsets[r: 1, k: 2, d: 4] = if k == 1 and d == 0 then off else 0
    let labels[r: 1] = 1
    let targets[r: 1, d: 4] = 0.0
    let (class, offset) = box_losses(logits, offsets, labels, targets, 1, 1.0)
    return offset
  }
}`;

const map = (name: string, side: number): Values => ({
  shape: [4, side, side],
  data: hashed(name, 4 * side ** 2).map((value) => 2 * value),
});
const maps = { p2: map("p2", 16), p3: map("p3", 8), p4: map("p4", 4), p5: map("p5", 2) };
const allMaps = { ...maps, p6: map("p6", 1) };

/** Weights large enough for boxes that move and classes that differ. */
function weightsOf(
  entry: string,
  inputs: Readonly<Record<string, Values>>,
  settings: Readonly<Record<string, number | boolean>>,
): ReadonlyMap<string, Values> {
  const { parameters } = elaborateModel({ path, texts: { [path]: text }, entry, inputs, settings });
  return new Map(
    parameters.map(({ path: name, type: { shape } }) => {
      const loud = name.includes("cls_score") ? 1.5 : 0.35;
      const values = hashed(name, elementCount(shape)).map((value) => loud * value);
      return [name, { shape, data: name.endsWith("running_var") ? values.map((value) => 1 + value) : values }];
    }),
  );
}

const evaluated = (entry: string, inputs: Readonly<Record<string, Values>>, settings = {}) =>
  evaluateModel({
    path,
    texts: { [path]: text },
    entry,
    inputs,
    settings,
    parameters: weightsOf(entry, inputs, settings),
  });

const number = (value: number): Values => ({ shape: [], data: [value] });
const boxesOf = (data: ArrayLike<number>): Box[] =>
  Array.from({ length: data.length / 4 }, (_, k) => [0, 1, 2, 3].map((d) => data[4 * k + d] as number) as never);

/** The rules of Detectron as they stand there. */
const rules = {
  decode([x1, y1, x2, y2]: Box, offsets: readonly number[], [wx, wy, ww, wh]: Box): Box {
    const [w, h] = [x2 - x1 + 1, y2 - y1 + 1];
    const [dx, dy, dw, dh] = offsets as unknown as Box;
    const [cx, cy] = [(dx / wx) * w + x1 + w / 2, (dy / wy) * h + y1 + h / 2];
    const most = Math.log(1000 / 16);
    const [nw, nh] = [Math.exp(Math.min(dw / ww, most)) * w, Math.exp(Math.min(dh / wh, most)) * h];
    return [cx - nw / 2, cy - nh / 2, cx + nw / 2 - 1, cy + nh / 2 - 1];
  },
  clip([x1, y1, x2, y2]: Box, height: number, width: number): Box {
    const [across, down] = [
      (x: number) => Math.max(Math.min(x, width - 1), 0),
      (y: number) => Math.max(Math.min(y, height - 1), 0),
    ];
    return [across(x1), down(y1), across(x2), down(y2)];
  },
  overlap(a: Box, b: Box): number {
    const area = ([x1, y1, x2, y2]: Box) => (x2 - x1 + 1) * (y2 - y1 + 1);
    const w = Math.max(Math.min(a[2], b[2]) - Math.max(a[0], b[0]) + 1, 0);
    const h = Math.max(Math.min(a[3], b[3]) - Math.max(a[1], b[1]) + 1, 0);
    return (w * h) / (area(a) + area(b) - w * h);
  },
  /** Places of the boxes that stay, best first. */
  suppress(boxes: readonly Box[], scores: readonly number[], limit: number): number[] {
    const kept: number[] = [];
    for (const k of scores.map((_, place) => place).sort((a, b) => (scores[b] as number) - (scores[a] as number))) {
      if (kept.every((other) => rules.overlap(boxes[other] as Box, boxes[k] as Box) <= limit)) kept.push(k);
    }
    return kept;
  },
};

describe("anchors of Detectron", () => {
  // The comment of generate_anchors.py has those of stride 16; the others follow by hand from its rule.
  it.each([
    [16, 128, [-84, -40, 99, 55, -56, -56, 71, 71, -36, -80, 51, 95]],
    [4, 32, [-22, -10, 25, 13, -14, -14, 17, 17, -10, -22, 13, 25]],
    [32, 256, [-164, -72, 195, 103, -112, -112, 143, 143, -76, -168, 107, 199]],
  ])("at stride %i with side %i", (stride, length, wanted) => {
    const [got] = Object.values(evaluated("anchors", { stride: number(stride), length: number(length) }));
    const named = boxesOf(got as Float64Array).flatMap(([x1, y1, x2, y2]) => [x1, y1, x2 - 1, y2 - 1]);
    expect(named).toEqual(wanted);
  });

  it("that cross the border are not asked, whatever they say", () => {
    const anchors = [
      [10, 10, 40, 40],
      [0, 0, 61, 51], // The last pixel is 60, 50: outside.
      [-1, 10, 30, 40],
      [0, 0, 60, 50],
      [2, 2, 8, 8],
      [50, 40, 70, 60],
    ];
    const object = valuesOf([[10, 10, 40, 40]]);
    const lossOf = (loud: number) =>
      evaluated("asked", {
        anchors: valuesOf(anchors),
        logits: valuesOf([0.5, loud, loud, -1, 0.25, loud]),
        objects: object,
      });
    const quiet = lossOf(0);
    expect(quiet.count?.[0]).toBe(2); // The anchor on the object, and the small one; the large one overlaps it by 0.3.
    expect(quiet.objectness?.[0]).toBeCloseTo(Math.log1p(Math.exp(-0.5)) + Math.log1p(Math.exp(0.25)), 10);
    expect(lossOf(7)).toEqual(quiet);
  });
});

describe("boxes of Detectron", () => {
  const { anchors, logits, offsets } = evaluated("rows", allMaps) as Record<string, Float64Array>;
  const proposals = evaluated("proposals", allMaps) as { boxes: Float64Array; count: Float64Array };

  it("are proposed as by its rules", () => {
    const candidates: { readonly box: Box; readonly score: number }[] = [];
    let start = 0;
    for (const side of [16, 8, 4, 2, 1]) {
      const places = Array.from({ length: 3 * side ** 2 }, (_, k) => start + k);
      start += places.length;
      const best = places.sort((a, b) => (logits?.[b] as number) - (logits?.[a] as number)).slice(0, 20);
      const boxes = best.map((k) => {
        const [x1, y1, x2, y2] = boxesOf(anchors as Float64Array)[k] as Box;
        const moved = Array.from((offsets as Float64Array).slice(4 * k, 4 * k + 4));
        return rules.clip(rules.decode([x1, y1, x2 - 1, y2 - 1], moved, [1, 1, 1, 1]), 50, 60);
      });
      const scores = best.map((k) => logits?.[k] as number);
      const kept = rules.suppress(boxes, scores, 0.7).slice(0, 15);
      candidates.push(...kept.map((k) => ({ box: boxes[k] as Box, score: scores[k] as number })));
    }
    expect(candidates.length).toBeGreaterThan(15);
    const wanted = candidates.sort((a, b) => b.score - a.score).slice(0, 15);
    expect(proposals.count[0]).toBe(15);
    expect(
      differences(
        proposals.boxes,
        wanted.flatMap(({ box }) => box),
      ).absolute,
    ).toBeLessThan(1e-9);
  });

  it("are detected in pixels of the picture", () => {
    const inputs = { ...maps, boxes: { shape: [15, 4], data: proposals.boxes } };
    const said = evaluated("scores", inputs) as { logits: Float64Array; offsets: Float64Array };
    const got = evaluated("detections", { ...inputs, count: number(15) }) as Record<string, Float64Array>;
    let suppressed = 0;
    const found = [1, 2, 3].flatMap((label) => {
      const all = boxesOf(proposals.boxes).map((box, r) => {
        const row = Array.from(said.logits.slice(4 * r, 4 * r + 4), Math.exp);
        const score = (row[label] as number) / row.reduce((sum, value) => sum + value, 0);
        const moved = Array.from(said.offsets.slice(16 * r + 4 * label, 16 * r + 4 * label + 4));
        const inPicture = box.map((side) => side / 2.5) as unknown as Box;
        return { label, score, box: rules.clip(rules.decode(inPicture, moved, [10, 10, 5, 5]), 20, 24) };
      });
      const likely = all.filter(({ score }) => score > 0.2);
      const scores = likely.map(({ score }) => score);
      const kept = rules.suppress(
        likely.map(({ box }) => box),
        scores,
        0.5,
      );
      suppressed += likely.length - kept.length;
      return kept.map((k) => likely[k] as (typeof likely)[number]);
    });
    expect(suppressed).toBeGreaterThan(0);
    const wanted = found.sort((a, b) => b.score - a.score).slice(0, 8);
    const places = { picture: { width: 24, height: 20 }, width: 60, height: 50, scale: 2.5 };
    const seen = detectionsOf(got as never, [places]);
    expect(seen.map(({ label }) => label)).toEqual(wanted.map(({ label }) => label));
    const sides = (list: readonly { readonly box: readonly number[] }[]) => list.flatMap(({ box }) => box);
    expect(differences(sides(seen), sides(wanted)).absolute).toBeLessThan(1e-9);
  });

  it.each([
    [110, 2],
    [111, 3],
    [446, 4],
    [447, 5],
  ])("whose last pixel is %i are read at level %i", (last, level) => {
    expect(Object.values(evaluated("level", { box: valuesOf([0, 0, last, last]) }))[0]?.[0]).toBe(level);
  });

  it("lose linearly from a distance of 1 on", () => {
    const lossOf = (off: number) => Object.values(evaluated("box_loss", { off: number(off) }))[0]?.[0];
    expect([lossOf(0.5), lossOf(3)]).toEqual([0.125, 2.5]);
  });
});

describe("the network", () => {
  it("has its strides in the first convolutions: every second pixel counts, and no other", () => {
    const [height, width] = [7, 10];
    const data = hashed("picture", 3 * height * width);
    const thinned = data.filter((_, k) => (Math.floor(k / width) % height) % 2 === 0 && (k % width) % 2 === 0);
    const narrowed = (shape: readonly number[], values: readonly number[], settings = {}) =>
      Object.values(evaluated("narrowed", { x: { shape, data: values } }, settings))[0] as Float64Array;
    const plain = narrowed([1, 3, 4, 5], thinned, { stride: 1 });
    expect(differences(narrowed([1, 3, height, width], data), plain).absolute).toBeLessThan(1e-12);
    const torchvision = narrowed([1, 3, height, width], data, { stride_first: false });
    expect(differences(torchvision, plain).absolute).toBeGreaterThan(1e-4);
  });

  it("has as many parameters as that of torchvision", () => {
    const request = { path: "models/mask-rcnn/mask-rcnn.weft", settings: { B: 1, H: 64, W: 64 } };
    const program = elaborateModel({ ...request, preset: "detectron" });
    expect([countOf(program, "param"), countOf(program, "buffer")]).toEqual([44_175_349, 106_240]);
    const names = ({ parameters }: typeof program) => parameters.map((each) => `${each.path} ${each.type.shape}`);
    expect(names(program).sort()).toEqual(names(elaborateModel({ ...request, preset: "clevr" })).sort());
  });

  it("starts as there", () => {
    const settings = { B: 1, H: 64, W: 64, R: 1 };
    const request = { path: "models/mask-rcnn/mask-rcnn.weft", preset: "detectron", entry: "describe", settings };
    const start = new Map(elaborateModel(request).parameters.map((each) => [each.path, each.initialiser]));
    const xavier = (fanIn: number) => {
      const reach = Math.sqrt(3 / fanIn);
      return { kind: "record", name: "uniform", arguments: { low: -reach, high: reach } };
    };
    expect(start.get("backbone.fpn.inner_blocks.0.0.weight")).toEqual(xavier(256));
    expect(start.get("backbone.fpn.layer_blocks.3.0.weight")).toEqual(xavier(9 * 256));
    expect(start.get("roi_heads.box_head.fc6.weight")).toEqual(xavier(12_544));
    for (const [head, std] of [
      ["cls_score", 0.01],
      ["bbox_pred", 0.001],
    ] as const) {
      const path = `roi_heads.box_predictor.${head}`;
      expect(start.get(`${path}.weight`)).toEqual({ kind: "record", name: "normal", arguments: { std } });
      expect(start.get(`${path}.bias`)).toMatchObject({ name: "zeros" });
    }
  });

  it("sees and learns at tiny", () => {
    const request = { path: "models/mask-rcnn/mask-rcnn.weft", preset: "tiny", settings: { detectron: true } };
    const found = evaluateModel({ ...request, entry: "detect", inputs: pictures });
    for (const [x1, y1, x2, y2] of boxesOf(found.boxes as Float64Array)) {
      expect([x1, y1].every((side) => side >= 0) && x2 <= 143 && y2 <= 95).toBe(true);
    }
    expect(found.count?.every((count) => count > 0)).toBe(true);
    const losses = evaluateModel({ ...request, entry: "losses", inputs: { ...pictures, ...objects } });
    // Nothing is known at first: four classes alike, and as often an object as none.
    expect(losses.class?.[0]).toBeCloseTo(Math.log(4), 1);
    expect(losses.objectness?.[0]).toBeCloseTo(Math.log(2), 1);
    expect((losses.mask?.[0] as number) > 0.3 && (losses.box?.[0] as number) > 0).toBe(true);
  });
});
