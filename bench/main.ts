/**
 * `npm run bench`: Weft beside its peers on one adapter.
 *
 *     npm run bench                            everything; writes RESULTS.json, RESULTS.md and roofline.svg
 *     npm run bench -- --quick                 three rounds, without what takes seconds a run
 *     npm run bench -- --only "conv 3×3"       workloads whose name contains the text (repeatable)
 *     npm run bench -- --rounds 9 --contestants weft,ort
 *     npm run bench -- --adapter gpu           on a GPU or not at all (`software` likewise); a GPU gets larger workloads too
 *     npm run bench -- --large                 the larger workloads on any adapter
 *     npm run bench -- --list
 *
 * `--only`, `--quick` and `--contestants` write nothing unless `--write` is given; rows of workloads that were not run are then kept.
 * Results of a software adapter lie in bench/, those of a GPU below bench/adapters, by its name.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { DeviceError, openDevice } from "../src/runtime/index.ts";
import { chooseAdapter, installPeers, readAdapterWish } from "./adapter.ts";
import { askedFor, fitting } from "./choose-workloads.ts";
import { allContestants, type MeasureOptions, measure } from "./measure.ts";
import { remarks } from "./remarks.ts";
import { printResults, type ResultRow, type Results, ratioOf, resultRow, resultsChart, resultsPage } from "./report.ts";
import { benchFolder, openResultFolder } from "./result-files.ts";
import { measureRoofline } from "./roofline.ts";
import type { ContestantName } from "./workload.ts";
import { allWorkloads } from "./workloads.ts";

const say = (line: string) => process.stderr.write(`${line}\n`);

function options() {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true, default: [] },
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      contestants: { type: "string" },
      adapter: { type: "string" },
      large: { type: "boolean", default: false },
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
  return { ...values, adapter: readAdapterWish(values.adapter), contestants, rounds, write: values.write || all };
}

function earlierRows(folder: string): readonly ResultRow[] {
  const file = join(folder, "RESULTS.json");
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Results).rows : [];
}

function write(results: Results, folder: string): void {
  const order = new Map(allWorkloads.map(({ name }, place) => [name, place]));
  const fresh = new Set(results.rows.map(({ name }) => name));
  const kept = earlierRows(folder).filter(({ name }) => order.has(name) && !fresh.has(name));
  const rows = [...results.rows, ...kept].sort((a, b) => (order.get(a.name) as number) - (order.get(b.name) as number));
  const all = { ...results, rows };
  writeFileSync(join(folder, "RESULTS.json"), `${JSON.stringify(all, null, 2)}\n`);
  writeFileSync(join(folder, "RESULTS.md"), resultsPage(all, remarks));
  writeFileSync(join(folder, "roofline.svg"), resultsChart(all));
}

async function main(): Promise<void> {
  const chosen = options();
  const asked = askedFor(allWorkloads, chosen);
  if (chosen.list || asked.length === 0) {
    process.stdout.write(`${allWorkloads.map(({ name }) => name).join("\n")}\n`);
    return;
  }
  const contestants = installPeers(chosen.contestants, say);
  const { profile, environment } = await chooseAdapter(chosen.adapter);
  const adapter = profile.description;
  say(`bench: ${adapter}`);
  const { wanted, leftOut } = fitting(asked, profile.kind, chosen);
  for (const line of leftOut) say(`bench: ${line}`);
  if (wanted.length === 0) return;
  const load = loadavg()[0] ?? 0;
  if (load > availableParallelism() / 2) {
    say(`bench: other programs are running (load ${load.toFixed(1)}): times will be too long, and ratios uncertain`);
  }
  const device = await openDevice({ prefer: chosen.adapter });
  const roofline = await measureRoofline(device);
  device.close();
  say(`bench: ${roofline.gigaflops.toFixed(1)} GFLOP/s, ${roofline.gigabytes.toFixed(1)} GB/s`);
  const settings: MeasureOptions = { rounds: chosen.rounds, contestants, environment, say };
  const rows: ResultRow[] = [];
  const versions: Partial<Record<ContestantName | "node" | "webgpu", string>> = { node: process.versions.node };
  versions.webgpu = packageVersion(join(dirname(benchFolder), "node_modules", "webgpu"));
  const date = new Date().toISOString().slice(0, 10);
  const results: Results = { adapter, versions: versions as Record<string, string>, date, roofline, rows };
  const kept = chosen.write ? openResultFolder(profile) : undefined;
  for (const workload of wanted) {
    say(`bench: ${workload.name}`);
    const measurement = await measure(workload, settings);
    Object.assign(versions, measurement.versions);
    const row = resultRow(measurement);
    for (const [name, reason] of Object.entries(row.absent)) say(`  ${name}: – (${reason})`);
    say(`  best peer / weft: ${ratioOf(row)?.toFixed(2) ?? "–"}`);
    rows.push(row);
    // After every workload, so that little is lost where a run is stopped.
    if (kept !== undefined) write(results, kept.folder);
  }
  process.stdout.write(`${printResults(results)}\n`);
  if (kept !== undefined) say(`bench: wrote RESULTS.json, RESULTS.md and roofline.svg in ${kept.shown}`);
  // Software drivers are torn down at exit in an order of their own; everything is written by now.
  process.exit(0);
}

function packageVersion(folder: string): string {
  return (JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string }).version;
}

await main().catch((error: unknown) => {
  if (!(error instanceof DeviceError)) throw error;
  say(`bench: ${error.message}`);
  process.exit(3);
});
