/** What a training leaves in the repository: its scores beside the least that is accepted, and logs short enough to be kept. */
import type { Scores } from "../models/shared/recipe.ts";
import type { LogLine } from "../src/cli/training-log.ts";

/** A score beside its bar. */
export interface BarResult {
  readonly name: string;
  readonly reached: number;
  readonly bar: number;
  readonly isMet: boolean;
}

/** Lines of steps that a kept log has at most. */
const mostStepLines = 400;

/** The lines of a log that are kept: each n-th step with the first and the last, and every measurement. */
export function thinnedLog(lines: readonly LogLine[], most = mostStepLines): readonly LogLine[] {
  const steps = lines.filter(({ kind }) => kind === "step");
  const stride = Math.ceil(steps.length / most);
  const kept = new Set(steps.filter((_, k) => k % stride === 0 || k === steps.length - 1));
  return lines.filter((line) => line.kind !== "step" || kept.has(line));
}

/**
 * Seconds of training that a log tells. Where a training was broken off and taken up its clock began anew, so the parts are added; what a
 * part did after its last checkpoint is not counted.
 */
export function secondsOf(lines: readonly LogLine[]): number {
  const ends = lines.filter(({ seconds }, k) => seconds > (lines[k + 1]?.seconds ?? Number.NEGATIVE_INFINITY));
  return Math.round(ends.reduce((sum, { seconds }) => sum + seconds, 0));
}

/**
 * Every bar with the score that it is for.
 *
 * @throws Error for a bar without a score, which would never be missed
 */
export function compareWithBars(scores: Scores, bars: Readonly<Record<string, number>>): readonly BarResult[] {
  return Object.entries(bars).map(([name, bar]) => {
    const reached = scores[name];
    if (typeof reached !== "number" || Number.isNaN(reached))
      throw new Error(`the recipe has a bar for ${name}, and its scores have no such number`);
    return { name, reached, bar, isMet: reached >= bar };
  });
}

/** The table that is printed at the end and stands in a README. */
export function barTable(results: readonly BarResult[]): string {
  const rows = results.map(
    ({ name, reached, bar, isMet }) => `| ${name} | ${reached.toFixed(3)} | ${bar} | ${isMet ? "yes" : "no"} |`,
  );
  return ["| score | reached | least accepted | met |", "| --- | ---: | ---: | --- |", ...rows].join("\n");
}
