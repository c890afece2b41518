/**
 * Stage 2 of NS-VQA's training: the question parser learns from answers alone (Yi et al. 2018, section 3.2; Williams 1992). Programs are
 * drawn from the network, run on true scenes, and become more likely the more often their answers were right than those of late.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileSource } from "../../src/compile.ts";
import { openDevice, prepareTraining } from "../../src/index.ts";
import { randomStream } from "../../src/ir/index.ts";
import { readLibrarySource } from "../../src/library.ts";
import { prepare } from "../../src/runtime/index.ts";
import { openWeights, writeWeights } from "../../src/runtime/node.ts";
import { shuffledExamples } from "../../src/train/index.ts";
import { answerText, execute } from "./executor.ts";
import { questionTable } from "./question-data.ts";
import type { Scene } from "./scene.ts";
import { decode, programWords } from "./vocabulary.ts";
import { programPlaces, type Question, type WorldData } from "./world.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const path = "models/ns-vqa/ns-vqa.weft";
const source = readFileSync(join(root, path), "utf8");

/** Share of its old value that the baseline keeps. */
const baselineMemory = 0.9;

export interface ReinforcementRequest {
  /** File with the weights to begin with. */
  readonly weights: string;
  /** File that gets the weights, every `every` iterations and at the end. */
  readonly output: string;
  /** Questions with true scenes; their programs are not looked at. */
  readonly world: WorldData;
  /** Places of a question; longer ones are left out. */
  readonly places: number;
  readonly batch: number;
  readonly iterations: number;
  readonly rate: number;
  readonly seed: number;
  readonly every: number;
  /** Told of each iteration: the share of right answers among the programs drawn, and the loss. */
  readonly onIteration: (iteration: number, reward: number, loss: number) => void;
  /** Waited for when the weights have been written. */
  readonly onWritten: (iteration: number) => Promise<void>;
}

/**
 * Trains with Adam on -Σ_b (r_b - β) Σ_t log p(y_bt), the sums ended with `<END>`: r_b is 1 for a right answer and 0 for a wrong one, β
 * their running mean, 0 at first.
 *
 * @throws RangeError when no question is short enough
 */
export async function reinforce(request: ReinforcementRequest): Promise<void> {
  const { world, places, batch, seed } = request;
  const questions = world.questions.filter(({ words }) => words.length + 2 <= places);
  if (questions.length === 0) throw new RangeError(`no question has ${places - 2} words or fewer`);
  const ids = questionTable(questions, places).fields.get("questions")?.data as Int32Array;
  const file = await openWeights(request.weights);
  const device = await openDevice({ prefer: "auto" });
  try {
    const common = { path, model: "QuestionParser", preset: "tiny" } as const;
    const parameters = async (name: string) => (file.tensors.has(name) ? file.read(name, "f32") : undefined);
    const sampling = compileSource({
      ...common,
      entry: "sample",
      settings: { B: batch, L: places },
      readSource: (wanted) => (wanted === path ? source : readLibrarySource(wanted)),
      profile: device.profile,
    }).value;
    if (sampling === undefined) throw new Error(`${path} does not compile`);
    const sampler = await prepare(device, sampling.plan, {
      parameters: async (name) => {
        const value = await parameters(name);
        if (value === undefined) throw new Error(`${request.weights} lacks ${name}`);
        return value;
      },
    });
    const training = await prepareTraining(source, {
      ...common,
      entry: "reinforce",
      inputShapes: { questions: [batch, places], samples: [batch, programPlaces], advantage: [batch] },
      optimiser: { name: "adam", settings: {} },
      device,
      parameters,
    });
    const write = async () => {
      const tensors = await training.read(training.trained);
      await writeWeights(
        request.output,
        Object.entries(tensors).map(([name, data]) => ({
          name,
          dtype: "f32",
          shape: file.tensors.get(name)?.shape ?? [data.length],
          data,
        })),
      );
    };
    const examplesOf = shuffledExamples(questions.length, seed);
    let baseline = 0;
    for (let iteration = 1; iteration <= request.iterations; iteration++) {
      const asked = examplesOf(iteration - 1, batch);
      const words = Int32Array.from(asked.flatMap((row) => Array.from(ids.subarray(row * places, (row + 1) * places))));
      const draws = randomStream(seed, `ns-vqa.reinforce.${iteration}`);
      const uniform = Float32Array.from(draws.uniform(batch * programPlaces * programWords.length));
      const samples = (await sampler.run({ questions: words, uniform })).programs as Int32Array<ArrayBuffer>;
      const rewards = Float32Array.from(asked, (row, k) => {
        const program = samples.subarray(k * programPlaces, (k + 1) * programPlaces);
        return isRight(program, questions[row] as Question, world) ? 1 : 0;
      });
      const reward = rewards.reduce((sum, each) => sum + each, 0) / batch;
      baseline = baselineMemory * baseline + (1 - baselineMemory) * reward;
      const advantage = rewards.map((each) => each - baseline);
      const { loss } = await training.step({ questions: words, samples, advantage }, request.rate);
      await sampler.copyParameters((name) => training.buffer(name));
      request.onIteration(iteration, reward, loss);
      if (iteration % request.every === 0 || iteration === request.iterations) {
        await write();
        await request.onWritten(iteration);
      }
    }
    sampler.dispose();
    training.dispose();
  } finally {
    device.close();
    await file.close();
  }
}

function isRight(program: Int32Array, { scene, answer }: Question, world: WorldData): boolean {
  return answerText(execute(decode(program, programWords), world.scenes[scene] as Scene)) === answer;
}
