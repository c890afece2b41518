/** The executor as a recurrence of the language against the one of the host: right programs, wrong ones, and on the device. */
import { describe, expect, it } from "vitest";
import { answerText, execute } from "../../models/ns-vqa/executor.ts";
import { attributes, attributeValues, type Scene } from "../../models/ns-vqa/scene.ts";
import { answerWords, programWords } from "../../models/ns-vqa/vocabulary.ts";
import { drawWorld } from "../../models/ns-vqa/world.ts";
import { diceOf } from "../../models/shared/dice.ts";
import { device, theDevice } from "../runtime/device-for-tests.ts";
import { deviceModel, evaluateModel, type Values } from "./compile-model.ts";

const path = "models/ns-vqa/executor.weft";
const [length, places] = [27, 10];
const { scenes, questions } = drawWorld({ seed: 3, split: "test", scenes: 25, questions: 300 });

interface Run {
  readonly tokens: readonly string[];
  readonly scene: Scene;
}

/** Words of attributes in the order of the text. */
const words = attributes.flatMap((attribute) => attributeValues[attribute] as readonly string[]);

function inputsOf(runs: readonly Run[]): Record<string, Values> {
  const [B, n] = [runs.length, places];
  const [values, position, present] = [
    new Float64Array(B * n * 4),
    new Float64Array(B * n * 2),
    new Float64Array(B * n),
  ];
  const program = new Float64Array(B * length);
  runs.forEach(({ tokens, scene }, b) => {
    tokens.forEach((token, t) => {
      program[b * length + t] = programWords.indexOf(token);
    });
    scene.forEach((object, j) => {
      present[b * n + j] = 1;
      position.set(object.position.slice(0, 2), 2 * (b * n + j));
      const numbers = attributes.map((attribute) => words.indexOf(object[attribute]));
      values.set(numbers, 4 * (b * n + j));
    });
  });
  return {
    program: { shape: [B, length], data: program },
    values: { shape: [B, n, 4], data: values },
    position: { shape: [B, n, 2], data: position },
    present: { shape: [B, n], data: present },
  };
}

/** What the host's executor answers, as the text numbers it. */
const wanted = (runs: readonly Run[]) =>
  runs.map(({ tokens, scene }) => {
    const outcome = execute(tokens, scene);
    const place = answerWords.indexOf(answerText(outcome));
    return outcome.kind === "error" ? -1 : Math.max(place, 0);
  });

const answered = (runs: readonly Run[]) =>
  Array.from(Object.values(evaluateModel({ path, entry: "execute", inputs: inputsOf(runs) }))[0] as Float64Array);

const sceneOf = (number: number) => scenes[number % scenes.length] as Scene;
const right: readonly Run[] = questions.map(({ program, scene }) => ({
  tokens: ["<START>", ...program, "<END>"].slice(0, length),
  scene: sceneOf(scene),
}));

describe("the executor in the language", () => {
  it("answers the questions of the world", () => {
    const got = answered(right);
    expect(got).toEqual(wanted(right));
    expect(new Set(got).size).toBeGreaterThan(15);
    expect(Math.min(...got)).toBeGreaterThan(3);
  });

  it("does what the host does with programs that are wrong", () => {
    const dice = diceOf(5, "wrong programs");
    const wrong = right.flatMap(({ tokens, scene }) => {
      // Some tokens are others, are missing, or stand twice.
      const changed = tokens.flatMap((token, t) => {
        if (t === 0 || token === "<END>" || !dice.chance(0.12)) return [token];
        return dice.pick([[], [token, token], [dice.pick(programWords)]]);
      });
      return [{ tokens: changed.slice(0, length), scene }];
    });
    const drawn = Array.from({ length: 200 }, (_, k) => {
      const some = Array.from({ length: 1 + dice.below(5) }, () => dice.pick(programWords.slice(4)));
      return { tokens: [...some, "scene", "<END>", "scene"], scene: sceneOf(k) };
    });
    const runs = [
      ...wrong,
      ...drawn,
      { tokens: ["count", "scene"], scene: sceneOf(0) },
      { tokens: ["<END>", "count", "scene"], scene: sceneOf(0) },
      { tokens: ["unique", "filter_size[large]", "scene", "<END>"], scene: [] },
    ];
    const want = wanted(runs);
    expect(answered(runs)).toEqual(want);
    for (const answer of [-1, 0, 31]) expect(want.filter((each) => each === answer).length).toBeGreaterThan(5);
  });

  it("takes the first of a union in its order: what the second set has, then the rest of the first", () => {
    const program = "query_color unique union filter_size[large] scene filter_size[small] scene".split(" ");
    const runs = Array.from({ length: 20 }, (_, k) => ({ tokens: [...program, "<END>"], scene: sceneOf(k) }));
    expect(answered(runs)).toEqual(wanted(runs));
  });

  it.runIf(device !== undefined)("answers on the device", async () => {
    const inputs = inputsOf(right.slice(0, 40));
    const model = await deviceModel(theDevice(), { path, entry: "execute", inputs });
    const got = Object.values(await model.run(inputs))[0] ?? [];
    model.dispose();
    expect(Array.from(got)).toEqual(wanted(right.slice(0, 40)));
  });
});
