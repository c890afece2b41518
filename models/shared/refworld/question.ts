/** What demos of referring expressions ask: the user's picture and phrase, or a sample of RefWorld. */
import { type DemoContext, DemoInputError, type DemoOption } from "../../../src/demo.ts";
import { wholeNumberOption } from "../demo-options.ts";
import { type Picture, readPicture } from "../pictures.ts";
import { type UniqueSample, uniqueSample } from "./unique.ts";

/** What is to be found in which picture, with the truth when both are of the synthetic world. */
export interface PictureQuestion {
  readonly picture: Picture;
  readonly phrase: string;
  readonly sample?: UniqueSample;
}

/** The seed of the synthetic world's test set, and the greatest number of a sample. */
export const testSeed = 2;
const mostSamples = 2 ** 31;

/** The options that `pictureQuestion` and `testCount` read. */
export const questionOptions: readonly [image: DemoOption, phrase: DemoOption, sample: DemoOption, test: DemoOption] = [
  {
    flags: "--image <file>",
    description: "a PNG or JPEG picture; without it a sample of the synthetic world is drawn",
  },
  { flags: "--phrase <text>", description: "which thing is meant" },
  { flags: "--sample <number>", description: "which sample of the synthetic world's test set (default 0)" },
  { flags: "--test <count>", description: "instead of one answer: scores on so many samples of the test set" },
];

/** @throws DemoInputError for options that do not go together, a picture that cannot be read, a sample that is no number */
export function pictureQuestion(context: DemoContext): PictureQuestion {
  const { image, phrase } = context.options;
  const sample = sampleNumber(context);
  if (typeof image === "string") {
    if (sample !== undefined) throw new DemoInputError(["--image and --sample are two pictures; leave one out"]);
    if (typeof phrase !== "string") throw new DemoInputError(['say which thing is meant: --phrase "the left man"']);
    return { picture: readPicture(image, context.readFile(image)), phrase };
  }
  const drawn = uniqueSample(testSeed, sample ?? 0);
  if (typeof phrase === "string") return { picture: drawn.picture, phrase };
  return { picture: drawn.picture, phrase: drawn.phrase, sample: drawn };
}

/** The sample that `--sample` asks for. @throws DemoInputError for anything but a whole number */
export function sampleNumber(context: Pick<DemoContext, "options">): number | undefined {
  return wholeNumberOption(context, "sample", 0, mostSamples);
}

/** How many samples `--test` asks for. @throws DemoInputError for anything but a whole number */
export function testCount(context: Pick<DemoContext, "options">): number | undefined {
  return wholeNumberOption(context, "test", 1, 100_000);
}
