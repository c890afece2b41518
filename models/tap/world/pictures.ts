/** Pictures of the synthetic world: every object a panel in the colour of its class, every word black on a white plate. */
import { drawBox } from "../../shared/draw.ts";
import { blankPicture, type Picture } from "../../shared/pictures.ts";
import type { Box } from "../relations.ts";
import { letterHeight, letterPitch, written } from "./letters.ts";
import { objectNames } from "./lexicon.ts";
import type { Scene } from "./scenes.ts";

export const worldPictureSize = { width: 480, height: 320 } as const;

const wall = [214, 208, 196] as const;
const ink = [20, 20, 24] as const;
const plate = [250, 250, 246] as const;

/** A colour for each class, around the wheel of hues. */
function colorOf(name: string): readonly [number, number, number] {
  const hue = (objectNames as readonly string[]).indexOf(name) / objectNames.length;
  const channel = (shift: number) => Math.round(140 + 70 * Math.cos(2 * Math.PI * (hue + shift)));
  return [channel(0), channel(1 / 3), channel(2 / 3)];
}

/** The picture of a scene. */
export function drawScenePicture({ objects, tokens }: Scene): Picture {
  const { width, height } = worldPictureSize;
  let picture = blankPicture(width, height, wall);
  for (const { box, name } of objects) picture = filled(picture, box, colorOf(name));
  for (const { box, text } of tokens) {
    picture = filled(picture, box, plate);
    const [x1, y1, x2, y2] = pixels(box, picture);
    const size = Math.max(
      1,
      Math.floor(Math.min((x2 - x1 - 2) / (text.length * letterPitch), (y2 - y1 - 2) / letterHeight)),
    );
    const [w, h] = [(text.length * letterPitch - 1) * size, letterHeight * size];
    picture = written(picture, text, (x1 + x2 - w) / 2, (y1 + y2 - h) / 2, size, ink);
  }
  return picture;
}

/** x1, y1, x2, y2 in pixels. */
export function pixels([x1, y1, x2, y2]: Box, { width, height }: Picture): readonly [number, number, number, number] {
  return [x1 * width, y1 * height, x2 * width, y2 * height];
}

function filled(picture: Picture, box: Box, color: readonly [number, number, number]): Picture {
  const [x1, y1, x2, y2] = pixels(box, picture);
  return drawBox(picture, [x1, y1, x2, y2], color, Math.max(picture.width, picture.height));
}
