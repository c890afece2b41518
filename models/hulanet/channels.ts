/** From what a detector found to HULANet's channels: for each category, and each attribute, the greatest score at every place. */
import { DemoInputError } from "../../src/demo.ts";
import { type Detection, maskSide, pastedMask } from "../mask-rcnn/detections.ts";
import type { PixelBox } from "../shared/resizing.ts";

/** A detection with how sure the attribute classifier is of each attribute; its labels count from 1. */
export interface DescribedDetection extends Detection {
  readonly mask: Float32Array;
  readonly attributes: readonly number[];
}

/** A detection as a set of pixels of a canvas whose sides are four times those of the channels. */
export interface Segment {
  /** From 0 on. */
  readonly category: number;
  readonly score: number;
  readonly attributes: readonly number[];
  /** Above 0 where the segment is. */
  readonly mask: ArrayLike<number>;
}

export interface ChannelSize {
  readonly categories: number;
  readonly attributes: number;
  readonly height: number;
  readonly width: number;
}

/** Channels of the categories that were found, f32[K, height, width], their numbers i32[K], and those of all attributes. */
export interface Channels {
  readonly C: Float32Array<ArrayBuffer>;
  readonly present: Int32Array<ArrayBuffer>;
  readonly Catt: Float32Array<ArrayBuffer>;
}

/** Pixels of the canvas to a place of a channel, along each side. */
const factor = 4;

/** C_c = max s_d m_d over the segments d of category c, Catt_α = max s_dα m_d over all, then means over 4 × 4 pixels. */
export function channelsOf(segments: readonly Segment[], size: ChannelSize): Channels {
  const plane = size.height * size.width;
  const found = [...new Set(segments.map(({ category }) => category))].sort((a, b) => a - b);
  // A network without any channel could not be built; the channel of nothing is 0.
  const present = Int32Array.from(found.length > 0 ? found : [0]);
  const C = new Float32Array(present.length * plane);
  const pixels = segments.map(({ mask }) => pixelsOf(mask, size));
  present.forEach((category, k) => {
    const scoreOf = (segment: Segment) => (segment.category === category ? segment.score : 0);
    C.set(pooledGreatest(segments, pixels, scoreOf, size), k * plane);
  });
  const Catt = new Float32Array(size.attributes * plane);
  for (let α = 0; α < size.attributes; α++) {
    Catt.set(
      pooledGreatest(segments, pixels, ({ attributes }) => attributes[α] ?? 0, size),
      α * plane,
    );
  }
  return { C, present, Catt };
}

function pixelsOf(mask: ArrayLike<number>, { height, width }: ChannelSize): Int32Array {
  if (mask.length !== factor ** 2 * height * width) {
    throw new RangeError(
      `a mask of ${mask.length} pixels does not fit a canvas of ${factor * width} × ${factor * height}`,
    );
  }
  const places: number[] = [];
  for (let pixel = 0; pixel < mask.length; pixel++) if ((mask[pixel] as number) > 0) places.push(pixel);
  return Int32Array.from(places);
}

function pooledGreatest(
  segments: readonly Segment[],
  pixels: readonly Int32Array[],
  scoreOf: (segment: Segment) => number,
  { height, width }: ChannelSize,
): Float32Array {
  const greatest = new Float64Array(factor ** 2 * height * width);
  segments.forEach((segment, d) => {
    const score = scoreOf(segment);
    if (score === 0) return;
    for (const pixel of pixels[d] as Int32Array) greatest[pixel] = Math.max(greatest[pixel] as number, score);
  });
  const pooled = new Float64Array(height * width);
  greatest.forEach((value, pixel) => {
    const [row, column] = [Math.floor(pixel / (factor * width)), pixel % (factor * width)];
    const place = Math.floor(row / factor) * width + Math.floor(column / factor);
    pooled[place] = (pooled[place] as number) + value / factor ** 2;
  });
  return Float32Array.from(pooled);
}

/** How a picture lies on the canvas: in its upper left corner, as large as fits. */
export interface CanvasPlacement {
  /** Pixels of the canvas to one of the picture. */
  readonly ratio: number;
  readonly width: number;
  readonly height: number;
}

export function placedOnCanvas(
  picture: { readonly width: number; readonly height: number },
  size: ChannelSize,
): CanvasPlacement {
  const ratio = Math.min((factor * size.width) / picture.width, (factor * size.height) / picture.height);
  return {
    ratio,
    width: Math.max(Math.round(picture.width * ratio), 1),
    height: Math.max(Math.round(picture.height * ratio), 1),
  };
}

/** Detections as segments of the canvas: masks above one half, pasted into their boxes. */
export function segmentsOf(
  detections: readonly DescribedDetection[],
  { ratio }: CanvasPlacement,
  { height, width }: ChannelSize,
): readonly Segment[] {
  const canvas = { width: factor * width, height: factor * height };
  return detections.map(({ box, label, score, attributes, mask }) => {
    const scaled = box.map((edge) => edge * ratio) as unknown as PixelBox;
    const inside = pastedMask(mask, scaled, canvas).map((value) => (value > 0.5 ? 1 : 0));
    return { category: label - 1, score, attributes, mask: inside };
  });
}

/**
 * Reads a list of detections, JSON: `[{ "box": [x1, y1, x2, y2], "label": 1, "score": 0.9, "attributes": […], "mask": [… 28 × 28] }, …]`
 * with boxes in pixels of the picture and labels from 1 on.
 *
 * @param name of the file, for messages
 * @throws DemoInputError that tells every detection that is wrong, and how
 */
export function readDetections(name: string, text: string, size: ChannelSize): readonly DescribedDetection[] {
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (error) {
    throw new DemoInputError([`${name} is no JSON: ${(error as Error).message}`]);
  }
  if (!Array.isArray(list)) throw new DemoInputError([`${name} must hold a list of detections: [{ "box": …, … }, …]`]);
  const problems: string[] = [];
  const found = list.map((each: unknown, place): DescribedDetection => {
    const { box, label, score, attributes, mask } = (each ?? {}) as Readonly<Record<string, unknown>>;
    const require = (isRight: boolean, what: string) => {
      if (!isRight) problems.push(`${name}, detection ${place}: ${what}`);
    };
    require(isNumbers(box, 4) &&
      (box[0] as number) < (box[2] as number) &&
      (box[1] as number) <
        (box[3] as number), "`box` must be four numbers x1 < x2, y1 < y2 in the order x1, y1, x2, y2");
    require(Number.isInteger(label) &&
      (label as number) >= 1 &&
      (label as number) <= size.categories, `\`label\` must be a whole number from 1 to ${size.categories}`);
    require(isProbability(score), "`score` must be a number from 0 to 1");
    require(isNumbers(attributes, size.attributes) &&
      attributes.every(isProbability), `\`attributes\` must be ${size.attributes} numbers from 0 to 1`);
    require(isNumbers(mask, maskSide ** 2) &&
      mask.every(isProbability), `\`mask\` must be ${maskSide} × ${maskSide} numbers from 0 to 1`);
    return {
      box: box as unknown as PixelBox,
      label: label as number,
      score: score as number,
      attributes: attributes as readonly number[],
      mask: Float32Array.from((mask ?? []) as readonly number[]),
    };
  });
  if (problems.length > 0) throw new DemoInputError(problems);
  return found;
}

const isProbability = (value: unknown): boolean => typeof value === "number" && value >= 0 && value <= 1;

function isNumbers(value: unknown, count: number): value is readonly number[] {
  return Array.isArray(value) && value.length === count && value.every((each) => Number.isFinite(each));
}
