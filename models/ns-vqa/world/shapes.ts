/** Where the objects of the synthetic world stand in the picture, and which parts of it they cover. */
import type { SceneObject } from "../scene.ts";

/** Width and height of the world's pictures in pixels. */
export const imageWidth = 144;
export const imageHeight = 96;

/** How large a picture of a scene is, in pixels; the scene fills it where the width is one and a half times the height. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** The size of the world's own pictures. */
export const worldSize: PictureSize = { width: imageWidth, height: imageHeight };

/** Samples in each direction within a pixel. */
export const samplesAcross = 3;

/** An object with its turn about the vertical, in radians from 0 to π/2. */
export interface WorldObject extends SceneObject {
  readonly angle: number;
}

/** Where an object stands in the picture. */
export interface Placement {
  /** Centre, in pixels from the upper left corner. */
  readonly across: number;
  readonly down: number;
  /** Half the extent of the object, in pixels: what its local coordinates are measured in. */
  readonly radius: number;
}

/** Half the extent of an object on the ground, in units of the scene. */
export function radiusOf(size: SceneObject["size"]): number {
  return size === "large" ? 0.7 : 0.4;
}

/** The projection of an object: nearer ones are lower in the picture and larger. */
export function placementOf(
  { position: [right, front], size }: SceneObject,
  { width, height }: PictureSize,
): Placement {
  const pixelsPerUnit = (width / 8) * (1 + 0.05 * front);
  const radius = pixelsPerUnit * radiusOf(size);
  return {
    across: width / 2 + pixelsPerUnit * right,
    down: height * (0.58 + 0.105 * front) - 0.6 * radius,
    radius,
  };
}

/** Whether an object covers the point (x, y) of its local coordinates, in radii from its centre. */
export function covers({ shape, angle }: WorldObject, x: number, y: number): boolean {
  switch (shape) {
    case "sphere":
      return x * x + y * y <= 1;
    case "cube": {
      const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
      return Math.abs(cosine * x + sine * y) <= 0.84 && Math.abs(cosine * y - sine * x) <= 0.84;
    }
    case "cylinder":
      return (Math.abs(x) <= 0.72 && Math.abs(y) <= 0.75) || (x / 0.72) ** 2 + ((Math.abs(y) - 0.75) / 0.28) ** 2 <= 1;
  }
}

/** Which object each sample shows. */
export interface Coverage {
  readonly size: PictureSize;
  /** Number of the object of each sample, -1 where there is none; rows of `size.width · samplesAcross`. */
  readonly owner: Int8Array;
  /** Samples that each object would cover if it stood alone, those outside of the picture included. */
  readonly area: readonly number[];
}

/** Largest extent of a shape in radii: a cube seen on edge. */
const reach = 0.84 * Math.SQRT2;

/** Paints the objects from the farthest to the nearest. */
export function coverageOf(objects: readonly WorldObject[], size: PictureSize = worldSize): Coverage {
  const [columns, rows] = [size.width * samplesAcross, size.height * samplesAcross];
  const owner = new Int8Array(columns * rows).fill(-1);
  const area = objects.map(() => 0);
  const fromFar = objects.map((_, i) => i).sort((a, b) => frontOf(objects, a) - frontOf(objects, b));
  for (const i of fromFar) {
    const object = objects[i] as WorldObject;
    const { across, down, radius } = placementOf(object, size);
    const [left, right] = [across - reach * radius, across + reach * radius].map((x) => Math.floor(x * samplesAcross));
    const [top, bottom] = [down - reach * radius, down + reach * radius].map((y) => Math.floor(y * samplesAcross));
    for (let row = top as number; row <= (bottom as number); row++) {
      const y = ((row + 0.5) / samplesAcross - down) / radius;
      for (let column = left as number; column <= (right as number); column++) {
        if (!covers(object, ((column + 0.5) / samplesAcross - across) / radius, y)) continue;
        area[i] = (area[i] as number) + 1;
        if (row >= 0 && row < rows && column >= 0 && column < columns) owner[row * columns + column] = i;
      }
    }
  }
  return { size, owner, area };
}

const frontOf = (objects: readonly WorldObject[], i: number) => (objects[i] as WorldObject).position[1];

/**
 * The visible parts of all objects: pixels of which the object owns most samples.
 *
 * @returns for each object a mask of `height` × `width` bytes, 1 or 0
 */
export function visibleMasks({ size: { width, height }, owner, area }: Coverage): readonly Uint8Array[] {
  const masks = area.map(() => new Uint8Array(width * height));
  const counts = new Uint8Array(area.length);
  for (let pixel = 0; pixel < width * height; pixel++) {
    counts.fill(0);
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    for (let sample = 0; sample < samplesAcross ** 2; sample++) {
      const sampleRow = row * samplesAcross + Math.floor(sample / samplesAcross);
      const i = owner[(sampleRow * width + column) * samplesAcross + (sample % samplesAcross)] as number;
      if (i >= 0) counts[i] = (counts[i] as number) + 1;
    }
    counts.forEach((count, i) => {
      if (2 * count > samplesAcross ** 2) (masks[i] as Uint8Array)[pixel] = 1;
    });
  }
  return masks;
}
