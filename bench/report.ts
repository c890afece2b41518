/** The results as a table, a page and data. */
import { type ChartPoint, rooflineChart } from "./chart.ts";
import { allContestants, type Measurement, type Timing } from "./measure.ts";
import type { Roofline } from "./roofline.ts";
import { type PeerName, peerNames } from "./workload.ts";

export interface Results {
  readonly adapter: string;
  readonly versions: Readonly<Record<string, string>>;
  /** ISO 8601 day. */
  readonly date: string;
  readonly roofline: Roofline;
  readonly rows: readonly ResultRow[];
}

export interface ResultRow {
  readonly name: string;
  /** Weft's ms; absent where Weft cannot run the workload. */
  readonly ms?: number;
  /** ms; a peer that cannot run the workload is left out. */
  readonly peers: Readonly<Partial<Record<PeerName, number>>>;
  /** ms of the fastest and of the slowest round. */
  readonly spread: Readonly<Record<string, readonly [number, number]>>;
  readonly rounds: number;
  /** Why a contestant is left out. */
  readonly absent: Readonly<Partial<Record<string, string>>>;
  /** Why a contestant does it another way than its fastest. */
  readonly notes: Readonly<Partial<Record<string, string>>>;
  readonly flops?: number;
  /** Bytes of inputs, weights and result. */
  readonly unavoidableBytes?: number;
  /** Bytes that Weft's kernels read and write, each tensor once a kernel. */
  readonly bytes?: number;
  readonly dispatches?: number;
  readonly peakBytes?: number;
}

export function resultRow({ workload, timings, absent, notes, facts }: Measurement): ResultRow {
  const peers: Partial<Record<PeerName, number>> = {};
  for (const name of peerNames) {
    const ms = timings[name]?.ms;
    if (ms !== undefined) peers[name] = rounded(ms);
  }
  const known = Object.entries(timings) as [string, Timing][];
  return {
    name: workload.name,
    ms: timings.weft === undefined ? undefined : rounded(timings.weft.ms),
    peers,
    spread: Object.fromEntries(
      known.map(([name, { fastest, slowest }]) => [name, [rounded(fastest), rounded(slowest)]]),
    ),
    rounds: Math.min(...known.map(([, { rounds }]) => rounds)),
    absent,
    notes,
    ...facts,
  };
}

const rounded = (ms: number) => Number(ms.toPrecision(4));

/** The fastest peer's time over Weft's: above 1, Weft is faster. */
export function ratioOf({ ms, peers }: ResultRow): number | undefined {
  const times = Object.values(peers);
  return ms === undefined || times.length === 0 ? undefined : Math.min(...times) / ms;
}

/** Geometric mean of the ratios. */
export function meanRatio(rows: readonly ResultRow[]): number | undefined {
  const ratios = rows.map(ratioOf).filter((ratio) => ratio !== undefined);
  if (ratios.length === 0) return undefined;
  return Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
}

function cells(row: ResultRow, { gigaflops, gigabytes }: Roofline): string[] {
  const time = (name: string, ms: number | undefined) => {
    if (ms === undefined) return "–";
    const [fastest, slowest] = row.spread[name] ?? [ms, ms];
    const spread = Math.round((50 * (slowest - fastest)) / ms);
    return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(1)} ±${spread}%`;
  };
  const ratio = ratioOf(row);
  const bound =
    row.flops === undefined || row.unavoidableBytes === undefined || row.ms === undefined
      ? "–"
      : `${Math.round((100 * Math.max(row.flops / gigaflops, row.unavoidableBytes / gigabytes)) / 1e6 / row.ms)}%`;
  return [
    row.name,
    ...allContestants.map((name) => time(name, name === "weft" ? row.ms : row.peers[name])),
    ratio === undefined ? "–" : ratio.toFixed(2),
    bound,
  ];
}

interface Column {
  readonly title: string;
  readonly align?: "right";
}

const columns: readonly Column[] = [
  { title: "workload" },
  ...allContestants.map((name) => ({ title: `${name}, ms`, align: "right" as const })),
  { title: "best peer / weft", align: "right" as const },
  { title: "of roofline", align: "right" as const },
];

/** A header line and one line a row, columns two blanks apart. */
function printTable(rows: readonly (readonly string[])[]): string {
  const lines = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, i) => Math.max(...lines.map((line) => (line[i] ?? "").length)));
  const pad = (cell: string, i: number) =>
    columns[i]?.align === "right" ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0);
  return lines.map((line) => line.map(pad).join("  ").trimEnd()).join("\n");
}

export function printResults(results: Results): string {
  const table = printTable(results.rows.map((row) => cells(row, results.roofline)));
  const mean = meanRatio(results.rows);
  return `${table}\n\ngeometric mean, best peer / weft: ${mean === undefined ? "–" : mean.toFixed(2)}`;
}

/**
 * The page bench/RESULTS.md.
 *
 * @param remarks why a ratio is low, by workload
 */
export function resultsPage(results: Results, remarks: ReadonlyMap<string, string>): string {
  const { adapter, versions, date, roofline, rows } = results;
  const line = (values: readonly string[]) => `| ${values.join(" | ")} |`;
  const mean = meanRatio(rows);
  const low = rows.filter((row) => (ratioOf(row) ?? Number.POSITIVE_INFINITY) < 1.2);
  const list = (of: (row: ResultRow) => Readonly<Partial<Record<string, string>>>) =>
    rows.flatMap((row) => Object.entries(of(row)).map(([name, reason]) => `- ${row.name}, ${name}: ${reason}`));
  const absent = list((row) => row.absent);
  const notes = list((row) => row.notes);
  const rounds = Math.min(...rows.map((row) => row.rounds));
  return [
    "# Weft beside its peers",
    "",
    `Written by \`npm run bench\`. Adapter: ${adapter}. ${date}. ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}.`,
    "",
    `Medians of at least ${rounds} rounds, each contestant in its own process, taking turns; ± is half the distance between the fastest and`,
    "the slowest round. Inputs and results stay on the device. Before anything is timed, every result is compared with Weft's: all agree",
    "within 1e-3 of the largest entry. A dash: the contestant cannot run it, reasons below.",
    "",
    line(columns.map(({ title }) => title)),
    line(columns.map(({ align }) => (align === "right" ? "--:" : "---"))),
    ...rows.map((row) => line(cells(row, roofline))),
    "",
    `Geometric mean of best peer / weft: **${mean === undefined ? "–" : mean.toFixed(2)}**.`,
    "",
    `The adapter itself, measured: ${roofline.gigaflops.toFixed(1)} GFLOP/s of multiply-adds, ${roofline.gigabytes.toFixed(1)} GB/s copied. "Of`,
    'roofline" is the time that these allow for the work and the unavoidable bytes, over the time taken.',
    "",
    "![Roofline](roofline.svg)",
    ...(low.length === 0 ? [] : ["", "## Ratios below 1.2", ""]),
    ...low.map((row) => `- ${row.name} (${ratioOf(row)?.toFixed(2)}): ${remarks.get(row.name) ?? "not explained yet"}`),
    ...(absent.length === 0 ? [] : ["", "## Left out", "", ...absent]),
    ...(notes.length === 0 ? [] : ["", "## Not the peer's fastest way", "", ...notes]),
    "",
  ].join("\n");
}

/** The chart of the rows whose work Weft counted; operations and bytes are the same for every contestant. */
export function resultsChart({ adapter, date, roofline, rows }: Results): string {
  const points = rows.flatMap(({ name, ms, peers, flops, unavoidableBytes }): ChartPoint[] => {
    if (flops === undefined || unavoidableBytes === undefined) return [];
    const times = { weft: ms, ...peers };
    const rates = Object.entries(times).flatMap(([contestant, time]) =>
      time === undefined ? [] : [{ contestant, gigaflops: flops / time / 1e6 }],
    );
    return [{ name, intensity: flops / unavoidableBytes, rates }];
  });
  return rooflineChart(points, roofline, `${adapter}, ${date}`);
}
