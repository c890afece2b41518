/** `weft demo jrnet`: the mask of what a phrase means in a picture. */
import { writeFileSync } from "node:fs";
import { type Demo, type DemoContext, DemoInputError, type DemoProgram } from "../../src/demo.ts";
import { drawContour, drawMask, enlarged, palette, sideBySide } from "../shared/draw.ts";
import { intersectionOverUnion, maskScores, type Overlap, overlapAbove } from "../shared/mask-scores.ts";
import { type Picture, pngBytes } from "../shared/pictures.ts";
import {
  type PictureQuestion,
  pictureQuestion,
  questionOptions,
  testCount,
  testSeed,
} from "../shared/refworld/question.ts";
import { drawsFrom } from "../shared/refworld/random-numbers.ts";
import { uniqueSide } from "../shared/refworld/unique.ts";
import { fittedWords, type InputForm, inputForm, prepareImage, worldNumbers } from "./preparation.ts";
import { readWordVectors, vectorRows } from "./word-vectors.ts";
import { worldBatch } from "./world.ts";

const file = "models/jrnet/jrnet.weft";

/** A place belongs to the mask where S is above this, as in the published code. */
const threshold = 0.4;

export const demo: Demo = {
  name: "jrnet",
  summary: "segments what a phrase means in a picture",
  defaultPreset: "tiny",
  options: [
    ...questionOptions,
    {
      flags: "--word-vectors <file>",
      description: "vectors in the text form of GloVe, for the presets paper and resnet50",
    },
  ],
  run: async (context) => {
    const count = testCount(context);
    if (count !== undefined) await test(context, count);
    else await answer(context);
  },
};

async function answer(context: DemoContext): Promise<void> {
  const form = inputForm(context.preset);
  const question = await context.stage("read", () => pictureQuestion(context));
  const { picture, phrase } = question;
  const truth = question.sample?.mask;
  const images = {
    shape: [1, 3, form.side, form.side],
    data: await context.stage("prepare", () => prepareImage(picture, form)),
  };
  const words = await context.stage("prepare", () => wordInputs(context, phrase, form));
  const program = await context.compile({ file, entry: form.numbered ? "segment_ids" : "segment", settings: { B: 1 } });
  const { S } = await program.run("segment", { images, ...words });
  const resize = await context.compile({
    file,
    entry: "enlarged",
    settings: { B: 1, H: picture.height, W: picture.width },
  });
  const shape = program.outputs.S?.shape as readonly number[];
  const { enlarged: scores } = await resize.run("enlarge", { S: { shape, data: S as Float32Array<ArrayBuffer> } });
  const map = scores as Float32Array;
  const greatest = map.reduce((most, score) => Math.max(most, score), 0);
  const covered = map.filter((score) => score > threshold).length;
  context.print(
    `"${phrase}" covers ${covered} of ${map.length} pixels (S above ${threshold}, greatest S ${greatest.toFixed(3)}).`,
  );
  context.report("phrase", phrase);
  context.report("covered", covered);
  context.report("pixels", map.length);
  context.report("dispatches", program.dispatches);
  if (truth !== undefined) {
    const overlap = intersectionOverUnion(overlapAbove(map, threshold, truth));
    context.print(`Overlap with the true mask (IoU): ${overlap.toFixed(3)}.`);
    context.report("overlap", overlap);
  }
  const path = context.outputPath("jrnet.png");
  await context.stage("draw", () => writeFileSync(path, pngBytes(drawAnswer(question, map))));
  context.print(
    `Drawn into ${path}: the picture${truth === undefined ? "" : " with the true border in green"}, S, and the mask.`,
  );
}

/** Side by side: the picture, how bright S is, and the mask; small pictures grow to about 256 pixels. */
function drawAnswer({ picture, sample }: PictureQuestion, map: Float32Array): Picture {
  const factor = Math.max(Math.floor(256 / Math.max(picture.width, picture.height)), 1);
  const [red, , , green] = palette as readonly [(typeof palette)[number], unknown, unknown, (typeof palette)[number]];
  const shown = sample === undefined ? picture : drawContour(picture, sample.mask, green);
  const bright = { ...picture, rgb: new Uint8Array(map.length * 3) };
  map.forEach((score, pixel) => {
    bright.rgb.fill(Math.round(255 * score), 3 * pixel, 3 * pixel + 3);
  });
  const mask = map.map((score) => (score > threshold ? 1 : 0));
  const found = drawContour(drawMask(picture, mask, red), mask, red);
  return sideBySide([shown, bright, found].map((each) => enlarged(each, factor)));
}

/** The words as numbers, or as vectors: from the file, or drawn from the seed for a network that is untrained anyway. */
function wordInputs(context: DemoContext, phrase: string, form: InputForm): Parameters<DemoProgram["run"]>[1] {
  const { wordVectors } = context.options;
  if (form.numbered) {
    if (wordVectors !== undefined)
      throw new DemoInputError(["the preset tiny has its own word vectors; leave out --word-vectors"]);
    return { ids: { shape: [1, form.words], data: worldNumbers(phrase, form) } };
  }
  const { words, left } = fittedWords(phrase, form.words);
  if (left > 0) context.print(`The last ${left} words are left out: the network reads ${form.words}.`);
  const vectors =
    typeof wordVectors === "string"
      ? readWordVectors(wordVectors, context.readFile(wordVectors), words, form.word)
      : drawnVectors(context, words, form);
  const unknown = words.filter((word) => !vectors.has(word));
  if (unknown.length > 0) context.print(`Without a vector, and therefore zero: ${unknown.join(", ")}.`);
  const { x, isWord } = vectorRows(words, vectors, form.words, form.word);
  return { x: { shape: [1, form.words, form.word], data: x }, is_word: { shape: [1, form.words], data: isWord } };
}

function drawnVectors(
  context: DemoContext,
  words: readonly string[],
  { word }: InputForm,
): ReadonlyMap<string, Float32Array> {
  if (context.trained) {
    throw new DemoInputError([
      "trained weights need the word vectors they were trained with: --word-vectors glove.840B.300d.txt",
    ]);
  }
  context.print("No --word-vectors are given; each word gets a vector that is drawn from the seed.");
  const draws = drawsFrom(context.seed >>> 0);
  return new Map([...new Set(words)].map((each) => [each, Float32Array.from({ length: word }, () => draws.normal())]));
}

/** Scores on the first `count` samples of the test set, in batches. */
async function test(context: DemoContext, count: number): Promise<void> {
  if (!inputForm(context.preset).numbered) {
    throw new DemoInputError(["--test goes with --preset tiny: the synthetic world is small"]);
  }
  const size = Math.min(count, 25);
  const program = await context.compile({ file, entry: "segment_ids", settings: { B: size } });
  const resize = await context.compile({
    file,
    entry: "enlarged",
    settings: { B: size, H: uniqueSide, W: uniqueSide },
  });
  const overlaps: { readonly overlap: Overlap; readonly kind: "attribute" | "relation" }[] = [];
  for (let start = 0; start < count; start += size) {
    // The last batch is filled up with samples that do not count.
    const batch = await context.stage("draw samples", () =>
      worldBatch(
        testSeed,
        Array.from({ length: size }, (_, k) => start + k),
      ),
    );
    const { S } = await program.run("segment", { images: batch.images, ids: batch.ids });
    const shape = program.outputs.S?.shape as readonly number[];
    const { enlarged: scores } = await resize.run("enlarge", { S: { shape, data: S as Float32Array<ArrayBuffer> } });
    batch.samples.slice(0, count - start).forEach(({ mask, kind }, k) => {
      const map = (scores as Float32Array).subarray(k * mask.length, (k + 1) * mask.length);
      overlaps.push({ overlap: overlapAbove(map, threshold, mask), kind });
    });
  }
  const scoresOf = (kind?: string) => {
    const chosen = overlaps.filter((each) => kind === undefined || each.kind === kind).map(({ overlap }) => overlap);
    return chosen.length === 0 ? undefined : maskScores(chosen);
  };
  const [all, attribute, relation] = [scoresOf(), scoresOf("attribute"), scoresOf("relation")];
  const shown = (value: number | undefined) => value?.toFixed(3) ?? "none";
  context.print(
    `${count} phrases: overall IoU ${shown(all?.overall)}, mean IoU ${shown(all?.mean)}, above 1/2 ${shown(all?.precision["0.5"])}.`,
  );
  context.print(
    `Mean IoU by what it is like ${shown(attribute?.mean)}, by where it stands ${shown(relation?.mean)}; a random object has 0.26.`,
  );
  context.report("scores", { all, attribute, relation });
}
