/** Training at `tiny` on the synthetic world, and its scores on 1000 samples that training has not seen. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openWeights, writeWeights } from "../../src/runtime/node.ts";
import { demoScores } from "../shared/demo-scores.ts";
import type { Recipe } from "../shared/recipe.ts";
import type { GroundingScores } from "./scores.ts";

const samples = 1000;
const rate = "--optimiser adam --lr 2e-3 --schedule polynomial --power 0.9";

/** Layers whose output is 0 without their own scale and shift: the phrase says nothing then. */
const lastLanguageNorm = /^mapping_lang\.5\.(weight|bias)$/;

export const recipe: Recipe = {
  file: "models/onestage-grounding/onestage-grounding.weft",
  runs: [
    {
      name: "network",
      options: `--entry loss --data models/onestage-grounding/training-data.ts --batch 32 --steps 3000 ${rate}`.split(
        " ",
      ),
    },
  ],
  score: async (weights) => {
    const found = scoresOf(weights("network"));
    const folder = mkdtempSync(join(tmpdir(), "weft-"));
    try {
      const deaf = join(folder, "deaf.safetensors");
      await copyWithoutPhrase(weights("network"), deaf);
      return {
        samples,
        accuracy: found.accuracy,
        "accuracy, by what it is like": found.attributeAccuracy,
        "accuracy, by where it stands": found.relationAccuracy,
        "mean IoU": found.meanOverlap,
        "accuracy without the phrase": scoresOf(deaf).accuracy,
      };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
  bars: { accuracy: 0.76, "accuracy, by where it stands": 0.7, "mean IoU": 0.6 },
};

function scoresOf(file: string): GroundingScores {
  return demoScores("onestage-grounding", ["--weights", file, "--test", String(samples)]);
}

/** The weights with a language feature that is 0, as an ablation: a random object is right for 26 %. */
async function copyWithoutPhrase(from: string, to: string): Promise<void> {
  const file = await openWeights(from);
  const tensors: Parameters<typeof writeWeights>[1][number][] = [];
  for (const [name, { shape }] of file.tensors) {
    const { data } = await file.read(name, "f32");
    tensors.push({
      name,
      dtype: "f32",
      shape,
      data: lastLanguageNorm.test(name) ? new Float32Array(data.length) : data,
    });
  }
  await file.close();
  await writeWeights(to, tensors);
}
