/** What the detectors found, in the pixels of the picture: boxes and masks brought back, and maps of scores for other systems. */
import type { PixelBox } from "../shared/resizing.ts";
import { type Placement, resizePlane } from "./preprocessing.ts";

/** One thing that was seen. */
export interface Detection {
  /** In pixels of the picture, not rounded. */
  readonly box: PixelBox;
  /** From 1 on. */
  readonly label: number;
  /** Probability of the label. */
  readonly score: number;
  /** f32[side, side] over the box: probability that a place belongs to the object. Faster R-CNN gives none. */
  readonly mask?: Float32Array;
}

/** The results of `detect`, as they come from a run. */
export interface DetectorOutputs {
  /** f32[B, D, 4] */
  readonly boxes: ArrayLike<number>;
  /** i32[B, D] */
  readonly labels: ArrayLike<number>;
  /** f32[B, D] */
  readonly scores: ArrayLike<number>;
  /** i32[B] */
  readonly count: ArrayLike<number>;
  /** f32[B, D, side, side] */
  readonly masks?: ArrayLike<number>;
}

/** Side of the masks. */
export const maskSide = 28;

/** What was seen in picture `b` of a batch, the best first, with scores of at least `least`. */
export function detectionsOf(
  { boxes, labels, scores, count, masks }: DetectorOutputs,
  placements: readonly Placement[],
  b = 0,
  least = 0,
): readonly Detection[] {
  const placement = placements[b];
  if (placement === undefined) throw new RangeError(`there is no picture ${b} in a batch of ${placements.length}`);
  const { picture, width, height, scale } = placement;
  const places = labels.length / placements.length;
  const [across, down] =
    scale === undefined ? [picture.width / width, picture.height / height] : [1 / scale, 1 / scale];
  const found: Detection[] = [];
  for (let place = b * places; place < b * places + (count[b] as number); place++) {
    const [x1, y1, x2, y2] = [0, 1, 2, 3].map((d) => boxes[4 * place + d] as number) as [
      number,
      number,
      number,
      number,
    ];
    const score = scores[place] as number;
    if (score < least) continue;
    const mask =
      masks && Float32Array.from({ length: maskSide ** 2 }, (_, k) => masks[place * maskSide ** 2 + k] as number);
    const box = [x1 * across, y1 * down, x2 * across, y2 * down] as const;
    found.push({ box, label: labels[place] as number, score, ...(mask && { mask }) });
  }
  return found;
}

/**
 * The mask of a box in the picture, f32[height, width]. A border of zeros is put around the mask, the box grows with it, and the mask is
 * interpolated over the pixels that the box touches (torchvision's `paste_masks_in_image`).
 */
export function pastedMask(
  mask: ArrayLike<number>,
  [x1, y1, x2, y2]: PixelBox,
  { width, height }: Placement["picture"],
): Float32Array {
  const inner = Math.round(Math.sqrt(mask.length));
  const side = inner + 2;
  const bordered = new Float32Array(side * side);
  for (let k = 0; k < mask.length; k++) {
    bordered[(Math.floor(k / inner) + 1) * side + (k % inner) + 1] = mask[k] as number;
  }
  const growth = side / inner / 2;
  const [halfWidth, halfHeight] = [(x2 - x1) * growth, (y2 - y1) * growth];
  const [centreX, centreY] = [(x1 + x2) / 2, (y1 + y2) / 2];
  const [left, top] = [Math.trunc(centreX - halfWidth), Math.trunc(centreY - halfHeight)];
  const [right, bottom] = [Math.trunc(centreX + halfWidth), Math.trunc(centreY + halfHeight)];
  const extent = { width: Math.max(right - left + 1, 1), height: Math.max(bottom - top + 1, 1) };
  const grown = resizePlane(bordered, { width: side, height: side }, extent);
  const out = new Float32Array(width * height);
  for (let row = Math.max(top, 0); row < Math.min(top + extent.height, height); row++) {
    for (let column = Math.max(left, 0); column < Math.min(left + extent.width, width); column++) {
      out[row * width + column] = grown[(row - top) * extent.width + column - left] as number;
    }
  }
  return out;
}

/**
 * Maps of scores, f32[classes, height, width]: for each class and pixel the scores of the detections of that class whose masks (above one
 * half) cover it, the greatest of them or their sum. Without masks the boxes count. Map 0 stays empty.
 */
export function scoreMaps(
  detections: readonly Detection[],
  classes: number,
  size: Placement["picture"],
  rule: "greatest" | "sum" = "greatest",
): Float32Array {
  const plane = size.width * size.height;
  const maps = new Float32Array(classes * plane);
  for (const { box, label, score, mask } of detections) {
    if (label >= classes) throw new RangeError(`a detection has label ${label}, but there are ${classes} classes`);
    const covered = mask === undefined ? boxMask(box, size) : pastedMask(mask, box, size);
    covered.forEach((value, pixel) => {
      if (value <= 0.5) return;
      const place = label * plane + pixel;
      const before = maps[place] as number;
      maps[place] = rule === "sum" ? before + score : Math.max(before, score);
    });
  }
  return maps;
}

/** 1 for pixels whose centre lies inside of the box. */
function boxMask([x1, y1, x2, y2]: PixelBox, { width, height }: Placement["picture"]): Float32Array {
  return Float32Array.from({ length: width * height }, (_, pixel) => {
    const [x, y] = [(pixel % width) + 0.5, Math.floor(pixel / width) + 0.5];
    return x >= x1 && x < x2 && y >= y1 && y < y2 ? 1 : 0;
  });
}
