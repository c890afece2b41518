/** Clips on which SSTVOS is trained and scored, and the scores. */
import { describe, expect, it } from "vitest";
import type { Labels } from "../../models/sstvos/frames.ts";
import { boundaryAgreement, stillScores, videoScores } from "../../models/sstvos/scores.ts";
import batches, { networkObjects, trainingSteps } from "../../models/sstvos/training-data.ts";
import { drawClip, drawWatchedClip, watchedObjects, watchedSide } from "../../models/sstvos/world.ts";

/** A square of object 1 with its upper left corner at (x, y). */
function square(x: number, y: number, side = 8): Labels {
  const [width, height] = [40, 30];
  const data = Int32Array.from({ length: width * height }, (_, pixel) => {
    const [u, v] = [(pixel % width) - x, Math.floor(pixel / width) - y];
    return Number(u >= 0 && u < side && v >= 0 && v < side);
  });
  return { width, height, data, objects: 1 };
}

describe("boundaries", () => {
  // The diagonal is 50 pixels long, so a boundary may be off by one.
  it("agree where they are one pixel apart, and not where they are three", () => {
    const want = square(10, 10);
    expect(boundaryAgreement(want.data, want, 1)).toBe(1);
    expect(boundaryAgreement(square(11, 10).data, want, 1)).toBe(1);
    const far = boundaryAgreement(square(13, 10).data, want, 1);
    expect(far).toBeGreaterThan(0.3);
    expect(far).toBeLessThan(0.8);
    expect(boundaryAgreement(square(25, 10).data, want, 1)).toBe(0);
  });

  it("weigh what is missed and what is too much", () => {
    const [want, nothing] = [square(10, 10), new Int32Array(1200)];
    expect(boundaryAgreement(nothing, want, 1)).toBe(0);
    expect(boundaryAgreement(want.data, { ...want, data: nothing }, 1)).toBe(0);
    expect(boundaryAgreement(nothing, { ...want, data: nothing }, 1)).toBe(1);
    // Of two squares as large, one is right: precision 1/2, recall 1.
    const two = want.data.map((label, pixel) => label || (square(25, 10).data[pixel] as number));
    expect(boundaryAgreement(two, want, 1)).toBeCloseTo(2 / 3, 12);
  });
});

describe("scores of clips", () => {
  const clips = [0, 1, 2].map((seed) => drawWatchedClip(seed, 4));
  const truth = clips.map(({ labels }) => labels.map(({ data }) => data));

  it("are 1 for the true masks, and do not count the first frame", () => {
    expect(videoScores(clips, truth)).toEqual({ J: 1, F: 1, lastJ: 1 });
    const empty = truth.map((frames) => frames.map((data, k) => (k === 0 ? data : data.map(() => 0))));
    expect(videoScores(clips, empty)).toEqual({ J: 0, F: 0, lastJ: 0 });
    expect(() => videoScores(clips, [])).toThrow("frame 0 of clip 0");
  });

  it("fall with time for masks that stay where they are", () => {
    const still = stillScores(clips);
    expect(still.J).toBeLessThan(0.8);
    expect(still.lastJ).toBeLessThan(still.J);
  });
});

describe("clips with a bystander", () => {
  it("have masks of two of three shapes, which differ from clip to clip", () => {
    const missing = new Set<number>();
    for (let seed = 0; seed < 12; seed++) {
      const side = watchedSide;
      const { labels } = drawWatchedClip(seed, 1);
      const all = drawClip({ seed, width: side, height: side, frames: 1, objects: watchedObjects + 1 });
      const [given, shapes] = [labels[0]?.data ?? [], all.labels[0]?.data ?? []];
      const meant = new Map<number, Set<number>>();
      given.forEach((label, pixel) => {
        const shape = shapes[pixel] as number;
        meant.set(shape, (meant.get(shape) ?? new Set()).add(label));
      });
      expect(meant.get(0)).toEqual(new Set([0]));
      const objects = [1, 2, 3].map((shape) => [...(meant.get(shape) ?? [])]);
      expect(objects.flat().sort()).toEqual([0, 1, 2]);
      missing.add(objects.findIndex(([label]) => label === 0));
    }
    expect(missing).toEqual(new Set([0, 1, 2]));
  });
});

describe("training clips", () => {
  const take = (seed: number, from: number) => batches({ seed, batch: 2, from }).next().value;

  it("follow from the seed and the number of the batch", () => {
    const source = batches({ seed: 3, batch: 2, from: 5 });
    source.next();
    const sixth = source.next().value;
    expect(sixth).toEqual(take(3, 6));
    expect(sixth.frames?.data).not.toEqual(take(3, 5).frames?.data);
    expect(sixth.frames?.data).not.toEqual(take(4, 6).frames?.data);
  });

  it("have three frames at most three apart, labels of both objects, and the step of the training", () => {
    const { frames, frameIndex, labels, step_number, total_steps } = take(0, 7);
    expect(frames?.shape).toEqual([2, 3, 3, watchedSide, watchedSide]);
    expect(labels?.shape).toEqual([2, 3, watchedSide, watchedSide]);
    expect(new Set(labels?.data).size).toBe(networkObjects);
    expect(Array.from(step_number?.data ?? [])).toEqual([7, 7]);
    expect(Array.from(total_steps?.data ?? [])).toEqual([trainingSteps, trainingSteps]);
    for (const clip of [0, 1]) {
      const numbers = Array.from(frameIndex?.data.subarray(3 * clip, 3 * clip + 3) ?? []);
      expect(numbers[0]).toBe(0);
      for (const [k, number] of numbers.slice(1).entries()) {
        const gap = number - (numbers[k] as number);
        expect(gap).toBeGreaterThanOrEqual(1);
        expect(gap).toBeLessThanOrEqual(3);
      }
    }
  });
});
