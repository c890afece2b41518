/**
 * Trains a system at `tiny` as its models/NAME/recipe.ts says, scores it on held-out data, and prints what was reached beside what its
 * specification accepts. Status 1 tells that something was missed.
 *
 *     npx tsx scripts/train-system.ts NAME FOLDER [--write]
 *
 * FOLDER gets checkpoints, logs, curves and weights. A training that was broken off goes on when the command is given again; a finished run
 * is not done again. `--write` puts RESULTS.json and training/ (each n-th line of the logs, and the curves) into models/NAME.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Recipe, TrainingRun } from "../models/shared/recipe.ts";
import type { LogLine } from "../src/cli/training-log.ts";
import { openDevice } from "../src/runtime/index.ts";
import { barTable, compareWithBars, secondsOf, thinnedLog } from "./training-results.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { positionals, values } = parseArgs({ allowPositionals: true, options: { write: { type: "boolean" } } });
const [name, given] = positionals;
if (name === undefined || given === undefined || positionals.length > 2) {
  throw new Error("give the name of a system and a folder: npx tsx scripts/train-system.ts jrnet out/jrnet");
}
const folder = resolve(given);

const recipeFile = join(root, "models", name, "recipe.ts");
if (name === "shared" || !existsSync(recipeFile))
  throw new Error(`${name} has no recipe: there is no models/${name}/recipe.ts`);
const { recipe } = (await import(pathToFileURL(recipeFile).href)) as { readonly recipe: Recipe };
mkdirSync(folder, { recursive: true });

const weightsOf = (run: string): string => join(folder, `${run}.safetensors`);
const logOf = (run: string): string => join(folder, `${run}.jsonl`);

for (const run of recipe.runs) train(run);
console.error("scoring on held-out data");
const scores = await recipe.score(weightsOf);
const results = compareWithBars(scores, recipe.bars);
console.log(JSON.stringify(scores, null, 2));
console.log(barTable(results));
if (values.write === true) await keep();
if (results.some(({ isMet }) => !isMet)) process.exitCode = 1;

/** Trains, goes on with a training that was broken off, or finds that it is finished. */
function train(run: TrainingRun): void {
  // Beside the weights stands what made them, so that those of an earlier recipe are not taken for this one's.
  const record = join(folder, `${run.name}.run.json`);
  const command = JSON.stringify({ file: recipe.file, ...run });
  if (existsSync(weightsOf(run.name))) {
    if (existsSync(record) && readFileSync(record, "utf8") === command) {
      console.error(`${run.name} is finished: ${weightsOf(run.name)}`);
      return;
    }
    throw new Error(`${weightsOf(run.name)} was made in another way than the recipe's; choose another folder`);
  }
  const options = ["--preset", "tiny", ...run.options];
  if (run.from !== undefined) options.push("--weights", weightsOf(run.from));
  console.error(`${run.name}: weft train ${[recipe.file, ...options].join(" ")}`);
  const checkpoints = ["--checkpoint", join(folder, `${name}-${run.name}`), "--every", "100", "--resume"];
  const outputs = [...checkpoints, "--log", logOf(run.name), "--output", weightsOf(run.name)];
  const words = ["tsx", "src/cli/main.ts", "train", recipe.file, ...options, ...outputs];
  const { status } = spawnSync("npx", words, { stdio: "inherit", cwd: root });
  if (status !== 0) throw new Error(`${run.name} ended with status ${status}; the same command goes on with it`);
  writeFileSync(record, command);
}

/** Writes RESULTS.json, and the logs and curves of all runs, into the system's folder. */
async function keep(): Promise<void> {
  const home = join(root, "models", name as string);
  const training = join(home, "training");
  mkdirSync(training, { recursive: true });
  const seconds: Record<string, number> = {};
  for (const run of recipe.runs) {
    const lines = readFileSync(logOf(run.name), "utf8").trimEnd().split("\n");
    const log = lines.map((line) => JSON.parse(line) as LogLine);
    seconds[run.name] = secondsOf(log);
    writeFileSync(
      join(training, `${run.name}.jsonl`),
      thinnedLog(log)
        .map((line) => `${JSON.stringify(line)}\n`)
        .join(""),
    );
    copyFileSync(join(folder, `${run.name}.svg`), join(training, `${run.name}.svg`));
  }
  const device = await openDevice({ prefer: "auto" });
  device.close();
  const found = {
    ...scores,
    bars: recipe.bars,
    command: `npx tsx scripts/train-system.ts ${name} FOLDER --write`,
    commit: execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: root, encoding: "utf8" }).trim(),
    machine: { processor: cpus()[0]?.model ?? "unknown", cores: cpus().length, device: device.description },
    seconds,
  };
  writeFileSync(join(home, "RESULTS.json"), `${JSON.stringify(found, null, 2)}\n`);
  console.error(`written: models/${name}/RESULTS.json and models/${name}/training`);
}
