/** TAP's host side: spelling, word vectors, text, answers, relations, masking, pollution and decoding. */
import { describe, expect, it } from "vitest";
import { readVocabulary } from "../../models/bert/wordpiece.ts";
import { diceOf } from "../../models/shared/dice.ts";
import { answerScores, answerTargets, answerText, readAnswers, sequencesOf } from "../../models/tap/answers.ts";
import { decodeGreedily } from "../../models/tap/decode.ts";
import { ngramsOf, readFastText, tokenVector } from "../../models/tap/fasttext.ts";
import { phoc } from "../../models/tap/phoc.ts";
import { masked, polluted } from "../../models/tap/pretraining.ts";
import { type Box, coverLabel, drawnPair, relationClass } from "../../models/tap/relations.ts";
import { cleaned, textRow } from "../../models/tap/text.ts";

describe("PHOC", () => {
  const ones = (word: string) => [...phoc(word).entries()].flatMap(([k, value]) => (value === 1 ? [k] : []));

  // Values of the reference's C routine.
  it.each([
    ["the7", [7, 19, 40, 69, 91, 112, 115, 177, 199, 223, 256, 321, 343, 367, 436, 501, 504, 505, 555]],
    ["a", [0, 36]],
    ["A!", [0, 36]],
    ["", []],
    ["?!", []],
  ])("of %j", (word, want) => expect(ones(word)).toEqual(want));

  it("decides ties as single precision does", () => {
    expect(ones("beyond")).toContain(220);
    expect(ones("beyond")).not.toContain(184);
  });
});

/** A FastText file: two words of two numbers, three buckets, n-grams of 3 characters. */
function fastTextFile(change: (bytes: number[]) => void = () => {}): Uint8Array {
  const bytes: number[] = [];
  const put = (size: number, write: (view: DataView) => void) => {
    const view = new DataView(new ArrayBuffer(size));
    write(view);
    bytes.push(...new Uint8Array(view.buffer));
  };
  const i32 = (value: number) => put(4, (view) => view.setInt32(0, value, true));
  const i64 = (value: number) => put(8, (view) => view.setBigInt64(0, BigInt(value), true));
  const f32 = (value: number) => put(4, (view) => view.setFloat32(0, value, true));
  i32(793712314);
  i32(12);
  for (const setting of [2, 5, 5, 5, 5, 1, 1, 1, 3, 3, 3, 100]) i32(setting);
  i64(0);
  for (const count of [2, 2, 0]) i32(count);
  i64(10);
  i64(-1);
  for (const word of ["on", "off"]) {
    bytes.push(...new TextEncoder().encode(word), 0);
    i64(5);
    bytes.push(0);
  }
  bytes.push(0);
  i64(5);
  i64(2);
  for (let row = 0; row < 5; row++) for (const value of [row, 10 * row]) f32(value);
  change(bytes);
  return Uint8Array.from(bytes);
}

describe("FastText's binary file", () => {
  const open = (bytes: Uint8Array) => readFastText((start, end) => bytes.slice(start, end), bytes.length);
  const vectors = open(fastTextFile());
  // FNV-1a of "<on" and "on>", modulo the three buckets, after the two words.
  const fnv = (text: string) =>
    [...text].reduce((h, c) => Math.imul(h ^ c.charCodeAt(0), 16777619) >>> 0, 2166136261) % 3;
  const rowsOf = (word: string) => ngramsOf(word, 3, 3).map((ngram) => 2 + fnv(ngram));
  const mean = (rows: readonly number[]) => rows.reduce((a, b) => a + b, 0) / rows.length;

  it("gives a word the mean of its row and its n-grams, and an unknown one that of its n-grams", () => {
    expect(ngramsOf("on", 3, 3)).toEqual(["<on", "on>"]);
    expect(vectors.vectorOf("off")[0]).toBeCloseTo(mean([1, ...rowsOf("off")]), 6);
    expect(vectors.vectorOf("of")[1]).toBeCloseTo(10 * mean(rowsOf("of")), 5);
  });

  it("gives a token of several words their mean", () => {
    const [on, off] = ["on", "off"].map((word) => vectors.vectorOf(word)[1]!);
    expect(tokenVector(vectors, " on  off ")[1]).toBeCloseTo((on! + off!) / 2, 5);
    expect([...tokenVector(vectors, "")]).toEqual([0, 0]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ["a text", new TextEncoder().encode("2 2\non 1 2\n"), /no binary file of FastText/],
    ["nothing", new Uint8Array(0), /no binary file of FastText/],
    ["half a file", fastTextFile((bytes) => bytes.splice(60)), /ends early/],
    ["a file without its end", fastTextFile((bytes) => bytes.pop()), /ends early or is damaged/],
    ["a newer file", fastTextFile((bytes) => bytes.splice(4, 1, 99)), /version 99/],
  ])("refuses %s", (_name, bytes, message) => expect(() => open(bytes)).toThrow(message));
});

describe("the text", () => {
  const vocabulary = readVocabulary("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nwhat\nis\n##it\nstop\nbus\nred");
  const blocks = [5, 4, 3] as const;

  it("is three blocks, each with padding of its own", () => {
    const { ids, left } = textRow(vocabulary, "What is", ["stop"], ["bus"], { blocks });
    expect([...ids]).toEqual([2, 5, 6, 3, 0, 3, 8, 3, 0, 3, 9, 3]);
    expect(left).toEqual([0, 0]);
  });

  it("is cut at the end of the second and third block, which lose their mark", () => {
    const { ids, left } = textRow(vocabulary, "isit", ["stop stop", "stop", "red"], [], { blocks });
    expect([...ids]).toEqual([2, 6, 7, 3, 0, 3, 8, 8, 8, 3, 3, 0]);
    expect(left).toEqual([1, 0]);
  });

  it("must have a question that fits", () => {
    const ask = (question: string) => textRow(vocabulary, question, [], [], { blocks });
    expect(() => ask(" ")).toThrow("the question is empty; ask one");
    expect(() => ask("what is is red")).toThrow(
      "the question has 4 word pieces, and the network reads 3; ask a shorter one",
    );
  });

  it("is cleaned as the reference does", () => expect(cleaned(" Joe's, Bar? ")).toBe("joe 's bar"));
});

describe("answers", () => {
  const vocabulary = ["<pad>", "<s>", "</s>", "<unk>", "yes", "coca"];
  const tokens = ["coca", "Cola", "cola"];

  it("are as right as other people agree", () => {
    const scores = answerScores([...Array(2).fill("Yes"), ...Array(7).fill("no"), "maybe"]);
    // Of "yes" 2, left out once each: (2 · 1/3 + 8 · 2/3) / 10; a single answer has no other but itself.
    expect(scores.get("yes")).toBeCloseTo((2 / 3 + 16 / 3) / 10, 12);
    expect(scores.get("no")).toBe(1);
    expect(scores.get("maybe")).toBeCloseTo(0.9 / 3, 12);
  });

  it("may be written in several ways, at most 20", () => {
    expect(sequencesOf("coca cola", vocabulary, tokens)).toEqual([
      [5, 7],
      [5, 8],
      [6, 7],
      [6, 8],
    ]);
    expect(sequencesOf("pepsi", vocabulary, tokens)).toEqual([]);
    expect(sequencesOf("<pad>", vocabulary, tokens)).toEqual([]);
    expect(sequencesOf("cola cola cola cola cola", vocabulary, tokens)).toHaveLength(20);
  });

  it("become targets, with the end after the last word", () => {
    const given = Array(10).fill("yes");
    const { previous, target, lossMask } = answerTargets(
      given,
      vocabulary,
      tokens,
      { steps: 3, tokens: 4 },
      diceOf(0, "t"),
    );
    const at = (t: number) => [...target.slice(t * 10, (t + 1) * 10).entries()].filter(([, value]) => value > 0);
    expect([...previous]).toEqual([1, 4, 0]);
    expect([at(0), at(1), at(2)]).toEqual([[[4, 1]], [[2, 1]], []]);
    expect([...lossMask]).toEqual([1, 1, 0]);
  });

  it("that cannot be written teach nothing", () => {
    const { target, lossMask } = answerTargets(["pepsi"], vocabulary, tokens, { steps: 3, tokens: 4 }, diceOf(0, "t"));
    expect([...target, ...lossMask].every((value) => value === 0)).toBe(true);
  });

  it("are words up to the end, and copies", () => {
    expect(answerText([5, 7, 2, 4], vocabulary, tokens)).toBe("coca Cola");
    expect(answerText([6, 7], [...vocabulary], ["joe", "'s"])).toBe("joe's");
  });

  it("come from a file of the right length", () => {
    expect(readAnswers(`${vocabulary.join("\n")}\n`, 6)).toEqual(vocabulary);
    expect(() => readAnswers(vocabulary.join("\n"), 5000)).toThrow("there are 6 answers, and the network has 5000");
    expect(() => readAnswers("yes\nno", 2)).toThrow("must begin with the lines <pad>, <s>, </s>, <unk>");
  });
});

describe("relations", () => {
  const object: Box = [0.4, 0.4, 0.6, 0.6];
  const at = (x: number, y: number): Box => [x - 0.05, y - 0.05, x + 0.05, y + 0.05];

  it.each<[string, Box, Box, number]>([
    ["on", object, at(0.5, 0.5), 0],
    ["cover", object, [0.3, 0.3, 0.7, 0.7], 1],
    ["overlap", object, [0.42, 0.4, 0.62, 0.6], 2],
    ["right", object, at(0.8, 0.5), 3],
    ["below right", object, at(0.8, 0.8), 4],
    ["below", object, at(0.5, 0.8), 5],
    ["below left", object, at(0.2, 0.8), 6],
    ["left", object, at(0.2, 0.5), 7],
    ["above left", object, at(0.2, 0.2), 8],
    ["above", object, at(0.5, 0.2), 9],
    ["above right", object, at(0.8, 0.2), 10],
    ["unrelated", [0, 0, 0.1, 0.1], at(0.9, 0.9), 11],
  ])("%s", (_name, object, token, want) => expect(relationClass(object, token)).toBe(want));

  it("inside, outside, or not to be told", () => {
    expect(coverLabel(object, at(0.5, 0.5))).toBe(1);
    expect(coverLabel(object, at(0.6, 0.5))).toBe(0);
    expect(coverLabel([0, 0, 0.6, 0.6], at(0.5, 0.5))).toBe(-1);
    expect(coverLabel([0, 0, 0, 0], at(0.5, 0.5))).toBe(-1);
  });

  it("are drawn evenly, and none where there is no such pair", () => {
    const labels = Array.from({ length: 400 }, (_, k) => {
      const { label, object: m, token: n } = drawnPair([object], [at(0.5, 0.5), at(0.9, 0.9)], diceOf(k, "pair"));
      expect([label, m, n]).toEqual([label, 0, label === 1 ? 0 : 1]);
      return label;
    });
    expect(Math.abs(labels.filter((label) => label === 1).length - 200)).toBeLessThan(60);
    expect(drawnPair([], [], diceOf(0, "pair")).label).toBe(-1);
  });
});

describe("pre-training", () => {
  const pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ...Array.from({ length: 95 }, (_, k) => `w${k}`)];
  const vocabulary = readVocabulary(pieces.join("\n"));
  const row = (word: number) =>
    Int32Array.from({ length: 28 }, (_, i) => (i === 0 ? 2 : i === 27 ? 0 : i === 20 ? 3 : word));

  it("masks 15 % of the words, 80 % of them by [MASK], and keeps marks and padding", () => {
    const count = { words: 0, chosen: 0, mask: 0, kept: 0 };
    for (let seed = 0; seed < 400; seed++) {
      const ids = row(50);
      const text = masked(ids, vocabulary, diceOf(seed, "mask"), 5);
      for (const i of [0, 20, 27]) expect([text.ids[i], text.labels[i]]).toEqual([ids[i], -1]);
      count.words += 25;
      text.labels.forEach((label, i) => {
        if (label === -1) {
          expect(text.ids[i]).toBe(ids[i]);
          return;
        }
        expect(label).toBe(50);
        count.chosen++;
        if (text.ids[i] === 4) count.mask++;
        else if (text.ids[i] === 50) count.kept++;
        else expect(text.ids[i]).toBeGreaterThanOrEqual(5);
      });
    }
    expect(Math.abs(count.chosen / count.words - 0.15)).toBeLessThan(0.015);
    expect(Math.abs(count.mask / count.chosen - 0.8)).toBeLessThan(0.04);
    expect(Math.abs(count.kept / count.chosen - 0.1)).toBeLessThan(0.04);
  });

  it("replaces the OCR words of half of the samples by those of another", () => {
    const blocks = [12, 8, 8] as const;
    const batch = [10, 20, 30, 40].map((word) => ({ ids: row(word), labels: row(word) }));
    let changed = 0;
    for (let seed = 0; seed < 200; seed++) {
      const result = polluted(batch, { blocks }, diceOf(seed, "pollute"));
      result.texts.forEach(({ ids, labels }, b) => {
        const own = 10 * (b + 1);
        expect([ids[1], ids[21], labels[1]]).toEqual([own, own, own]);
        expect(ids[12] !== own).toBe(result.polluted[b]);
        expect(labels[12]).toBe(ids[12]);
        if (result.polluted[b]) changed++;
      });
    }
    expect(Math.abs(changed / 800 - 0.5)).toBeLessThan(0.06);
    expect(polluted(batch.slice(0, 1), { blocks }, diceOf(0, "pollute")).polluted).toEqual([false]);
  });
});

describe("greedy decoding", () => {
  /** Says one more than the answer before, from 5 on. */
  const counting = async (previous: Int32Array) =>
    Array.from(previous).flatMap((before) =>
      Array.from({ length: 20 }, (_, v) => (v === (before === 1 ? 5 : before + 1) ? 1 : 0)),
    );

  it("tells every step the answer before it", async () => {
    const { answer, passes } = await decodeGreedily(counting, { steps: 4 });
    expect([...answer]).toEqual([5, 6, 7, 8]);
    expect(passes).toBe(4);
  });

  it("ends when nothing changes", async () => {
    const constant = async () => Array.from({ length: 4 * 20 }, (_, k) => (k % 20 === 2 ? 1 : 0));
    expect((await decodeGreedily(constant, { steps: 4 })).passes).toBe(2);
  });

  it("leaves <unk> out of captions, and refuses what is no score", async () => {
    const unknown = async () => [0, 0, 0, 9, 5, 0];
    expect([...(await decodeGreedily(unknown, { steps: 1 })).answer]).toEqual([3]);
    expect([...(await decodeGreedily(unknown, { steps: 1, captions: true })).answer]).toEqual([4]);
    await expect(decodeGreedily(async () => [Number.NaN], { steps: 1 })).rejects.toThrow("not a number");
    await expect(decodeGreedily(async () => [1, 2, 3], { steps: 2 })).rejects.toThrow("3 scores are no 2 rows");
  });
});
