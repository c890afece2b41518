/** The order in which the samples of RefWorld's training set are drawn: any of them in any batch. */
import type { Batch, BatchRequest } from "../../../src/train/index.ts";
import { drawsFrom } from "./random-numbers.ts";

/** The seed of the training set. */
const trainingSeed = 1;

/**
 * Batch `from` and those after it; each follows from the seed and its number alone.
 *
 * @param samples  the training set has those from 0 to before this
 * @param batchOf  the batch of the samples with these numbers of the set with this seed
 */
export function trainingBatches<Made extends Batch>(
  samples: number,
  batchOf: (seed: number, indices: readonly number[]) => Made,
): (request: BatchRequest) => Generator<Made, never> {
  return function* batches({ seed, batch, from }) {
    for (let number = from; ; number++) {
      const draws = drawsFrom((Math.imul(seed, 0x9e3779b1) + Math.imul(number, 0xc2b2ae35)) >>> 0);
      const indices = Array.from({ length: batch }, () => draws.below(samples));
      yield batchOf(trainingSeed, indices);
    }
  };
}
