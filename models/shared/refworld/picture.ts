/** Pictures of RefWorld. */
import type { Picture } from "../pictures.ts";
import type { Draws } from "./random-numbers.ts";
import { maskOf, type ObjectColor, type Scene } from "./scene.ts";

const colorValues: Readonly<Record<ObjectColor, readonly [number, number, number]>> = {
  red: [0.9, 0.15, 0.15],
  green: [0.15, 0.75, 0.2],
  blue: [0.2, 0.3, 0.95],
  yellow: [0.95, 0.85, 0.15],
};

/** f64[side, side, 3] from 0 to 1: a dark ground with noise, and each object in its colour, some brighter than others. */
export function renderScene(draws: Draws, { side, objects }: Scene): Float64Array {
  const values = new Float64Array(3 * side * side);
  const ground = 0.1 + 0.1 * draws.uniform();
  for (let pixel = 0; pixel < side * side; pixel++) {
    values.fill(ground + 0.06 * (draws.uniform() - 0.5), 3 * pixel, 3 * pixel + 3);
  }
  for (const object of objects) {
    const brightness = 0.85 + 0.3 * draws.uniform();
    const color = colorValues[object.color].map((value) => Math.min(1, brightness * value));
    maskOf(object, side).forEach((inside, pixel) => {
      if (inside === 1) values.set(color, 3 * pixel);
    });
  }
  return values;
}

/** The picture in 8 bits, rounded down. */
export function pictureOf(values: Float64Array, side: number): Picture {
  return { width: side, height: side, rgb: Uint8Array.from(values, (value) => Math.floor(255 * value)) };
}
