/** Measuring one workload: contestants are prepared one after another, compared, and then timed in turns. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Answer } from "./contestant.ts";
import { type Contestant, readResult, startContestant } from "./contestant-process.ts";
import type { WorkFacts } from "./systems/system.ts";
import { type ContestantName, peerNames, type Workload } from "./workload.ts";

/** Largest difference between two results, relative to the largest entry, that is still agreement. */
const agreement = 1e-3;
const prepareLimitMs = 300_000;
const runLimitMs = 180_000;
/** Short runs are repeated until a turn takes about so long, or until there are so many. */
const turnMs = 50;
const mostRuns = 500;

export interface Timing {
  /** ms, median of the rounds. */
  readonly ms: number;
  readonly fastest: number;
  readonly slowest: number;
  readonly rounds: number;
}

export interface Measurement {
  readonly workload: Workload;
  readonly timings: Partial<Readonly<Record<ContestantName, Timing>>>;
  /** Why a contestant has no timing. */
  readonly absent: Partial<Readonly<Record<ContestantName, string>>>;
  /** Why a contestant does it another way than its first. */
  readonly notes: Partial<Readonly<Record<ContestantName, string>>>;
  /** Largest difference from Weft's result, relative to its largest entry. */
  readonly differences: Partial<Readonly<Record<ContestantName, number>>>;
  readonly versions: Partial<Readonly<Record<ContestantName, string>>>;
  readonly facts?: WorkFacts;
}

export interface MeasureOptions {
  readonly rounds: number;
  readonly contestants: readonly ContestantName[];
  /** What the contestants' processes need in order to find the same adapter. */
  readonly environment: Readonly<Record<string, string>>;
  readonly say: (line: string) => void;
}

/** Largest difference relative to the largest entry of the expected result; infinite where anything is not a number. */
export function relativeDifference(expected: Float32Array, actual: Float32Array): number {
  if (expected.length !== actual.length) return Number.POSITIVE_INFINITY;
  let [difference, size] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [expected[i] as number, actual[i] as number];
    if (!Number.isFinite(a) || !Number.isFinite(b)) return Number.POSITIVE_INFINITY;
    difference = Math.max(difference, Math.abs(a - b));
    size = Math.max(size, Math.abs(a));
  }
  return difference === 0 ? 0 : difference / size;
}

export function summary(times: readonly number[]): Timing {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (place: number) => sorted[place] as number;
  const middle = (sorted.length - 1) / 2;
  const ms = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2;
  return { ms, fastest: at(0), slowest: at(sorted.length - 1), rounds: sorted.length };
}

function reasonOf(answer: Extract<Answer, { kind: "failed" }>, contestant: Contestant): string {
  const complaint = contestant
    .lastWords()
    .split("\n")
    .filter((line) => /error|unsupported|not implemented|exceed|limit|too large/i.test(line))
    .pop();
  const died = /process ended|no answer/.test(answer.reason);
  return (died && complaint !== undefined ? `${answer.reason}: ${complaint}` : answer.reason)
    .replace(/\s+/g, " ")
    .slice(0, 300);
}

export async function measure(workload: Workload, options: MeasureOptions): Promise<Measurement> {
  const folder = mkdtempSync(join(tmpdir(), "weft-bench-"));
  const running = new Map<ContestantName, { readonly contestant: Contestant; readonly repeat: number }>();
  const times = new Map<ContestantName, number[]>();
  const absent: Partial<Record<ContestantName, string>> = {};
  const differences: Partial<Record<ContestantName, number>> = {};
  const notes: Partial<Record<ContestantName, string>> = {};
  const versions: Partial<Record<ContestantName, string>> = {};
  let facts: WorkFacts | undefined;
  let expected: Float32Array | undefined;
  const missing = (name: ContestantName) => {
    if (name === "weft") return undefined;
    const written = { ort: workload.ort, tfjs: workload.tfjs, "jax-js": workload.jax }[name];
    return workload.absent?.[name] ?? (written === undefined ? "not written for it" : undefined);
  };
  try {
    for (const name of options.contestants) {
      const known = missing(name);
      if (known !== undefined) {
        absent[name] = known;
        continue;
      }
      const reasons: string[] = [];
      const variants = name === "ort" ? (workload.ort?.length ?? 0) : 1;
      for (let variant = 0; variant < variants && !running.has(name); variant++) {
        const contestant = startContestant(name, options.environment);
        const resultFile = join(folder, `${name}.f32`);
        const answer = await contestant.ask(
          { kind: "prepare", workload: workload.name, variant, resultFile },
          prepareLimitMs,
        );
        if (answer.kind !== "prepared") {
          reasons.push(answer.kind === "failed" ? reasonOf(answer, contestant) : "it answered out of turn");
          contestant.stop();
          continue;
        }
        versions[name] = answer.version;
        facts ??= answer.facts;
        const result = readResult(resultFile);
        expected ??= result;
        const difference = relativeDifference(expected, result);
        if (!(difference <= agreement)) {
          const of = variants > 1 ? ` with ${variant === 0 ? "its fused kernel" : "plain nodes"}` : "";
          reasons.push(`its result${of} differs from the first by ${difference.toExponential(1)} of the largest entry`);
          contestant.stop();
          continue;
        }
        differences[name] = difference;
        options.say(`  ${name}: ${answer.ms.toFixed(1)} ms, difference ${difference.toExponential(1)}`);
        const repeat = Math.max(1, Math.min(mostRuns, Math.round(turnMs / answer.ms)));
        running.set(name, { contestant, repeat });
        times.set(name, []);
      }
      if (!running.has(name)) absent[name] = reasons.join("; ");
      else if (reasons.length > 0) notes[name] = reasons.join("; ");
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const [name, { contestant, repeat }] of running) {
        const answer = await contestant.ask({ kind: "time", repeat }, runLimitMs);
        if (answer.kind === "timed") {
          times.get(name)?.push(answer.ms);
          continue;
        }
        absent[name] = answer.kind === "failed" ? reasonOf(answer, contestant) : "it answered out of turn";
        running.delete(name);
        times.delete(name);
      }
    }
  } finally {
    for (const { contestant } of running.values()) contestant.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  const timings = Object.fromEntries([...times].map(([name, values]) => [name, summary(values)]));
  return { workload, timings, absent, notes, differences, versions, facts };
}

export const allContestants: readonly ContestantName[] = ["weft", ...peerNames];
