/** Frames and masks of a video as SSTVOS and CFBI take them: sizes, cubic resizing, colours, labels. */
import { DemoInputError } from "../../src/demo.ts";
import { imageNet, type Picture } from "../shared/pictures.ts";

/** Height and width. */
export type FrameSize = readonly [height: number, width: number];

/** The long edge at test (YouTube-VOS settings of CFBI). */
export const longestEdge = 1040;

/** Smallest side of a frame: features at stride 16 have two rows then. */
export const smallestEdge = 17;

/** The side that the network takes in place of `side` pixels: the nearest 16 n + 1, at least 17. Of two as near, that with an even n. */
function networkSide(side: number): number {
  const parts = (Math.trunc(side) - 1) / 16;
  const below = Math.floor(parts);
  const nearest = parts - below === 0.5 ? below + (below % 2) : Math.round(parts);
  return Math.max(16 * nearest + 1, smallestEdge);
}

/** The size at which a picture goes through the network: long edge at most `longest`, then each side to the nearest 16 n + 1. */
export function networkSize({ width, height }: Pick<Picture, "width" | "height">, longest = longestEdge): FrameSize {
  const scale = Math.min(1, longest / Math.max(width, height));
  return [networkSide(scale * height), networkSide(scale * width)];
}

/** The cubic convolution kernel with a = -3/4 (Keys 1981, eq. 4), at distance t. */
function cubicWeight(t: number): number {
  const d = Math.abs(t);
  if (d <= 1) return (1.25 * d - 2.25) * d * d + 1;
  return d < 2 ? -0.75 * (((d - 5) * d + 8) * d - 4) : 0;
}

/**
 * At most four sources and weights of each new pixel: centres keep their places, the border goes on outside (OpenCV's `INTER_CUBIC`). Sources
 * that do not count are left out: where no size changes, all but one.
 */
export function cubicTaps(
  from: number,
  to: number,
): readonly (readonly (readonly [source: number, weight: number])[])[] {
  return Array.from({ length: to }, (_, k) => {
    const at = ((k + 0.5) * from) / to - 0.5;
    const left = Math.floor(at);
    const taps = [-1, 0, 1, 2].map((offset) => {
      const source = Math.min(Math.max(left + offset, 0), from - 1);
      return [source, cubicWeight(at - left - offset)] as const;
    });
    return taps.filter(([, weight]) => weight !== 0);
  });
}

/**
 * A frame for the network: resized with cubic interpolation, (x / 255 - mean) / std.
 *
 * @returns f32[3, height, width] whose channels are blue, green and red, each with the mean and deviation that ImageNet has for red,
 *   green and blue: the published evaluation reads pictures with OpenCV and does not turn the channels round, and so were its weights used
 */
export function framePlanes(picture: Picture, [height, width]: FrameSize): Float32Array<ArrayBuffer> {
  const across = cubicTaps(picture.width, width);
  const down = cubicTaps(picture.height, height);
  const planes = new Float32Array(3 * height * width);
  for (const channel of [0, 1, 2] as const) {
    const rows = new Float64Array(picture.height * width);
    for (let y = 0; y < picture.height; y++) {
      across.forEach((taps, x) => {
        let sum = 0;
        for (const [source, weight] of taps) {
          sum += weight * (picture.rgb[3 * (y * picture.width + source) + 2 - channel] as number);
        }
        rows[y * width + x] = sum;
      });
    }
    down.forEach((taps, y) => {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (const [source, weight] of taps) sum += weight * (rows[source * width + x] as number);
        planes[(channel * height + y) * width + x] = (sum / 255 - imageNet.mean[channel]) / imageNet.std[channel];
      }
    });
  }
  return planes;
}

/** Which pixel belongs to what: 0 is the background, 1 and up are objects. */
export interface Labels {
  readonly width: number;
  readonly height: number;
  /** i32[height, width]. */
  readonly data: Int32Array;
  /** Number of objects, without the background. */
  readonly objects: number;
}

/** Most objects that a picture of masks may have; the data sets have at most 10. */
export const mostObjects = 15;

/**
 * Labels of a picture of masks: black is the background, every other colour an object, numbered in the order in which they appear.
 *
 * @param name of the file, for messages
 * @throws DemoInputError when there is no object, or so many colours that this cannot be a picture of masks
 */
export function labelsOf(name: string, { width, height, rgb }: Picture): Labels {
  const numbers = new Map<number, number>([[0, 0]]);
  const data = new Int32Array(width * height);
  for (let pixel = 0; pixel < data.length; pixel++) {
    const [red, green, blue] = [rgb[3 * pixel], rgb[3 * pixel + 1], rgb[3 * pixel + 2]] as [number, number, number];
    const color = (red << 16) | (green << 8) | blue;
    const number = numbers.get(color) ?? numbers.size;
    if (number > mostObjects) {
      throw new DemoInputError([
        `${name} has more than ${mostObjects} colours beside black; give a picture of masks, one plain colour for each object, without smoothing (PNG, not JPEG)`,
      ]);
    }
    numbers.set(color, number);
    data[pixel] = number;
  }
  const objects = numbers.size - 1;
  if (objects === 0)
    throw new DemoInputError([`${name} has no object: paint the pixels of each object in one colour, the rest black`]);
  return { width, height, data, objects };
}

/** A clip of frames with the masks of the first, checked together. */
export interface Clip {
  readonly frames: readonly Picture[];
  readonly names: readonly string[];
  readonly first: Labels;
}

/** @throws DemoInputError that lists everything about a clip that cannot be used: too few frames, or sizes that differ */
export function checkClip({ frames, names, first }: Clip): void {
  const problems: string[] = [];
  const [start] = frames;
  if (start === undefined || frames.length < 2) {
    throw new DemoInputError([
      `the video has ${frames.length === 1 ? "one frame" : "no frame"}; give the first frame and at least one to segment`,
    ]);
  }
  const size = (each: { readonly width: number; readonly height: number }) => `${each.width} × ${each.height}`;
  frames.forEach((frame, k) => {
    if (size(frame) !== size(start)) {
      problems.push(
        `${names[k]} has ${size(frame)} pixels, ${names[0]} has ${size(start)}; all frames must have one size`,
      );
    }
  });
  if (size(first) !== size(start)) {
    problems.push(
      `the mask has ${size(first)} pixels, the first frame ${size(start)}; give the mask of the first frame at its size`,
    );
  }
  if (problems.length > 0) throw new DemoInputError(problems);
}
