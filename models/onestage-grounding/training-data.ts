/** Training batches of the synthetic world for `--preset tiny --entry loss`: the 12,000 samples of seed 1, drawn in any order. */
import { trainingBatches } from "../shared/refworld/training-batches.ts";
import { uniqueSide } from "../shared/refworld/unique.ts";
import { inputForm } from "./preparation.ts";
import { worldBatch } from "./scores.ts";

export default trainingBatches(12_000, (seed, indices) => {
  const { image, input_ids, attention_mask, box } = worldBatch(seed, indices);
  const [B, L] = [indices.length, inputForm("tiny").length];
  return {
    image: { shape: [B, 3, uniqueSide, uniqueSide], data: image },
    input_ids: { shape: [B, L], data: input_ids },
    attention_mask: { shape: [B, L], data: attention_mask },
    box: { shape: [B, 4], data: box },
  };
});
