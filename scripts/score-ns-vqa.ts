/**
 * How often the trained networks of NS-VQA are right on scenes and questions of the synthetic world that training has not seen: programs,
 * attributes, and answers, with true masks. Writes models/ns-vqa/RESULTS.json.
 *
 *     npx tsx scripts/score-ns-vqa.ts PARSER.safetensors ATTRIBUTES.safetensors
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { attributeOutputs, sceneOf } from "../models/ns-vqa/attributes.ts";
import { answerText, execute, executeProgram } from "../models/ns-vqa/executor.ts";
import { questionTable } from "../models/ns-vqa/question-data.ts";
import { attributes, type Scene } from "../models/ns-vqa/scene.ts";
import { decode, programWords, wordId } from "../models/ns-vqa/vocabulary.ts";
import {
  drawPicture,
  drawWorld,
  imageHeight,
  imageWidth,
  objectInputs,
  programPlaces,
  questionPlaces,
} from "../models/ns-vqa/world.ts";
import { type CompileOptions, compile } from "../src/index.ts";
import { openWeights } from "../src/runtime/node.ts";

const [parserWeights, attributeWeights] = process.argv.slice(2);
if (parserWeights === undefined || attributeWeights === undefined) {
  throw new Error("give two files of weights: those of QuestionParser and those of AttributeNetwork");
}
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const path = "models/ns-vqa/ns-vqa.weft";
const read = (wanted: string): string => readFileSync(join(root, wanted), "utf8");

/** Held-out data: another part of the world of training. */
const request = { seed: 1, split: "test", scenes: 200, questions: 1_000 } as const;
const questionBatch = 100;
const objectBatch = 50;
/** Coordinates that are closer to the truth than this order the objects of a scene rightly. */
const closeEnough = 0.2;

async function network(file: string, options: CompileOptions) {
  const weights = await openWeights(file);
  try {
    return await compile(read(path), {
      path,
      preset: "tiny",
      ...options,
      parameters: async (name) => {
        if (!weights.tensors.has(name)) throw new Error(`${file} lacks ${name}`);
        return weights.read(name, "f32");
      },
    });
  } finally {
    await weights.close();
  }
}

const world = drawWorld(request);

/** Programs that the parser writes, without what follows `<END>`; one without it keeps all its tokens. */
async function writtenPrograms(file: string): Promise<{ adapter: string; programs: readonly (readonly string[])[] }> {
  const settings = { B: questionBatch, L: questionPlaces };
  const parser = await network(file, { model: "QuestionParser", entry: "parse", settings });
  const table = questionTable(world.questions);
  const ids = table.fields.get("questions")?.data as Int32Array<ArrayBuffer>;
  const programs: (readonly string[])[] = [];
  for (let first = 0; first < table.examples; first += questionBatch) {
    const questions = ids.slice(first * questionPlaces, (first + questionBatch) * questionPlaces);
    const written = (await parser.run({ questions })).programs as Int32Array;
    for (let row = 0; row < questionBatch; row++) {
      const program = Array.from(written.subarray(row * programPlaces, (row + 1) * programPlaces));
      const end = program.indexOf(wordId.end);
      programs.push(decode(end < 0 ? program : program.slice(0, end + 1), programWords));
    }
  }
  parser.dispose();
  return { adapter: parser.adapter, programs };
}

/** The scene tables that the attribute network reads from pictures and true masks. */
async function readScenes(file: string): Promise<readonly Scene[]> {
  const settings = { B: objectBatch, H: imageHeight, W: imageWidth };
  const reader = await network(file, { model: "AttributeNetwork", entry: "scores", settings });
  const size = 6 * imageHeight * imageWidth;
  const counts = world.scenes.map((scene) => scene.length);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const scores = new Float32Array(total * attributeOutputs);
  const batch = new Float32Array(objectBatch * size);
  let done = 0;
  const runBatch = async (filled: number) => {
    const found = Object.values(await reader.run({ objects: batch }))[0] as Float32Array;
    scores.set(found.subarray(0, filled * attributeOutputs), done * attributeOutputs);
    done += filled;
  };
  let filled = 0;
  for (const [number, scene] of world.scenes.entries()) {
    for (const input of objectInputs(drawPicture(scene, request.seed, `${request.split}${number}`))) {
      batch.set(input, filled++ * size);
      if (filled < objectBatch) continue;
      await runBatch(filled);
      filled = 0;
    }
  }
  if (filled > 0) await runBatch(filled);
  reader.dispose();
  let start = 0;
  return counts.map((count, number) => {
    const end = start + count * attributeOutputs;
    const found = sceneOf(scores.subarray(start, end), number);
    start = end;
    return found;
  });
}

const share = (right: number, all: number) => Math.round((1e4 * right) / all) / 1e4;
const countOf = <T>(things: readonly T[], holds: (thing: T, place: number) => boolean) => things.filter(holds).length;

const { adapter, programs } = await writtenPrograms(parserWeights);
const scenes = await readScenes(attributeWeights);
const { questions } = world;
const questionShare = (holds: (question: (typeof questions)[number], place: number) => boolean) =>
  share(countOf(questions, holds), questions.length);
const written = (place: number) => programs[place] as readonly string[];
const table = (number: number) => scenes[number] as Scene;
const truth = (number: number) => world.scenes[number] as Scene;

const pairs = world.scenes.flatMap((scene, number) =>
  scene.map((object, place) => ({ object, found: table(number)[place] as Scene[number] })),
);
const pairShare = (holds: (pair: (typeof pairs)[number]) => boolean) => share(countOf(pairs, holds), pairs.length);
const byAttribute = Object.fromEntries(
  attributes.map((attribute) => [attribute, pairShare(({ object, found }) => object[attribute] === found[attribute])]),
);
const deviations = (axis: 0 | 1 | 2) =>
  pairs.map(({ object, found }) => Math.abs(object.position[axis] - found.position[axis]));
const meanDeviation = (axis: 0 | 1 | 2) =>
  share(
    deviations(axis).reduce((sum, value) => sum + value, 0),
    pairs.length,
  );
const results = {
  what: "held-out questions and scenes of the synthetic world, preset tiny, true masks; no detector",
  questions: questions.length,
  objects: pairs.length,
  programAccuracy: questionShare(({ program }, place) => [...program, "<END>"].join(" ") === written(place).join(" ")),
  attributeAccuracy: share(
    attributes.reduce((sum, name) => sum + countOf(pairs, ({ object, found }) => object[name] === found[name]), 0),
    attributes.length * pairs.length,
  ),
  answerAccuracy: questionShare(
    ({ answer, scene }, place) => answerText(execute(written(place), table(scene))) === answer,
  ),
  answersOfWrittenProgramsOnTrueScenes: questionShare(
    ({ answer, scene }, place) => answerText(execute(written(place), truth(scene))) === answer,
  ),
  answersOfTruePrograms: questionShare(
    ({ answer, scene, program }) => answerText(executeProgram(program, table(scene))) === answer,
  ),
  attributes: byAttribute,
  coordinatesWithin: {
    distance: closeEnough,
    share: share(
      [0, 1, 2].reduce((sum, axis) => sum + countOf(deviations(axis as 0 | 1 | 2), (value) => value < closeEnough), 0),
      3 * pairs.length,
    ),
  },
  meanDeviation: { right: meanDeviation(0), front: meanDeviation(1), height: meanDeviation(2) },
  command: "npx tsx scripts/train-ns-vqa.ts FOLDER",
  machine: { processor: cpus()[0]?.model ?? "unknown", cores: cpus().length, device: adapter },
};
writeFileSync(join(root, "models/ns-vqa/RESULTS.json"), `${JSON.stringify(results, null, 2)}\n`);
console.log(JSON.stringify(results, null, 2));
