/** The terminal's twins of the inspector's views of cost and memory, and the table of a profile. */
import { attributeCosts, type Inspection, rank, type SharedCost } from "../inspect/index.ts";
import { printFlops } from "../ir/index.ts";
import { printBytes, printMilliseconds, printPlural } from "./quantities.ts";
import { type Column, printTable } from "./table.ts";

/** Rows that are shown of a long table; the JSON has all. */
const shownRows = 25;
const barWidth = 20;
/** Rows of the memory table. */
const shownSteps = 150;

const right = (title: string): Column => ({ title, align: "right" });

const costColumns = (inspection: Inspection): readonly Column[] => [
  right("modelled"),
  ...(inspection.profile === undefined ? [] : [right("measured"), right("work/s"), right("moved/s")]),
  right("work"),
  right("moved"),
];

function costCells({ modelled, ms, flops, bytes }: SharedCost): string[] {
  const rate = (amount: number) => (ms === undefined || ms === 0 ? 0 : (amount / ms) * 1000);
  return [
    `${(100 * modelled).toFixed(1)} %`,
    ...(ms === undefined
      ? []
      : [printMilliseconds(ms), `${printFlops(rate(flops))}/s`, `${printBytes(rate(bytes))}/s`]),
    printFlops(Math.round(flops)),
    printBytes(Math.round(bytes)),
  ];
}

/** What the lines of the source, the kernels and the nodes cost, the dearest first. */
export function printCosts(inspection: Inspection): string {
  const costs = attributeCosts(inspection);
  const texts = inspection.sources.map(({ text }) => text.split("\n"));
  const lines = costs.lines.map((cost) => [
    ...costCells(cost),
    `${inspection.sources[cost.source]?.path}:${cost.line}`,
    (texts[cost.source]?.[cost.line - 1] ?? "").trim(),
  ]);
  return [
    "── cost by line of the source (a kernel's time is shared out by the work of its nodes)",
    cutTable([...costColumns(inspection), { title: "line" }, { title: "" }], lines, "lines"),
    "",
    "── cost by kernel",
    printHottestKernels(inspection),
    "",
    "── cost by node",
    cutTable(
      [...costColumns(inspection), { title: "value" }, { title: "node" }, { title: "source" }],
      [...costs.nodes]
        .sort(([, a], [, b]) => rank(b) - rank(a))
        .map(([id, cost]) => {
          const node = inspection.nodes[id];
          return [
            ...costCells(cost),
            node?.name ?? "",
            `${node?.operation}: ${node?.type}`,
            linesOf(inspection, node?.origins ?? []),
          ];
        }),
      "nodes",
    ),
  ].join("\n");
}

/**
 * Kernels with the same text together, the one that takes longest first, with the lines that they compute. Unavoidable of what they move are
 * inputs, weights and results, each once.
 */
export function printHottestKernels(inspection: Inspection): string {
  const costs = attributeCosts(inspection);
  const byKernel = new Map<number, { label: string; kind: string; launches: number[]; dispatches: number }>();
  inspection.launches.forEach(({ kernel, label, kind, steps }, index) => {
    const known = byKernel.get(kernel) ?? { label, kind, launches: [], dispatches: 0 };
    byKernel.set(kernel, known);
    known.launches.push(index);
    known.dispatches += steps.length;
  });
  const sums = [...byKernel.values()].map((kernel) => {
    const parts = kernel.launches.map((index) => costs.launches[index] as SharedCost);
    const sum = (of: (cost: SharedCost) => number) => parts.reduce((all, cost) => all + of(cost), 0);
    const unavoidable = kernel.launches.reduce((all, index) => all + (inspection.launches[index]?.unavoidable ?? 0), 0);
    const cost: SharedCost = {
      flops: sum(({ flops }) => flops),
      bytes: sum(({ bytes }) => bytes),
      modelled: sum(({ modelled }) => modelled),
      ...(inspection.profile === undefined ? {} : { ms: sum(({ ms = 0 }) => ms) }),
    };
    return { ...kernel, cost, unavoidable };
  });
  const rows = sums
    .sort((a, b) => rank(b.cost) - rank(a.cost))
    .map(({ label, kind, launches, dispatches, cost, unavoidable }) => [
      ...costCells(cost),
      printBytes(unavoidable),
      String(dispatches),
      label,
      kind,
      linesOf(
        inspection,
        launches.flatMap((index) => inspection.launches[index]?.origins ?? []),
      ),
    ]);
  const columns = [
    ...costColumns(inspection),
    right("unavoidable"),
    right("dispatches"),
    { title: "kernel" },
    { title: "kind" },
    { title: "source" },
  ];
  return cutTable(columns, rows, "kernels");
}

/** `favor.weft:12,14 nn.weft:3`: the lines of some spans. */
function linesOf({ spans, sources }: Inspection, some: readonly number[]): string {
  const lines = new Map<string, Set<number>>();
  for (const id of some) {
    const span = spans[id];
    if (span === undefined) continue;
    const file = sources[span.source]?.path.split("/").at(-1) ?? "";
    lines.set(file, (lines.get(file) ?? new Set()).add(span.line));
  }
  return [...lines].map(([file, numbers]) => `${file}:${[...numbers].sort((a, b) => a - b).join(",")}`).join(" ");
}

/** Bytes of activations over the run, with the peak marked, and what lies in memory then. */
export function printMemory({ memory, launches, nodes, steps }: Inspection): string {
  const peak = memory.live[memory.peakStep] ?? 0;
  const total = memory.arenas.reduce((sum, bytes) => sum + bytes, 0);
  const labels = new Map(launches.flatMap(({ label, steps: positions }) => positions.map((step) => [step, label])));
  const rows = [];
  // Long runs are shown in stretches, each by the most that is alive in it.
  const stretch = Math.ceil(steps / shownSteps);
  for (let from = 0; from < steps; from += stretch) {
    const to = Math.min(steps, from + stretch) - 1;
    const bytes = memory.live.slice(from, to + 1).reduce((most, value) => Math.max(most, value), 0);
    const bar = "█".repeat(peak === 0 ? 0 : Math.round((barWidth * bytes) / peak)).padEnd(barWidth);
    const mark = from <= memory.peakStep && memory.peakStep <= to ? " peak" : "";
    rows.push([
      from === to ? String(from) : `${from}–${to}`,
      printBytes(bytes),
      `${bar}${mark}`,
      labels.get(from) ?? "",
    ]);
  }
  const alive = memory.tensors
    .filter(({ from, to }) => from <= memory.peakStep && memory.peakStep <= to)
    .sort((a, b) => b.bytes - a.bytes)
    .map(({ node, bytes, arena, offset, from, to }) => [
      printBytes(bytes),
      nodes[node]?.name ?? nodes[node]?.op ?? "",
      nodes[node]?.type ?? "",
      `${from}–${to}`,
      `arena ${arena} at ${offset}`,
    ]);
  return [
    `── memory: ${printBytes(peak)} of activations alive at step ${memory.peakStep} of ${steps}, ${printBytes(total)} in ${printPlural(memory.arenas.length, "arena")}; ` +
      `parameters ${printBytes(memory.parameterBytes)}, inputs ${printBytes(memory.inputBytes)}, outputs ${printBytes(memory.outputBytes)}`,
    printTable([right("step"), right("alive"), { title: "" }, { title: "kernel" }], rows),
    "",
    `── alive at step ${memory.peakStep}`,
    cutTable(
      [right("size"), { title: "value" }, { title: "type" }, { title: "steps" }, { title: "place" }],
      alive,
      "values",
    ),
  ].join("\n");
}

function cutTable(columns: readonly Column[], rows: readonly (readonly string[])[], noun: string): string {
  const table = printTable(columns, rows.slice(0, shownRows));
  return rows.length <= shownRows ? table : `${table}\n… and ${rows.length - shownRows} more ${noun}`;
}
