/** `weft demo hulanet`: the region that a phrase of category, attributes and relation means. */
import { writeFileSync } from "node:fs";
import { type Demo, type DemoContext, DemoInputError, type DemoProgram } from "../../src/demo.ts";
import { shareOption } from "../shared/demo-options.ts";
import { drawContour, drawMask, enlarged, palette, sideBySide } from "../shared/draw.ts";
import { intersectionOverUnion, overlapAbove } from "../shared/mask-scores.ts";
import { blankPicture, type Picture, pngBytes, readPicture } from "../shared/pictures.ts";
import { questionOptions, sampleNumber, testCount, testSeed } from "../shared/refworld/question.ts";
import { resizeBilinear } from "../shared/resizing.ts";
import { channelsOf, placedOnCanvas, readDetections, segmentsOf } from "./channels.ts";
import { products, test } from "./held-out-scores.ts";
import {
  type NumberedPhrase,
  numberedPhrase,
  type Phrase,
  phraseOf,
  phraseText,
  readWordNumbers,
  wordsOf,
  worldWordNumbers,
} from "./phrases.ts";
import { worldBatch, worldChannels, worldPlaces } from "./world.ts";

const file = "models/hulanet/hulanet.weft";

/** Sizes of the preset `paper`. */
const paperChannels = { categories: 1272, attributes: 225, height: 128, width: 128 } as const;
const paperPlaces = { category: 10, attribute: 10, relation: 10, support: 10 } as const;

export const demo: Demo = {
  name: "hulanet",
  summary: "segments what a phrase of category, attributes and relation means",
  defaultPreset: "tiny",
  options: [
    {
      flags: "--image <file>",
      description: "a PNG or JPEG picture, with --detections; without it a sample of the synthetic world is drawn",
    },
    { flags: "--detections <file>", description: "what a detector found in the picture (JSON)" },
    { flags: "--category <words>", description: "what the thing is called" },
    { flags: "--attributes <words>", description: "what it is like, several divided by commas" },
    { flags: "--relation <words>", description: "how it stands to another, with --support" },
    { flags: "--support <words>", description: "what the other thing is called" },
    { flags: "--vocab <file>", description: "words by number, one a line, for trained weights of the preset paper" },
    { flags: "--threshold <number>", description: "a place is meant where O is above this (default 0.4)" },
    ...questionOptions.slice(2),
  ],
  run: async (context) => {
    const count = testCount(context);
    if (count !== undefined) return test(context, count);
    if (context.options.image === undefined && context.options.detections === undefined) return answerWorld(context);
    return answerPicture(context);
  },
};

/** The phrase that the options tell, if any. */
function givenPhrase({ options }: DemoContext): Phrase | undefined {
  const { category, attributes, relation, support } = options;
  if ([category, attributes, relation, support].every((each) => each === undefined)) return undefined;
  if (typeof category !== "string") throw new DemoInputError(["say what the thing is called: --category ring"]);
  if ((relation === undefined) !== (support === undefined)) {
    throw new DemoInputError(["--relation and --support go together: --relation above --support square"]);
  }
  return {
    name: category,
    attributes: typeof attributes === "string" ? attributes.split(",").map((each) => each.trim()) : [],
    relations:
      typeof relation === "string" && typeof support === "string" ? [{ predicate: relation, object: support }] : [],
  };
}

/** A sample of the synthetic world, with its own phrase or another one. */
async function answerWorld(context: DemoContext): Promise<void> {
  const threshold = shareOption(context, "threshold", 0.4);
  if (context.preset !== "tiny") {
    throw new DemoInputError([
      "the synthetic world goes with --preset tiny; other presets take --image and --detections",
    ]);
  }
  const given = givenPhrase(context);
  const batch = await context.stage("draw sample", () => worldBatch(testSeed, [sampleNumber(context) ?? 0]));
  const sample = batch.samples[0] as (typeof batch.samples)[number];
  const phrase = given ?? phraseOf(sample.description);
  const words = numberedPhrase(phrase, worldWordNumbers, worldPlaces);
  refuseUnknown(words.unknown, "the synthetic world");
  const program = await context.compile({ file, entry: "explain", settings: { B: 1 } });
  const one = (data: Int32Array<ArrayBuffer>) => ({ shape: [1, data.length], data });
  const { cat_ids, att_ids, rel_ids, sup_ids } = words;
  const { C, Catt } = batch.inputs;
  const found = await program.run("explain", {
    ...{ C, Catt, cat_ids: one(cat_ids), att_ids: one(att_ids), rel_ids: one(rel_ids), sup_ids: one(sup_ids) },
  });
  const w = Array.from(found.w as Float32Array);
  context.print(
    `"${phraseText(phrase)}" mixes ${products.map((name, t) => `${name} ${w[t]?.toFixed(2)}`).join(", ")}.`,
  );
  context.report("weights", Object.fromEntries(products.map((name, t) => [name, w[t]])));
  context.report("dispatches", program.dispatches);
  const map = await enlargedMap(context, found.O as Float32Array<ArrayBuffer>, worldChannels);
  finish(context, threshold, {
    picture: sample.picture,
    phrase,
    map,
    ...(given === undefined ? { truth: sample.region } : {}),
  });
}

/** A picture with the detections of it. */
async function answerPicture(context: DemoContext): Promise<void> {
  const threshold = shareOption(context, "threshold", 0.4);
  const { image, detections } = context.options;
  const phrase = givenPhrase(context);
  if (typeof image !== "string" || typeof detections !== "string") {
    throw new DemoInputError(["--image and --detections go together: HULANet sees a picture through a detector"]);
  }
  if (phrase === undefined)
    throw new DemoInputError(["say what is meant: --category, and --attributes, --relation, --support"]);
  const isTiny = context.preset === "tiny";
  const [size, places] = isTiny ? [worldChannels, worldPlaces] : [paperChannels, paperPlaces];
  const words = numberedPhrase(phrase, wordNumbers(context, phrase, isTiny), places);
  if (isTiny) refuseUnknown(words.unknown, "the synthetic world");
  else if (words.unknown.length > 0) context.print(`Not in the vocabulary: ${words.unknown.join(", ")}.`);
  const picture = await context.stage("read", () => readPicture(image, context.readFile(image)));
  const text = new TextDecoder().decode(context.readFile(detections));
  const placement = placedOnCanvas(picture, size);
  const { C, present, Catt } = await context.stage("channels", () =>
    channelsOf(segmentsOf(readDetections(detections, text, size), placement, size), size),
  );
  const program = await context.compile({ file, entry: "segment_present", settings: { B: 1, K: present.length } });
  checkNumbers(program, words);
  const one = (data: Int32Array<ArrayBuffer>) => ({ shape: [1, data.length], data });
  const { cat_ids, att_ids, rel_ids, sup_ids } = words;
  const found = await program.run("segment", {
    C: { shape: [1, present.length, size.height, size.width], data: C },
    Catt: { shape: [1, size.attributes, size.height, size.width], data: Catt },
    ...{
      present: one(present),
      cat_ids: one(cat_ids),
      att_ids: one(att_ids),
      rel_ids: one(rel_ids),
      sup_ids: one(sup_ids),
    },
  });
  context.report("dispatches", program.dispatches);
  const canvas = await enlargedMap(context, found.O as Float32Array<ArrayBuffer>, size);
  // The picture as it lies on the canvas; what is beside it does not count.
  const map = Float32Array.from({ length: placement.width * placement.height }, (_, pixel) => {
    const row = Math.floor(pixel / placement.width);
    return canvas[row * 4 * size.width + (pixel % placement.width)] as number;
  });
  finish(context, threshold, { picture: resizeBilinear(picture, placement.width, placement.height), phrase, map });
}

function refuseUnknown(unknown: readonly string[], where: string): void {
  if (unknown.length === 0) return;
  const known = [...worldWordNumbers.keys()].filter((word) => !word.startsWith("["));
  throw new DemoInputError([
    `${where} has no ${unknown.map((word) => `"${word}"`).join(", ")}; its words are ${known.join(", ")}`,
  ]);
}

/** Without a vocabulary each word of the phrase gets the next number: untrained vectors are as good as any other. */
function wordNumbers(context: DemoContext, phrase: Phrase, isTiny: boolean): ReadonlyMap<string, number> {
  const { vocab } = context.options;
  if (isTiny) return worldWordNumbers;
  if (typeof vocab === "string") return readWordNumbers(vocab, new TextDecoder().decode(context.readFile(vocab)));
  if (context.trained)
    throw new DemoInputError(["trained weights need the words they were trained with: --vocab words.txt"]);
  const words = [...new Set(wordsOf(phraseText(phrase)))];
  return new Map(words.map((word, k) => [word, 4 + k]));
}

/** A vocabulary for another model would point outside of the word table. */
function checkNumbers({ parameters }: DemoProgram, { cat_ids, att_ids, rel_ids, sup_ids }: NumberedPhrase): void {
  const rows = parameters.find(({ path }) => path === "embed.weight")?.type.shape[0] ?? Number.POSITIVE_INFINITY;
  const greatest = Math.max(...cat_ids, ...att_ids, ...rel_ids, ...sup_ids);
  if (greatest < rows) return;
  throw new DemoInputError([
    `a word of the phrase has number ${greatest}, and the word table of the network has ${rows} rows; give the --vocab it was trained with`,
  ]);
}

async function enlargedMap(
  context: DemoContext,
  O: Float32Array<ArrayBuffer>,
  { height, width }: { readonly height: number; readonly width: number },
): Promise<Float32Array> {
  const program = await context.compile({ file, entry: "enlarged", settings: { B: 1 } });
  const { enlarged: map } = await program.run("enlarge", { O: { shape: [1, height, width], data: O } });
  return map as Float32Array;
}

interface Answer {
  readonly picture: Picture;
  readonly phrase: Phrase;
  /** f32[height, width] of the picture. */
  readonly map: Float32Array;
  readonly truth?: Uint8Array;
}

function finish(context: DemoContext, threshold: number, answer: Answer): void {
  const { map, phrase, truth } = answer;
  const covered = map.filter((score) => score > threshold).length;
  context.print(`"${phraseText(phrase)}" covers ${covered} of ${map.length} pixels (O above ${threshold}).`);
  context.report("phrase", phraseText(phrase));
  context.report("covered", covered);
  context.report("pixels", map.length);
  if (truth !== undefined) {
    const overlap = intersectionOverUnion(overlapAbove(map, threshold, truth));
    context.print(`Overlap with the true region (IoU): ${overlap.toFixed(3)}.`);
    context.report("overlap", overlap);
  }
  const path = context.outputPath("hulanet.png");
  writeFileSync(path, pngBytes(drawAnswer(answer, threshold)));
  context.print(
    `Drawn into ${path}: the picture${truth === undefined ? "" : " with the true border in white"}, O, and the region.`,
  );
}

/** Side by side: the picture, how bright O is, and the region; small pictures grow to about 256 pixels. */
function drawAnswer({ picture, map, truth }: Answer, threshold: number): Picture {
  const factor = Math.max(Math.floor(256 / Math.max(picture.width, picture.height)), 1);
  const red = palette[0] as (typeof palette)[number];
  const shown = truth === undefined ? picture : drawContour(picture, truth, [255, 255, 255]);
  const bright = blankPicture(picture.width, picture.height, [0, 0, 0]);
  map.forEach((score, pixel) => {
    bright.rgb.fill(Math.round(255 * Math.min(Math.max(score, 0), 1)), 3 * pixel, 3 * pixel + 3);
  });
  const mask = map.map((score) => (score > threshold ? 1 : 0));
  const found = drawContour(drawMask(picture, mask, red), mask, red);
  return sideBySide([shown, bright, found].map((each) => enlarged(each, factor)));
}
