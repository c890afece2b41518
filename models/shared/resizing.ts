/** Resizing pictures as the published systems do it, and boxes that follow. */
import { blankPicture, type Picture } from "./pictures.ts";

/** x1, y1, x2, y2 in pixels: columns grow to the right, rows downwards; the right and lower edges lie outside. */
export type PixelBox = readonly [x1: number, y1: number, x2: number, y2: number];

/** Sources of one output pixel along an axis, and how much each counts. */
type Taps = readonly (readonly [source: number, weight: number])[];

/**
 * Mean over the area that each new pixel covers (`INTER_AREA` of OpenCV). Where an axis grows, there is less than a pixel to take the
 * mean of; then both axes are interpolated between the two pixels that a new one touches, sharply except at their border.
 */
export function resizeArea(picture: Picture, width: number, height: number): Picture {
  const shrinks = width <= picture.width && height <= picture.height;
  const taps = shrinks ? coverageTaps : touchingTaps;
  return resampled(picture, taps(picture.width, width), taps(picture.height, height));
}

/** Bilinear interpolation between pixel centres without smoothing (`INTER_LINEAR` of OpenCV, PyTorch with `align_corners=False`). */
export function resizeBilinear(picture: Picture, width: number, height: number): Picture {
  return resampled(picture, linearTaps(picture.width, width), linearTaps(picture.height, height));
}

/**
 * Bilinear interpolation that is smoothed where the picture shrinks: a triangle as wide as two new pixels, along the rows and then along the
 * columns, with 8 bits between them (`Image.BILINEAR` of Pillow, which torchvision's `Resize` takes for pictures).
 */
export function resizeSmooth(picture: Picture, width: number, height: number): Picture {
  const narrow = resampled(picture, triangleTaps(picture.width, width), sameTaps(picture.height));
  return resampled(narrow, sameTaps(width), triangleTaps(picture.height, height));
}

const sameTaps = (size: number): readonly Taps[] => Array.from({ length: size }, (_, k) => [[k, 1]]);

/** The weight of an old pixel falls in a straight line with its distance from the centre of the new one. */
function triangleTaps(from: number, to: number): readonly Taps[] {
  const ratio = from / to;
  const reach = Math.max(ratio, 1);
  return Array.from({ length: to }, (_, k) => {
    const centre = (k + 0.5) * ratio;
    const [first, end] = [
      Math.max(Math.floor(centre - reach + 0.5), 0),
      Math.min(Math.floor(centre + reach + 0.5), from),
    ];
    const taps = Array.from({ length: end - first }, (_, i): [number, number] => [
      first + i,
      Math.max(0, 1 - Math.abs(first + i + 0.5 - centre) / reach),
    ]);
    const total = taps.reduce((sum, [, weight]) => sum + weight, 0);
    return taps.map(([source, weight]) => [source, weight / total] as const);
  });
}

/** New pixel k covers the interval from k r to (k + 1) r of the old axis, r = from / to. */
function coverageTaps(from: number, to: number): readonly Taps[] {
  const ratio = from / to;
  return Array.from({ length: to }, (_, k) => {
    const [start, end] = [k * ratio, Math.min((k + 1) * ratio, from)];
    const taps: [number, number][] = [];
    for (let source = Math.floor(start); source < end; source++) {
      const covered = Math.min(source + 1, end) - Math.max(source, start);
      if (covered > 1e-9) taps.push([source, covered / (end - start)]);
    }
    return taps;
  });
}

/** Of a new pixel that reaches over the border between two old ones, each counts as much as is covered of it. */
function touchingTaps(from: number, to: number): readonly Taps[] {
  const ratio = from / to;
  return Array.from({ length: to }, (_, k) => {
    const first = Math.floor(k * ratio);
    const beyond = k + 1 - (first + 1) / ratio;
    const weight = beyond <= 0 ? 0 : beyond - Math.floor(beyond);
    return betweenTaps(first, weight, from);
  });
}

/** The centre of new pixel k lies at (k + 1/2) r - 1/2 of the old axis. */
function linearTaps(from: number, to: number): readonly Taps[] {
  return Array.from({ length: to }, (_, k) => {
    const position = Math.max(((k + 0.5) * from) / to - 0.5, 0);
    const first = Math.floor(position);
    return betweenTaps(first, position - first, from);
  });
}

function betweenTaps(first: number, weight: number, size: number): Taps {
  const last = size - 1;
  if (weight === 0 || first >= last) return [[Math.min(first, last), 1]];
  return [
    [first, 1 - weight],
    [first + 1, weight],
  ];
}

function resampled({ width, rgb }: Picture, columns: readonly Taps[], rows: readonly Taps[]): Picture {
  if (columns.length === 0 || rows.length === 0) throw new RangeError("a picture must have at least one pixel");
  const out = new Uint8Array(3 * columns.length * rows.length);
  const line = new Float64Array(3 * width);
  rows.forEach((rowTaps, row) => {
    line.fill(0);
    for (const [source, weight] of rowTaps) {
      const start = 3 * width * source;
      for (let place = 0; place < line.length; place++) {
        line[place] = (line[place] as number) + weight * (rgb[start + place] as number);
      }
    }
    columns.forEach((taps, column) => {
      for (let channel = 0; channel < 3; channel++) {
        let value = 0;
        for (const [source, weight] of taps) value += weight * (line[3 * source + channel] as number);
        out[3 * (row * columns.length + column) + channel] = Math.round(value);
      }
    });
  });
  return { width: columns.length, height: rows.length, rgb: out };
}

/** The part of a picture inside of a box of whole numbers within it. */
export function cropped({ width, rgb }: Picture, [x1, y1, x2, y2]: PixelBox): Picture {
  const out = new Uint8Array(3 * (x2 - x1) * (y2 - y1));
  for (let row = y1; row < y2; row++) {
    const start = 3 * (row * width + x1);
    out.set(rgb.subarray(start, start + 3 * (x2 - x1)), 3 * (row - y1) * (x2 - x1));
  }
  return { width: x2 - x1, height: y2 - y1, rgb: out };
}

/** A square picture that holds another whole, and how to go back. */
export interface Letterbox {
  readonly picture: Picture;
  /** New pixels to an old one. */
  readonly ratio: number;
  /** Half the width and height of the border, which may be half a pixel off where the border is odd. */
  readonly border: readonly [across: number, down: number];
}

/** The mean colour of ImageNet (123.7, 116.3, 103.5) in 8 bits. */
export const letterboxColor = [124, 116, 104] as const;

/**
 * Shrinks or grows a picture until its longer side is `size`, and puts it in the middle of a square (as the YOLO networks take pictures).
 *
 * @param size of the square in pixels
 */
export function letterbox(
  picture: Picture,
  size: number,
  color: readonly [number, number, number] = letterboxColor,
): Letterbox {
  const ratio = size / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(Math.round(side * ratio), 1));
  const inner = resizeArea(picture, width as number, height as number);
  const [across, down] = [(size - inner.width) / 2, (size - inner.height) / 2];
  const [left, top] = [Math.round(across - 0.1), Math.round(down - 0.1)];
  const whole = blankPicture(size, size, color);
  for (let row = 0; row < inner.height; row++) {
    const from = 3 * row * inner.width;
    whole.rgb.set(inner.rgb.subarray(from, from + 3 * inner.width), 3 * ((row + top) * size + left));
  }
  return { picture: whole, ratio, border: [across, down] };
}

/** A box of the picture in its letterbox. */
export function boxInLetterbox([x1, y1, x2, y2]: PixelBox, { ratio, border: [across, down] }: Letterbox): PixelBox {
  return [x1 * ratio + across, y1 * ratio + down, x2 * ratio + across, y2 * ratio + down];
}

/** A box of the letterbox in the picture, cut off where it leaves the picture. */
export function boxOutOfLetterbox(
  [x1, y1, x2, y2]: PixelBox,
  { ratio, border: [across, down] }: Letterbox,
  { width, height }: Pick<Picture, "width" | "height">,
): PixelBox {
  const inside = (value: number, most: number) => Math.min(Math.max(value, 0), most);
  return [
    inside((x1 - across) / ratio, width),
    inside((y1 - down) / ratio, height),
    inside((x2 - across) / ratio, width),
    inside((y2 - down) / ratio, height),
  ];
}
