/**
 * Pictures as the detectors take them: normalised, resized, and padded, in this order (torchvision's `GeneralizedRCNNTransform`, or
 * `prep_im_for_blob` of Detectron).
 */

import { DemoInputError } from "../../src/demo.ts";
import type { Floats } from "../shared/arrays.ts";
import { imageNet, type Picture, planesOf } from "../shared/pictures.ts";

/** How large pictures become: their shorter side `shortest`, unless the longer one would be above `longest`. */
export interface DetectorSize {
  readonly shortest: number;
  readonly longest: number;
}

/** As the published detectors were trained. */
export const publishedSize: DetectorSize = { shortest: 800, longest: 1333 };

/** Pictures of the synthetic world stay as they are. */
export const tinySize: DetectorSize = { shortest: 96, longest: 144 };

/**
 * Whose detector it is. Detectron's takes blue, green and red from 0 to 255, less their means; torchvision's red, green and blue as ImageNet's
 * networks do. In Detectron a pixel of the picture becomes equally many both ways, whatever whole size follows.
 */
export type Convention = "torchvision" | "detectron";

/** Means of blue, green and red, from 0 to 255 (Detectron's `PIXEL_MEANS`). */
const detectronMeans = [102.9801, 115.9465, 122.7717] as const;

/** Where a picture lies in the batch: in the upper left, `height` × `width` pixels large; a pixel of the picture is that many of them. */
export interface Placement {
  readonly picture: { readonly width: number; readonly height: number };
  readonly width: number;
  readonly height: number;
  /** Pixels of the batch for one of the picture, in Detectron; else the sizes tell. */
  readonly scale?: number;
}

/** The inputs of `detect`, and where each picture lies. */
export interface DetectorInput {
  /** f32[B, 3, H, W], H and W multiples of 32. */
  readonly images: Floats;
  /** f32[B, 2]: heights and widths without the padding. */
  readonly sizes: Floats;
  readonly placements: readonly Placement[];
}

/**
 * A batch of pictures for the detectors.
 *
 * @throws DemoInputError when there is no picture, or one is so long and thin that it would have no pixels left
 */
export function detectorInput(
  pictures: readonly Picture[],
  size: DetectorSize = publishedSize,
  convention: Convention = "torchvision",
): DetectorInput {
  if (pictures.length === 0) throw new DemoInputError(["there is no picture; give at least one"]);
  const placements = pictures.map((picture) => placementOf(picture, size, convention));
  const padded = (sides: readonly number[]) => Math.ceil(Math.max(...sides) / 32) * 32;
  const [H, W] = [padded(placements.map((each) => each.height)), padded(placements.map((each) => each.width))];
  const data = new Float32Array(3 * H * W * pictures.length);
  pictures.forEach((picture, b) => {
    const { height, width, scale } = placements[b] as Placement;
    const planes = convention === "detectron" ? bluePlanesOf(picture) : planesOf(picture, imageNet).data;
    for (let channel = 0; channel < 3; channel++) {
      const plane = planes.subarray(
        channel * picture.width * picture.height,
        (channel + 1) * picture.width * picture.height,
      );
      const resized = resizePlane(plane, picture, { width, height }, scale);
      for (let row = 0; row < height; row++) {
        data.set(resized.subarray(row * width, (row + 1) * width), ((b * 3 + channel) * H + row) * W);
      }
    }
  });
  const sizes = Float32Array.from(placements.flatMap(({ height, width }) => [height, width]));
  return {
    images: { shape: [pictures.length, 3, H, W], data },
    sizes: { shape: [pictures.length, 2], data: sizes },
    placements,
  };
}

/** f32[3, height, width]: blue, green and red less Detectron's means. */
function bluePlanesOf({ width, height, rgb }: Picture): Float32Array {
  const pixels = width * height;
  return Float32Array.from({ length: 3 * pixels }, (_, k) => {
    const channel = Math.floor(k / pixels);
    return (rgb[3 * (k % pixels) + 2 - channel] as number) - (detectronMeans[channel] as number);
  });
}

/**
 * Size of a picture after resizing. In torchvision the factor is the f32 product of a rounded reciprocal, as in the reference: where it falls
 * just below a whole number of pixels, one is lost. Detectron rounds to the nearest, of two as near to the even one.
 *
 * @throws DemoInputError when no pixels would be left
 */
export function placementOf(
  { width, height }: Placement["picture"],
  size: DetectorSize,
  convention: Convention = "torchvision",
): Placement {
  const [newWidth, newHeight, scale] =
    convention === "detectron" ? detectronSize(width, height, size) : torchvisionSize(width, height, size);
  if (newWidth < 1 || newHeight < 1) {
    throw new DemoInputError([
      `a picture of ${width} × ${height} pixels would become ${newWidth} × ${newHeight}; cut it to a less extreme shape`,
    ]);
  }
  return { picture: { width, height }, width: newWidth, height: newHeight, ...(scale !== undefined && { scale }) };
}

function torchvisionSize(width: number, height: number, { shortest, longest }: DetectorSize) {
  const factorTo = (wanted: number, side: number) => Math.fround(Math.fround(1 / side) * wanted);
  const factor = Math.min(factorTo(shortest, Math.min(width, height)), factorTo(longest, Math.max(width, height)));
  return [Math.floor(width * factor), Math.floor(height * factor), undefined] as const;
}

function detectronSize(width: number, height: number, { shortest, longest }: DetectorSize) {
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const wanted = shortest / short;
  const scale = roundedToEven(wanted * long) > longest ? longest / long : wanted;
  return [roundedToEven(width * scale), roundedToEven(height * scale), scale] as const;
}

function roundedToEven(value: number): number {
  const below = Math.floor(value);
  return value - below === 0.5 ? below + (below % 2) : Math.round(value);
}

/** Extent of a plane of numbers in pixels. */
interface Extent {
  readonly width: number;
  readonly height: number;
}

/**
 * Bilinear interpolation between pixel centres: output pixel k lies at (k + 1/2) from / to - 1/2; before the first centre the first pixel
 * counts, and behind the last the last (`align_corners=False`, without smoothing).
 *
 * @param scale  in place of to / from
 */
export function resizePlane(plane: ArrayLike<number>, from: Extent, to: Extent, scale?: number): Float32Array {
  const out = new Float32Array(to.width * to.height);
  const columns = pointsOf(from.width, to.width, scale);
  const rows = pointsOf(from.height, to.height, scale);
  const at = (row: number, column: number) => plane[row * from.width + column] as number;
  rows.forEach(([upper, lower, down], row) => {
    columns.forEach(([left, right, across], column) => {
      const above = (1 - across) * at(upper, left) + across * at(upper, right);
      const below = (1 - across) * at(lower, left) + across * at(lower, right);
      out[row * to.width + column] = (1 - down) * above + down * below;
    });
  });
  return out;
}

function pointsOf(
  from: number,
  to: number,
  scale?: number,
): readonly (readonly [before: number, after: number, part: number])[] {
  return Array.from({ length: to }, (_, k) => {
    const centre = scale === undefined ? ((k + 0.5) * from) / to : (k + 0.5) / scale;
    const position = Math.max(centre - 0.5, 0);
    const before = Math.min(Math.floor(position), from - 1);
    return [before, Math.min(before + 1, from - 1), position - before];
  });
}
