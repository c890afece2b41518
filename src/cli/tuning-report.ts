/** What `weft tune` is going to measure, and what it found, as text and as data. */
import type { TuningCases } from "../codegen/index.ts";
import type { TuningResult } from "../tune.ts";
import { printCount, printMilliseconds, printPlural } from "./quantities.ts";
import { printTable } from "./table.ts";
import { printSchedule } from "./tuned-file.ts";

export interface TuningReport {
  readonly found: TuningCases;
  readonly results: readonly TuningResult[];
  /** Seconds that measuring took, and that it was given. */
  readonly seconds: number;
  readonly limit: number;
  readonly adapter: string;
}

const right = (title: string) => ({ title, align: "right" as const });

/** Share of the modelled time of all cases. */
function shares({ cases }: TuningCases): readonly number[] {
  const total = cases.reduce((sum, { modelled }) => sum + modelled, 0);
  return cases.map(({ modelled }) => modelled / Math.max(total, Number.MIN_VALUE));
}

/** What is not measured, in a line each. */
function leftOut({ loops, divided, settled }: TuningCases): readonly string[] {
  return [
    ...(settled === 0 ? [] : [`${printPlural(settled, "kernel")} can be computed in one way only: nothing to measure`]),
    ...(loops.length === 0
      ? []
      : [`left out, because kernels inside loops are not measured alone: ${loops.join(", ")}`]),
    ...(divided.length === 0
      ? []
      : [`left out, because a tensor is larger than this device binds at once: ${divided.join(", ")}`]),
  ];
}

/** The table of `--dry-run`. */
export function printCases(found: TuningCases, limit: number, adapter: string): string {
  const share = shares(found);
  const rows = found.cases.map(({ key, label, dispatches, candidates }, k) => [
    label,
    printCount(dispatches),
    `${(100 * (share[k] ?? 0)).toFixed(1)} %`,
    printCount(candidates.length),
    candidates[0] === undefined ? "" : printSchedule(candidates[0].schedule),
    key,
  ]);
  const columns = [
    { title: "kernel" },
    right("dispatches"),
    right("modelled"),
    right("candidates"),
    { title: "default" },
    { title: "key" },
  ];
  return [
    `would measure ${printPlural(found.cases.length, "kernel")} for at most ${limit} s (--limit) on the ${adapter}`,
    ...(rows.length === 0 ? [] : [printTable(columns, rows)]),
    ...leftOut(found),
  ].join("\n");
}

/** The same as data. */
export function casesJson(found: TuningCases, limit: number, adapter: string) {
  const share = shares(found);
  return {
    adapter,
    limit,
    kernels: found.cases.map(({ key, label, dispatches, candidates }, k) => ({
      key,
      label,
      dispatches,
      modelledShare: share[k],
      candidates: candidates.map(({ stored }) => stored),
    })),
    loops: found.loops,
    divided: found.divided,
    settled: found.settled,
  };
}

function printVerdict({ verdict, tried, wrong }: TuningResult): string {
  const texts = {
    better: "stored",
    default: "the default stays",
    unfinished: tried === 0 ? "no time left" : "nothing better so far",
    failed: "failed",
  };
  return wrong.length > 0 ? `${texts[verdict]}; ${wrong.length} WRONG` : texts[verdict];
}

/** What was found, kernel by kernel. */
export function printTuning({ results, found, seconds, limit }: TuningReport, output: string | undefined): string {
  const rows = results.map((result) => {
    const { tuningCase, tried, winner, defaultMs } = result;
    return [
      tuningCase.label,
      printCount(tuningCase.dispatches),
      `${tried} of ${tuningCase.candidates.length}`,
      defaultMs === undefined ? "" : printMilliseconds(defaultMs),
      winner === undefined ? "" : printMilliseconds(winner.ms),
      winner === undefined ? "" : `${(winner.defaultMs / winner.ms).toFixed(2)} ×`,
      winner === undefined ? "" : printSchedule(winner.candidate.schedule),
      printVerdict(result),
    ];
  });
  const columns = [
    { title: "kernel" },
    right("dispatches"),
    right("tried"),
    right("default"),
    right("best"),
    right("gain"),
    { title: "schedule" },
    { title: "" },
  ];
  const better = results.filter(({ verdict }) => verdict === "better").length;
  const failures = results.flatMap(({ tuningCase, failures: own }) =>
    own.map((message) => `${tuningCase.label}: a candidate was refused: ${message}`),
  );
  return [
    ...(rows.length === 0 ? [] : [printTable(columns, rows)]),
    ...failures,
    ...leftOut(found),
    `${printPlural(better, "schedule")} better than the default, measured in ${seconds.toFixed(1)} s of ${limit} s`,
    output === undefined
      ? "nothing is written"
      : `${output} holds the schedules: use them with \`--schedules ${output}\``,
  ].join("\n");
}

/** The same as data. */
export function tuningJson({ results, found, seconds, limit, adapter }: TuningReport) {
  return {
    adapter,
    limit,
    seconds,
    kernels: results.map(({ tuningCase, verdict, tried, winner, defaultMs, wrong, failures }) => ({
      key: tuningCase.key,
      label: tuningCase.label,
      dispatches: tuningCase.dispatches,
      candidates: tuningCase.candidates.length,
      tried,
      verdict,
      default: tuningCase.candidates[0]?.stored,
      ...(defaultMs === undefined ? {} : { defaultMs }),
      ...(winner === undefined ? {} : { schedule: winner.schedule, ms: winner.ms }),
      wrong: wrong.map(({ candidate, outcome }) => ({ schedule: candidate.stored, ...outcome.difference })),
      failures,
    })),
    loops: found.loops,
    divided: found.divided,
    settled: found.settled,
  };
}

/** What is wrong with candidates, one a line. */
export function printWrong(results: readonly TuningResult[]): string {
  return results
    .flatMap(({ tuningCase, wrong }) =>
      wrong.map(({ candidate, outcome: { difference } }) => {
        const { output, element, expected, got, relative } = difference;
        return (
          `${tuningCase.label} computed by ${printSchedule(candidate.schedule)} differs from the default: ${output}, element ${element}, ` +
          `is ${got} and not ${expected} (${relative.toExponential(1)} of the largest)`
        );
      }),
    )
    .join("\n");
}
