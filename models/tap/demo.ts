/** `weft demo tap`: a picture with written words, a question about it, and the answer. */
import { closeSync, fstatSync, openSync, readSync, writeFileSync } from "node:fs";
import { type Demo, type DemoContext, DemoInputError } from "../../src/demo.ts";
import { readVocabulary, type Vocabulary } from "../bert/wordpiece.ts";
import { drawBox, enlarged } from "../shared/draw.ts";
import { blankPicture, type Picture, pngBytes, readPicture } from "../shared/pictures.ts";
import { answerText, readAnswers } from "./answers.ts";
import { decodeGreedily } from "./decode.ts";
import { readFastText, tokenVector } from "./fasttext.ts";
import { type SceneObject, type SceneToken, sceneInputs } from "./inputs.ts";
import { readRegions } from "./regions.ts";
import { type Sizes, sizesOf } from "./sizes.ts";
import { wordFeature } from "./world/features.ts";
import { letterHeight, letterPitch, written } from "./world/letters.ts";
import { pixels } from "./world/pictures.ts";
import { drawQuestion, drawScene, drawScenePicture, worldAnswers, worldVocabulary } from "./world.ts";

const [red, blue, ink] = [
  [230, 60, 40],
  [0, 114, 178],
  [20, 20, 24],
] as const;

/** What is asked about. */
interface Case {
  readonly picture: Picture;
  readonly question: string;
  readonly objects: readonly SceneObject[];
  readonly tokens: readonly SceneToken[];
  readonly vocabulary: Vocabulary;
  readonly answers: readonly string[];
  /** Known in the synthetic world. */
  readonly right?: string;
}

export const demo: Demo = {
  name: "tap",
  summary: "answers a question about a picture with written words; without files, about one of its synthetic world",
  defaultPreset: "tiny",
  options: [
    { flags: "--question <text>", description: "what to ask" },
    { flags: "--scene <name>", description: "which scene of the synthetic world; the seed's first without it" },
    { flags: "--image <file>", description: "a picture (PNG or JPEG) instead of a synthetic one, with --regions" },
    { flags: "--regions <file>", description: "JSON: objects and tokens with boxes and fc6 vectors" },
    { flags: "--vocabulary <file>", description: "BERT's vocab.txt (preset paper)" },
    { flags: "--answers <file>", description: "the fixed answers, one a line (preset paper)" },
    { flags: "--fasttext <file>", description: "FastText's binary file, wiki.en.bin (preset paper)" },
    { flags: "--cached", description: "decode on the device, fusing words, objects and tokens once" },
  ],
  run: async (context) => {
    try {
      await run(context);
    } catch (error) {
      const known = ["TapInputError", "WordPieceError", "FastTextError"];
      if (error instanceof Error && known.includes(error.name)) throw new DemoInputError([error.message]);
      throw error;
    }
  },
};

async function run(context: DemoContext): Promise<void> {
  const sizes = (sizesOf as Readonly<Record<string, Sizes>>)[context.preset];
  if (sizes === undefined) {
    throw new DemoInputError([`there is no preset ${context.preset}; there are ${Object.keys(sizesOf).join(" and ")}`]);
  }
  const asked = await context.stage("read", () => caseOf(context, sizes));
  const { inputs, notes } = sceneInputs(asked.question, asked.objects, asked.tokens, asked.vocabulary, sizes);
  const { answer, passes } = await decode(context, inputs, sizes);
  const text = answerText(
    answer,
    asked.answers,
    asked.tokens.map((token) => token.text),
  );
  for (const note of notes) context.print(note);
  context.print(`question  ${asked.question}`);
  context.print(`tokens    ${asked.tokens.map((token) => token.text).join(", ") || "none"}`);
  context.print(`answer    ${text === "" ? "(none)" : text}`);
  if (asked.right !== undefined) context.print(`right     ${asked.right}`);
  const path = context.outputPath("tap.png");
  writeFileSync(path, pngBytes(answerPicture(asked, text)));
  context.print(`picture   ${path}`);
  context.report("question", asked.question);
  context.report("answer", text);
  context.report("indices", [...answer]);
  context.report("passes", passes);
  if (asked.right !== undefined) context.report("right", asked.right);
  context.report("picture", path);
}

async function decode(
  context: DemoContext,
  inputs: ReturnType<typeof sceneInputs>["inputs"],
  { steps }: Sizes,
): Promise<{ readonly answer: Int32Array; readonly passes: number }> {
  const file = "models/tap/tap.weft";
  if (context.options.cached === true) {
    const program = await context.compile({ file, entry: "decode" });
    const { prev: _, ...given } = inputs;
    const { answer } = await program.run("answer", given);
    return { answer: Int32Array.from(answer as ArrayLike<number>), passes: 1 };
  }
  const program = await context.compile({ file, entry: "answer" });
  const score = async (previous: Int32Array) => {
    const prev = { shape: [steps], data: Int32Array.from(previous) };
    return (await program.run("answer", { ...inputs, prev })).scores as ArrayLike<number>;
  };
  return decodeGreedily(score, { steps });
}

function caseOf(context: DemoContext, sizes: Sizes): Case {
  const { image, regions, question, scene } = context.options;
  const given = { image, regions };
  if (image === undefined && regions === undefined) {
    if (context.preset !== "tiny") {
      throw new DemoInputError(["the synthetic world is of preset tiny; give --image, --regions and --question"]);
    }
    const name = typeof scene === "string" ? scene : "demo";
    const drawn = drawScene(context.seed, name);
    const asked = drawQuestion(drawn, context.seed, name);
    const own = typeof question === "string";
    return {
      picture: drawScenePicture(drawn),
      question: own ? question : asked.question,
      objects: drawn.objects,
      tokens: drawn.tokens,
      vocabulary: worldVocabulary,
      answers: worldAnswers,
      ...(own ? {} : { right: asked.answer }),
    };
  }
  const needed = { ...given, question, ...(context.preset === "tiny" ? {} : filesOf(context)) };
  const missing = Object.entries(needed).flatMap(([name, value]) =>
    typeof value === "string" ? [] : [`give --${name}; an image is asked about with its regions and a question`],
  );
  if (missing.length > 0) throw new DemoInputError(missing);
  const text = (path: unknown) => new TextDecoder().decode(context.readFile(path as string));
  const picture = readPicture(image as string, context.readFile(image as string));
  const tiny = context.preset === "tiny";
  const read = (wordVector: (word: string) => Float32Array) => readRegions(text(regions), picture, wordVector);
  return {
    picture,
    question: question as string,
    ...(tiny ? read(wordFeature) : withFastText(context.options.fasttext as string, read)),
    vocabulary: tiny ? worldVocabulary : readVocabulary(text(context.options.vocabulary)),
    answers: tiny ? worldAnswers : readAnswers(text(context.options.answers), sizes.answers),
  };
}

const filesOf = ({ options: { vocabulary, answers, fasttext } }: DemoContext) => ({ vocabulary, answers, fasttext });

/** Reads of FastText's file what is needed: it is larger than a buffer may be. */
function withFastText<T>(path: string, use: (wordVector: (word: string) => Float32Array) => T): T {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    throw new DemoInputError([`${path} cannot be read; give FastText's binary file`]);
  }
  try {
    const vectors = readFastText((start, end) => {
      const bytes = new Uint8Array(end - start);
      readSync(file, bytes, 0, bytes.length, start);
      return bytes;
    }, fstatSync(file).size);
    return use((word) => tokenVector(vectors, word));
  } finally {
    closeSync(file);
  }
}

/** The picture with the boxes of objects (blue) and tokens (red), and under it question and answer. */
function answerPicture({ picture, question, objects, tokens, right }: Case, answer: string): Picture {
  let drawn = picture.width < 320 ? enlarged(picture, Math.ceil(320 / picture.width)) : picture;
  for (const { box, name } of objects) {
    const [x1, y1, x2, y2] = pixels(box, drawn);
    drawn = drawBox(drawn, [x1, y1, x2, y2], blue);
    drawn = written(drawn, name, x1, Math.max(y1 - 2 * letterHeight - 3, 0), 2, blue);
  }
  for (const { box } of tokens) {
    const [x1, y1, x2, y2] = pixels(box, drawn);
    drawn = drawBox(drawn, [x1, y1, x2, y2], red);
  }
  const lines = [question, `answer: ${answer}`, ...(right === undefined ? [] : [`right: ${right}`])];
  const size = Math.max(
    1,
    Math.min(3, ...lines.map((line) => Math.floor((drawn.width - 16) / (line.length * letterPitch)))),
  );
  const pitch = (letterHeight + 3) * size;
  let page = blankPicture(drawn.width, drawn.height + pitch * lines.length + 12, [255, 255, 255]);
  page.rgb.set(drawn.rgb);
  lines.forEach((line, k) => {
    page = written(page, line, 8, drawn.height + 8 + k * pitch, size, ink);
  });
  return page;
}
