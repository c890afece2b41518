/** From a picture and the masks of its objects to the input of the attribute network. */
import { imageNet, type Picture, planesOf } from "../shared/pictures.ts";
import { type PixelBox, resizeSmooth } from "../shared/resizing.ts";

/** An object that was seen, or is known. */
export interface SeenObject {
  readonly box: PixelBox;
  /** u8[height, width] of the picture: 1 where the object is. */
  readonly mask: Uint8Array;
}

/** f32[objects, 6, H, W]. */
export interface ObjectInput {
  readonly shape: readonly [number, 6, number, number];
  readonly data: Float32Array<ArrayBuffer>;
}

/** Side of the published network's input, and the rows of it that the picture fills. */
const canvasSide = 224;
const canvasTop = 38;
const canvasRows = 149;

/** Masks that overlap more than this are of one object. */
const duplicateOverlap = 0.5;

/**
 * For the synthetic world: red, green and blue from 0 to 1 where the object is seen and 0 elsewhere, then the whole picture, in the
 * picture's own size.
 */
export function plainInput(picture: Picture, objects: readonly SeenObject[]): ObjectInput {
  const { width, height } = picture;
  const whole = planesOf(picture).data;
  const data = new Float32Array(2 * objects.length * whole.length);
  objects.forEach(({ mask }, k) => {
    data.set(
      whole.map((value, place) => value * (mask[place % mask.length] as number)),
      2 * k * whole.length,
    );
    data.set(whole, (2 * k + 1) * whole.length);
  });
  return { shape: [objects.length, 6, height, width], data };
}

/**
 * As the published network takes it (kexinyi/ns-vqa, scene_parse/attr_net): the masked and the whole picture, 224 × 149 pixels in the
 * middle of a canvas of zeros. The published code reads pictures in the order blue, green, red, and takes off the means of red, green and blue in that order.
 */
export function publishedInput(picture: Picture, objects: readonly SeenObject[]): ObjectInput {
  const plane = canvasSide ** 2;
  const data = new Float32Array(6 * objects.length * plane);
  const reversed = { ...picture, rgb: picture.rgb.map((_, place, rgb) => rgb[place + 2 - 2 * (place % 3)] as number) };
  const place = (source: Picture, start: number) => {
    const planes = planesOf(resizeSmooth(source, canvasSide, canvasRows), imageNet).data;
    for (let channel = 0; channel < 3; channel++) {
      const rows = planes.subarray(channel * canvasRows * canvasSide, (channel + 1) * canvasRows * canvasSide);
      data.set(rows, start + channel * plane + canvasTop * canvasSide);
    }
  };
  objects.forEach(({ mask }, k) => {
    const rgb = reversed.rgb.map((value, pixel) => value * (mask[Math.floor(pixel / 3)] as number));
    place({ ...reversed, rgb }, 6 * k * plane);
    place(reversed, (6 * k + 3) * plane);
  });
  return { shape: [objects.length, 6, canvasSide, canvasSide], data };
}

/**
 * Objects, the best first, without those whose mask covers more than half of an earlier one, of their own, or of both together (the
 * published code's optional suppression).
 */
export function withoutDuplicates<T extends SeenObject>(objects: readonly T[]): readonly T[] {
  const kept: T[] = [];
  for (const object of objects) if (!kept.some((other) => areSame(object.mask, other.mask))) kept.push(object);
  return kept;
}

function areSame(a: Uint8Array, b: Uint8Array): boolean {
  let [both, inA, inB] = [0, 0, 0];
  a.forEach((value, pixel) => {
    const other = b[pixel] as number;
    both += value * other;
    inA += value;
    inB += other;
  });
  const smaller = Math.min(inA, inB);
  return smaller > 0 && both / smaller > duplicateOverlap;
}
