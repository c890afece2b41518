/**
 * Training batches for `QuestionParser` with `--entry loss`: questions of the synthetic world and the programs they mean, of 20,000 of seed 1
 * over 1,500 scenes, each once in a round. One in fifty is longer than 32 words and left out, so that batches need not be padded to its length;
 * long-question-data.ts has them all.
 */
import { type Batch, type BatchRequest, cutBatch, shuffledExamples } from "../../src/train/index.ts";
import { encode, programWords } from "./vocabulary.ts";
import {
  drawWorld,
  programPlaces,
  type Question,
  questionPlaces,
  type WorldRequest,
  worldQuestionWords,
} from "./world.ts";

/** The seed of the training world, and how much of it is drawn. */
export const questionTraining = { seed: 1, split: "train", scenes: 1_500, questions: 20_000 } as const;

/** Places of all but the longest questions, with both marks. */
export const shortPlaces = 34;

/** Questions and programs as ids: i32[n, places] and i32[n, programPlaces]. */
export function questionTable(questions: readonly Question[], places: number = questionPlaces) {
  const fields = new Map([
    ["questions", rows(places, (question) => encode(question.words, worldQuestionWords, places))],
    ["programs", rows(programPlaces, (question) => encode(question.program, programWords, programPlaces))],
  ]);
  return { examples: questions.length, fields };

  function rows(length: number, idsOf: (question: Question) => Int32Array) {
    const data = new Int32Array(questions.length * length);
    questions.forEach((question, row) => {
      data.set(idsOf(question), row * length);
    });
    return { shape: [length], data };
  }
}

/** Batches of the questions that have no more than `places` words with both marks; each follows from the seed and its number alone. */
export function questionBatches(
  places: number,
  world: WorldRequest = questionTraining,
): (request: BatchRequest) => Generator<Batch> {
  return function* ({ seed, batch, from }) {
    const { questions } = drawWorld(world);
    const table = questionTable(
      questions.filter(({ words }) => words.length + 2 <= places),
      places,
    );
    const examplesOf = shuffledExamples(table.examples, seed);
    for (let number = from; ; number++) yield cutBatch(table, examplesOf(number, batch));
  };
}

export default questionBatches(shortPlaces);
