/** What SSTVOS is trained on: clips whose frames are segmented one after another, dropout, and thinned reference frames. */
import { describe, expect, it } from "vitest";
import { differences, evaluateModel, type ModelRequest, type Values } from "./compile-model.ts";
import { hashed, readSstvosCases } from "./sstvos-case.ts";

const [{ request }] = (await readSstvosCases("test/fixtures/sstvos/torch.safetensors")).filter(
  ({ name }) => name === "grid",
) as unknown as [{ request: ModelRequest }];
const [frameCount, side] = [5, 33];
const [H0, W0] = [20, 24];
const numbers = (shape: readonly number[], data: readonly number[]): Values => ({ shape, data });
const scalar = (value: number) => numbers([], [value]);
const pixels = 3 * side * side;
const clip = Array.from({ length: frameCount * pixels }, (_, k) => 4 * hashed(77, k) - 2);
const area = H0 * W0;
const truth = Array.from({ length: frameCount * area }, (_, k) => {
  const [frame, place] = [Math.floor(k / area), k % area];
  return Math.floor(
    3 * hashed(78, 4 * frame + 2 * Math.floor(place / (area / 2)) + Math.floor((place % W0) / (W0 / 2))),
  );
});
const frameIndex = [0, 3, 5, 6, 8];

const common: ModelRequest = {
  path: request.path,
  preset: "tiny",
  settings: { objects: 3 },
  parameters: request.parameters,
};

function clipLoss(step: number, more: Partial<ModelRequest> & { readonly seed?: number } = {}): number {
  const { seed = 0, settings, ...rest } = more;
  const inputs = {
    frames: numbers([frameCount, 3, side, side], clip),
    frameIndex: numbers([frameCount], frameIndex),
    labels: numbers([frameCount, H0, W0], truth),
    step_number: scalar(step),
    total_steps: scalar(100),
    seed: scalar(seed),
  };
  const given = { ...common, ...rest, settings: { ...common.settings, ...settings }, entry: "clip_loss", inputs };
  return evaluateModel(given).clip_loss?.[0] as number;
}

/** Frames of the window of frame p, and which of them are padding: written down as the video loop has them. */
const windows: Readonly<Record<number, readonly (readonly [frames: readonly number[], padded: readonly number[]])[]>> =
  {
    2: [
      [[1, 2], []],
      [[2, 3], []],
      [[3, 4], []],
    ],
    4: [
      [[0, 0, 1, 2], [1]],
      [[0, 1, 2, 3], []],
      [[0, 2, 3, 4], []],
    ],
  };

/** Segments one frame by the entries of a video, from features of the frames and labels that are known. */
function segmented(window: readonly number[], padded: readonly number[], known: readonly (readonly number[])[]) {
  const { features, low } = evaluateModel({
    ...common,
    entry: "encode",
    inputs: { frames: numbers([frameCount, 3, side, side], clip) },
  });
  const [h, n] = [9, window.length];
  const of = (all: Float64Array | undefined, frame: number) => {
    const size = (all?.length ?? 0) / frameCount;
    return Array.from((all as Float64Array).subarray(frame * size, (frame + 1) * size));
  };
  const [pyramid, fine] = [features, low].map((all) => (all?.length ?? 0) / frameCount / h / h) as [number, number];
  const current = window.at(-1) as number;
  return evaluateModel({
    ...common,
    entry: "decode",
    inputs: {
      features: numbers(
        [n, pyramid, h, h],
        window.flatMap((frame) => of(features, frame)),
      ),
      low: numbers([fine, h, h], of(low, current)),
      frameIndex: numbers(
        [n],
        window.map((frame) => frameIndex[frame] as number),
      ),
      keyValid: numbers(
        [n],
        window.map((_, j) => Number(!padded.includes(j))),
      ),
      labels: numbers(
        [n - 1, H0, W0],
        window.slice(0, -1).flatMap((frame) => known[frame] as readonly number[]),
      ),
      references: numbers([1, pyramid, h, h], of(features, 0)),
      referenceLabels: numbers([1, H0, W0], known[0] as readonly number[]),
    },
  });
}

/** Mean of the K hardest pixels' cross-entropies. */
function hardestMean(logits: ArrayLike<number>, target: readonly number[], step: number): number {
  const losses = target.map((label, pixel) => {
    const scores = [0, 1, 2].map((o) => logits[o * area + pixel] as number);
    return Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0)) - (scores[label] as number);
  });
  const r = Math.min(1, step / 50);
  const K = Math.floor((0.15 * r + (1 - r)) * area);
  const hardest = losses.sort((a, b) => b - a).slice(0, K);
  return hardest.reduce((sum, loss) => sum + loss, 0) / K;
}

describe("the loss of a clip", () => {
  const labelsOf = (frame: number) => truth.slice(frame * area, (frame + 1) * area);
  it.each([
    ["the true labels in the first half of the steps", 4, 10],
    ["the labels found afterwards", 4, 50],
    ["the previous frame alone in a window of two", 2, 80],
  ])("is the mean over its frames, each from %s", (_, window, step) => {
    const known = Array.from({ length: frameCount }, (_, frame) => labelsOf(frame));
    const losses = (windows[window] ?? []).map(([frames, padded], k) => {
      const { logits, prediction } = segmented(frames, padded, known);
      if (step >= 50) known[k + 2] = Array.from(prediction ?? []);
      return hardestMean(logits ?? [], labelsOf(k + 2), step);
    });
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    expect(clipLoss(step, { settings: { window } }) / mean).toBeCloseTo(1, 6);
    if (step >= 50) expect(known[3]).not.toEqual(labelsOf(3));
  });

  it("has dropout by its seed while training, and none else", () => {
    const [one, two] = [clipLoss(10, { training: true, seed: 1 }), clipLoss(10, { training: true, seed: 2 })];
    const still = clipLoss(10, { training: true, seed: 1, settings: { dropout: 0 } });
    expect(one).not.toBe(two);
    expect(one).not.toBe(still);
    expect(still).toBe(clipLoss(10));
  });
});

describe("reference frames with every second pixel", () => {
  it("are matched as those with the other pixels belonging to no object", () => {
    const text = `
use ../../models/cfbi/matching: global_matching

fn matched<C, R, O, h, w>(e: f32[C, h, w], e_R: f32[R, C, h, w], label: i32[R, h, w], bias: f32[O], stride: size) -> f32[O, h, w] {
  return global_matching(e, e_R, label, bias, stride, pairs: 100)
}`;
    const path = "test/models/matched.weft";
    const draw = (shape: readonly number[], salt: number) =>
      numbers(
        shape,
        Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, k) => hashed(salt, k)),
      );
    const label = draw([2, 5, 6], 3);
    const labels = Array.from(label.data, (u) => Math.floor(2 * u));
    const thin = labels.map((value, k) => ((Math.floor(k / 6) % 5) % 2 === 0 && (k % 6) % 2 === 0 ? value : -1));
    const inputs = { e: draw([3, 5, 6], 1), e_R: draw([2, 3, 5, 6], 2), bias: numbers([2], [0.1, -0.2]) };
    const run = (stride: number, data: readonly number[]) =>
      evaluateModel({
        path,
        texts: { [path]: text },
        entry: "matched",
        settings: { stride },
        inputs: { ...inputs, label: numbers([2, 5, 6], data) },
      }).matched ?? [];
    expect(differences(run(2, labels), run(1, thin)).absolute).toBeLessThan(1e-12);
    expect(differences(run(2, labels), run(1, labels)).absolute).toBeGreaterThan(1e-3);
  });
});
