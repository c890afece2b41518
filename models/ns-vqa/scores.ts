/**
 * How often the trained networks are right on scenes and questions of the synthetic world that training has not seen: programs,
 * attributes, and answers, with true masks and without the detector.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type CompileOptions, compile } from "../../src/index.ts";
import { openWeights } from "../../src/runtime/node.ts";
import type { Scores } from "../shared/recipe.ts";
import { attributeOutputs, sceneOf } from "./attributes.ts";
import { answerText, execute, executeProgram } from "./executor.ts";
import { questionTable } from "./question-data.ts";
import { attributes, type Scene } from "./scene.ts";
import { decode, programWords, wordId } from "./vocabulary.ts";
import {
  drawPicture,
  drawWorld,
  imageHeight,
  imageWidth,
  objectInputs,
  programPlaces,
  type Question,
  questionPlaces,
  type WorldData,
} from "./world.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const path = "models/ns-vqa/ns-vqa.weft";
const read = (wanted: string): string => readFileSync(join(root, wanted), "utf8");

/** Another part of the world of training. */
const heldOut = { seed: 1, split: "test", scenes: 600, questions: 12_000 } as const;

/** Of the questions, as many as the parser reads. */
const parsedQuestions = 2_000;

const questionBatch = 100;
const objectBatch = 50;

/** Coordinates that are closer to the truth than this order the objects of a scene rightly. */
const closeEnough = 0.2;

/** An entry with trained weights at `tiny`. */
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

/** Programs that the parser writes, without what follows `<END>`; one without it keeps all its tokens. */
async function writtenPrograms(file: string, questions: readonly Question[]): Promise<readonly (readonly string[])[]> {
  const settings = { B: questionBatch, L: questionPlaces };
  const parser = await network(file, { model: "QuestionParser", entry: "parse", settings });
  const ids = questionTable(questions).fields.get("questions")?.data as Int32Array<ArrayBuffer>;
  const programs: (readonly string[])[] = [];
  for (let first = 0; first < questions.length; first += questionBatch) {
    const batch = new Int32Array(questionBatch * questionPlaces);
    batch.set(ids.subarray(first * questionPlaces, (first + questionBatch) * questionPlaces));
    const written = (await parser.run({ questions: batch })).programs as Int32Array;
    for (let row = 0; row < Math.min(questionBatch, questions.length - first); row++) {
      const program = Array.from(written.subarray(row * programPlaces, (row + 1) * programPlaces));
      const end = program.indexOf(wordId.end);
      programs.push(decode(end < 0 ? program : program.slice(0, end + 1), programWords));
    }
  }
  parser.dispose();
  return programs;
}

/** The scene tables that the attribute network reads from pictures and true masks. */
async function readScenes(file: string, scenes: WorldData["scenes"]): Promise<readonly Scene[]> {
  const settings = { B: objectBatch, H: imageHeight, W: imageWidth };
  const reader = await network(file, { model: "AttributeNetwork", entry: "scores", settings });
  const size = 6 * imageHeight * imageWidth;
  const counts = scenes.map((scene) => scene.length);
  const total = counts.reduce((sum, count) => sum + count, 0);
  const scores = new Float32Array(total * attributeOutputs);
  const batch = new Float32Array(objectBatch * size);
  let [done, filled] = [0, 0];
  const readBatch = async () => {
    const found = Object.values(await reader.run({ objects: batch }))[0] as Float32Array;
    scores.set(found.subarray(0, filled * attributeOutputs), done * attributeOutputs);
    done += filled;
    filled = 0;
  };
  for (const [number, scene] of scenes.entries()) {
    for (const input of objectInputs(drawPicture(scene, heldOut.seed, `${heldOut.split}${number}`))) {
      batch.set(input, filled++ * size);
      if (filled === objectBatch) await readBatch();
    }
  }
  if (filled > 0) await readBatch();
  reader.dispose();
  let start = 0;
  return counts.map((count, number) => {
    const end = start + count * attributeOutputs;
    const found = sceneOf(scores.subarray(start, end), number);
    start = end;
    return found;
  });
}

const share = (right: number, all: number) => Math.round((1e5 * right) / all) / 1e5;

function shareOf<T>(things: readonly T[], holds: (thing: T, place: number) => boolean): number {
  return share(things.filter(holds).length, things.length);
}

/** How often a parser's programs are those of questions word for word, and give their answers on the true scenes. */
export async function parserScores(file: string, { scenes, questions }: WorldData) {
  return scoresOf(await writtenPrograms(file, questions), questions, scenes);
}

function scoresOf(
  programs: readonly (readonly string[])[],
  questions: readonly Question[],
  scenes: readonly Scene[],
): { readonly programAccuracy: number; readonly answersOfWrittenProgramsOnTrueScenes: number } {
  const written = (place: number) => programs[place] as readonly string[];
  return {
    programAccuracy: shareOf(
      questions,
      ({ program }, place) => [...program, "<END>"].join(" ") === written(place).join(" "),
    ),
    answersOfWrittenProgramsOnTrueScenes: shareOf(
      questions,
      ({ answer, scene }, place) => answerText(execute(written(place), scenes[scene] as Scene)) === answer,
    ),
  };
}

/**
 * The scores of the networks whose weights are in two files: (A) programs and their answers on true scenes, (B) attributes, and answers of
 * true programs on the scenes that were read, (C) answers with both.
 */
export async function heldOutScores(files: { readonly parser: string; readonly attributes: string }): Promise<Scores> {
  const world = drawWorld(heldOut);
  const parsed = world.questions.slice(0, parsedQuestions);
  const programs = await writtenPrograms(files.parser, parsed);
  const scenes = await readScenes(files.attributes, world.scenes);
  const written = (place: number) => programs[place] as readonly string[];
  const table = (number: number) => scenes[number] as Scene;
  const pairs = world.scenes.flatMap((scene, number) =>
    scene.map((object, place) => ({ object, found: table(number)[place] as Scene[number] })),
  );
  const byAttribute = Object.fromEntries(
    attributes.map((name) => [name, shareOf(pairs, ({ object, found }) => object[name] === found[name])]),
  );
  const axes = { right: 0, front: 1, height: 2 } as const;
  const deviations = (axis: 0 | 1 | 2) =>
    pairs.map(({ object, found }) => Math.abs(object.position[axis] - found.position[axis]));
  return {
    what: "held-out questions and scenes of the synthetic world, preset tiny, true masks; no detector",
    parsedQuestions: parsed.length,
    questions: world.questions.length,
    objects: pairs.length,
    ...scoresOf(programs, parsed, world.scenes),
    attributeAccuracy: shareOf(
      pairs.flatMap(({ object, found }) => attributes.map((name) => object[name] === found[name])),
      (isRight) => isRight,
    ),
    answersOfTruePrograms: shareOf(
      world.questions,
      ({ answer, scene, program }) => answerText(executeProgram(program, table(scene))) === answer,
    ),
    answerAccuracy: shareOf(
      parsed,
      ({ answer, scene }, place) => answerText(execute(written(place), table(scene))) === answer,
    ),
    attributes: byAttribute,
    coordinatesWithin: {
      distance: closeEnough,
      share: shareOf([...deviations(0), ...deviations(1), ...deviations(2)], (value) => value < closeEnough),
    },
    meanDeviation: Object.fromEntries(
      Object.entries(axes).map(([name, axis]) => {
        const all = deviations(axis);
        return [
          name,
          share(
            all.reduce((sum, value) => sum + value, 0),
            all.length,
          ),
        ];
      }),
    ),
  };
}
