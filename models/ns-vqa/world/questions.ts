/** Data sets of the synthetic world: scenes with questions, programs and answers. */

import { diceOf } from "../../shared/dice.ts";
import { prefixTokens } from "../program.ts";
import { specialWords } from "../vocabulary.ts";
import { families, type Instance } from "./families.ts";
import { drawScene, type Split } from "./scenes.ts";
import type { WorldObject } from "./shapes.ts";

/** A question of a data set. */
export interface Question {
  /** Name of its family. */
  readonly family: string;
  /** Words, lower case. */
  readonly words: readonly string[];
  /** The program in prefix order, without special words. */
  readonly program: readonly string[];
  readonly answer: string;
  /** Number of its scene. */
  readonly scene: number;
}

/** Scenes and the questions about them. */
export interface WorldData {
  readonly scenes: readonly (readonly WorldObject[])[];
  readonly questions: readonly Question[];
}

/** What to draw. */
export interface WorldRequest {
  readonly seed: number;
  readonly split: Split;
  readonly scenes: number;
  readonly questions: number;
}

/** Greatest length of a program without special words, and of a question. */
export const longestProgram = 25;
export const longestQuestion = 45;

/** Places of a program and of a question with `<START>` and `<END>`. */
export const programPlaces = longestProgram + 2;
export const questionPlaces = longestQuestion + 2;

/** How much more often one of yes and no may be the answer within a family. */
const greatestImbalance = 1.2;

/**
 * Draws a part of the data set. Families take turns; a family that finds no instance in a scene goes on to the next scene. The
 * same request gives the same data on every machine, and parts of one seed share no scene.
 */
export function drawWorld({ seed, split, scenes: sceneCount, questions: questionCount }: WorldRequest): WorldData {
  const scenes = Array.from({ length: sceneCount }, (_, index) => drawScene(seed, split, index));
  const dice = diceOf(seed, `ns-vqa.questions.${split}`);
  const balance = families.map(() => ({ yes: 0, no: 0 }));
  const questions: Question[] = [];
  for (let attempt = 0; questions.length < questionCount; attempt++) {
    const turn = questions.length % families.length;
    const family = families[turn] as (typeof families)[number];
    const scene = attempt % sceneCount;
    const instance = family.draw(dice, scenes[scene] as readonly WorldObject[]);
    if (instance === undefined) continue;
    const question = questionOf(family.name, instance, scene);
    if (question.program.length > longestProgram || question.words.length > longestQuestion) continue;
    if (family.yesOrNo && !keepsBalance(balance[turn] as Balance, question.answer)) continue;
    questions.push(question);
  }
  return { scenes, questions };
}

interface Balance {
  yes: number;
  no: number;
}

const questionOf = (family: string, { text, program, answer }: Instance, scene: number): Question => ({
  family,
  words: text.split(" "),
  program: prefixTokens(program),
  answer,
  scene,
});

/** Counts an answer, unless it would be too frequent; answers that are one apart never are. */
function keepsBalance(balance: Balance, answer: string): boolean {
  const [kept, other] = answer === "yes" ? (["yes", "no"] as const) : (["no", "yes"] as const);
  if (balance[kept] + 1 > Math.max(greatestImbalance * balance[other], balance[other] + 1)) return false;
  balance[kept]++;
  return true;
}

/** All words of the synthetic questions by id, with the special words. */
export const worldQuestionWords: readonly string[] = [
  ...specialWords,
  ...(
    "; and another any are as at ball balls behind big block blocks blue both brown color cube cubes cyan cylinder cylinders do either " +
    "fewer front gray green has have how in is its large least left many material matte metal more number object objects of one or other " +
    "purple red right rubber same shape shiny size small sphere spheres than that the there thing things tiny to what with yellow"
  ).split(" "),
];
