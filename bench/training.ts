/**
 * `npm run bench:training`: training steps of Weft beside those of its peers on one adapter, in turns. A step takes a batch from the host, and
 * is waited for. The losses of the first steps must agree.
 *
 *     npm run bench:training                      writes TRAINING.json and TRAINING.md
 *     npm run bench:training -- --only MLP        models whose name contains the text; writes nothing
 *     npm run bench:training -- --rounds 9
 *     npm run bench:training -- --adapter gpu     on a GPU or not at all (`software` likewise)
 *
 * Results of a software adapter lie in bench/, those of a GPU below bench/adapters, by its name.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chooseAdapter, installPeers, readAdapterWish } from "./adapter.ts";
import { type Measurement, measure } from "./measure.ts";
import { openResultFolder } from "./result-files.ts";
import { trainingWorkloads } from "./training-workloads.ts";
import type { ContestantName } from "./workload.ts";

const say = (line: string) => process.stderr.write(`${line}\n`);

/** Faster than the fastest peer by this is what is wanted. */
const wanted = 1.5;

interface TrainingRow {
  readonly name: string;
  /** Steps a second, median of the rounds. */
  readonly stepsPerSecond: Readonly<Partial<Record<ContestantName, number>>>;
  /** Those of the slowest and of the fastest round. */
  readonly spread: Readonly<Partial<Record<ContestantName, readonly [number, number]>>>;
  /** Largest difference of a loss from Weft's, relative to the largest. */
  readonly differences: Measurement["differences"];
  readonly absent: Measurement["absent"];
  /** Weft's rate over that of the fastest peer. */
  readonly ratio?: number;
}

interface TrainingResults {
  readonly date: string;
  readonly adapter: string;
  readonly processors: number;
  /** Load of the machine from other programs when it began. */
  readonly load: number;
  readonly rounds: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly TrainingRow[];
}

function rowOf({ workload, timings, differences, absent }: Measurement): TrainingRow {
  const stepsPerSecond: Partial<Record<ContestantName, number>> = {};
  const spread: Partial<Record<ContestantName, readonly [number, number]>> = {};
  for (const [name, { ms, slowest, fastest }] of Object.entries(timings)) {
    stepsPerSecond[name as ContestantName] = 1000 / ms;
    spread[name as ContestantName] = [1000 / slowest, 1000 / fastest];
  }
  const { weft, ...peers } = stepsPerSecond;
  const best = Math.max(0, ...Object.values(peers));
  const ratio = weft === undefined || best === 0 ? {} : { ratio: weft / best };
  return { name: workload.name, stepsPerSecond, spread, differences, absent, ...ratio };
}

const names: readonly ContestantName[] = ["weft", "tfjs", "jax-js"];

function page({ date, adapter, processors, load, rounds, versions, rows }: TrainingResults): string {
  const cell = (row: TrainingRow, name: ContestantName) => {
    const rate = row.stepsPerSecond[name];
    const [low, high] = row.spread[name] ?? [0, 0];
    return rate === undefined ? "–" : `${rate.toPrecision(3)} (${low.toPrecision(3)}–${high.toPrecision(3)})`;
  };
  const lines = rows.map(
    (row) =>
      `| ${row.name} | ${names.map((name) => cell(row, name)).join(" | ")} | ${row.ratio === undefined ? "–" : `**${row.ratio.toFixed(2)}**`} |`,
  );
  const reasons = rows.flatMap((row) =>
    Object.entries(row.absent)
      .filter(([name]) => names.includes(name as ContestantName))
      .map(([name, reason]) => `- ${row.name}, ${name}: ${reason}`),
  );
  const differences = rows.flatMap(({ differences: of }) => Object.values(of));
  return `# Training steps a second

\`npm run bench:training\`, ${date}: ${adapter}, ${processors} processors, load ${load.toFixed(1)} from other programs at the beginning. A step takes its
batch from the host, computes loss, gradient and Adam in f32, and is waited for. Median of ${rounds} rounds, contestants in turns; in brackets the slowest and
the fastest round. The losses of the first three steps differ by at most ${Math.max(0, ...differences).toExponential(1)} of the largest.

| | Weft | TensorFlow.js | jax-js | Weft / best peer |
| --- | --- | --- | --- | --- |
${lines.join("\n")}

${reasons.length === 0 ? "" : `${reasons.join("\n")}\n\n`}Wanted is ${wanted} in every row. Versions: ${Object.entries(
    versions,
  )
    .map(([name, version]) => `${name} ${version}`)
    .join(", ")}.
`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      rounds: { type: "string", default: "5" },
      adapter: { type: "string" },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds wants a whole number above 0");
  const { only } = values;
  const chosen = trainingWorkloads.filter(({ name }) => only?.some((text) => name.includes(text)) ?? true);
  const contestants = installPeers(names, say);
  const { profile, environment } = await chooseAdapter(readAdapterWish(values.adapter));
  const adapter = profile.description;
  const load = loadavg()[0] ?? 0;
  say(`bench: ${adapter}, load ${load.toFixed(1)}`);
  const versions: Record<string, string> = { node: process.versions.node };
  const rows: TrainingRow[] = [];
  for (const workload of chosen) {
    say(`bench: ${workload.name}`);
    const measurement = await measure(workload, { rounds, contestants, environment, say });
    Object.assign(versions, measurement.versions);
    const row = rowOf(measurement);
    for (const [name, reason] of Object.entries(row.absent)) say(`  ${name}: – (${reason})`);
    say(`  steps a second: ${JSON.stringify(row.stepsPerSecond)}, weft / best peer: ${row.ratio?.toFixed(2) ?? "–"}`);
    rows.push(row);
  }
  const date = new Date().toISOString().slice(0, 10);
  const results: TrainingResults = { date, adapter, processors: availableParallelism(), load, rounds, versions, rows };
  process.stdout.write(page(results));
  if (only === undefined) {
    const { folder } = openResultFolder(profile);
    writeFileSync(join(folder, "TRAINING.json"), `${JSON.stringify(results, null, 2)}\n`);
    writeFileSync(join(folder, "TRAINING.md"), page(results));
  }
  // Software drivers are torn down at exit in an order of their own; everything is written by now.
  process.exit(0);
}

await main();
