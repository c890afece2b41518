/** Training at `tiny` on clips of the synthetic world, and its scores on 100 clips that training has not seen. */
import { demoScores } from "../shared/demo-scores.ts";
import type { Recipe } from "../shared/recipe.ts";
import type { VideoScores } from "./scores.ts";
import { networkObjects, trainingSteps } from "./training-data.ts";

/** The first frame, the previous and the current one. */
const window = 3;
const clips = ["--test", "100", "--window", String(window)];
const sizes = `--set objects=${networkObjects} --set window=${window}`;
const data = `--entry clip_loss ${sizes} --data models/sstvos/training-data.ts`;
const rate = "--optimiser adam --lr 2e-3 --schedule polynomial --power 0.9 --warmup 50";

type Found = VideoScores & { readonly still: VideoScores };

export const recipe: Recipe = {
  file: "models/sstvos/sstvos.weft",
  runs: [
    {
      name: "network",
      options: `${data} --batch 4 --steps ${trainingSteps} --clip 5 ${rate}`.split(" "),
    },
  ],
  score: async (weights) => {
    const { still, ...trained } = demoScores<Found>("sstvos", [...clips, "--weights", weights("network")]);
    const { still: _, ...untrained } = demoScores<Found>("sstvos", [...clips, "--untrained"]);
    return { clips: 100, ...trained, "first masks left where they are": still, untrained };
  },
  bars: {},
};
