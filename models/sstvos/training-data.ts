/**
 * Clips of the synthetic world for `weft train --preset tiny --set objects=3 --entry clip_loss`: a reference frame, a previous frame and a
 * target, up to three frames from one to the next, and half of the clips run backwards, as CFBI draws them (section 3.5), who has three targets.
 */
import type { Batch, BatchRequest } from "../../src/train/index.ts";
import { drawsOf } from "../shared/refworld/random-numbers.ts";
import { framePlanes } from "./frames.ts";
import { drawWatchedClip, watchedObjects, watchedSide } from "./world.ts";

/** Steps of the whole training: by their half the pixels that count have become the hardest 15 %. */
export const trainingSteps = 1200;

const clipFrames = 3;
const widestGap = 3;

/** Clips have seeds from here on; those before are held out. */
const firstTrainingSeed = 1_000_000;

/** Batch `from` and those after it; each follows from the seed and its number alone. */
export default function* batches({ seed, batch, from }: BatchRequest): Generator<Batch, never> {
  for (let number = from; ; number++) {
    const clips = Array.from({ length: batch }, (_, k) => trainingClip(seed, number * batch + k));
    const [size, pixels] = [watchedSide, watchedSide ** 2];
    const frames = new Float32Array(batch * clipFrames * 3 * pixels);
    const labels = new Int32Array(batch * clipFrames * pixels);
    clips.flat().forEach((frame, k) => {
      frames.set(frame.planes, k * 3 * pixels);
      labels.set(frame.labels, k * pixels);
    });
    yield {
      frames: { shape: [batch, clipFrames, 3, size, size], data: frames },
      frameIndex: { shape: [batch, clipFrames], data: Int32Array.from(clips.flat(), (frame) => frame.number) },
      labels: { shape: [batch, clipFrames, size, size], data: labels },
      step_number: { shape: [batch], data: new Float32Array(batch).fill(number) },
      total_steps: { shape: [batch], data: new Float32Array(batch).fill(trainingSteps) },
    };
  }
}

interface ClipFrame {
  /** Its place in the clip as it is shown, in frames. */
  readonly number: number;
  readonly planes: Float32Array;
  readonly labels: Int32Array;
}

function trainingClip(seed: number, index: number): readonly ClipFrame[] {
  const draws = drawsOf(seed, index);
  const numbers = [0];
  while (numbers.length < clipFrames) numbers.push((numbers.at(-1) as number) + 1 + draws.below(widestGap));
  const last = numbers.at(-1) as number;
  const backwards = draws.uniform() < 0.5;
  const times = numbers.map((number) => (backwards ? last - number : number));
  const { frames, labels } = drawWatchedClip(firstTrainingSeed + seed * 10_000_000 + index, times);
  return frames.map((frame, k) => ({
    number: numbers[k] as number,
    planes: framePlanes(frame, [watchedSide, watchedSide]),
    labels: labels[k]?.data ?? new Int32Array(),
  }));
}

/** Objects with the background, as the network counts them. */
export const networkObjects = watchedObjects + 1;
