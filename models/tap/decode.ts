/** Greedy decoding over the network's scores (M4C, Hu et al. 2020, section 3.3), for any compiled entry `answer`. */
import { answerIndex } from "./answers.ts";

/** Scores f32[steps, width] of all answers at every step, from the answers before: i32[steps]. */
export type Scorer = (previous: Int32Array) => Promise<ArrayLike<number>>;

export interface DecodeOptions {
  readonly steps: number;
  /** Captions are without `<unk>`. */
  readonly captions?: boolean;
}

/**
 * The best answer at every step. A pass over all steps is right up to the first step whose previous answer it was not told, so that `steps`
 * passes make all of them right; when a pass changes nothing that the next would read, the rest are the same and are left out.
 *
 * @returns the indices, i32[steps], and the number of passes
 * @throws RangeError when the scores are not whole rows, or not numbers
 */
export async function decodeGreedily(
  score: Scorer,
  { steps, captions = false }: DecodeOptions,
): Promise<{ readonly answer: Int32Array; readonly passes: number }> {
  let previous = new Int32Array(steps);
  previous[0] = answerIndex.start;
  for (let passes = 1; ; passes++) {
    const answer = bestOf(await score(previous), steps, captions);
    const next = Int32Array.from(previous, (index, t) => (t === 0 ? index : (answer[t - 1] as number)));
    if (passes >= steps || next.every((index, t) => index === previous[t])) return { answer, passes };
    previous = next;
  }
}

/** The first place of the greatest score of each step. */
function bestOf(scores: ArrayLike<number>, steps: number, captions: boolean): Int32Array {
  const width = scores.length / steps;
  if (!Number.isInteger(width) || width === 0) {
    throw new RangeError(`${scores.length} scores are no ${steps} rows`);
  }
  return Int32Array.from({ length: steps }, (_, t) => {
    let best = -1;
    for (let v = 0; v < width; v++) {
      const value = scores[t * width + v] as number;
      if (Number.isNaN(value)) throw new RangeError(`the score of answer ${v} at step ${t} is not a number`);
      if (captions && v === answerIndex.unknown) continue;
      if (best < 0 || value > (scores[t * width + best] as number)) best = v;
    }
    return best;
  });
}
