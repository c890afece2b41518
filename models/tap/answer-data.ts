/** Batches for `--entry answer_loss`: scenes with a question and its answer, each once in a round. */
import { type Batch, type BatchRequest, shuffledExamples } from "../../src/train/index.ts";
import { trainingScenes } from "./training-scenes.ts";
import { answerBatch } from "./world.ts";

/** Batch `from` and those after it; each follows from the seed and its number alone. */
export default function* batches({ seed, batch, from }: BatchRequest): Generator<Batch> {
  const scenes = trainingScenes();
  const examplesOf = shuffledExamples(scenes.examples, seed);
  for (let number = from; ; number++) yield answerBatch(scenes, examplesOf(number, batch));
}
