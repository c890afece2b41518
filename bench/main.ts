/**
 * `npm run bench`: Weft beside its peers on one adapter.
 *
 *     npm run bench                            everything; writes RESULTS.json, RESULTS.md and roofline.svg
 *     npm run bench -- --quick                 three rounds, without what takes seconds a run
 *     npm run bench -- --only "conv 3×3"       workloads whose name contains the text (repeatable)
 *     npm run bench -- --rounds 9 --contestants weft,ort
 *     npm run bench -- --list
 *
 * `--only`, `--quick` and `--contestants` write nothing unless `--write` is given; rows of workloads that were not run are then kept.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chooseAdapter, installPeers } from "./adapter.ts";
import { allContestants, type MeasureOptions, measure } from "./measure.ts";
import { remarks } from "./remarks.ts";
import { printResults, type ResultRow, type Results, ratioOf, resultRow, resultsChart, resultsPage } from "./report.ts";
import { measureRoofline } from "./roofline.ts";
import type { ContestantName } from "./workload.ts";
import { workloads } from "./workloads.ts";

const bench = dirname(fileURLToPath(import.meta.url));
const say = (line: string) => process.stderr.write(`${line}\n`);

function options() {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: [] },
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      contestants: { type: "string" },
      write: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  const contestants = allContestants.filter(
    (name) => values.contestants === undefined || values.contestants.split(",").includes(name),
  );
  const rounds = Number(values.rounds ?? (values.quick ? 3 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds wants a whole number above 0");
  const all = values.only.length === 0 && !values.quick && values.contestants === undefined;
  return { ...values, contestants, rounds, write: values.write || all };
}

function earlierRows(): readonly ResultRow[] {
  const file = join(bench, "RESULTS.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Results).rows : [];
}

function write(results: Results): void {
  const order = new Map(workloads.map(({ name }, place) => [name, place]));
  const fresh = new Set(results.rows.map(({ name }) => name));
  const rows = [...results.rows, ...earlierRows().filter(({ name }) => order.has(name) && !fresh.has(name))].sort(
    (a, b) => (order.get(a.name) as number) - (order.get(b.name) as number),
  );
  const all = { ...results, rows };
  writeFileSync(join(bench, "RESULTS.json"), `${JSON.stringify(all, null, 2)}\n`);
  writeFileSync(join(bench, "RESULTS.md"), resultsPage(all, remarks));
  writeFileSync(join(bench, "roofline.svg"), resultsChart(all));
  say("bench: wrote RESULTS.json, RESULTS.md and roofline.svg");
}

async function main(): Promise<void> {
  const chosen = options();
  const wanted = workloads.filter(
    ({ name, slow }) =>
      (chosen.only.length === 0 || chosen.only.some((text) => name.includes(text))) && !(chosen.quick && slow === true),
  );
  if (chosen.list || wanted.length === 0) {
    process.stdout.write(`${workloads.map(({ name }) => name).join("\n")}\n`);
    return;
  }
  installPeers();
  const { adapter, environment } = await chooseAdapter();
  say(`bench: ${adapter}`);
  const load = loadavg()[0] ?? 0;
  if (load > availableParallelism() / 2) {
    say(`bench: other programs are running (load ${load.toFixed(1)}): times will be too long, and ratios uncertain`);
  }
  const roofline = await measureRoofline();
  say(`bench: ${roofline.gigaflops.toFixed(1)} GFLOP/s, ${roofline.gigabytes.toFixed(1)} GB/s`);
  const settings: MeasureOptions = { rounds: chosen.rounds, contestants: chosen.contestants, environment, say };
  const rows: ResultRow[] = [];
  const versions: Partial<Record<ContestantName | "node" | "webgpu", string>> = { node: process.versions.node };
  versions.webgpu = packageVersion(join(dirname(bench), "node_modules", "webgpu"));
  for (const workload of wanted) {
    say(`bench: ${workload.name}`);
    const measurement = await measure(workload, settings);
    Object.assign(versions, measurement.versions);
    const row = resultRow(measurement);
    for (const [name, reason] of Object.entries(row.absent)) say(`  ${name}: – (${reason})`);
    say(`  best peer / weft: ${ratioOf(row)?.toFixed(2) ?? "–"}`);
    rows.push(row);
  }
  const date = new Date().toISOString().slice(0, 10);
  const results: Results = { adapter, versions: versions as Record<string, string>, date, roofline, rows };
  process.stdout.write(`${printResults(results)}\n`);
  if (chosen.write) write(results);
  // Software drivers are torn down at exit in an order of their own; everything is written by now.
  process.exit(0);
}

function packageVersion(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string }).version;
}

await main();
