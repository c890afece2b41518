/** Questions about scenes, answered by rule. */
import { type Dice, diceOf } from "../../shared/dice.ts";
import { writtenWords } from "./lexicon.ts";
import type { Scene, WorldObject } from "./scenes.ts";

export interface Question {
  readonly kind: "on" | "which" | "beside" | "both" | "is";
  readonly question: string;
  readonly answer: string;
}

/** Centres that are closer than this, in widths of the picture, are neither left nor right of each other. */
const clearlyBeside = 0.12;

type Written = WorldObject & { readonly word: string };

const writtenOn = ({ objects }: Scene): readonly Written[] =>
  objects.filter((object): object is Written => object.word !== undefined);

/** One question of each kind, or none where the scene has nothing to ask for. */
const kinds: readonly ((scene: Scene, dice: Dice) => Question | undefined)[] = [
  (scene, dice) => {
    const written = writtenOn(scene);
    if (written.length === 0) return undefined;
    const { name, word } = dice.pick(written);
    return { kind: "on", question: `what is written on the ${name} ?`, answer: word };
  },
  (scene, dice) => {
    const written = writtenOn(scene);
    if (written.length === 0) return undefined;
    const { name, word } = dice.pick(written);
    return { kind: "which", question: `which object has the word ${word} ?`, answer: name };
  },
  ({ tokens }, dice) => {
    const side = dice.pick(["left", "right"] as const);
    const centre = (k: number) => {
      const [x1, , x2] = (tokens[k] as Scene["tokens"][number]).box;
      return (x1 + x2) / 2;
    };
    if (tokens.length === 0) return undefined;
    const asked = dice.below(tokens.length);
    const away = (k: number) => (centre(k) - centre(asked)) * (side === "right" ? 1 : -1);
    const found = [...tokens.keys()].filter((k) => away(k) >= clearlyBeside).sort((a, b) => away(a) - away(b));
    const [nearest] = found;
    if (nearest === undefined) return undefined;
    const text = (k: number) => (tokens[k] as Scene["tokens"][number]).text;
    return { kind: "beside", question: `what word is ${side} of ${text(asked)} ?`, answer: text(nearest) };
  },
  (scene, dice) => {
    const written = writtenOn(scene);
    if (written.length < 2) return undefined;
    const first = dice.pick(written);
    const second = dice.pick(written.filter((each) => each !== first));
    return {
      kind: "both",
      question: `what is on the ${first.name} and the ${second.name} ?`,
      answer: `${first.word} ${second.word}`,
    };
  },
  (scene, dice) => {
    const { name, word } = dice.pick(scene.objects);
    if (word !== undefined && dice.chance(0.5))
      return { kind: "is", question: `is there ${word} on the ${name} ?`, answer: "yes" };
    const seen = scene.tokens.map(({ text }) => text).filter((text) => text !== word);
    const other = dice.pick(seen.length > 0 && dice.chance(0.5) ? seen : writtenWords.filter((each) => each !== word));
    return { kind: "is", question: `is there ${other} on the ${name} ?`, answer: "no" };
  },
];

/** A question of one of the five kinds, all equally likely; drawn again where the scene does not have it. */
export function drawQuestion(scene: Scene, seed: number, name: string): Question {
  const dice = diceOf(seed, `tap.question.${name}`);
  for (;;) {
    const question = dice.pick(kinds)(scene, dice);
    // The last kind can always be asked, so that this ends.
    if (question !== undefined) return question;
  }
}
