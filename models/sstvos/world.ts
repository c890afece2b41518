/**
 * A small world of videos with exact masks: shapes of one colour and texture move over a textured ground, turn back at the border and pass
 * behind each other. Everything follows from the seed.
 */
import type { Picture } from "../shared/pictures.ts";
import { drawsOf } from "../shared/refworld/random-numbers.ts";
import type { Labels } from "./frames.ts";

export interface WorldRequest {
  readonly seed: number;
  readonly width: number;
  readonly height: number;
  /** How many, from the first on; or which, the first being 0. */
  readonly frames: number | readonly number[];
  readonly objects: number;
}

/** A clip: frames, and the labels of each. */
export interface WorldClip {
  readonly frames: readonly Picture[];
  readonly labels: readonly Labels[];
}

interface MovingShape {
  readonly kind: "disc" | "box" | "diamond";
  readonly radius: number;
  readonly color: readonly [number, number, number];
  /** Centre at the first frame, and pixels a frame. */
  readonly start: readonly [x: number, y: number];
  readonly speed: readonly [x: number, y: number];
}

const kinds = ["disc", "box", "diamond"] as const;
const shapeColors: readonly (readonly [number, number, number])[] = [
  [220, 70, 50],
  [60, 110, 220],
  [235, 200, 60],
  [70, 190, 110],
  [180, 90, 200],
];

/** Where a point is that goes to and fro between `low` and `high`. */
export function reflected(place: number, low: number, high: number): number {
  const length = high - low;
  if (length <= 0) return low;
  const period = (((place - low) % (2 * length)) + 2 * length) % (2 * length);
  return low + (period <= length ? period : 2 * length - period);
}

/** Draws a clip. Object k is in front of object k - 1; in the first frame every object shows at least one pixel. */
export function drawClip({ seed, width, height, frames, objects }: WorldRequest): WorldClip {
  const { uniform: u, below } = drawsOf(seed, 0);
  const side = Math.min(width, height);
  const firstColor = below(shapeColors.length);
  const shapes: MovingShape[] = Array.from({ length: objects }, (_, k) => ({
    kind: kinds[Math.floor(u() * kinds.length)] as MovingShape["kind"],
    radius: side * (0.12 + 0.08 * u()),
    color: shapeColors[(firstColor + k) % shapeColors.length] as readonly [number, number, number],
    // Side by side at first, so that none is hidden where the masks are given.
    start: [((k + 0.5) * width) / objects, height * (0.3 + 0.4 * u())],
    speed: [side * 0.12 * (u() - 0.5), side * 0.12 * (u() - 0.5)],
  }));
  const waves = Array.from({ length: 3 }, () => [0.1 + 0.3 * u(), 0.1 + 0.3 * u(), 6 * u()] as const);
  const times = typeof frames === "number" ? Array.from({ length: frames }, (_, time) => time) : frames;
  const drawn = times.map((time) => drawFrame(shapes, waves, time, width, height));
  return { frames: drawn.map(({ picture }) => picture), labels: drawn.map(({ labels }) => labels) };
}

/** Pixels of a side, and objects with a mask, of the clips on which the tiny network is trained and scored. */
export const watchedSide = 65;
export const watchedObjects = 2;

/**
 * A clip of three shapes, two of which are objects. The third, in front of them, between or behind, belongs to the background, so that masks
 * must be followed: what moves is not enough.
 */
export function drawWatchedClip(seed: number, frames: WorldRequest["frames"]): WorldClip {
  const shapes = watchedObjects + 1;
  const clip = drawClip({ seed, width: watchedSide, height: watchedSide, frames, objects: shapes });
  const bystander = 1 + drawsOf(seed, 1).below(shapes);
  const object = (shape: number) => (shape === bystander ? 0 : shape > bystander ? shape - 1 : shape);
  const labels = clip.labels.map((label) => ({ ...label, data: label.data.map(object), objects: watchedObjects }));
  return { ...clip, labels };
}

function drawFrame(
  shapes: readonly MovingShape[],
  waves: readonly (readonly [number, number, number])[],
  time: number,
  width: number,
  height: number,
): { readonly picture: Picture; readonly labels: Labels } {
  const rgb = new Uint8Array(3 * width * height);
  const data = new Int32Array(width * height);
  const centres = shapes.map(({ start, speed, radius }) => [
    reflected(start[0] + time * speed[0], radius, width - radius),
    reflected(start[1] + time * speed[1], radius, height - radius),
  ]) as (readonly [number, number])[];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const front = shapes.findLastIndex((shape, k) => {
        const [cx, cy] = centres[k] as readonly [number, number];
        return covers(shape, Math.abs(x + 0.5 - cx), Math.abs(y + 0.5 - cy));
      });
      data[y * width + x] = front + 1;
      const shape = shapes[front];
      const [cx, cy] = centres[front] ?? [0, 0];
      // Stripes move with their shape, the waves of the ground slowly with time.
      const light =
        shape === undefined
          ? waves.reduce((sum, [a, b, phase]) => sum + 0.12 * Math.sin(a * x + b * y + phase + 0.1 * time), 0.55)
          : 0.85 + 0.15 * Math.sin((x - cx + (y - cy) / 2) * (9 / shape.radius));
      const color = shape?.color ?? [120, 125, 115];
      color.forEach((value, channel) => {
        rgb[3 * (y * width + x) + channel] = Math.round(Math.min(Math.max(value * light, 0), 255));
      });
    }
  }
  return { picture: { width, height, rgb }, labels: { width, height, data, objects: shapes.length } };
}

/** Whether a shape covers the point that is so far from its centre. */
function covers({ kind, radius }: MovingShape, x: number, y: number): boolean {
  switch (kind) {
    case "disc":
      return x * x + y * y <= radius * radius;
    case "box":
      return Math.max(x, y) <= 0.85 * radius;
    case "diamond":
      return x + y <= 1.2 * radius;
  }
}

/** Intersection over union of object k in two labellings; 1 where it is in neither (the J of DAVIS). */
export function overlap(got: ArrayLike<number>, want: ArrayLike<number>, object: number): number {
  let [both, either] = [0, 0];
  for (let pixel = 0; pixel < want.length; pixel++) {
    const [a, b] = [got[pixel] === object, want[pixel] === object];
    if (a && b) both++;
    if (a || b) either++;
  }
  return either === 0 ? 1 : both / either;
}
