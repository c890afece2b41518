/** Detections in a file: what a detector and a reader of scene text found in a picture, as JSON. */
import type { Picture } from "../shared/pictures.ts";
import type { SceneObject, SceneToken } from "./inputs.ts";
import type { Box } from "./relations.ts";
import { TapInputError } from "./text.ts";

/**
 * Reads `{ "objects": [{ "name", "box", "fc6" }], "tokens": [{ "text", "box", "fc6" }] }`: boxes as x1, y1, x2, y2 in pixels, `fc6` the
 * detector's vector of the region.
 *
 * @param wordVector FastText vector of a token's text
 * @throws TapInputError that says where something is missing or of another kind
 */
export function readRegions(
  text: string,
  picture: Pick<Picture, "width" | "height">,
  wordVector: (text: string) => Float32Array,
): { readonly objects: readonly SceneObject[]; readonly tokens: readonly SceneToken[] } {
  const file = parsed(text);
  const objects = listOf(file, "objects").map((entry, m): SceneObject => {
    const what = `object ${m}`;
    return { name: textOf(entry, "name", what), ...regionOf(entry, what, picture) };
  });
  const tokens = listOf(file, "tokens").map((entry, n): SceneToken => {
    const what = `token ${n}`;
    const word = textOf(entry, "text", what);
    return { text: word, ...regionOf(entry, what, picture), word: wordVector(word) };
  });
  return { objects, tokens };
}

type Entry = Readonly<Record<string, unknown>>;

function parsed(text: string): Entry {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Entry;
  } catch (error) {
    throw new TapInputError(`the regions are no JSON: ${(error as Error).message}`);
  }
  throw new TapInputError('the regions must be an object with "objects" and "tokens"');
}

function listOf(file: Entry, name: string): readonly Entry[] {
  const list = file[name];
  if (!Array.isArray(list)) throw new TapInputError(`the regions have no list "${name}"; give an empty one for none`);
  return list.map((entry: unknown, k) => {
    if (typeof entry === "object" && entry !== null) return entry as Entry;
    throw new TapInputError(`entry ${k} of "${name}" is not an object`);
  });
}

function textOf(entry: Entry, name: string, what: string): string {
  const text = entry[name];
  if (typeof text === "string" && text.trim() !== "") return text;
  throw new TapInputError(`${what} of the regions has no "${name}"`);
}

function numbersOf(entry: Entry, name: string, what: string): readonly number[] {
  const list = entry[name];
  if (Array.isArray(list) && list.every((value) => typeof value === "number")) return list as readonly number[];
  throw new TapInputError(`${what} of the regions has no "${name}"; give a list of numbers`);
}

function regionOf(entry: Entry, what: string, { width, height }: Pick<Picture, "width" | "height">) {
  const box = numbersOf(entry, "box", what);
  const [x1, y1, x2, y2] = box as readonly [number, number, number, number];
  if (box.length !== 4 || !(x1 >= 0 && y1 >= 0 && x1 < x2 && y1 < y2 && x2 <= width && y2 <= height)) {
    throw new TapInputError(
      `${what} of the regions has the box [${box.join(", ")}]; give x1 < x2 and y1 < y2 in pixels of the ${width} × ${height} picture`,
    );
  }
  const fractions: Box = [x1 / width, y1 / height, x2 / width, y2 / height];
  return { box: fractions, fc6: Float32Array.from(numbersOf(entry, "fc6", what)) };
}
