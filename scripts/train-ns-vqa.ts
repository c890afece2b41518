/**
 * Trains the tiny networks of NS-VQA on the synthetic world, in two and three runs with rates that fall to 0, and scores them. The folder gets the
 * logs and curves, and ns-vqa.safetensors with the weights of both networks for `weft demo ns-vqa`.
 *
 *     npx tsx scripts/train-ns-vqa.ts FOLDER
 */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { openWeights, writeWeights } from "../src/runtime/node.ts";

const folder = process.argv[2];
if (folder === undefined) throw new Error("give a folder for logs and weights");
mkdirSync(folder, { recursive: true });

const parser = "--model QuestionParser --entry loss --data models/ns-vqa/question-data.ts --batch 64 --clip 1".split(
  " ",
);
const reader = "--model AttributeNetwork --entry loss --data models/ns-vqa/object-data.ts".split(" ");

train("parser-1", [...parser, ..."--steps 400 --lr 3e-3 --warmup 20".split(" ")]);
train("parser-2", [...parser, ..."--seed 1 --steps 230 --lr 2e-3 --warmup 10".split(" ")], "parser-1");
train("attributes-1", [...reader, ..."--batch 16 --steps 400 --lr 4e-3 --warmup 40".split(" ")]);
train(
  "attributes-2",
  [...reader, ..."--seed 1 --batch 24 --steps 260 --lr 3e-3 --warmup 10".split(" ")],
  "attributes-1",
);
train(
  "attributes-3",
  [...reader, ..."--seed 2 --batch 24 --steps 260 --lr 3e-3 --warmup 10".split(" ")],
  "attributes-2",
);
const trained = ["parser-2", "attributes-3"].map(weightsOf);
await joinWeights(join(folder, "ns-vqa.safetensors"), trained);
run(["scripts/score-ns-vqa.ts", ...trained]);

function weightsOf(name: string): string {
  return join(folder as string, `${name}.safetensors`);
}

/** One run of `weft train`, from the weights of another where one is named. */
function train(name: string, options: readonly string[], from?: string) {
  const start = from === undefined ? [] : ["--weights", weightsOf(from)];
  const log = join(folder as string, `${name}.jsonl`);
  const outputs = ["--log", log, "--output", weightsOf(name)];
  const common = ["--preset", "tiny", "--schedule", "cosine"];
  run(["src/cli/main.ts", "train", "models/ns-vqa/ns-vqa.weft", ...common, ...options, ...start, ...outputs]);
}

function run(command: readonly string[]) {
  const { status } = spawnSync("npx", ["tsx", ...command], { stdio: "inherit" });
  if (status !== 0) throw new Error(`${command.slice(0, 2).join(" ")} ended with status ${status}`);
}

/** One file with the tensors of several, whose names differ. */
async function joinWeights(output: string, files: readonly string[]) {
  const tensors: Parameters<typeof writeWeights>[1][number][] = [];
  for (const path of files) {
    const file = await openWeights(path);
    for (const [name, { shape }] of file.tensors) {
      tensors.push({ name, dtype: "f32", shape, data: (await file.read(name, "f32")).data });
    }
    await file.close();
  }
  await writeWeights(output, tensors);
}
