/** `weft demo sstvos`: a clip and the masks of its first frame become masks of all frames, drawn over them. */
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Demo, type DemoContext, DemoInputError, type DemoProgram } from "../../src/demo.ts";
import type { HostArray } from "../../src/index.ts";
import { drawContour, drawMask, enlarged, palette, sideBySide } from "../shared/draw.ts";
import { type Picture, pngBytes, readPicture } from "../shared/pictures.ts";
import { type Clip, checkClip, type FrameSize, framePlanes, type Labels, labelsOf, networkSize } from "./frames.ts";
import { segmentVideo, type VideoNetwork } from "./video.ts";
import { drawClip, overlap } from "./world.ts";

const file = "models/sstvos/sstvos.weft";

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
  ],
  defaultPreset: "tiny",
  run,
};

/** A clip, and its true masks where they are known. */
interface Sample extends Clip {
  readonly truth?: readonly Labels[];
}

async function run(context: DemoContext): Promise<void> {
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
  const network = await openNetwork(context, clip, size, window);
  const folder = context.outputPath("sstvos");
  mkdirSync(folder, { recursive: true });
  const shown: Picture[] = [];
  const overlaps: number[][] = [];
  let number = 0;
  for await (const labels of segmentVideo(network, {
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

/** Both entries of the network for a clip. */
async function openNetwork(
  context: DemoContext,
  { frames, first }: Clip,
  size: FrameSize,
  window: number,
): Promise<VideoNetwork> {
  const [H, W] = size;
  const [h, w] = [(H - 1) / 4 + 1, (W - 1) / 4 + 1];
  const objects = first.objects + 1;
  const encoder = await context.compile({ file, entry: "encode", settings: { B: 1, H, W, objects } });
  const settings = { n: window, R: 1, h, w, H0: first.height, W0: first.width, objects };
  const decoder = await context.compile({ file, entry: "decode", settings });
  const [, pyramid] = shapeOf(encoder, "features");
  const [, low] = shapeOf(encoder, "low");
  return {
    encode: async (number) => {
      const planes = await context.stage("resize", () => framePlanes(frames[number] as Picture, size));
      const found = await encoder.run("encode", { frames: { shape: [1, 3, H, W], data: planes } });
      return { features: f32(found, "features"), low: f32(found, "low") };
    },
    decode: async ({ features, low: fine, frameIndex, keyValid, labels, references, referenceLabels }) => {
      const picture = [first.height, first.width];
      const found = await decoder.run("decode", {
        features: { shape: [window, pyramid as number, h, w], data: joinedFloats(features) },
        low: { shape: [low as number, h, w], data: fine },
        frameIndex: { shape: [window], data: Int32Array.from(frameIndex) },
        keyValid: { shape: [window], data: Uint8Array.from(keyValid, Number) },
        labels: { shape: [labels.length, ...picture], data: joinedLabels(labels) },
        references: { shape: [references.length, pyramid as number, h, w], data: joinedFloats(references) },
        referenceLabels: { shape: [references.length, ...picture], data: joinedLabels(referenceLabels) },
      });
      return Int32Array.from(found.prediction as Int32Array);
    },
  };
}

const shapeOf = (program: DemoProgram, output: string) => program.outputs[output]?.shape ?? [];
const f32 = (found: Readonly<Record<string, HostArray>>, name: string) => found[name] as Float32Array<ArrayBuffer>;

function joinedFloats(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const length = parts[0]?.length ?? 0;
  const joined = new Float32Array(parts.length * length);
  parts.forEach((part, k) => {
    joined.set(part, k * length);
  });
  return joined;
}

function joinedLabels(parts: readonly Int32Array[]): Int32Array<ArrayBuffer> {
  const length = parts[0]?.length ?? 0;
  const joined = new Int32Array(parts.length * length);
  parts.forEach((part, k) => {
    joined.set(part, k * length);
  });
  return joined;
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
