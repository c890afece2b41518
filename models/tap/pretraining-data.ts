/** Batches for `--entry pretraining_loss`: words masked, texts polluted and pairs drawn anew in every batch. */
import { type Batch, type BatchRequest, shuffledExamples } from "../../src/train/index.ts";
import { diceOf } from "../shared/dice.ts";
import { trainingScenes } from "./training-scenes.ts";
import { pretrainingBatch } from "./world.ts";

/** Batch `from` and those after it; each follows from the seed and its number alone. */
export default function* batches({ seed, batch, from }: BatchRequest): Generator<Batch> {
  const scenes = trainingScenes();
  const examplesOf = shuffledExamples(scenes.examples, seed);
  for (let number = from; ; number++) {
    yield pretrainingBatch(scenes, examplesOf(number, batch), diceOf(seed, `tap.pretraining.${number}`));
  }
}
