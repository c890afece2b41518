/** Batches of the synthetic world (RefWorld, one object to a phrase) for the preset `tiny`. */
import type { Floats, WholeNumbers } from "../shared/arrays.ts";
import { type UniqueSample, uniqueSample, uniqueSide } from "../shared/refworld/unique.ts";
import { inputForm, prepareImage, worldNumbers } from "./preparation.ts";

/** Width and height of the masks that the preset gives. */
export const outputSide = uniqueSide / 2;

export interface WorldBatch {
  readonly samples: readonly UniqueSample[];
  readonly images: Floats;
  readonly ids: WholeNumbers;
  /** 1 where a mask covers more than half of 2 × 2 pixels. */
  readonly target: Floats;
}

/** The samples with these numbers of the set with this seed. */
export function worldBatch(seed: number, indices: readonly number[]): WorldBatch {
  const form = inputForm("tiny");
  const samples = indices.map((index) => uniqueSample(seed, index));
  const images = new Float32Array(samples.length * 3 * form.side ** 2);
  const ids = new Int32Array(samples.length * form.words);
  const target = new Float32Array(samples.length * outputSide ** 2);
  samples.forEach(({ picture, phrase, mask }, k) => {
    images.set(prepareImage(picture, form), k * 3 * form.side ** 2);
    ids.set(worldNumbers(phrase, form), k * form.words);
    target.set(halved(mask), k * outputSide ** 2);
  });
  return {
    samples,
    images: { shape: [samples.length, 3, form.side, form.side], data: images },
    ids: { shape: [samples.length, form.words], data: ids },
    target: { shape: [samples.length, outputSide, outputSide], data: target },
  };
}

function halved(mask: Uint8Array): Float32Array {
  return Float32Array.from({ length: outputSide ** 2 }, (_, place) => {
    const first = 2 * Math.floor(place / outputSide) * uniqueSide + 2 * (place % outputSide);
    const covered = [0, 1, uniqueSide, uniqueSide + 1].filter((step) => mask[first + step] === 1);
    return covered.length > 2 ? 1 : 0;
  });
}
