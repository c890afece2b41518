/** Answers as indices: below the size of the vocabulary a word of it, from there on an OCR token that is copied (M4C, Hu et al. 2020). */
import type { Dice } from "../shared/dice.ts";
import type { Sizes } from "./sizes.ts";
import { cleaned, TapInputError } from "./text.ts";

/** Indices that begin every vocabulary. */
export const answerIndex = { padding: 0, start: 1, end: 2, unknown: 3 } as const;

const specialAnswers = ["<pad>", "<s>", "</s>", "<unk>"];

/** Longest list of index sequences for one answer, as in the released code. */
const mostSequences = 20;

/**
 * Reads the fixed answer words, one a line, `<pad>`, `<s>`, `</s>` and `<unk>` first.
 *
 * @throws TapInputError for another number of words than `count`, and when the first four are others
 */
export function readAnswers(text: string, count: number): readonly string[] {
  const words = text.split(/\r?\n/);
  if (words.at(-1) === "") words.pop();
  if (specialAnswers.some((word, k) => words[k] !== word)) {
    throw new TapInputError(`the answers must begin with the lines ${specialAnswers.join(", ")}`);
  }
  if (words.length !== count) {
    throw new TapInputError(`there are ${words.length} answers, and the network has ${count}; give one a line`);
  }
  return words;
}

/** How right each of the answers that people gave is: the mean over all leave-one-out sets of min(others that agree / 3, 1). */
export function answerScores(given: readonly string[]): ReadonlyMap<string, number> {
  const answers = given.map(cleaned);
  const scores = new Map<string, number>();
  for (const answer of new Set(answers)) {
    const parts = answers.map((_, left) => {
      const agree = answers.filter((other, k) => k !== left && other === answer).length;
      return Math.min(agree / 3, 1);
    });
    scores.set(answer, parts.reduce((sum, part) => sum + part, 0) / parts.length);
  }
  return scores;
}

/** All ways to write an answer with words of the vocabulary and OCR tokens, at most 20; none when a word is in neither. */
export function sequencesOf(
  answer: string,
  vocabulary: readonly string[],
  tokens: readonly string[],
): readonly (readonly number[])[] {
  const texts = tokens.map(cleaned);
  const words = cleaned(answer)
    .split(/\s+/)
    .filter((word) => word !== "");
  let sequences: (readonly number[])[] = words.length === 0 ? [] : [[]];
  for (const word of words) {
    const fixed = vocabulary.indexOf(word, specialAnswers.length);
    const copies = texts.flatMap((text, n) => (text === word ? [vocabulary.length + n] : []));
    const choices = fixed >= 0 ? [fixed, ...copies] : copies;
    sequences = sequences.flatMap((start) => choices.map((index) => [...start, index])).slice(0, mostSequences);
  }
  return sequences;
}

/** What the network is taught for one question. */
export interface AnswerTargets {
  /** i32[steps]: `<s>`, then the answer before each step. */
  readonly previous: Int32Array;
  /** f32[steps, answers + tokens]. */
  readonly target: Float32Array;
  /** f32[steps]: 1 for the steps that count; none when no answer can be written. */
  readonly lossMask: Float32Array;
}

/**
 * Targets from the answers that people gave. The first step may begin any of them, and is as right as the best that begins so; one
 * sequence is drawn by how right its answer is, and the steps after the first must follow it to the end.
 */
export function answerTargets(
  given: readonly string[],
  vocabulary: readonly string[],
  tokens: readonly string[],
  { steps, tokens: slots }: Pick<Sizes, "steps" | "tokens">,
  dice: Dice,
): AnswerTargets {
  const width = vocabulary.length + slots;
  const previous = new Int32Array(steps);
  previous[0] = answerIndex.start;
  const target = new Float32Array(steps * width);
  const lossMask = new Float32Array(steps);
  const usable = [...answerScores(given)].flatMap(([answer, score]) => {
    const sequences = sequencesOf(answer, vocabulary, tokens).filter(({ length }) => length <= steps);
    return score > 0 ? sequences.map((sequence) => ({ sequence, score: score / sequences.length, whole: score })) : [];
  });
  if (usable.length === 0) return { previous, target, lossMask };
  for (const { sequence, whole } of usable) {
    const first = sequence[0] as number;
    target[first] = Math.max(target[first] as number, whole);
  }
  let left = dice.between(0, 1) * usable.reduce((sum, { score }) => sum + score, 0);
  const drawn = usable.find(({ score }) => {
    left -= score;
    return left <= 0;
  });
  const { sequence } = drawn ?? (usable[0] as (typeof usable)[number]);
  sequence.forEach((index, t) => {
    if (t + 1 < steps) previous[t + 1] = index;
    if (t > 0) target[t * width + index] = 1;
  });
  if (sequence.length < steps) target[sequence.length * width + answerIndex.end] = 1;
  lossMask.fill(1, 0, Math.min(sequence.length + 1, steps));
  return { previous, target, lossMask };
}

/** The text of indices up to the first `</s>`; ` 's` is written together again. */
export function answerText(
  indices: Iterable<number>,
  vocabulary: readonly string[],
  tokens: readonly string[],
): string {
  const words: string[] = [];
  for (const index of indices) {
    if (index === answerIndex.end) break;
    words.push(vocabulary[index] ?? tokens[index - vocabulary.length] ?? "<pad>");
  }
  return words.join(" ").replaceAll(" 's", "'s");
}
