/** `weft demo sstvos`: a clip and the masks of its first frame become masks of all frames, drawn over them. */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Demo, type DemoContext, DemoInputError } from "../../src/demo.ts";
import { drawContour, drawMask, enlarged, palette, sideBySide } from "../shared/draw.ts";
import { type Picture, pngBytes, readPicture } from "../shared/pictures.ts";
import { type Clip, checkClip, type Labels, labelsOf, networkSize } from "./frames.ts";
import { openNetwork } from "./network.ts";
import { stillScores, videoScores } from "./scores.ts";
import { segmentVideo } from "./video.ts";
import { drawClip, drawWatchedClip, overlap, watchedObjects, watchedSide } from "./world.ts";

export const demo: Demo = {
  name: "sstvos",
  summary: "masks of the first frame of a video, carried to all its frames",
  options: [
    {
      flags: "--frames <folder>",
      description: "PNG or JPEG pictures of one size, frames in the order of their names (default: a clip of its own)",
    },
    {
      flags: "--mask <file>",
      description: "PNG of the first frame's size: one colour for each object, black elsewhere",
    },
    { flags: "--window <n>", description: "frames seen at once with the current one (default: 4)" },
    { flags: "--longest <n>", description: "longest side at which frames go through the network (default: 1040)" },
    {
      flags: "--test <n>",
      description: "scores on n clips of the synthetic world that training does not see, instead of an answer",
    },
  ],
  defaultPreset: "tiny",
  run: async (context) => {
    if (context.options.test === undefined) await answer(context);
    else await test(context, numberOption(context, "test", 0, 1));
  },
};

/** Frames of a clip on which the network is scored. */
const testFrames = 8;

/** A clip, and its true masks where they are known. */
interface Sample extends Clip {
  readonly truth?: readonly Labels[];
}

async function answer(context: DemoContext): Promise<void> {
  const window = numberOption(context, "window", 4, 2);
  const longest = numberOption(context, "longest", 1040, 17);
  const clip = await context.stage("read", () => readClip(context));
  checkClip(clip);
  const { frames, first } = clip;
  const [start] = frames as readonly [Picture];
  const size = networkSize(start, longest);
  context.print(
    `${frames.length} frames of ${start.width} × ${start.height}, ${first.objects} objects; through the network at ${size[1]} × ${size[0]}, ${window} frames at once`,
  );
  const open = await openNetwork(context, { picture: start, size, window, objects: first.objects });
  const folder = context.outputPath("sstvos");
  mkdirSync(folder, { recursive: true });
  const shown: Picture[] = [];
  const overlaps: number[][] = [];
  let number = 0;
  for await (const labels of segmentVideo(open(frames), {
    frames: frames.length,
    window,
    given: new Map([[0, first.data]]),
  })) {
    const drawn = withMasks(frames[number] as Picture, labels, first.objects);
    writeFileSync(join(folder, `frame-${String(number).padStart(4, "0")}.png`), pngBytes(drawn));
    shown.push(drawn);
    const shares = Array.from({ length: first.objects + 1 }, (_, o) => labels.filter((label) => label === o).length);
    const percent = shares.map((share) => `${((100 * share) / labels.length).toFixed(1)} %`);
    context.print(`frame ${number}: background ${percent[0]}, objects ${percent.slice(1).join(", ")}`);
    const truth = clip.truth?.[number]?.data;
    if (truth !== undefined && number > 0) {
      overlaps.push(Array.from({ length: first.objects }, (_, o) => overlap(labels, truth, o + 1)));
    }
    number++;
  }
  const sheet = join(folder, "clip.png");
  writeFileSync(sheet, pngBytes(contactSheet(shown)));
  context.print(`masks over frames in ${folder}, side by side in ${sheet}`);
  if (overlaps.length > 0) {
    const mean = overlaps.flat().reduce((sum, value) => sum + value, 0) / overlaps.flat().length;
    context.print(`mean intersection over union with the true masks (J): ${mean.toFixed(3)}`);
    context.report("meanOverlap", mean);
  }
  context.report("frames", frames.length);
  context.report("objects", first.objects);
  context.report("output", sheet);
}

/** Scores on the first `count` clips of the world, beside those of masks that are left where they are. */
async function test(context: DemoContext, count: number): Promise<void> {
  const window = numberOption(context, "window", 4, 2);
  const picture = { width: watchedSide, height: watchedSide };
  const open = await openNetwork(context, { picture, size: networkSize(picture), window, objects: watchedObjects });
  const clips = Array.from({ length: count }, (_, seed) => drawWatchedClip(seed, testFrames));
  const found: Int32Array[][] = [];
  for (const { frames, labels } of clips) {
    const given = new Map([[0, Int32Array.from(labels[0]?.data ?? [])]]);
    const masks: Int32Array[] = [];
    for await (const each of segmentVideo(open(frames), { frames: testFrames, window, given })) masks.push(each);
    found.push(masks);
  }
  const [scores, still] = [videoScores(clips, found), stillScores(clips)];
  const line = ({ J, F, lastJ }: typeof scores) =>
    `J ${J.toFixed(3)}, F ${F.toFixed(3)}, in the last frame J ${lastJ.toFixed(3)}`;
  context.print(`${count} clips of ${testFrames} frames, ${watchedObjects} objects and a bystander: ${line(scores)}.`);
  context.print(`The masks of the first frame, left where they are: ${line(still)}.`);
  context.report("scores", { ...scores, still });
}

function numberOption(context: DemoContext, name: string, usual: number, least: number): number {
  const given = context.options[name];
  if (given === undefined) return usual;
  const value = Number(given);
  if (Number.isInteger(value) && value >= least) return value;
  throw new DemoInputError([`--${name} ${String(given)} is not a whole number of at least ${least}`]);
}

/** The files that the user names, or a clip of the world. */
function readClip(context: DemoContext): Sample {
  const { frames: folder, mask } = context.options as { readonly frames?: string; readonly mask?: string };
  if (folder === undefined && mask === undefined) {
    const { frames, labels } = drawClip({ seed: context.seed, width: 96, height: 64, frames: 6, objects: 2 });
    return { frames, names: frames.map((_, k) => `frame ${k}`), first: labels[0] as Labels, truth: labels };
  }
  if (folder === undefined) throw new DemoInputError(["--mask needs --frames: name the folder of the video's frames"]);
  if (mask === undefined) throw new DemoInputError(["--frames needs --mask: give the masks of the first frame"]);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new DemoInputError([
      `${folder} is not a folder; put the frames of the video into one, as PNG or JPEG pictures`,
    ]);
  }
  const names = readdirSync(folder)
    .filter((name) => /\.(png|jpe?g)$/i.test(name))
    .sort()
    .map((name) => join(folder, name));
  const frames = names.map((name) => readPicture(name, context.readFile(name)));
  return { frames, names, first: labelsOf(mask, readPicture(mask, context.readFile(mask))) };
}

/** Each object's mask and its border over the frame. */
function withMasks(frame: Picture, labels: Int32Array, objects: number): Picture {
  let drawn = frame;
  for (let object = 1; object <= objects; object++) {
    const mask = Uint8Array.from(labels, (label) => Number(label === object));
    const color = palette[(object - 1) % palette.length] as readonly [number, number, number];
    drawn = drawContour(drawMask(drawn, mask, color), mask, color);
  }
  return drawn;
}

/** At most eight frames of the clip side by side, small ones enlarged. */
function contactSheet(frames: readonly Picture[]): Picture {
  const step = Math.ceil(frames.length / 8);
  const chosen = frames.filter((_, k) => k % step === 0);
  const factor = Math.max(1, Math.floor(200 / Math.max(...chosen.map(({ width }) => width))));
  return sideBySide(chosen.map((frame) => enlarged(frame, factor)));
}
