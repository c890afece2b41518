/** How well boxes are found, and the synthetic world as batches (section 5 of the paper measures the share of boxes with IoU above 1/2). */
import { encodeText } from "../bert/wordpiece.ts";
import { planesOf } from "../shared/pictures.ts";
import { type UniqueSample, uniqueSample, uniqueSide } from "../shared/refworld/unique.ts";
import type { PixelBox } from "../shared/resizing.ts";
import { inputForm, smallVocabulary } from "./preparation.ts";

/** Area that two boxes share, divided by the area that they cover; 0 where they do not meet. */
export function intersectionOverUnion(a: PixelBox, b: PixelBox): number {
  const area = ([x1, y1, x2, y2]: PixelBox) => Math.max(x2 - x1, 0) * Math.max(y2 - y1, 0);
  const shared = area([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  const covered = area(a) + area(b) - shared;
  return covered > 0 ? shared / covered : 0;
}

/** A batch of the synthetic world as the inputs of `loss`; without `box` those of `ground`. */
export interface WorldBatch {
  readonly samples: readonly UniqueSample[];
  /** f32[B, 3, 64, 64], (x - 0.5) / 0.25. */
  readonly image: Float32Array<ArrayBuffer>;
  /** i32[B, 12] and bool[B, 12]. */
  readonly input_ids: Int32Array<ArrayBuffer>;
  readonly attention_mask: Uint8Array<ArrayBuffer>;
  /** f32[B, 4]: corners in pixels. */
  readonly box: Float32Array<ArrayBuffer>;
}

/** Samples of the set with this seed by their numbers. Pictures have the network's size already, so no letterbox changes them. */
export function worldBatch(seed: number, indices: readonly number[]): WorldBatch {
  const { length, normalisation } = inputForm("tiny");
  const vocabulary = smallVocabulary();
  const samples = indices.map((index) => uniqueSample(seed, index));
  const pixels = 3 * uniqueSide ** 2;
  const batch = {
    samples,
    image: new Float32Array(samples.length * pixels),
    input_ids: new Int32Array(samples.length * length),
    attention_mask: new Uint8Array(samples.length * length),
    box: Float32Array.from(samples.flatMap(({ box }) => box)),
  };
  samples.forEach(({ picture, phrase }, b) => {
    const { ids, mask } = encodeText(vocabulary, phrase, length);
    batch.image.set(planesOf(picture, normalisation).data, b * pixels);
    batch.input_ids.set(ids, b * length);
    batch.attention_mask.set(mask, b * length);
  });
  return batch;
}

/** Shares from 0 to 1; NaN where there is no such phrase. */
export interface GroundingScores {
  /** Boxes with an IoU above 1/2. */
  readonly accuracy: number;
  /** The same among phrases that say what an object is like, and where it stands. */
  readonly attributeAccuracy: number;
  readonly relationAccuracy: number;
  readonly meanOverlap: number;
}

/** Scores of boxes found for samples, f32[B, 4] in their order. */
export function groundingScores(samples: readonly UniqueSample[], boxes: ArrayLike<number>): GroundingScores {
  const overlaps = samples.map(({ box, kind }, b) => {
    const [x1, y1, x2, y2] = [0, 1, 2, 3].map((k) => boxes[4 * b + k] as number);
    const found = [x1, y1, x2, y2] as unknown as PixelBox;
    return { kind, overlap: intersectionOverUnion(found, box) };
  });
  const meanOf = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const hits = (wanted: readonly (typeof overlaps)[number][]) =>
    meanOf(wanted.map(({ overlap }) => (overlap > 0.5 ? 1 : 0)));
  return {
    accuracy: hits(overlaps),
    attributeAccuracy: hits(overlaps.filter(({ kind }) => kind === "attribute")),
    relationAccuracy: hits(overlaps.filter(({ kind }) => kind === "relation")),
    meanOverlap: meanOf(overlaps.map(({ overlap }) => overlap)),
  };
}
