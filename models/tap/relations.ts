/** How an OCR token lies to an object: the labels of relative position prediction (TAP, Yang et al. 2021, section 3.2). */
import type { Dice } from "../shared/dice.ts";

/** x1, y1, x2, y2 as fractions of the picture's width and height. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** A token counts as covered from this fraction on. */
const almostAll = 0.99;

/** Larger objects cover too much to say anything. */
const largestObject = 0.25;

const areaOf = ([x1, y1, x2, y2]: Box) => Math.max(x2 - x1, 0) * Math.max(y2 - y1, 0);

const intersectionOf = (a: Box, b: Box) =>
  areaOf([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);

/** 1 when the token lies (almost) inside the object, 0 when not, -1 when the object is too large or a box is empty. */
export function coverLabel(object: Box, token: Box): -1 | 0 | 1 {
  const [m, n] = [areaOf(object), areaOf(token)];
  if (m > largestObject || m === 0 || n === 0) return -1;
  return m / (m + n - intersectionOf(object, token)) > almostAll ? 1 : 0;
}

/** The twelve relations by class. */
export const relationNames = [
  "on",
  "cover",
  "overlap",
  "right of",
  "below right of",
  "below",
  "below left of",
  "left of",
  "above left of",
  "above",
  "above right of",
  "unrelated",
] as const;

/** Class of the twelve relations, from 0: the token is … the object. The picture's diagonal has length √2. */
export function relationClass(object: Box, token: Box): number {
  const inter = intersectionOf(object, token);
  if (inter / areaOf(token) > almostAll) return 0;
  if (inter / areaOf(object) > almostAll) return 1;
  if (inter / (areaOf(object) + areaOf(token) - inter) >= 0.5) return 2;
  const dx = (token[0] + token[2] - object[0] - object[2]) / 2;
  const dy = (token[1] + token[3] - object[1] - object[3]) / 2;
  if (Math.hypot(dx, dy) / Math.SQRT2 > 0.5) return 11;
  const turn = 2 * Math.PI;
  const angle = (((Math.atan2(dy, dx) + Math.PI / 8) % turn) + turn) % turn;
  return 3 + Math.min(Math.floor(angle / (Math.PI / 4)), 7);
}

/** A pair of an object and a token with its label; -1 when the picture has none to draw. */
export interface RelationPair {
  readonly label: number;
  readonly object: number;
  readonly token: number;
}

/** Draws "inside" or "not inside" with equal chances, then any pair of that kind. */
export function drawnPair(objects: readonly Box[], tokens: readonly Box[], dice: Dice): RelationPair {
  const wanted = dice.chance(0.5) ? 1 : 0;
  const pairs = objects.flatMap((object, m) =>
    tokens.flatMap((token, n) =>
      coverLabel(object, token) === wanted ? [{ label: wanted, object: m, token: n }] : [],
    ),
  );
  return pairs.length === 0 ? { label: -1, object: 0, token: 0 } : dice.pick(pairs);
}
