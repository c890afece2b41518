/** Batches of the synthetic world for the losses of tap.weft: the same for the same seed and names. */
import type { HostTensor } from "../../../src/runtime/index.ts";
import { diceOf } from "../../shared/dice.ts";
import { answerTargets } from "../answers.ts";
import { sceneInputs } from "../inputs.ts";
import { masked, type Pollution, polluted } from "../pretraining.ts";
import { drawnPair } from "../relations.ts";
import { sizesOf } from "../sizes.ts";
import { firstOrdinaryWord, worldAnswers, worldVocabulary } from "./lexicon.ts";
import { drawQuestion } from "./questions.ts";
import { drawScene } from "./scenes.ts";

type Batch = Readonly<Record<string, HostTensor>>;
const sizes = sizesOf.tiny;

/** A scene of the world with its question and what tap.weft takes of it. */
function drawn(seed: number, name: string) {
  const scene = drawScene(seed, name);
  const question = drawQuestion(scene, seed, name);
  const { inputs } = sceneInputs(question.question, scene.objects, scene.tokens, worldVocabulary, sizes);
  const dice = diceOf(seed, `tap.targets.${name}`);
  const texts = scene.tokens.map(({ text }) => text);
  // All ten people of the synthetic world agree.
  const targets = answerTargets(Array(10).fill(question.answer), worldAnswers, texts, sizes, dice);
  const prev: HostTensor = { shape: [sizes.steps], data: Int32Array.from(targets.previous) };
  const all: Batch = { ...inputs, prev };
  return { scene, question, targets, dice, inputs: all };
}

/** Inputs of the entry `answer_loss` for the scenes of these names, and the answers in words. */
export function answerBatch(
  seed: number,
  names: readonly string[],
): { readonly inputs: Batch; readonly answers: readonly string[] } {
  const samples = names.map((name) => drawn(seed, name));
  const width = sizes.answers + sizes.tokens;
  const targets = samples.map(({ targets }) => targets);
  return {
    inputs: {
      ...stacked(samples.map(({ inputs }) => inputs)),
      target: floats(
        targets.map(({ target }) => target),
        [sizes.steps, width],
      ),
      loss_mask: floats(
        targets.map(({ lossMask }) => lossMask),
        [sizes.steps],
      ),
    },
    answers: samples.map(({ question }) => question.answer),
  };
}

/** Inputs of the entry `pretraining_loss` for the scenes of these names: masked words, polluted texts and pairs with a relation. */
export function pretrainingBatch(seed: number, names: readonly string[], chances?: Pollution): Batch {
  const samples = names.map((name) => drawn(seed, name));
  const shown = samples.map(({ inputs, dice }) =>
    masked(inputs.txt?.data as Int32Array, worldVocabulary, dice, firstOrdinaryWord),
  );
  const mixed = polluted(shown, sizes, diceOf(seed, `tap.pollution.${names.join(" ")}`), chances);
  const pairs = samples.map(({ scene: { objects, tokens }, dice }) =>
    drawnPair(
      objects.map(({ box }) => box),
      tokens.map(({ box }) => box),
      dice,
    ),
  );
  const numbers = (values: readonly number[]): HostTensor => ({
    shape: [values.length],
    data: Int32Array.from(values),
  });
  const rows = (arrays: readonly Int32Array[]): HostTensor => ({
    shape: [arrays.length, arrays[0]?.length ?? 0],
    data: Int32Array.from(arrays.flatMap((array) => [...array])),
  });
  return {
    ...stacked(samples.map(({ inputs }) => inputs)),
    txt: rows(mixed.texts.map(({ ids }) => ids)),
    txt_label: rows(mixed.texts.map(({ labels }) => labels)),
    polluted: { shape: [names.length], data: Uint8Array.from(mixed.polluted, Number) },
    rel: numbers(pairs.map(({ label }) => label)),
    rel_obj: numbers(pairs.map(({ object }) => object)),
    rel_ocr: numbers(pairs.map(({ token }) => token)),
  };
}

function floats(arrays: readonly Float32Array[], shape: readonly number[]): HostTensor {
  return { shape: [arrays.length, ...shape], data: Float32Array.from(arrays.flatMap((array) => [...array])) };
}

/** The inputs of several samples with a first axis for the samples. */
function stacked(samples: readonly Batch[]): Batch {
  const [first = {}] = samples;
  return Object.fromEntries(
    Object.entries(first).map(([name, { shape, data }]) => {
      const all = samples.flatMap((sample) => [...(sample[name] as HostTensor).data]);
      const joined = data instanceof Int32Array ? Int32Array.from(all) : Float32Array.from(all);
      return [name, { shape: [samples.length, ...shape], data: joined }];
    }),
  );
}
