/** RefWorld: coloured shapes on a square, what they cover, and how they stand to each other. */
import type { PixelBox } from "../resizing.ts";
import type { Draws } from "./random-numbers.ts";

export const shapes = ["circle", "square", "triangle", "cross", "ring", "diamond"] as const;
export const colors = ["red", "green", "blue", "yellow"] as const;
export const sizes = ["small", "large"] as const;
export const relations = ["left of", "right of", "above", "below"] as const;

export type Shape = (typeof shapes)[number];
export type ObjectColor = (typeof colors)[number];
export type ObjectSize = (typeof sizes)[number];
export type Relation = (typeof relations)[number];

export interface SceneObject {
  readonly shape: Shape;
  readonly color: ObjectColor;
  readonly size: ObjectSize;
  /** Centre in pixels, y downwards. */
  readonly x: number;
  readonly y: number;
  /** Half the extent in pixels. */
  readonly radius: number;
}

/** The objects of a square picture, `side` pixels wide. */
export interface Scene {
  readonly side: number;
  readonly objects: readonly SceneObject[];
}

/** u8[side, side]: 1 where something is, rows from the top. */
export type Mask = Uint8Array;

/** Attempts to find a free place before an object is left out. */
const placingAttempts = 100;

/** A scene of up to `count` objects that keep 2 pixels apart; `drawShape` chooses the shape of each. */
export function drawScene(draws: Draws, side: number, count: number, drawShape: () => Shape): Scene {
  const objects: SceneObject[] = [];
  for (let k = 0; k < count; k++) {
    const shape = drawShape();
    const color = colors[draws.below(4)] as ObjectColor;
    const size = sizes[draws.below(2)] as ObjectSize;
    const radius = (size === "large" ? 0.15 : 0.1) * side;
    for (let attempt = 0; attempt < placingAttempts; attempt++) {
      const x = radius + 1 + draws.uniform() * (side - 2 * radius - 2);
      const y = radius + 1 + draws.uniform() * (side - 2 * radius - 2);
      const isFree = objects.every((other) => Math.hypot(other.x - x, other.y - y) >= radius + other.radius + 2);
      if (!isFree) continue;
      objects.push({ shape, color, size, x, y, radius });
      break;
    }
  }
  return { side, objects };
}

/** Whether a shape of radius r covers a point, given from its centre. */
function covers(shape: Shape, r: number, dx: number, dy: number): boolean {
  const [across, down] = [Math.abs(dx), Math.abs(dy)];
  const square = dx * dx + dy * dy;
  switch (shape) {
    case "circle":
      return square <= r * r;
    case "square":
      return Math.max(across, down) <= 0.8862 * r;
    case "triangle":
      return dy <= 0.5 * r && dy >= -r + 1.7320508 * across;
    case "cross":
      return Math.min(across, down) <= r / 3 && Math.max(across, down) <= r;
    case "ring":
      return square >= r * r * 0.55 ** 2 && square <= r * r;
    case "diamond":
      return across + down <= r;
  }
}

/** The pixels whose centre an object covers. */
export function maskOf({ shape, radius, x, y }: SceneObject, side: number): Mask {
  const mask = new Uint8Array(side * side);
  const from = (centre: number) => Math.max(Math.floor(centre - radius) - 1, 0);
  const to = (centre: number) => Math.min(Math.ceil(centre + radius) + 1, side);
  for (let row = from(y); row < to(y); row++) {
    for (let column = from(x); column < to(x); column++) {
      if (covers(shape, radius, column + 0.5 - x, row + 0.5 - y)) mask[row * side + column] = 1;
    }
  }
  return mask;
}

/** The smallest box around a mask, which must not be empty. */
export function boundsOf(mask: Mask, side: number): PixelBox {
  let [left, top, right, bottom] = [side, side, 0, 0];
  mask.forEach((inside, place) => {
    if (inside === 0) return;
    const [row, column] = [Math.floor(place / side), place % side];
    [left, top] = [Math.min(left, column), Math.min(top, row)];
    [right, bottom] = [Math.max(right, column + 1), Math.max(bottom, row + 1)];
  });
  return [left, top, right, bottom];
}

/** Whether `subject` stands so to `support`; the smaller of both distances decides between beside and above. */
export function stands(subject: SceneObject, relation: Relation, support: SceneObject, side: number): boolean {
  const [dx, dy] = [subject.x - support.x, subject.y - support.y];
  const least = 0.05 * side;
  const isBeside = Math.abs(dy) <= Math.abs(dx);
  switch (relation) {
    case "left of":
      return dx < -least && isBeside;
    case "right of":
      return dx > least && isBeside;
    case "above":
      return dy < -least && !isBeside;
    case "below":
      return dy > least && !isBeside;
  }
}
