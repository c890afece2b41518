/** Drawing results into pictures: frames, translucent masks, markers. Every function gives a new picture. */
import type { Picture } from "./pictures.ts";
import type { PixelBox } from "./resizing.ts";

/** Red, green and blue from 0 to 255. */
export type Color = readonly [red: number, green: number, blue: number];

/** Colours that stand apart from each other, also for most people with a colour deficiency (Okabe & Ito 2008), the first ones most. */
export const palette: readonly Color[] = [
  [230, 60, 40],
  [0, 114, 178],
  [240, 200, 40],
  [0, 158, 115],
  [204, 121, 167],
  [86, 180, 233],
  [213, 130, 0],
  [255, 255, 255],
];

/** The frame of a box, `thickness` pixels wide, drawn inwards from its edges; what lies outside of the picture is left out. */
export function drawBox(picture: Picture, [x1, y1, x2, y2]: PixelBox, color: Color, thickness = 2): Picture {
  const [left, top, right, bottom] = [Math.round(x1), Math.round(y1), Math.round(x2), Math.round(y2)];
  return painted(picture, color, (column, row) => {
    if (column < left || column >= right || row < top || row >= bottom) return false;
    const depth = Math.min(column - left, right - 1 - column, row - top, bottom - 1 - row);
    return depth < thickness;
  });
}

/** A mask laid over the picture: u8 or f32[height, width], from 0 (nothing) to 1 (`opacity` of the colour). */
export function drawMask(picture: Picture, mask: ArrayLike<number>, color: Color, opacity = 0.5): Picture {
  if (mask.length !== picture.width * picture.height) {
    throw new RangeError(
      `a mask of ${mask.length} values does not fit a picture of ${picture.width} × ${picture.height}`,
    );
  }
  const rgb = picture.rgb.map((value, place) => {
    const share = opacity * Math.min(Math.max(mask[Math.floor(place / 3)] as number, 0), 1);
    return Math.round((1 - share) * value + share * (color[place % 3] as number));
  });
  return { ...picture, rgb };
}

/** The border of a mask: pixels above one half that have a neighbour which is not, or lie at the edge of the picture. */
export function drawContour(picture: Picture, mask: ArrayLike<number>, color: Color): Picture {
  const { width, height } = picture;
  const inside = (column: number, row: number) =>
    column >= 0 && row >= 0 && column < width && row < height && (mask[row * width + column] as number) > 0.5;
  return painted(picture, color, (column, row) => {
    if (!inside(column, row)) return false;
    return !(inside(column - 1, row) && inside(column + 1, row) && inside(column, row - 1) && inside(column, row + 1));
  });
}

/** A cross with arms of `reach` pixels at a place. */
export function drawCross(picture: Picture, x: number, y: number, color: Color, reach = 4): Picture {
  const [centre, middle] = [Math.floor(x), Math.floor(y)];
  return painted(picture, color, (column, row) => {
    const [across, down] = [Math.abs(column - centre), Math.abs(row - middle)];
    return Math.min(across, down) === 0 && Math.max(across, down) <= reach;
  });
}

/** A filled disc. */
export function drawDisc(picture: Picture, x: number, y: number, radius: number, color: Color): Picture {
  return painted(picture, color, (column, row) => (column + 0.5 - x) ** 2 + (row + 0.5 - y) ** 2 <= radius ** 2);
}

function painted(picture: Picture, color: Color, covers: (column: number, row: number) => boolean): Picture {
  const rgb = picture.rgb.slice();
  for (let row = 0; row < picture.height; row++) {
    for (let column = 0; column < picture.width; column++) {
      if (!covers(column, row)) continue;
      rgb.set(color, 3 * (row * picture.width + column));
    }
  }
  return { ...picture, rgb };
}

/** Every pixel as a square of `factor` × `factor`: small pictures become large enough to look at. */
export function enlarged({ width, height, rgb }: Picture, factor: number): Picture {
  const out = new Uint8Array(rgb.length * factor * factor);
  for (let row = 0; row < height * factor; row++) {
    for (let column = 0; column < width * factor; column++) {
      const source = 3 * (Math.floor(row / factor) * width + Math.floor(column / factor));
      out.set(rgb.subarray(source, source + 3), 3 * (row * width * factor + column));
    }
  }
  return { width: width * factor, height: height * factor, rgb: out };
}

/** Pictures side by side, their upper edges level, with a white line of `gap` pixels between them. */
export function sideBySide(pictures: readonly Picture[], gap = 4): Picture {
  const height = Math.max(...pictures.map((each) => each.height));
  const width = pictures.reduce((sum, each) => sum + each.width, gap * (pictures.length - 1));
  const rgb = new Uint8Array(3 * width * height).fill(255);
  let left = 0;
  for (const each of pictures) {
    for (let row = 0; row < each.height; row++) {
      const line = each.rgb.subarray(3 * row * each.width, 3 * (row + 1) * each.width);
      rgb.set(line, 3 * (row * width + left));
    }
    left += each.width + gap;
  }
  return { width, height, rgb };
}
