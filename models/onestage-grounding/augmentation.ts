/**
 * Variations of training pictures with their phrases and boxes, as the published training makes them: mirrored, brighter or darker, turned,
 * moved, grown and slanted.
 */
import type { Dice } from "../shared/dice.ts";
import { blankPicture, type Picture } from "../shared/pictures.ts";
import { boxInLetterbox, letterbox, letterboxColor, type PixelBox } from "../shared/resizing.ts";

/** A picture, what is to be found in it, and where that is. */
export interface GroundingExample {
  readonly picture: Picture;
  readonly phrase: string;
  readonly box: PixelBox;
}

/**
 * One variation, letterboxed to a square of `side` pixels: mirrored with probability 1/2; value and saturation each times a factor of
 * 1/2 to 3/2 (the published code draws the second and does not use it, the paper means both); then turned by up to 5 degrees, moved by up
 * to a tenth of the side, grown by 0.9 to 1.1 and slanted by up to 2 degrees along both axes.
 */
export function augmented(example: GroundingExample, side: number, dice: Dice): GroundingExample {
  const { picture, phrase, box } = dice.chance(0.5) ? mirrored(example) : example;
  const coloured = recoloured(picture, dice.between(0.5, 1.5), dice.between(0.5, 1.5));
  const square = letterbox(coloured, side);
  const symmetric = (reach: number) => dice.between(-reach, reach);
  const warp = {
    degrees: symmetric(5),
    scale: dice.between(0.9, 1.1),
    shift: [symmetric(0.1) * side, symmetric(0.1) * side],
    shear: [symmetric(2), symmetric(2)],
  } as const;
  return { ...warped({ picture: square.picture, box: boxInLetterbox(box, square) }, warp), phrase };
}

/** Left and right exchanged, in the picture and in the words of the phrase that begin so ("leftmost", not "bright"). */
export function mirrored({ picture, phrase, box: [x1, y1, x2, y2] }: GroundingExample): GroundingExample {
  const { width, height, rgb } = picture;
  const turned = new Uint8Array(rgb.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const from = 3 * (row * width + column);
      turned.set(rgb.subarray(from, from + 3), 3 * (row * width + width - 1 - column));
    }
  }
  const words = phrase.replace(/\b(left|right)/g, (side) => (side === "left" ? "right" : "left"));
  return {
    picture: { width, height, rgb: turned },
    phrase: words,
    box: [width - x2 - 1, y1, width - x1 - 1, y2],
  };
}

/**
 * Value V = max(R, G, B) and saturation (V - min) / V of each pixel times a factor, at most 255 and 1; its hue stays. In these
 * coordinates a channel c is V - (V - c), whose bracket is proportional to V and to the saturation.
 */
export function recoloured({ width, height, rgb }: Picture, value: number, saturation: number): Picture {
  const out = new Uint8Array(rgb.length);
  for (let place = 0; place < rgb.length; place += 3) {
    const channels = rgb.subarray(place, place + 3);
    const [old, least] = [Math.max(...channels), Math.min(...channels)];
    if (old === 0) continue;
    const brightness = Math.min(old * value, 255);
    // At most 1, where the least channel becomes 0.
    const strength = least === old ? 1 : Math.min(saturation, old / (old - least));
    channels.forEach((channel, k) => {
      out[place + k] = Math.round(brightness * (1 - (strength * (old - channel)) / old));
    });
  }
  return { width, height, rgb: out };
}

/** An affine map of the picture's plane. */
export interface Warp {
  /** Counter-clockwise, about the picture's centre. */
  readonly degrees: number;
  readonly scale: number;
  /** In pixels, to the right and downwards. */
  readonly shift: readonly [across: number, down: number];
  /** Degrees: how far rows slide by their height, and columns by theirs. */
  readonly shear: readonly [along: number, down: number];
}

/** A point's new place is (a x + b y + c, d x + e y + f). */
type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/**
 * The picture under a map, interpolated between pixels, on the letterbox's colour; and the box around the four corners of the old box,
 * shrunk about its centre by the root of max(|sin|, |cos|) of the turn, inside of the picture.
 */
export function warped(
  { picture, box }: Pick<GroundingExample, "picture" | "box">,
  warp: Warp,
): Pick<GroundingExample, "picture" | "box"> {
  const { width, height } = picture;
  const map = matrixOf(warp, width, height);
  const [x1, y1, x2, y2] = box;
  const corners = [
    [x1, y1],
    [x2, y1],
    [x1, y2],
    [x2, y2],
  ].map(([x, y]) => moved(map, x as number, y as number));
  const turn = (warp.degrees * Math.PI) / 180;
  const shrinking = Math.sqrt(Math.max(Math.abs(Math.sin(turn)), Math.abs(Math.cos(turn))));
  const [left, right] = interval(
    corners.map(([x]) => x),
    shrinking,
    width,
  );
  const [top, bottom] = interval(
    corners.map(([, y]) => y),
    shrinking,
    height,
  );
  return { picture: resampled(picture, inverse(map)), box: [left, top, right, bottom] };
}

function interval(places: readonly number[], factor: number, most: number): [number, number] {
  const [least, greatest] = [Math.min(...places), Math.max(...places)];
  const [centre, half] = [(least + greatest) / 2, ((greatest - least) * factor) / 2];
  const inside = (value: number) => Math.min(Math.max(value, 0), most);
  return [inside(centre - half), inside(centre + half)];
}

/** Turned and grown about the centre, then moved, then slanted. */
function matrixOf({ degrees, scale, shift, shear }: Warp, width: number, height: number): Affine {
  const angle = (degrees * Math.PI) / 180;
  const [cos, sin] = [scale * Math.cos(angle), scale * Math.sin(angle)];
  const [x, y] = [width / 2, height / 2];
  const turned: Affine = [cos, sin, (1 - cos) * x - sin * y + shift[0], -sin, cos, sin * x + (1 - cos) * y + shift[1]];
  const [along, down] = shear.map((each) => Math.tan((each * Math.PI) / 180)) as [number, number];
  const [a, b, c, d, e, f] = turned;
  return [a + along * d, b + along * e, c + along * f, d + down * a, e + down * b, f + down * c];
}

const moved = ([a, b, c, d, e, f]: Affine, x: number, y: number): [number, number] => [
  a * x + b * y + c,
  d * x + e * y + f,
];

function inverse([a, b, c, d, e, f]: Affine): Affine {
  const determinant = a * e - b * d;
  const [ia, ib, id, ie] = [e / determinant, -b / determinant, -d / determinant, a / determinant];
  return [ia, ib, -(ia * c + ib * f), id, ie, -(id * c + ie * f)];
}

/** Each new pixel is read at its place in the old picture, between four pixels; what lies outside has the letterbox's colour. */
function resampled(picture: Picture, back: Affine): Picture {
  const { width, height, rgb } = picture;
  const out = blankPicture(width, height, letterboxColor);
  const channelAt = (x: number, y: number, k: number) =>
    x >= 0 && x < width && y >= 0 && y < height
      ? (rgb[3 * (y * width + x) + k] as number)
      : letterboxColor[k as 0 | 1 | 2];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [x, y] = moved(back, column, row);
      if (x <= -1 || x >= width || y <= -1 || y >= height) continue;
      const [left, top] = [Math.floor(x), Math.floor(y)];
      const [u, v] = [x - left, y - top];
      for (let k = 0; k < 3; k++) {
        const upper = (1 - u) * channelAt(left, top, k) + u * channelAt(left + 1, top, k);
        const lower = (1 - u) * channelAt(left, top + 1, k) + u * channelAt(left + 1, top + 1, k);
        out.rgb[3 * (row * width + column) + k] = Math.round((1 - v) * upper + v * lower);
      }
    }
  }
  return out;
}
