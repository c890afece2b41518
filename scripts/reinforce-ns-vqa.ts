/**
 * NS-VQA's question parser at `tiny` from 50 programs of each family, then from answers alone: what reinforcement adds on 1,000
 * questions that training has not seen. The folder gets weights and logs; a stage 1 that is there is not done again.
 *
 *     npx tsx scripts/reinforce-ns-vqa.ts FOLDER [--iterations 3000]
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { questionTraining, shortPlaces } from "../models/ns-vqa/question-data.ts";
import { reinforce } from "../models/ns-vqa/reinforcement.ts";
import { parserScores } from "../models/ns-vqa/scores.ts";
import { drawWorld } from "../models/ns-vqa/world.ts";

const { positionals, values } = parseArgs({ allowPositionals: true, options: { iterations: { type: "string" } } });
const [folder] = positionals;
const iterations = Number(values.iterations ?? 3000);
if (folder === undefined || positionals.length > 1) throw new Error("give a folder for weights and logs");
if (!Number.isInteger(iterations) || iterations < 1) throw new Error("--iterations is a whole number from 1 on");
mkdirSync(folder, { recursive: true });

const few = join(folder, "few.safetensors");
const reinforced = join(folder, "reinforced.safetensors");
const log = join(folder, "reinforced.jsonl");

if (!existsSync(few)) {
  const options = "--preset tiny --model QuestionParser --entry loss --batch 64 --steps 1500 --lr 1e-3 --clip 1".split(
    " ",
  );
  const data = ["--data", "models/ns-vqa/few-question-data.ts"];
  const outputs = ["--log", join(folder, "few.jsonl"), "--output", few];
  const command = ["tsx", "src/cli/main.ts", "train", "models/ns-vqa/ns-vqa.weft", ...options, ...data, ...outputs];
  const { status } = spawnSync("npx", command, { stdio: "inherit" });
  if (status !== 0) throw new Error(`stage 1 ended with status ${status}`);
}

const heldOut = drawWorld({ seed: 1, split: "test", scenes: 200, questions: 1_000 });

/** Writes down and prints how right the parser of a file is. */
async function measure(iteration: number, file: string): Promise<void> {
  const line = JSON.stringify({ kind: "measurement", iteration, ...(await parserScores(file, heldOut)) });
  console.log(line);
  appendFileSync(log, `${line}\n`);
}

await measure(0, few);
await reinforce({
  weights: few,
  output: reinforced,
  world: drawWorld(questionTraining),
  places: shortPlaces,
  batch: 64,
  iterations,
  rate: 1e-4,
  seed: 0,
  every: 250,
  onIteration: (iteration, reward, loss) => {
    appendFileSync(log, `${JSON.stringify({ kind: "iteration", iteration, reward, loss })}\n`);
    if (iteration % 10 === 0) console.error(`iteration ${iteration} of ${iterations}, ${100 * reward} % right`);
  },
  onWritten: (iteration) => measure(iteration, reinforced),
});
