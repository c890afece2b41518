/** Phrases of the synthetic questions: their words, the program that they mean, and the objects that they mean in a scene. */

import type { Dice } from "../../shared/dice.ts";
import { apply, type Program } from "../program.ts";
import {
  type Attribute,
  attributes,
  attributeValues,
  isRelated,
  type Relation,
  relations,
  type Scene,
  type SceneObject,
} from "../scene.ts";

/** Attributes that a noun phrase mentions, with their values. */
export type Filters = Partial<Readonly<Record<Attribute, string>>>;

/** "the red cube left of the sphere": words, program, and the one object. */
export interface Reference {
  readonly text: string;
  readonly program: Program;
  readonly object: SceneObject;
}

/** "red cubes that are left of the sphere": words, program, and the objects. */
export interface SetExpression {
  readonly text: string;
  readonly program: Program;
  readonly objects: Scene;
}

const referenceTries = 30;
const mostFilters = 3;

/** Words for the values that have more than one. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  sphere: ["sphere", "ball"],
  cube: ["cube", "block"],
  large: ["large", "big"],
  small: ["small", "tiny"],
  metal: ["metal", "shiny"],
  rubber: ["rubber", "matte"],
};

const relationWords: Readonly<Record<Relation, readonly string[]>> = {
  left: ["left of", "to the left of"],
  right: ["right of", "to the right of"],
  front: ["in front of"],
  behind: ["behind"],
};

/** Words for a direction. */
export function relationText(dice: Dice, relation: Relation): string {
  return dice.pick(relationWords[relation]);
}

/** Size, colour and material where mentioned, then the shape or "thing". */
export function nounPhrase(dice: Dice, filters: Filters, number: "singular" | "plural"): string {
  const word = (value: string) => dice.pick(synonyms[value] ?? [value]);
  const adjectives = [filters.size, filters.color, filters.material].filter((value) => value !== undefined).map(word);
  const noun = filters.shape === undefined ? dice.pick(["thing", "object"]) : word(filters.shape);
  return [...adjectives, number === "plural" ? `${noun}s` : noun].join(" ");
}

/** The filters of a phrase around a program: size is applied first, shape last. */
export function filtered(filters: Filters, program: Program): Program {
  return (["size", "color", "material", "shape"] as const).reduce((inner, attribute) => {
    const value = filters[attribute];
    return value === undefined ? inner : apply(`filter_${attribute}[${value}]`, inner);
  }, program);
}

/** Whether an object has all mentioned values. */
export function matches(filters: Filters, object: SceneObject): boolean {
  return attributes.every((attribute) => filters[attribute] === undefined || filters[attribute] === object[attribute]);
}

/** Objects with all mentioned values. */
export function matching(filters: Filters, objects: Scene): Scene {
  return objects.filter((object) => matches(filters, object));
}

/** Objects that lie in that direction from another. */
export function related(relation: Relation, from: SceneObject, scene: Scene): Scene {
  return scene.filter((other) => isRelated(relation, other, from));
}

const withValues = (chosen: readonly Attribute[], valueFor: (attribute: Attribute) => string): Filters =>
  Object.fromEntries(chosen.map((attribute) => [attribute, valueFor(attribute)]));

/** Filters on `least` to `most` attributes that are not banned, with any values. */
export function freeFilters(dice: Dice, least: number, most: number, banned: readonly Attribute[] = []): Filters {
  const chosen = dice.some(allowed(banned), least + dice.below(most - least + 1));
  return withValues(chosen, (attribute) => dice.pick(attributeValues[attribute]));
}

/** Filters on `least` to `most` attributes that are not banned, with the values of an object. */
export function filtersOf(
  dice: Dice,
  object: SceneObject,
  least: number,
  most: number,
  banned: readonly Attribute[] = [],
): Filters {
  const chosen = dice.some(allowed(banned), least + dice.below(most - least + 1));
  return withValues(chosen, (attribute) => object[attribute]);
}

/** Filters that fit a member of the set, or any at all, with equal chances; any where the set is empty. */
export function likelyFilters(dice: Dice, objects: Scene, most: number, banned: readonly Attribute[] = []): Filters {
  return objects.length > 0 && dice.chance(0.5)
    ? filtersOf(dice, dice.pick(objects), 0, most, banned)
    : freeFilters(dice, 0, most, banned);
}

const allowed = (banned: readonly Attribute[]) => attributes.filter((attribute) => !banned.includes(attribute));

/**
 * Filters that fit exactly one of the objects, and that one; `undefined` when none are found.
 *
 * @param refuses a reason to draw others
 */
export function uniqueFilters(
  dice: Dice,
  objects: Scene,
  banned: readonly Attribute[] = [],
  refuses: (filters: Filters) => boolean = () => false,
): { readonly filters: Filters; readonly object: SceneObject } | undefined {
  if (objects.length === 0) return undefined;
  for (let attempt = 0; attempt < referenceTries; attempt++) {
    const object = dice.pick(objects);
    const filters = filtersOf(dice, object, 0, mostFilters, banned);
    if (matching(filters, objects).length === 1 && !refuses(filters)) return { filters, object };
  }
  return undefined;
}

/**
 * A reference by way of `hops` relations. A phrase that already says which object is meant without its relation is mostly drawn
 * again, so that the relation is needed.
 *
 * @param banned attributes that the phrase of the object itself must not mention
 */
export function chain(
  dice: Dice,
  scene: Scene,
  hops: number,
  banned: readonly Attribute[] = [],
): Reference | undefined {
  if (hops === 0) {
    const found = uniqueFilters(dice, scene, banned);
    if (found === undefined) return undefined;
    const { filters, object } = found;
    const program = apply("unique", filtered(filters, apply("scene")));
    return { text: `the ${nounPhrase(dice, filters, "singular")}`, program, object };
  }
  const from = chain(dice, scene, hops - 1);
  if (from === undefined) return undefined;
  const relation = dice.pick(relations);
  const needless = (filters: Filters) => matching(filters, scene).length === 1 && dice.chance(0.9);
  const found = uniqueFilters(dice, related(relation, from.object, scene), banned, needless);
  if (found === undefined) return undefined;
  const { filters, object } = found;
  const program = apply("unique", filtered(filters, apply(`relate[${relation}]`, from.program)));
  const link = `${dice.pick(["", "that is "])}${relationText(dice, relation)}`;
  return { text: `the ${nounPhrase(dice, filters, "singular")} ${link} ${from.text}`, program, object };
}

/** A set of objects, described by filters and perhaps by their direction from another object. */
export function setExpression(dice: Dice, scene: Scene): SetExpression | undefined {
  const hops = dice.pick([0, 0, 1, 2, 3]);
  if (hops === 0) {
    const filters = freeFilters(dice, 0, mostFilters);
    const program = filtered(filters, apply("scene"));
    return { text: nounPhrase(dice, filters, "plural"), program, objects: matching(filters, scene) };
  }
  const from = chain(dice, scene, hops - 1);
  if (from === undefined) return undefined;
  const relation = dice.pick(relations);
  const nearby = related(relation, from.object, scene);
  const filters = likelyFilters(dice, nearby, mostFilters);
  const program = filtered(filters, apply(`relate[${relation}]`, from.program));
  const link = `${dice.pick(["", "that are "])}${relationText(dice, relation)}`;
  return {
    text: `${nounPhrase(dice, filters, "plural")} ${link} ${from.text}`,
    program,
    objects: matching(filters, nearby),
  };
}
