/** Pictures of the synthetic world. */
import { PNG } from "pngjs";
import { diceOf } from "../../shared/dice.ts";
import type { SceneObject } from "../scene.ts";
import {
  type Coverage,
  coverageOf,
  type PictureSize,
  placementOf,
  samplesAcross,
  visibleMasks,
  type WorldObject,
  worldSize,
} from "./shapes.ts";

/** The colours of CLEVR (facebookresearch/clevr-dataset-gen, properties.json), red, green and blue from 0 to 255. */
const colors: Readonly<Record<SceneObject["color"], readonly [number, number, number]>> = {
  gray: [87, 87, 87],
  red: [173, 35, 35],
  blue: [42, 75, 215],
  green: [29, 105, 20],
  brown: [129, 74, 25],
  purple: [129, 38, 192],
  cyan: [41, 208, 208],
  yellow: [255, 238, 51],
};

const noise = 0.01;

/** Columns `left` to before `right` and rows `top` to before `bottom`, in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A picture with what can be seen of each object. */
export interface Picture {
  readonly size: PictureSize;
  /** f32[3, height, width]: red, green and blue from 0 to 1. */
  readonly pixels: Float32Array;
  /** For each object u8[height, width]: 1 where it is seen. */
  readonly masks: readonly Uint8Array[];
  /** Bounds of the masks. */
  readonly boxes: readonly Box[];
}

/** Brightness of a channel at a point of an object, in radii from its centre: matt, or with the dark rim and the glint of metal. */
function shade({ material }: WorldObject, channel: number, x: number, y: number): number {
  const matt = channel * (0.85 - 0.25 * (0.6 * x + 0.8 * y));
  if (material === "rubber") return matt;
  const rim = Math.min(Math.max(Math.sqrt(Math.min(x * x + y * y, 2)) - 0.45, 0), 1);
  const metal = matt * (1 - 0.45 * rim);
  return metal + (1 - metal) * 0.75 * Math.exp(-((x + 0.3) ** 2 + (y + 0.35) ** 2) / 0.08);
}

/**
 * The picture of a scene; the same for the same seed and name.
 *
 * @param name of the scene, for the noise
 */
export function drawPicture(
  objects: readonly WorldObject[],
  seed: number,
  name: string,
  size: PictureSize = worldSize,
): Picture {
  const { width, height } = size;
  const coverage = coverageOf(objects, size);
  const placements = objects.map((object) => placementOf(object, size));
  const plane = width * height;
  const pixels = new Float32Array(3 * plane);
  const deviations = diceOf(seed, `ns-vqa.noise.${name}`).stream.normal(3 * plane);
  const samples = samplesAcross ** 2;
  const sum = [0, 0, 0];
  const add = (owner: number, sampleRow: number, sampleColumn: number) => {
    const [across, down] = [(sampleColumn + 0.5) / samplesAcross, (sampleRow + 0.5) / samplesAcross];
    const object = objects[owner];
    const placement = placements[owner];
    for (let channel = 0; channel < 3; channel++) {
      const value =
        object === undefined || placement === undefined
          ? 0.62 - (0.14 * down) / height
          : shade(
              object,
              (colors[object.color][channel] as number) / 255,
              (across - placement.across) / placement.radius,
              (down - placement.down) / placement.radius,
            );
      sum[channel] = (sum[channel] as number) + value;
    }
  };
  for (let row = 0; row < height; row++) {
    // Most pixels show the background alone, which is the same along a row.
    sum.fill(0);
    for (let sample = 0; sample < samples; sample++)
      add(-1, row * samplesAcross + Math.floor(sample / samplesAcross), 0);
    const background = sum[0] as number;
    for (let column = 0; column < width; column++) {
      if (isBare(coverage, row, column)) {
        sum.fill(background);
      } else {
        sum.fill(0);
        for (let sample = 0; sample < samples; sample++) {
          const sampleRow = row * samplesAcross + Math.floor(sample / samplesAcross);
          const sampleColumn = column * samplesAcross + (sample % samplesAcross);
          add(coverage.owner[sampleRow * width * samplesAcross + sampleColumn] as number, sampleRow, sampleColumn);
        }
      }
      for (let channel = 0; channel < 3; channel++) {
        const place = channel * plane + row * width + column;
        const value = (sum[channel] as number) / samples + noise * (deviations[place] as number);
        pixels[place] = Math.min(Math.max(value, 0), 1);
      }
    }
  }
  const masks = visibleMasks(coverage);
  return { size, pixels, masks, boxes: masks.map((mask) => boundsOf(mask, size)) };
}

/** Whether no object owns a sample of the pixel. */
function isBare({ owner, size: { width } }: Coverage, row: number, column: number): boolean {
  for (let sampleRow = row * samplesAcross; sampleRow < (row + 1) * samplesAcross; sampleRow++) {
    const start = (sampleRow * width + column) * samplesAcross;
    for (let place = start; place < start + samplesAcross; place++) if ((owner[place] as number) >= 0) return false;
  }
  return true;
}

function boundsOf(mask: Uint8Array, { width }: PictureSize): Box {
  const seen = Array.from(mask.keys()).filter((pixel) => mask[pixel] === 1);
  const columns = seen.map((pixel) => pixel % width);
  const rows = seen.map((pixel) => Math.floor(pixel / width));
  return {
    left: Math.min(...columns),
    top: Math.min(...rows),
    right: Math.max(...columns) + 1,
    bottom: Math.max(...rows) + 1,
  };
}

/** The bytes of a PNG file with 8 bits a channel. */
export function pngOf({ size: { width, height }, pixels }: Picture): Uint8Array {
  const png = new PNG({ width, height });
  const plane = width * height;
  for (let pixel = 0; pixel < plane; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      png.data[4 * pixel + channel] = Math.round(255 * (pixels[channel * plane + pixel] as number));
    }
    png.data[4 * pixel + 3] = 255;
  }
  return PNG.sync.write(png);
}

/**
 * Input of the attribute network for one object, in the size of the picture: the picture where the object is seen and 0 elsewhere, then the whole picture.
 *
 * @param place number of the object in the picture
 * @returns f32[6, height, width]
 */
export function objectInput({ pixels, masks }: Picture, place: number): Float32Array {
  const mask = masks[place];
  if (mask === undefined) throw new RangeError(`there is no object ${place} among ${masks.length}`);
  const input = new Float32Array(2 * pixels.length);
  for (let value = 0; value < pixels.length; value++) {
    input[value] = (pixels[value] as number) * (mask[value % mask.length] as number);
  }
  input.set(pixels, pixels.length);
  return input;
}

/** `objectInput` for each object. */
export function objectInputs(picture: Picture): readonly Float32Array[] {
  return picture.masks.map((_, place) => objectInput(picture, place));
}
