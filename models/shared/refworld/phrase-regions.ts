/** RefWorld with phrases that may mean several objects, and a detector that errs: pictures of 128 × 128 with all six shapes. */
import type { Picture } from "../pictures.ts";
import { type Description, denotation, type Name, type Noun, names, phraseText } from "./phrases.ts";
import { pictureOf, renderScene } from "./picture.ts";
import { type Draws, drawsOf } from "./random-numbers.ts";
import {
  colors,
  drawScene,
  type Mask,
  maskOf,
  type ObjectColor,
  type ObjectSize,
  type Relation,
  relations,
  type Scene,
  type Shape,
  shapes,
  sizes,
} from "./scene.ts";

/** Width and height of the scenes in pixels. */
export const regionSide = 128;

/** Width and height of the detector's channels: a fourth of the scene's. */
export const channelSide = 32;

/** What the simulated detector says of one segment. */
export interface Detection {
  readonly shape: Shape;
  readonly score: number;
  /** For each colour, then for each size, how sure it is of it. */
  readonly attributes: readonly number[];
  readonly mask: Mask;
}

/** A scene with a phrase, its region and what a detector would say. */
export interface RegionSample {
  readonly scene: Scene;
  readonly description: Description;
  readonly phrase: string;
  /** Numbers of the objects that are meant, at least one. */
  readonly targets: readonly number[];
  /** u8[128, 128]: all that is meant. */
  readonly region: Mask;
  readonly detections: readonly Detection[];
  /** f32[6, 32, 32]: for each shape the score of the segments taken for it. */
  readonly shapeChannels: Float32Array;
  /** f32[6, 32, 32]: for each colour, then each size, how sure the detector is of it. */
  readonly attributeChannels: Float32Array;
  /** To look at; no network sees it. */
  readonly picture: Picture;
}

/** Descriptions tried for a scene before another is drawn. */
const descriptionAttempts = 30;

/** Sample `index` of the set with this seed. Published sets: seed 1, samples 0 to 7999, for training; seed 2, 0 to 999, for tests. */
export function regionSample(seed: number, index: number): RegionSample {
  const draws = drawsOf(seed, index);
  const kind = draws.below(4);
  const parts = { attribute: (kind & 1) !== 0, relation: (kind & 2) !== 0 };
  for (;;) {
    const scene = drawRegionScene(draws);
    const description = drawDescription(draws, scene, parts);
    if (description === undefined) continue;
    const targets = denotation(scene, description);
    const detections = detect(draws, scene);
    let picture: Picture | undefined;
    return {
      scene,
      description,
      phrase: phraseText(description),
      targets,
      region: unionOf(targets.map((k) => maskOf(scene.objects[k] as Scene["objects"][number], regionSide))),
      detections,
      shapeChannels: channels(detections, ({ shape, score }) => shapes.map((each) => (each === shape ? score : 0))),
      attributeChannels: channels(detections, ({ attributes }) => attributes),
      // Rendered when somebody looks: a training draws thousands of samples and looks at none.
      get picture() {
        picture ??= pictureOf(renderScene(draws, scene), regionSide);
        return picture;
      },
    };
  }
}

/** Four to seven objects of at most three shapes. */
function drawRegionScene(draws: Draws): Scene {
  const palette = shapes.map((_, k) => k);
  for (const k of [0, 1, 2]) {
    const other = k + draws.below(6 - k);
    [palette[k], palette[other]] = [palette[other] as number, palette[k] as number];
  }
  const count = 4 + draws.below(4);
  return drawScene(draws, regionSide, count, () => shapes[palette[draws.below(3)] as number] as Shape);
}

/** A description that means something, and of which no part could be left out without meaning more. */
function drawDescription(
  draws: Draws,
  scene: Scene,
  parts: { readonly attribute: boolean; readonly relation: boolean },
): Description | undefined {
  for (let attempt = 0; attempt < descriptionAttempts; attempt++) {
    const name = names[draws.below(8)] as Name;
    const attributeKind = draws.below(3);
    const color = colors[draws.below(4)] as ObjectColor;
    const size = sizes[draws.below(2)] as ObjectSize;
    const kind = relations[draws.below(4)] as Relation;
    const support: Noun = { name: names[draws.below(8)] as Name };
    const attributes = [{ color }, { size }, { size, color }][attributeKind];
    const head: Noun = parts.attribute ? { ...attributes, name } : { name };
    const relation = parts.relation ? { kind, support } : undefined;
    const count = denotation(scene, { head, relation }).length;
    const isNeeded = (without: Description) => denotation(scene, without).length > count;
    if (count === 0) continue;
    if (parts.attribute && !isNeeded({ head: { name }, relation })) continue;
    if (parts.relation && !isNeeded({ head })) continue;
    return { head, relation };
  }
  return undefined;
}

function unionOf(masks: readonly Mask[]): Mask {
  const union = new Uint8Array(regionSide * regionSide);
  for (const mask of masks) for (const pixel of pixelsIn(mask)) union[pixel] = 1;
  return union;
}

/** Places where a mask is 1, rising. Objects cover few of all places, so what goes through them goes through these. */
function pixelsIn(mask: Mask): readonly number[] {
  const pixels: number[] = [];
  for (let pixel = mask.indexOf(1); pixel >= 0; pixel = mask.indexOf(1, pixel + 1)) pixels.push(pixel);
  return pixels;
}

const logistic = (x: number) => 1 / (1 + Math.exp(-x));

/** What a detector says: sometimes the wrong shape, a pixel off, and now and then something that is not there. */
function detect(draws: Draws, { side, objects }: Scene): readonly Detection[] {
  const found = objects.map((object): Detection => {
    const logits = shapes.map((shape) => (shape === object.shape ? 4 : 0) + draws.normal());
    const best = logits.indexOf(Math.max(...logits));
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit - (logits[best] as number)), 0);
    const truths = [...colors.map((color) => color === object.color), ...sizes.map((size) => size === object.size)];
    const attributes = truths.map((isTrue) => logistic((isTrue ? 3 : -3) + draws.normal()));
    const down = draws.below(3) - 1;
    const across = draws.below(3) - 1;
    return {
      shape: shapes[best] as Shape,
      score: 1 / total,
      attributes,
      mask: shifted(maskOf(object, side), across, down),
    };
  });
  if (draws.uniform() >= 0.3) return found;
  const x = 16 + draws.uniform() * (side - 32);
  const y = 16 + draws.uniform() * (side - 32);
  const shape = shapes[draws.below(6)] as Shape;
  const score = 0.3 + 0.2 * draws.uniform();
  const attributes = Array.from({ length: 6 }, () => 0.2 + 0.3 * draws.uniform());
  const mask = maskOf({ shape: "circle", color: "red", size: "large", x, y, radius: 12 }, side);
  return [...found, { shape, score, attributes, mask }];
}

function shifted(mask: Mask, across: number, down: number): Mask {
  const moved = new Uint8Array(mask.length);
  for (const pixel of pixelsIn(mask)) {
    const [row, column] = [Math.floor(pixel / regionSide) + down, (pixel % regionSide) + across];
    const isInside = row >= 0 && row < regionSide && column >= 0 && column < regionSide;
    if (isInside) moved[row * regionSide + column] = 1;
  }
  return moved;
}

/** For each of six channels the greatest score at every pixel, averaged over 4 × 4 pixels. */
function channels(detections: readonly Detection[], scoresOf: (each: Detection) => readonly number[]): Float32Array {
  const factor = regionSide / channelSide;
  const pooled = new Float64Array(6 * channelSide * channelSide);
  const found = detections.map((detection) => ({ pixels: pixelsIn(detection.mask), scores: scoresOf(detection) }));
  const greatest = new Float64Array(regionSide * regionSide);
  for (let channel = 0; channel < 6; channel++) {
    greatest.fill(0);
    for (const { pixels, scores } of found) {
      const score = scores[channel] as number;
      for (const pixel of pixels) if (score > (greatest[pixel] as number)) greatest[pixel] = score;
    }
    for (let pixel = 0; pixel < greatest.length; pixel++) {
      const value = greatest[pixel] as number;
      if (value === 0) continue;
      const row = Math.floor(Math.floor(pixel / regionSide) / factor);
      const place = (channel * channelSide + row) * channelSide + Math.floor((pixel % regionSide) / factor);
      pooled[place] = (pooled[place] as number) + value / factor ** 2;
    }
  }
  return Float32Array.from(pooled);
}
