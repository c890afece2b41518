/** RefWorld with phrases that mean exactly one object: pictures of 64 × 64 with three to five circles, squares and triangles. */
import type { Picture } from "../pictures.ts";
import type { PixelBox } from "../resizing.ts";
import { type Description, denotation, type Noun, phraseText } from "./phrases.ts";
import { pictureOf, renderScene } from "./picture.ts";
import { type Draws, drawsOf } from "./random-numbers.ts";
import {
  boundsOf,
  drawScene,
  type Mask,
  maskOf,
  relations,
  type Scene,
  type SceneObject,
  shapes,
  stands,
} from "./scene.ts";

/** Width and height of the pictures in pixels. */
export const uniqueSide = 64;

/** A picture with a phrase and what it means. */
export interface UniqueSample {
  readonly scene: Scene;
  /** The picture from 0 to 1 before it is rounded: f64[64, 64, 3]. */
  readonly values: Float64Array;
  readonly picture: Picture;
  readonly description: Description;
  readonly phrase: string;
  /** Number of the object that is meant. */
  readonly target: number;
  readonly mask: Mask;
  /** The smallest box around the mask. */
  readonly box: PixelBox;
  /** Whether the phrase tells what the object is like, or where it stands. */
  readonly kind: "attribute" | "relation";
}

/** Sample `index` of the set with this seed. Published sets: seed 1, samples 0 to 11999, for training; seed 2, 0 to 999, for tests. */
export function uniqueSample(seed: number, index: number): UniqueSample {
  const draws = drawsOf(seed, index);
  for (;;) {
    const count = 3 + draws.below(3);
    const drawShape = () => shapes[draws.below(3)] as SceneObject["shape"];
    const scene = drawScene(draws, uniqueSide, count, drawShape);
    const chosen = scene.objects.length < 2 ? undefined : chooseDescription(draws, scene);
    if (chosen === undefined) continue;
    const values = renderScene(draws, scene);
    const mask = maskOf(scene.objects[chosen.target] as SceneObject, uniqueSide);
    return {
      scene,
      values,
      picture: pictureOf(values, uniqueSide),
      ...chosen,
      phrase: phraseText(chosen.description),
      mask,
      box: boundsOf(mask, uniqueSide),
      kind: chosen.description.relation === undefined ? "attribute" : "relation",
    };
  }
}

/** An object and a description that means only it; nothing where no object has one. */
function chooseDescription(
  draws: Draws,
  scene: Scene,
): { readonly target: number; readonly description: Description } | undefined {
  const count = scene.objects.length;
  const first = draws.below(count);
  const prefersRelation = draws.uniform() < 0.5;
  for (let step = 0; step < count; step++) {
    const target = (first + step) % count;
    const [byAttributes, byRelation] = [attributeDescriptions(scene, target), relationDescriptions(scene, target)];
    const [preferred, other] = prefersRelation ? [byRelation, byAttributes] : [byAttributes, byRelation];
    const list = preferred.length > 0 ? preferred : other;
    if (list.length > 0) return { target, description: list[draws.below(list.length)] as Description };
  }
  return undefined;
}

const meansOnly = (scene: Scene, description: Description, target: number): boolean => {
  const meant = denotation(scene, description);
  return meant.length === 1 && meant[0] === target;
};

function attributeDescriptions(scene: Scene, target: number): readonly Description[] {
  const { shape: name, color, size } = scene.objects[target] as SceneObject;
  const nouns: readonly Noun[] = [{ name }, { color, name }, { size, name }, { size, color, name }];
  return nouns.map((head) => ({ head })).filter((description) => meansOnly(scene, description, target));
}

function relationDescriptions(scene: Scene, target: number): readonly Description[] {
  const subject = scene.objects[target] as SceneObject;
  const found = new Map<string, Description>();
  for (const kind of relations) {
    scene.objects.forEach((support, j) => {
      if (j === target || !stands(subject, kind, support, scene.side)) return;
      for (const head of shortNouns(subject)) {
        if (denotation(scene, { head }).length < 2) continue;
        for (const supportNoun of shortNouns(support)) {
          const description = { head, relation: { kind, support: supportNoun } };
          const text = phraseText(description);
          if (!found.has(text) && meansOnly(scene, description, target)) found.set(text, description);
        }
      }
    });
  }
  return [...found.values()];
}

const shortNouns = ({ shape: name, color }: SceneObject): readonly Noun[] => [{ name }, { color, name }];
