/** How well masks are carried through clips: region overlap J and boundary agreement F of DAVIS (Perazzi et al. 2016, section 4.1). */
import type { Labels } from "./frames.ts";
import { overlap, type WorldClip } from "./world.ts";

/** Mean over objects and all frames but the first, from 0 to 1. */
export interface VideoScores {
  readonly J: number;
  readonly F: number;
  /** J of the last frame of each clip alone. */
  readonly lastJ: number;
}

/** Share of the frame's diagonal by which a boundary may be off. */
const boundaryTolerance = 0.008;

/** Pixels of an object that differ from the one on the right, below, or on the right below. */
function boundary({ width, height }: Labels, labels: ArrayLike<number>, object: number): Uint8Array {
  const inside = (x: number, y: number) => labels[Math.min(y, height - 1) * width + Math.min(x, width - 1)] === object;
  return Uint8Array.from({ length: width * height }, (_, pixel) => {
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    const here = inside(x, y);
    return Number(here !== inside(x + 1, y) || here !== inside(x, y + 1) || here !== inside(x + 1, y + 1));
  });
}

/** Share of the pixels of one boundary with a pixel of the other at most `reach` away; 1 where there are none. */
function matched({ width, height }: Labels, these: Uint8Array, those: Uint8Array, reach: number): number {
  let [found, all] = [0, 0];
  these.forEach((isBoundary, pixel) => {
    if (isBoundary === 0) return;
    all++;
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    for (let v = Math.max(y - reach, 0); v <= Math.min(y + reach, height - 1); v++) {
      for (let u = Math.max(x - reach, 0); u <= Math.min(x + reach, width - 1); u++) {
        if (those[v * width + u] === 1 && (u - x) ** 2 + (v - y) ** 2 <= reach ** 2) {
          found++;
          return;
        }
      }
    }
  });
  return all === 0 ? 1 : found / all;
}

/** The F of DAVIS for object k: 2 P R / (P + R) of its boundary, a pixel being right when one of the other boundary is near. */
export function boundaryAgreement(got: ArrayLike<number>, want: Labels, object: number): number {
  const reach = Math.ceil(boundaryTolerance * Math.hypot(want.width, want.height));
  const [ours, theirs] = [boundary(want, got, object), boundary(want, want.data, object)];
  const precision = matched(want, ours, theirs, reach);
  const recall = matched(want, theirs, ours, reach);
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall);
}

/** Scores of labels found for clips, all of one length; `found[c][k]` are those of frame k of clip c. */
export function videoScores(
  clips: readonly WorldClip[],
  found: readonly (readonly ArrayLike<number>[])[],
): VideoScores {
  const [regions, boundaries, last]: [number[], number[], number[]] = [[], [], []];
  clips.forEach(({ labels }, c) => {
    labels.forEach((want, k) => {
      const got = found[c]?.[k];
      if (got === undefined) throw new RangeError(`no labels were found for frame ${k} of clip ${c}`);
      if (k === 0) return;
      for (let object = 1; object <= want.objects; object++) {
        const region = overlap(got, want.data, object);
        regions.push(region);
        boundaries.push(boundaryAgreement(got, want, object));
        if (k === labels.length - 1) last.push(region);
      }
    });
  });
  return { J: mean(regions), F: mean(boundaries), lastJ: mean(last) };
}

/** Scores of the masks of the first frame, left where they are. */
export function stillScores(clips: readonly WorldClip[]): VideoScores {
  const still = clips.map(({ labels }) => labels.map(() => (labels[0] as Labels).data));
  return videoScores(clips, still);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
