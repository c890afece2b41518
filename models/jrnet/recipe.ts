/** Training at `tiny` on the synthetic world, and its scores on 1000 samples that training has not seen. */
import { demoScores } from "../shared/demo-scores.ts";
import type { MaskScores } from "../shared/mask-scores.ts";
import type { Recipe } from "../shared/recipe.ts";

const rate = "--optimiser adamw --lr 3e-3 --schedule polynomial --power 0.9 --weight-decay 9e-5";

export const recipe: Recipe = {
  file: "models/jrnet/jrnet.weft",
  runs: [
    {
      name: "network",
      options: `--entry loss_ids --data models/jrnet/training-data.ts --batch 32 --steps 2000 ${rate}`.split(" "),
    },
  ],
  score: async (weights) => {
    const { all, attribute, relation } = demoScores<Readonly<Record<"all" | "attribute" | "relation", MaskScores>>>(
      "jrnet",
      ["--weights", weights("network"), "--test", "1000"],
    );
    return {
      samples: 1000,
      "overall IoU": all.overall,
      "mean IoU": all.mean,
      "Prec@0.5": all.precision["0.5"],
      "Prec@0.7": all.precision["0.7"],
      "Prec@0.9": all.precision["0.9"],
      "mean IoU, by what it is like": attribute.mean,
      "mean IoU, by where it stands": relation.mean,
    };
  },
  bars: { "overall IoU": 0.72, "mean IoU": 0.7, "Prec@0.5": 0.85, "mean IoU, by where it stands": 0.62 },
};
