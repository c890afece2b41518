/** Variations of a clip for training, as CFBI's trainers make them: another size, a part of the frame, mirrored; all frames alike. */
import type { Dice } from "../shared/dice.ts";
import type { Picture } from "../shared/pictures.ts";
import { cubicTaps, type Labels } from "./frames.ts";
import type { WorldClip } from "./world.ts";

/** How a clip is varied; lengths in pixels. */
export interface ClipVariation {
  /** The shorter edge becomes as long as this, times a factor from 1 to `largest`. */
  readonly shortest: number;
  readonly largest: number;
  /** Side of the square that is cut out. */
  readonly side: number;
  /** How often a square is drawn until one has `fewest` pixels of one object in the first frame; then the last one is taken. */
  readonly tries: number;
  readonly fewest: number;
}

/** CFBI on DAVIS and YouTube-VOS. */
export const publishedVariation: ClipVariation = { shortest: 480, largest: 1.3, side: 465, tries: 5, fewest: 100 };

/**
 * One variation of a clip whose frames have one size.
 *
 * @throws RangeError when the square is larger than the resized frames
 */
export function variedClip(clip: WorldClip, dice: Dice, variation: ClipVariation = publishedVariation): WorldClip {
  const [first] = clip.frames;
  if (first === undefined) throw new RangeError("the clip has no frames");
  const { shortest, largest, side, tries, fewest } = variation;
  if (side > shortest) throw new RangeError(`a square of ${side} pixels does not fit into frames of ${shortest}`);
  const scale = (shortest * dice.between(1, largest)) / Math.min(first.width, first.height);
  const [width, height] = [Math.round(first.width * scale), Math.round(first.height * scale)];
  const labels = clip.labels.map((each) => nearestLabels(each, width, height));
  let corner: readonly [left: number, top: number] = [0, 0];
  for (let turn = 0; turn < tries; turn++) {
    corner = [dice.below(width - side + 1), dice.below(height - side + 1)];
    if (mostOfOneObject(labels[0], corner, side) >= fewest) break;
  }
  const isMirrored = dice.chance(0.5);
  /** Where the pixel of the result comes from. */
  const column = (x: number) => corner[0] + (isMirrored ? side - 1 - x : x);
  return {
    frames: clip.frames.map((frame) => part(resizedCubic(frame, width, height), column, corner[1], side)),
    labels: labels.map((each) => {
      const data = Int32Array.from(
        { length: side * side },
        (_, k) => each.data[(corner[1] + Math.floor(k / side)) * width + column(k % side)] as number,
      );
      return { ...each, width: side, height: side, data };
    }),
  };
}

/** Labels of the pixel at ⌊x from / to⌋. */
function nearestLabels(labels: Labels, width: number, height: number): Labels {
  const data = Int32Array.from({ length: width * height }, (_, k) => {
    const row = Math.floor((Math.floor(k / width) * labels.height) / height);
    return labels.data[row * labels.width + Math.floor(((k % width) * labels.width) / width)] as number;
  });
  return { ...labels, width, height, data };
}

function mostOfOneObject(labels: Labels | undefined, [left, top]: readonly [number, number], side: number): number {
  if (labels === undefined) return 0;
  const counts = new Map<number, number>();
  for (let y = top; y < top + side; y++) {
    for (let x = left; x < left + side; x++) {
      const label = labels.data[y * labels.width + x] as number;
      if (label > 0) counts.set(label, (counts.get(label) ?? 0) + 1);
    }
  }
  return Math.max(0, ...counts.values());
}

/** The picture in another size, by cubic interpolation, rounded to whole numbers from 0 to 255. */
function resizedCubic(picture: Picture, width: number, height: number): Picture {
  const [across, down] = [cubicTaps(picture.width, width), cubicTaps(picture.height, height)];
  const rows = new Float64Array(3 * width * picture.height);
  for (let y = 0; y < picture.height; y++) {
    across.forEach((taps, x) => {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (const [source, weight] of taps) {
          sum += weight * (picture.rgb[3 * (y * picture.width + source) + channel] as number);
        }
        rows[3 * (y * width + x) + channel] = sum;
      }
    });
  }
  const rgb = new Uint8Array(3 * width * height);
  down.forEach((taps, y) => {
    for (let k = 0; k < 3 * width; k++) {
      let sum = 0;
      for (const [source, weight] of taps) sum += weight * (rows[3 * source * width + k] as number);
      rgb[3 * y * width + k] = Math.round(Math.min(Math.max(sum, 0), 255));
    }
  });
  return { width, height, rgb };
}

/** A square from row `top` on, with the columns that `column` tells. */
function part({ width, rgb }: Picture, column: (x: number) => number, top: number, side: number): Picture {
  const out = new Uint8Array(3 * side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const from = 3 * ((top + y) * width + column(x));
      out.set(rgb.subarray(from, from + 3), 3 * (y * side + x));
    }
  }
  return { width: side, height: side, rgb: out };
}
