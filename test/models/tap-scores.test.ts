/** TAP's scores on held-out scenes: what counts as right. */
import { describe, expect, it } from "vitest";
import { diceOf } from "../../models/shared/dice.ts";
import { recipe } from "../../models/tap/recipe.ts";
import { answerShares, type PretrainingLogits, pretrainingShares } from "../../models/tap/scores.ts";
import { sizesOf } from "../../models/tap/sizes.ts";
import { answerBatch, askedScenes, pretrainingBatch, worldVocabulary } from "../../models/tap/world.ts";

const table = askedScenes(
  0,
  Array.from({ length: 60 }, (_, k) => `scene ${k}`),
);
const examples = [...table.scenes.keys()];

describe("scores of pre-training", () => {
  const batch = pretrainingBatch(table, examples, diceOf(0, "scores"));
  const field = (name: string) => Array.from(batch[name]!.data, Number);
  const [labels, polluted, relations] = [field("txt_label"), field("polluted"), field("rel")];
  const places = labels.length / examples.length;
  const words = worldVocabulary.pieces.length;

  /** Logits that are right, but for the places of masked words that `isWrong` names. */
  const logits = (isWrong: (place: number) => boolean = () => false): PretrainingLogits[] =>
    examples.map((b) => {
      const mlm = new Float32Array(places * words);
      for (let i = 0; i < places; i++) {
        const label = labels[b * places + i]!;
        if (label >= 0) mlm[i * words + (isWrong(i) ? 0 : label)] = 1;
      }
      const sign = (yes: boolean) => Float32Array.of(yes ? 1 : -1);
      return { mlm, itm: sign(polluted[b] === 1), rpp: sign(relations[b] === 1) };
    });

  it("are 1 for logits that are right", () => {
    expect(pretrainingShares(batch, logits())).toEqual({
      maskedWords: 1,
      maskedSeenWords: 1,
      matching: 1,
      relations: 1,
    });
  });

  it("are 0 for logits that are wrong", () => {
    const wrong = logits(() => true).map(({ mlm, itm, rpp }) => ({
      mlm,
      itm: itm.map((x) => -x),
      rpp: rpp.map((x) => -x),
    }));
    expect(pretrainingShares(batch, wrong)).toEqual({ maskedWords: 0, maskedSeenWords: 0, matching: 0, relations: 0 });
  });

  it("tell words of the question from those that are seen, and leave polluted samples out", () => {
    const [question] = sizesOf.tiny.blocks;
    const { maskedWords, maskedSeenWords } = pretrainingShares(
      batch,
      logits((i) => i < question),
    );
    const counted = labels.flatMap((label, k) =>
      label >= 0 && polluted[Math.floor(k / places)] === 0 ? [k % places >= question] : [],
    );
    expect(maskedSeenWords).toBe(1);
    expect(maskedWords).toBeCloseTo(counted.filter(Boolean).length / counted.length, 3);
    expect(maskedWords).toBeLessThan(1);
  });
});

describe("scores of answers", () => {
  const { target } = answerBatch(table, examples);
  const [, steps, width] = target!.shape as [number, number, number];
  const right = examples.map((b) =>
    Array.from({ length: steps }, (_, t) => {
      const row = Array.from(target!.data).slice((b * steps + t) * width, (b * steps + t + 1) * width);
      return Math.max(row.indexOf(1), 0);
    }),
  );

  it("are 1 for the answers that are taught", () => {
    const { all, byKind } = answerShares(table, right);
    expect(all).toBe(1);
    expect(byKind).toEqual({ beside: 1, both: 1, is: 1, on: 1, which: 1 });
  });

  it("count an answer that goes on, or lacks its second word, as wrong", () => {
    const both = table.questions.filter(({ kind }) => kind === "both").length;
    const short = right.map((answer) => [answer[0]!, 2, 0, 0]);
    expect(answerShares(table, short)).toMatchObject({
      all: expect.closeTo(1 - both / examples.length, 3),
      byKind: { both: 0, on: 1 },
    });
    const long = right.map((answer) => answer.map((index) => (index === 2 ? 4 : index)));
    expect(answerShares(table, long).all).toBe(0);
  });
});

describe("the recipe", () => {
  it("gives the control as many steps as the run from pre-trained weights", () => {
    const [, answers, alone] = recipe.runs;
    expect(answers!.from).toBe("pretraining");
    expect(alone!.from).toBeUndefined();
    expect(alone!.options).toEqual(answers!.options);
  });
});
