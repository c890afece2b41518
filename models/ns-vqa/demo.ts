/** `weft demo ns-vqa`: a picture and a question, the scene and the program that the networks read from them, and the answer. */
import { writeFileSync } from "node:fs";
import { type Demo, type DemoContext, DemoInputError } from "../../src/demo.ts";
import { type Detection, type DetectorOutputs, detectionsOf, pastedMask } from "../mask-rcnn/detections.ts";
import { detectorInput, publishedSize, tinySize } from "../mask-rcnn/preprocessing.ts";
import { shareOption, wholeNumberOption } from "../shared/demo-options.ts";
import { drawBox, drawContour, drawMask, enlarged, palette, sideBySide } from "../shared/draw.ts";
import { type Picture, pngBytes, readPicture } from "../shared/pictures.ts";
import { resizeArea } from "../shared/resizing.ts";
import { type DetectedLooks, looksOfClass, sceneOf } from "./attributes.ts";
import { answerText, execute } from "./executor.ts";
import { plainInput, publishedInput, type SeenObject, withoutDuplicates } from "./objects.ts";
import type { Scene } from "./scene.ts";
import { decode, encode, programWords, questionTokens, questionWords, specialWords } from "./vocabulary.ts";
import {
  drawPicture,
  drawWorld,
  imageHeight,
  imageWidth,
  pngOf,
  questionPlaces,
  worldQuestionWords,
  worldSize,
} from "./world.ts";

/** Places of a question of CLEVR with both marks, and the size of its pictures. */
const publishedPlaces = 46;
const clevrSize = { width: 480, height: 320 } as const;

/** Below this, the published system does not believe the detector. */
const publishedLeast = 0.9;

/** Questions of the world among which the demo's is chosen: one of each family. */
const worldQuestions = 20;

export const demo: Demo = {
  name: "ns-vqa",
  summary: "the answer to a question about a picture, with the scene and the program it comes from",
  options: [
    { flags: "--image <file>", description: "PNG or JPEG picture (default: a scene of its own)" },
    { flags: "--question <text>", description: "what is asked (default: a question of its own)" },
    { flags: "--sample <n>", description: "which of its twenty kinds of questions it asks, from 0 (default: 2)" },
    { flags: "--true-scene", description: "boxes and masks of its own scene, instead of those of the detector" },
    { flags: "--least <score>", description: "lowest score of what the detector sees, from 0 to 1 (default: 0.9)" },
    {
      flags: "--side <pixels>",
      description: "shorter side of the picture in the detector of the preset paper (default: 800, as published)",
    },
    {
      flags: "--detectron",
      description:
        "the detector's weights are those of Detectron's port: its boxes, strides and colours (preset paper)",
    },
    { flags: "--suppress", description: "leave out objects whose masks cover one another" },
  ],
  defaultPreset: "tiny",
  run,
};

/** An object in the picture, with what the detector says of it. */
interface FoundObject extends SeenObject {
  readonly looks?: DetectedLooks;
}

/** What is asked about what. */
interface Task {
  readonly picture: Picture;
  readonly question: string;
  /** Of the demo's own scene: boxes and masks, the table, and the answer where the question is its own as well. */
  readonly known?: { readonly objects: readonly SeenObject[]; readonly scene: Scene; readonly answer?: string };
}

async function run(context: DemoContext): Promise<void> {
  const least = shareOption(context, "least", publishedLeast);
  const { picture, question, known } = await context.stage("read", () => readTask(context));
  const ids = questionIds(context, question);
  const objects = context.options.trueScene === true ? knownObjects(known) : await detect(context, picture, least);
  const scene = await readScene(context, picture, objects);
  context.print(`scene: ${scene.length} objects`);
  for (const { size, color, material, shape, position } of scene) {
    context.print(`  ${size} ${color} ${material} ${shape} at ${position.map((value) => value.toFixed(2)).join(", ")}`);
  }
  const tokens = await parse(context, ids);
  const end = tokens.indexOf("<END>");
  context.print(`question: ${question}`);
  context.print(`program: ${(end < 0 ? tokens : tokens.slice(0, end)).join(" ")}`);
  const outcome = await context.stage("execute", () => execute(tokens, scene));
  const answer = answerText(outcome);
  context.print(`answer: ${answer}${outcome.kind === "error" ? ` (${outcome.reason})` : ""}`);
  if (known?.answer !== undefined) context.print(`true answer: ${known.answer}`);
  const path = context.outputPath("ns-vqa.png");
  const factor = Math.max(1, Math.floor(480 / picture.width));
  const pictures = [picture, await context.stage("draw", () => drawn(picture, objects))];
  writeFileSync(path, pngBytes(sideBySide(pictures.map((each) => enlarged(each, factor)))));
  context.print(`picture with boxes and masks: ${path}`);
  context.report("question", question);
  context.report("scene", scene);
  context.report("program", tokens);
  context.report("answer", answer);
  if (known?.answer !== undefined) context.report("trueAnswer", known.answer);
  context.report("output", path);
}

/** The user's picture and question; for those that are not given, the world's. */
function readTask(context: DemoContext): Task {
  const { image, question, trueScene } = context.options;
  if (typeof image === "string") {
    if (typeof question !== "string") {
      throw new DemoInputError(["say what is asked about the picture: --question 'how many cubes are there'"]);
    }
    if (trueScene === true) {
      throw new DemoInputError(["--true-scene goes with the demo's own scene; leave out --image, or --true-scene"]);
    }
    return { picture: inItsSize(context, readPicture(image, context.readFile(image))), question };
  }
  const number = wholeNumberOption(context, "sample", 0, worldQuestions - 1) ?? 2;
  const world = drawWorld({ seed: context.seed, split: "test", scenes: worldQuestions, questions: worldQuestions });
  const asked = world.questions[number] as (typeof world.questions)[number];
  const scene = world.scenes[asked.scene] as (typeof world.scenes)[number];
  const size = context.preset === "tiny" ? worldSize : clevrSize;
  const picture = drawPicture(scene, context.seed, `test${asked.scene}`, size);
  const objects = picture.boxes.map(({ left, top, right, bottom }, k) => ({
    box: [left, top, right, bottom] as const,
    mask: picture.masks[k] as Uint8Array,
  }));
  const own = typeof question !== "string";
  return {
    picture: readPicture("the scene", pngOf(picture)),
    question: own ? asked.words.join(" ") : question,
    known: { objects, scene, ...(own && { answer: asked.answer }) },
  };
}

/** The tiny networks know pictures of the world's size only. */
function inItsSize(context: DemoContext, picture: Picture): Picture {
  if (context.preset !== "tiny" || (picture.width === imageWidth && picture.height === imageHeight)) return picture;
  context.print(
    `picture of ${picture.width} × ${picture.height}, made ${imageWidth} × ${imageHeight} for the tiny networks`,
  );
  return resizeArea(picture, imageWidth, imageHeight);
}

/** Ids of the question's words; words that the parser does not know are told. */
function questionIds(context: DemoContext, question: string): Int32Array {
  const [vocabulary, places] =
    context.preset === "tiny"
      ? ([worldQuestionWords, questionPlaces] as const)
      : ([questionWords, publishedPlaces] as const);
  const words = questionTokens(context.preset === "tiny" ? plainText(question) : question.trim());
  if (words.every((word) => word === "")) throw new DemoInputError(["--question is empty; ask something"]);
  if (words.length + 2 > places) {
    throw new DemoInputError([
      `the question has ${words.length} words, and the parser reads ${places - 2}; ask shorter`,
    ]);
  }
  const unknown = words.filter((word) => !vocabulary.includes(word) || specialWords.some((mark) => mark === word));
  if (unknown.length === words.length) {
    throw new DemoInputError([
      `the parser knows none of the words of ${JSON.stringify(question)}; it knows ${vocabulary.slice(specialWords.length).join(" ")}`,
    ]);
  }
  if (unknown.length > 0) context.print(`words that the parser does not know: ${unknown.join(", ")}`);
  return encode(words, vocabulary, places);
}

/** Lower case, single blanks and none before a mark, so that no word is empty: the world's vocabulary has none. */
function plainText(question: string): string {
  return question
    .trim()
    .toLowerCase()
    .replace(/\s+/g, " ")
    .replace(/ (?=[;,])/g, "");
}

function knownObjects(known: Task["known"]): readonly FoundObject[] {
  if (known === undefined) throw new DemoInputError(["--true-scene goes with the demo's own scene"]);
  return known.objects;
}

/** What the detector sees, as objects with binary masks. */
async function detect(context: DemoContext, picture: Picture, least: number): Promise<readonly FoundObject[]> {
  const tiny = context.preset === "tiny";
  const side = wholeNumberOption(context, "side", 64, publishedSize.longest);
  if (tiny && side !== undefined) throw new DemoInputError(["--side goes with --preset paper; leave it out"]);
  const published = side === undefined ? publishedSize : { ...publishedSize, shortest: side };
  const detectron = context.options.detectron === true;
  if (tiny && detectron) throw new DemoInputError(["--detectron goes with --preset paper; leave it out"]);
  const convention = detectron ? "detectron" : "torchvision";
  const input = await context.stage("resize", () => detectorInput([picture], tiny ? tinySize : published, convention));
  const scale = input.placements[0]?.scale;
  const [B, , H, W] = input.images.shape as [number, number, number, number];
  const network = await context.compile({
    file: "models/mask-rcnn/mask-rcnn.weft",
    entry: "detect",
    settings: { B, H, W, ...(scale !== undefined && { scale }) },
    ...(!tiny && { preset: detectron ? "detectron" : "clevr" }),
  });
  const found = await network.run("detect", { images: input.images, sizes: input.sizes });
  const all = detectionsOf(found as unknown as DetectorOutputs, input.placements);
  const sure = all.filter(({ score }) => score > least);
  context.print(`the detector sees ${sure.length} objects with a score above ${least}, ${all.length} in all`);
  const classes = network.parameters.find(({ path }) => path === "roi_heads.box_predictor.cls_score.bias")?.type
    .shape[0];
  const objects = sure.map((detection) => objectOf(detection, picture, classes ?? 0));
  return context.options.suppress === true ? withoutDuplicates(objects) : objects;
}

function objectOf({ box, label, mask }: Detection, picture: Picture, classes: number): FoundObject {
  const pasted = pastedMask(mask ?? new Float32Array(1).fill(1), box, picture);
  return { box, mask: Uint8Array.from(pasted, (value) => Number(value > 0.5)), looks: looksOfClass(label, classes) };
}

/** The scene table by the attribute network. Without objects there is nothing to run. */
async function readScene(context: DemoContext, picture: Picture, objects: readonly FoundObject[]): Promise<Scene> {
  if (objects.length === 0) return [];
  const makeInput = context.preset === "tiny" ? plainInput : publishedInput;
  const input = await context.stage("mask", () => makeInput(picture, objects));
  const [B, , H, W] = input.shape;
  const network = await context.compile({
    file: "models/ns-vqa/ns-vqa.weft",
    model: "AttributeNetwork",
    entry: "scores",
    settings: { B, H, W },
  });
  const scores = Object.values(await network.run("attributes", { objects: input }))[0] as Float32Array;
  const looks = objects.flatMap((object) => (object.looks === undefined ? [] : [object.looks]));
  return sceneOf(scores, 0, looks.length === 0 ? undefined : looks);
}

/** The words of the program. */
async function parse(context: DemoContext, ids: Int32Array): Promise<readonly string[]> {
  const network = await context.compile({
    file: "models/ns-vqa/ns-vqa.weft",
    model: "QuestionParser",
    entry: "parse",
    settings: { B: 1, L: ids.length },
  });
  const questions = { shape: [1, ids.length], data: Int32Array.from(ids) };
  const { programs } = await network.run("parse", { questions });
  return decode(programs as Int32Array, programWords);
}

function drawn(picture: Picture, objects: readonly FoundObject[]): Picture {
  return objects.reduceRight((current, { box, mask }, k) => {
    const color = palette[k % palette.length] as readonly [number, number, number];
    return drawContour(drawMask(drawBox(current, box, color, 1), mask, color, 0.35), mask, color);
  }, picture);
}
