/** Descriptions of objects in RefWorld: what they denote, and how they read. */
import {
  type ObjectColor,
  type ObjectSize,
  type Relation,
  type Scene,
  type SceneObject,
  type Shape,
  stands,
} from "./scene.ts";

/** What an object may be called: its shape, or a word for two shapes. */
export const names = ["circle", "square", "triangle", "cross", "ring", "diamond", "round", "box"] as const;
export type Name = (typeof names)[number];

/** The shapes that a name stands for. */
export function shapesOf(name: Name): readonly Shape[] {
  if (name === "round") return ["circle", "ring"];
  if (name === "box") return ["square", "diamond"];
  return [name];
}

/** [size] [colour] name. */
export interface Noun {
  readonly size?: ObjectSize;
  readonly color?: ObjectColor;
  readonly name: Name;
}

/** A noun, with where it stands to another: "small square left of the red circle". */
export interface Description {
  readonly head: Noun;
  readonly relation?: { readonly kind: Relation; readonly support: Noun };
}

function matches(object: SceneObject, { size, color, name }: Noun): boolean {
  return (
    shapesOf(name).includes(object.shape) &&
    (size === undefined || object.size === size) &&
    (color === undefined || object.color === color)
  );
}

/** Numbers of the objects that are meant, rising. The support must be another object. */
export function denotation({ side, objects }: Scene, { head, relation }: Description): readonly number[] {
  return objects.flatMap((object, k) => {
    if (!matches(object, head)) return [];
    if (relation === undefined) return [k];
    const { kind, support } = relation;
    const stood = objects.some((other, j) => j !== k && matches(other, support) && stands(object, kind, other, side));
    return stood ? [k] : [];
  });
}

/** The words of a noun. */
export function nounText({ size, color, name }: Noun): string {
  return [size, color, name].filter((word) => word !== undefined).join(" ");
}

/** The phrase. */
export function phraseText({ head, relation }: Description): string {
  if (relation === undefined) return nounText(head);
  return `${nounText(head)} ${relation.kind} the ${nounText(relation.support)}`;
}

/** The words of all phrases as the lines of a WordPiece vocabulary, special tokens first. */
export const vocabularyWords: readonly string[] = [
  ..."[PAD] [UNK] [CLS] [SEP] [MASK] the of".split(" "),
  ..."circle square triangle cross ring diamond red green blue yellow small large".split(" "),
  ..."left right above below round box".split(" "),
];
