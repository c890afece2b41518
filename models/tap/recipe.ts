/** Training at `tiny` on the synthetic world: pre-training, answers from its weights, and answers from nothing to compare with. */
import type { Recipe } from "../shared/recipe.ts";
import { answerScores, pretrainingScores } from "./scores.ts";
import { heldOutScenes } from "./training-scenes.ts";

/** The rate falls to a tenth for the last 15 % of the steps. */
const options = (entry: string, data: string, steps: number): readonly string[] =>
  (
    `--entry ${entry} --data models/tap/${data} --batch 64 --steps ${steps} --lr 1e-3 --clip 0.25 ` +
    `--schedule milestones --decay-at ${0.85 * steps} --warmup 300 --warmup-from 0.2`
  ).split(" ");

const answers = options("answer_loss", "answer-data.ts", 4000);

export const recipe: Recipe = {
  file: "models/tap/tap.weft",
  runs: [
    { name: "pretraining", options: options("pretraining_loss", "pretraining-data.ts", 3000) },
    { name: "answers", options: answers, from: "pretraining" },
    { name: "answers-alone", options: answers },
  ],
  score: async (weights) => {
    const scenes = heldOutScenes();
    const pretraining = await pretrainingScores(scenes, weights("pretraining"));
    const after = await answerScores(scenes, weights("answers"));
    const alone = await answerScores(scenes, weights("answers-alone"));
    return {
      scenes: scenes.examples,
      RPP: pretraining.relations,
      ITM: pretraining.matching,
      MLM: pretraining.maskedWords,
      "MLM on OCR and object words": pretraining.maskedSeenWords,
      answers: after.all,
      "answers by kind": after.byKind,
      "answers without pre-training": alone.all,
      "answers without pre-training by kind": alone.byKind,
      "gain of pre-training": Math.round(1e4 * (after.all - alone.all)) / 1e4,
    };
  },
  bars: { RPP: 0.98, ITM: 0.95, "MLM on OCR and object words": 0.78, answers: 0.8, "gain of pre-training": 0.2 },
};
