/**
 * Training batches of the synthetic world for `--preset tiny`: the 8000 samples of seed 1, drawn in any order. First `--entry
 * module_loss`, then `--entry mixing_loss`, which trains the mixing alone.
 */
import { drawsFrom } from "../shared/refworld/random-numbers.ts";
import { worldBatch } from "./world.ts";

const trainingSeed = 1;
const trainingSamples = 8_000;

/** Batch `from` and those after it; each follows from the seed and its number alone. */
export default function* batches({
  seed,
  batch,
  from,
}: {
  readonly seed: number;
  readonly batch: number;
  readonly from: number;
}) {
  for (let number = from; ; number++) {
    const draws = drawsFrom((Math.imul(seed, 0x9e3779b1) + Math.imul(number, 0xc2b2ae35)) >>> 0);
    const indices = Array.from({ length: batch }, () => draws.below(trainingSamples));
    const { inputs, G } = worldBatch(trainingSeed, indices);
    yield { ...inputs, G };
  }
}
