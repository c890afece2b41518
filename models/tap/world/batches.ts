/** Many scenes of the synthetic world side by side, and batches of them for the losses of tap.weft. */
import { type Batch, type BatchArray, cutBatch, type Table, type TableField } from "../../../src/train/index.ts";
import { type Dice, diceOf } from "../../shared/dice.ts";
import { answerTargets } from "../answers.ts";
import { sceneInputs } from "../inputs.ts";
import { type MaskedText, masked, type Pollution, polluted } from "../pretraining.ts";
import { drawnPair } from "../relations.ts";
import { sizesOf } from "../sizes.ts";
import { firstOrdinaryWord, worldAnswers, worldVocabulary } from "./lexicon.ts";
import { drawQuestion, type Question } from "./questions.ts";
import { drawScene, type Scene } from "./scenes.ts";

const sizes = sizesOf.tiny;

/** A table of what the entry `answer_loss` takes of every scene, with the scenes and questions it was made of. */
export interface AskedScenes extends Table {
  readonly scenes: readonly Scene[];
  readonly questions: readonly Question[];
}

/** The scenes of these names, each with a question; the same for the same seed and names. */
export function askedScenes(seed: number, names: readonly string[]): AskedScenes {
  const scenes = names.map((name) => drawScene(seed, name));
  const questions = scenes.map((scene, k) => drawQuestion(scene, seed, names[k] as string));
  const fields = new Map<string, TableField>();
  scenes.forEach((scene, k) => {
    const example = answerExample(scene, questions[k] as Question, diceOf(seed, `tap.targets.${names[k]}`));
    for (const [name, { shape, data }] of Object.entries(example)) {
      const field = fields.get(name) ?? { shape, data: arrayLike(data, scenes.length * data.length) };
      field.data.set(data, k * data.length);
      fields.set(name, field);
    }
  });
  return { examples: scenes.length, fields, scenes, questions };
}

/** Inputs of `answer_loss` for one scene. All ten people of the synthetic world agree. */
function answerExample(scene: Scene, { question, answer }: Question, dice: Dice): Readonly<Record<string, TableField>> {
  const { inputs } = sceneInputs(question, scene.objects, scene.tokens, worldVocabulary, sizes);
  const texts = scene.tokens.map(({ text }) => text);
  const { previous, target, lossMask } = answerTargets(Array(10).fill(answer), worldAnswers, texts, sizes, dice);
  const width = sizes.answers + sizes.tokens;
  return {
    ...(inputs as Readonly<Record<string, TableField>>),
    prev: { shape: [sizes.steps], data: Int32Array.from(previous) },
    target: { shape: [sizes.steps, width], data: Float32Array.from(target) },
    loss_mask: { shape: [sizes.steps], data: Float32Array.from(lossMask) },
  };
}

/** Inputs of the entry `answer_loss`. */
export function answerBatch(table: AskedScenes, examples: readonly number[]): Batch {
  return cutBatch(table, examples);
}

/** Inputs of the entry `pretraining_loss`: masked words, polluted texts and pairs with a relation, drawn anew for every batch. */
export function pretrainingBatch(
  table: AskedScenes,
  examples: readonly number[],
  dice: Dice,
  chances?: Pollution,
): Batch {
  const { target: _, loss_mask: __, txt, ...inputs } = cutBatch(table, examples);
  const places = sizes.blocks.reduce((sum, length) => sum + length, 0);
  const words = (txt as TableField).data as Int32Array;
  const shown = examples.map((_, row) =>
    masked(words.subarray(row * places, (row + 1) * places), worldVocabulary, dice, firstOrdinaryWord),
  );
  const mixed = polluted(shown, sizes, dice, chances);
  const pairs = examples.map((example) => {
    const { objects, tokens } = table.scenes[example] as Scene;
    return drawnPair(
      objects.map(({ box }) => box),
      tokens.map(({ box }) => box),
      dice,
    );
  });
  const rows = (rowOf: (text: MaskedText) => Int32Array) => ({
    shape: [examples.length, places],
    data: Int32Array.from(mixed.texts.flatMap((text) => [...rowOf(text)])),
  });
  const numbers = (values: readonly number[]) => ({ shape: [values.length], data: Int32Array.from(values) });
  return {
    ...inputs,
    txt: rows(({ ids }) => ids),
    txt_label: rows(({ labels }) => labels),
    polluted: { shape: [examples.length], data: Uint8Array.from(mixed.polluted, Number) },
    rel: numbers(pairs.map(({ label }) => label)),
    rel_obj: numbers(pairs.map(({ object }) => object)),
    rel_ocr: numbers(pairs.map(({ token }) => token)),
  };
}

/** Zeros in an array of the same kind. */
function arrayLike(data: BatchArray, length: number): BatchArray {
  return new (data.constructor as new (length: number) => BatchArray)(length);
}
