/** How well trained weights do on scenes of the synthetic world that training has not seen: the three tasks of pre-training, and answers. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, type HostArray, type HostTensor, type Program } from "../../src/index.ts";
import { openWeights } from "../../src/runtime/node.ts";
import type { Batch } from "../../src/train/index.ts";
import { diceOf } from "../shared/dice.ts";
import { answerText } from "./answers.ts";
import { sizesOf } from "./sizes.ts";
import { type AskedScenes, answerBatch, pretrainingBatch, worldAnswers, worldVocabulary } from "./world.ts";

const sizes = sizesOf.tiny;
const file = "models/tap/tap.weft";
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** An entry of the network at `tiny`, with the weights of a file. */
async function network(entry: string, weightsFile: string): Promise<Program> {
  const weights = await openWeights(weightsFile);
  try {
    return await compile(readFileSync(join(root, file), "utf8"), {
      path: file,
      readSource: (path) => readFileSync(join(root, path), "utf8"),
      preset: "tiny",
      entry,
      parameters: (path) => weights.read(path, "f32"),
    });
  } finally {
    await weights.close();
  }
}

/** What `pretrain` gives for one example. */
export interface PretrainingLogits {
  /** f32[words, vocab]. */
  readonly mlm: Float32Array;
  /** f32[1] each. */
  readonly itm: Float32Array;
  readonly rpp: Float32Array;
}

/** Shares of what was told rightly; NaN where nothing was asked. */
export interface PretrainingScores {
  /** Of all masked words, and of those among OCR words and object labels; of samples that are not polluted. */
  readonly maskedWords: number;
  readonly maskedSeenWords: number;
  readonly matching: number;
  readonly relations: number;
}

/** Compares the logits for the examples of a batch with what the batch asks for. */
export function pretrainingShares(batch: Batch, logits: readonly PretrainingLogits[]): PretrainingScores {
  const field = (name: string) => (batch[name] as Batch[string]).data;
  const [labels, polluted, relations] = [field("txt_label"), field("polluted"), field("rel")];
  const places = labels.length / logits.length;
  const words = worldVocabulary.pieces.length;
  const right = { all: [] as boolean[], seen: [] as boolean[], matching: [] as boolean[], relations: [] as boolean[] };
  logits.forEach(({ mlm, itm, rpp }, number) => {
    const isPolluted = polluted[number] === 1;
    right.matching.push((itm[0] as number) > 0 === isPolluted);
    const relation = relations[number] as number;
    if (relation >= 0) right.relations.push((rpp[0] as number) > 0 === (relation === 1));
    for (let i = 0; i < places && !isPolluted; i++) {
      const label = labels[number * places + i] as number;
      if (label < 0) continue;
      const isRight = best(mlm.subarray(i * words, (i + 1) * words)) === label;
      right.all.push(isRight);
      if (i >= sizes.blocks[0]) right.seen.push(isRight);
    }
  });
  return {
    maskedWords: share(right.all),
    maskedSeenWords: share(right.seen),
    matching: share(right.matching),
    relations: share(right.relations),
  };
}

/** Scores of the entry `pretrain` on all scenes of a table, masked and polluted in the one way that the seed draws. */
export async function pretrainingScores(table: AskedScenes, weights: string, seed = 0): Promise<PretrainingScores> {
  const batch = pretrainingBatch(table, [...table.scenes.keys()], diceOf(seed, "tap.scores"));
  const { txt_label: _, polluted: __, rel: ___, ...inputs } = batch;
  const logits = (await outputsOf("pretrain", weights, inputs)).map(({ mlm, itm, rpp }) => ({
    mlm: mlm as Float32Array,
    itm: itm as Float32Array,
    rpp: rpp as Float32Array,
  }));
  return pretrainingShares(batch, logits);
}

export interface AnswerScores {
  /** Share of the questions that are answered word for word. */
  readonly all: number;
  readonly byKind: Readonly<Record<string, number>>;
}

/** Compares answers as indices, i32[steps] each, with those of the table's questions. */
export function answerShares(table: AskedScenes, answers: readonly ArrayLike<number>[]): AnswerScores {
  const right = table.questions.map(({ kind, answer }, number) => {
    const texts = (table.scenes[number] as AskedScenes["scenes"][number]).tokens.map(({ text }) => text);
    const told = answerText(Array.from(answers[number] as ArrayLike<number>), worldAnswers, texts);
    return { kind, isRight: told === answer };
  });
  const shareOf = (some: typeof right) => share(some.map(({ isRight }) => isRight));
  const kinds = [...new Set(right.map(({ kind }) => kind))].sort();
  return {
    all: shareOf(right),
    byKind: Object.fromEntries(kinds.map((kind) => [kind, shareOf(right.filter((each) => each.kind === kind))])),
  };
}

/** Scores of the entry `decode`, which answers greedily, on all scenes of a table. */
export async function answerScores(table: AskedScenes, weights: string): Promise<AnswerScores> {
  const { prev: _, target: __, loss_mask: ___, ...inputs } = answerBatch(table, [...table.scenes.keys()]);
  const outputs = await outputsOf("decode", weights, inputs);
  return answerShares(
    table,
    outputs.map(({ answer }) => answer as Int32Array),
  );
}

type Outputs = Readonly<Record<string, HostArray>>;

/** What an entry over one example gives for each of a batch. */
async function outputsOf(entry: string, weights: string, batch: Batch): Promise<readonly Outputs[]> {
  const program = await network(entry, weights);
  const outputs: Outputs[] = [];
  const examples = Object.values(batch)[0]?.shape[0] ?? 0;
  try {
    for (let number = 0; number < examples; number++) outputs.push(await program.run(example(batch, number)));
  } finally {
    program.dispose();
  }
  return outputs;
}

/** One example of a batch. */
function example(batch: Batch, number: number): Readonly<Record<string, HostTensor>> {
  return Object.fromEntries(
    Object.entries(batch).map(([name, { shape, data }]) => {
      const size = data.length / (shape[0] as number);
      return [name, { shape: shape.slice(1), data: data.slice(number * size, (number + 1) * size) }];
    }),
  );
}

/** To four digits. */
const share = (right: readonly boolean[]): number =>
  Math.round((1e4 * right.filter(Boolean).length) / right.length) / 1e4;

/** The first place of the greatest. */
function best(values: Float32Array): number {
  let found = 0;
  for (let k = 1; k < values.length; k++) if ((values[k] as number) > (values[found] as number)) found = k;
  return found;
}
