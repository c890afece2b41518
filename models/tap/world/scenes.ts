/** Scenes of the synthetic world: objects in the cells of a grid, and words on them or beside them. */
import { type Dice, diceOf } from "../../shared/dice.ts";
import type { SceneObject, SceneToken } from "../inputs.ts";
import type { Box } from "../relations.ts";
import { sizesOf } from "../sizes.ts";
import { objectFeature, tokenFeature, wordFeature } from "./features.ts";
import { type ObjectName, objectNames, writtenWords } from "./lexicon.ts";

const [columns, rows] = [3, 2];
const chanceOfWord = 0.7;

export interface WorldObject extends SceneObject {
  readonly name: ObjectName;
  /** The word that is written on it. */
  readonly word: string | undefined;
}

export interface Scene {
  readonly objects: readonly WorldObject[];
  /** In the order in which they were read, which says nothing. */
  readonly tokens: readonly SceneToken[];
}

/** A scene; the same for the same seed and name. */
export function drawScene(seed: number, name: string): Scene {
  const dice = diceOf(seed, `tap.scene.${name}`);
  const cells = [...shuffled([...Array(columns * rows).keys()], dice)];
  const names = shuffled(objectNames, dice).slice(0, 2 + dice.below(4));
  const words = [...shuffled(writtenWords, dice)];
  const tokens: SceneToken[] = [];
  const write = (box: Box): string => {
    const word = words.pop() as string;
    tokens.push({ text: word, box, fc6: tokenFeature(word, dice), word: wordFeature(word) });
    return word;
  };
  const objects = names.map((name): WorldObject => {
    const box = centred(cells.pop() as number, dice.between(0.2, 0.3), dice.between(0.28, 0.44));
    const word = dice.chance(chanceOfWord) ? write(inside(box, dice)) : undefined;
    return { name, box, fc6: objectFeature(name, dice), word };
  });
  const free = Math.min(dice.below(3), cells.length, sizesOf.tiny.tokens - tokens.length);
  for (let k = 0; k < free; k++) write(centred(cells.pop() as number, 0.13, 0.1));
  return { objects, tokens: shuffled(tokens, dice) };
}

function shuffled<T>(things: readonly T[], dice: Dice): readonly T[] {
  const left = [...things];
  return things.map(() => left.splice(dice.below(left.length), 1)[0] as T);
}

function centred(cell: number, width: number, height: number): Box {
  const x = ((cell % columns) + 0.5) / columns;
  const y = (Math.floor(cell / columns) + 0.5) / rows;
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}

/** A box of a word strictly inside of an object's. */
function inside([x1, y1, x2, y2]: Box, dice: Dice): Box {
  const [width, height] = [(x2 - x1) * dice.between(0.45, 0.7), (y2 - y1) * dice.between(0.2, 0.35)];
  const margin = 0.02;
  const place = (low: number, high: number) => low + (high - low) * dice.between(margin, 1 - margin);
  const [x, y] = [place(x1, x2 - width), place(y1, y2 - height)];
  return [x, y, x + width, y + height];
}
