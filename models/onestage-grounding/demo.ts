/** `weft demo onestage-grounding`: which box of a picture a phrase means. */

import { writeFileSync } from "node:fs";
import { type Demo, type DemoContext, DemoInputError, type DemoProgram } from "../../src/demo.ts";
import { readVocabulary, type Vocabulary } from "../bert/wordpiece.ts";
import { drawBox, enlarged, palette } from "../shared/draw.ts";
import { type Picture, pngBytes } from "../shared/pictures.ts";
import {
  type PictureQuestion,
  pictureQuestion,
  questionOptions,
  testCount,
  testSeed,
} from "../shared/refworld/question.ts";
import { uniqueSide } from "../shared/refworld/unique.ts";
import { boxOutOfLetterbox, type PixelBox } from "../shared/resizing.ts";
import { inputForm, prepare, smallVocabulary } from "./preparation.ts";
import { groundingScores, intersectionOverUnion, worldBatch } from "./scores.ts";

const file = "models/onestage-grounding/onestage-grounding.weft";

export const demo: Demo = {
  name: "onestage-grounding",
  summary: "finds the box that a phrase means in a picture",
  defaultPreset: "tiny",
  options: [
    ...questionOptions,
    { flags: "--vocab <file>", description: "BERT's vocab.txt; without it the words of the synthetic world" },
  ],
  run: async (context) => {
    if (context.preset === "lstm") {
      throw new DemoInputError([
        "preset lstm reads words by the numbers of its data set's dictionary, which no file here has; take another preset, or `weft run` with numbers",
      ]);
    }
    const count = testCount(context);
    if (count !== undefined) await test(context, count);
    else await answer(context);
  },
};

async function answer(context: DemoContext): Promise<void> {
  const form = inputForm(context.preset);
  const [question, vocabulary] = await context.stage(
    "read",
    () => [pictureQuestion(context), vocabularyOf(context)] as const,
  );
  const inputs = await context.stage("prepare", () => prepare(question.picture, question.phrase, vocabulary, form));
  if (inputs.unknown.length > 0) context.print(`Not in the vocabulary: ${inputs.unknown.join(", ")}.`);
  const settings = { B: 1, L: form.length };
  const program = await context.compile({ file, entry: "ground", settings });
  checkVocabulary(context, program, vocabulary);
  const { image, input_ids, attention_mask } = inputs;
  const result = await program.run("ground", { image, input_ids, attention_mask });
  const [x1, y1, x2, y2] = Array.from(result.box as Float32Array) as [number, number, number, number];
  const box = boxOutOfLetterbox([x1, y1, x2, y2], inputs.box, question.picture);
  const confidence = (result.confidence as Float32Array)[0] as number;
  context.print(`"${question.phrase}" is at ${boxText(box)}, confidence ${confidence.toFixed(3)}.`);
  context.report("phrase", question.phrase);
  context.report("box", box);
  context.report("confidence", confidence);
  context.report("dispatches", program.dispatches);
  const truth = question.sample?.box;
  if (truth !== undefined) {
    const overlap = intersectionOverUnion(box, truth);
    context.print(`True box (green): ${boxText(truth)}, overlap (IoU) ${overlap.toFixed(3)}.`);
    context.report("truth", truth);
    context.report("overlap", overlap);
  }
  const path = context.outputPath("onestage-grounding.png");
  await context.stage("draw", () => writeFileSync(path, pngBytes(drawAnswer(question, box))));
  context.print(`Drawn into ${path}.`);
}

const boxText = (box: PixelBox) => `(${box.map((edge) => edge.toFixed(1)).join(", ")})`;

/** Small pictures grow to about 384 pixels, so that something can be seen; the box found is red, the true one green. */
function drawAnswer({ picture, sample }: PictureQuestion, box: PixelBox): Picture {
  const factor = Math.max(Math.floor(384 / Math.max(picture.width, picture.height)), 1);
  const scaled = (each: PixelBox) => each.map((edge) => edge * factor) as unknown as PixelBox;
  const large = enlarged(picture, factor);
  const [red, , , green] = palette as readonly [(typeof palette)[number], unknown, unknown, (typeof palette)[number]];
  const withTruth = sample === undefined ? large : drawBox(large, scaled(sample.box), green, 3);
  return drawBox(withTruth, scaled(box), red, 3);
}

function vocabularyOf(context: DemoContext): Vocabulary {
  const { vocab } = context.options;
  if (typeof vocab !== "string") {
    context.print("Words are those of the synthetic world; `--vocab vocab.txt` gives BERT's.");
    return smallVocabulary();
  }
  const text = new TextDecoder().decode(context.readFile(vocab));
  try {
    return readVocabulary(text);
  } catch (error) {
    throw new DemoInputError([`${vocab}: ${(error as Error).message}`]);
  }
}

/** A vocabulary for another model would point outside of the word table. */
function checkVocabulary(context: DemoContext, program: DemoProgram, { pieces }: Vocabulary): void {
  const table = program.parameters.find(({ path }) => path === "textmodel.embeddings.word_embeddings.weight");
  const rows = table?.type.shape[0] ?? pieces.length;
  if (pieces.length <= rows) return;
  throw new DemoInputError([
    `the vocabulary has ${pieces.length} pieces and the model (preset ${context.preset}) a table of ${rows}; choose the preset that was trained with it, or leave out --vocab`,
  ]);
}

/** Scores on the first `count` samples of the test set, in batches. */
async function test(context: DemoContext, count: number): Promise<void> {
  const form = inputForm(context.preset);
  if (form.side !== uniqueSide)
    throw new DemoInputError(["--test goes with --preset tiny: the synthetic world is small"]);
  const size = Math.min(count, 50);
  const program = await context.compile({ file, entry: "ground", settings: { B: size, L: form.length } });
  const [boxes, samples]: [number[], ReturnType<typeof worldBatch>["samples"][number][]] = [[], []];
  for (let start = 0; start < count; start += size) {
    // The last batch is filled up with samples that do not count.
    const indices = Array.from({ length: size }, (_, k) => start + k);
    const batch = await context.stage("draw samples", () => worldBatch(testSeed, indices));
    const { box } = await program.run("ground", {
      image: { shape: [size, 3, form.side, form.side], data: batch.image },
      input_ids: { shape: [size, form.length], data: batch.input_ids },
      attention_mask: { shape: [size, form.length], data: batch.attention_mask },
    });
    const used = Math.min(size, count - start);
    boxes.push(...Array.from(box as Float32Array).slice(0, 4 * used));
    samples.push(...batch.samples.slice(0, used));
  }
  const scores = groundingScores(samples, boxes);
  context.print(`${count} phrases: ${percent(scores.accuracy)} of the boxes have an IoU above 1/2.`);
  context.print(
    `By what it is like ${percent(scores.attributeAccuracy)}, by where it stands ${percent(scores.relationAccuracy)}.`,
  );
  context.print(`Mean IoU ${scores.meanOverlap.toFixed(3)}. A random object would be right for 26 %.`);
  context.report("scores", scores);
}

const percent = (share: number) => (Number.isNaN(share) ? "none" : `${(100 * share).toFixed(1)} %`);
