/** Scenes of the synthetic world: a few objects that stand apart from each other and can all be seen. */

import { type Dice, diceOf } from "../../shared/dice.ts";
import { attributeValues } from "../scene.ts";
import { coverageOf, radiusOf, visibleMasks, type WorldObject } from "./shapes.ts";

/** A part of a data set; parts share no scene. */
export type Split = "train" | "validation" | "test";

/** Least gap between the outlines of two objects, and least difference along each axis, in units of the scene. */
const leastGap = 0.25;
const leastDifference = 0.4;
const placementTries = 60;

/** The scene with that number in a part of the data set; the same for the same seed on every machine. */
export function drawScene(seed: number, split: Split, index: number): readonly WorldObject[] {
  const dice = diceOf(seed, `ns-vqa.scene.${split}.${index}`);
  for (;;) {
    const objects = placeObjects(dice, `${split}${index}`);
    if (objects !== undefined && allVisible(objects)) return objects;
  }
}

/** Three to seven objects, or `undefined` when one found no place. */
function placeObjects(dice: Dice, scene: string): readonly WorldObject[] | undefined {
  const count = 3 + dice.below(5);
  const objects: WorldObject[] = [];
  while (objects.length < count) {
    const looks = {
      size: dice.pick(attributeValues.size),
      color: dice.pick(attributeValues.color),
      material: dice.pick(attributeValues.material),
      shape: dice.pick(attributeValues.shape),
      angle: dice.between(0, Math.PI / 2),
    };
    const height = radiusOf(looks.size);
    const tries = Array.from({ length: placementTries }, (): WorldObject => {
      const position = [dice.between(-3, 3), dice.between(-3, 3), height] as const;
      return { id: `${scene}-${objects.length}`, position, ...looks };
    });
    const placed = tries.find((candidate) => objects.every((other) => standApart(candidate, other)));
    if (placed === undefined) return undefined;
    objects.push(placed);
  }
  return objects;
}

function standApart(a: WorldObject, b: WorldObject): boolean {
  const right = Math.abs(a.position[0] - b.position[0]);
  const front = Math.abs(a.position[1] - b.position[1]);
  const gap = Math.hypot(right, front) - radiusOf(a.size) - radiusOf(b.size);
  return gap >= leastGap && right >= leastDifference && front >= leastDifference;
}

/** Whether every object shows half of its area, and 20 pixels. */
function allVisible(objects: readonly WorldObject[]): boolean {
  const coverage = coverageOf(objects);
  const shown = objects.map(() => 0);
  for (const owner of coverage.owner) if (owner >= 0) shown[owner] = (shown[owner] as number) + 1;
  return (
    shown.every((samples, i) => 2 * samples >= (coverage.area[i] as number)) &&
    visibleMasks(coverage).every((mask) => mask.reduce((sum, pixel) => sum + pixel, 0) >= 20)
  );
}
