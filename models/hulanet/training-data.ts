/**
 * Training batches of the synthetic world for `--preset tiny`: the 8000 samples of seed 1, drawn in any order. First `--entry
 * module_loss`, then `--entry mixing_loss`, which trains the mixing alone.
 */
import { trainingBatches } from "../shared/refworld/training-batches.ts";
import { worldBatch } from "./world.ts";

export default trainingBatches(8_000, (seed, indices) => {
  const { inputs, G } = worldBatch(seed, indices);
  return { ...inputs, G };
});
