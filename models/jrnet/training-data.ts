/** Training batches of the synthetic world for `--preset tiny --entry loss_ids`: the 12,000 samples of seed 1, drawn in any order. */
import { trainingBatches } from "../shared/refworld/training-batches.ts";
import { worldBatch } from "./world.ts";

export default trainingBatches(12_000, (seed, indices) => {
  const { images, ids, target } = worldBatch(seed, indices);
  return { images, ids, target };
});
