/** Letters for the pictures of the synthetic world, three pixels wide and five high. */
import type { Picture } from "../../shared/pictures.ts";

/** Rows from the top, each a digit whose bits are the pixels from the left; a to z, then 0 to 9. */
const shapes =
  "25755 65656 34443 65556 74647 74644 34553 55755 72227 11152 55655 44447 57755 65555 25552 65644 25563 65655 34216 72222 55553 55552 " +
  "55775 55255 55222 71247 25552 26227 61247 61216 55711 74616 34652 71244 25252 25316";
const symbols = "abcdefghijklmnopqrstuvwxyz0123456789";
const glyphs: ReadonlyMap<string, string> = new Map([
  ...shapes.split(" ").map((rows, k) => [symbols.charAt(k), rows] as const),
  ["?", "61202"],
  ["-", "00700"],
  [":", "02020"],
  [".", "00002"],
  ["'", "22000"],
  ["<", "12421"],
  [">", "42124"],
  ["/", "11244"],
]);

/** Pixels from one letter to the next, and height of a letter. */
export const letterPitch = 4;
export const letterHeight = 5;

/** A picture with a line of text on it, its left upper corner at a place, each pixel of a letter `size` pixels wide and high. */
export function written(
  picture: Picture,
  text: string,
  left: number,
  top: number,
  size: number,
  color: readonly [number, number, number],
): Picture {
  const rgb = picture.rgb.slice();
  [...text.toLowerCase()].forEach((symbol, place) => {
    const rows = glyphs.get(symbol) ?? (symbol === " " ? "00000" : "77777");
    for (let row = 0; row < letterHeight * size; row++) {
      for (let column = 0; column < 3 * size; column++) {
        const bits = Number(rows.charAt(Math.floor(row / size)));
        if (((bits >> (2 - Math.floor(column / size))) & 1) === 0) continue;
        const x = Math.round(left) + place * letterPitch * size + column;
        const y = Math.round(top) + row;
        if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) continue;
        rgb.set(color, 3 * (y * picture.width + x));
      }
    }
  });
  return { ...picture, rgb };
}
