/** Training at `tiny` on scenes and questions of seed 1, and the scores of both networks on those that training has not seen. */
import type { Recipe, TrainingRun } from "../shared/recipe.ts";
import { heldOutScores } from "./scores.ts";

const file = "models/ns-vqa/ns-vqa.weft";

/** A run of Adam with a rate that rises for some steps and falls to 0. */
function run(name: string, model: string, data: string, options: string, from?: string): TrainingRun {
  const words = `--model ${model} --entry loss --data models/ns-vqa/${data}.ts --schedule cosine ${options}`;
  return { name, options: words.split(" "), ...(from !== undefined && { from }) };
}

const parser = "QuestionParser";
const reader = "AttributeNetwork";

export const recipe: Recipe = {
  file,
  runs: [
    run("cutouts", reader, "cutout-data", "--batch 25 --steps 2400 --lr 4e-3 --warmup 240"),
    run("objects", reader, "object-data", "--batch 20 --steps 1200 --lr 2e-3 --warmup 120", "cutouts"),
    run("parser-1", parser, "question-data", "--batch 64 --steps 400 --lr 3e-3 --warmup 20 --clip 1"),
    run(
      "parser-2",
      parser,
      "question-data",
      "--seed 1 --batch 64 --steps 230 --lr 2e-3 --warmup 10 --clip 1",
      "parser-1",
    ),
    run(
      "parser-3",
      parser,
      "long-question-data",
      "--seed 2 --batch 64 --steps 600 --lr 2e-3 --warmup 10 --clip 1",
      "parser-2",
    ),
  ],
  score: (weights) => heldOutScores({ parser: weights("parser-3"), attributes: weights("objects") }),
  bars: {
    answersOfWrittenProgramsOnTrueScenes: 0.998,
    answersOfTruePrograms: 0.998,
    answerAccuracy: 0.998,
    programAccuracy: 0.999,
    attributeAccuracy: 0.999,
  },
};
