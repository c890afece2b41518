/** Running many cases, and the report on them. */
import { printTable } from "../../src/cli/table.ts";
import { type CaseOptions, runCase, type Verdict } from "./run-case.ts";
import type { VectorCase } from "./vectors.ts";

/** A case with what came of it. */
export interface JudgedCase {
  readonly vector: VectorCase;
  readonly verdict: Verdict;
}

/** What must pass of the cases that ran, and of those that the language's types can hold. */
const requiredShare = 0.99;

/**
 * Judges cases, several at a time so that one compiles while the pipelines of another are built. Verdicts come in the order
 * of the cases.
 */
export async function runCases(
  vectors: readonly VectorCase[],
  options: CaseOptions & { readonly atOnce?: number; readonly onVerdict?: (judged: JudgedCase) => void },
): Promise<readonly JudgedCase[]> {
  const judged: JudgedCase[] = [];
  let next = 0;
  const work = async () => {
    while (next < vectors.length) {
      const place = next++;
      const vector = vectors[place] as VectorCase;
      const result = { vector, verdict: await runCase(vector, options) };
      judged[place] = result;
      options.onVerdict?.(result);
    }
  };
  await Promise.all(Array.from({ length: options.atOnce ?? 4 }, work));
  return judged;
}

/** Numbers of cases by verdict. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly unsupported: number;
  /** Cases whose values the language's types can hold. */
  readonly mappable: number;
}

export function tallyOf(judged: readonly JudgedCase[]): Tally {
  const count = (test: (verdict: Verdict) => boolean) => judged.filter(({ verdict }) => test(verdict)).length;
  return {
    passed: count(({ kind }) => kind === "passed"),
    failed: count(({ kind }) => kind === "failed"),
    unsupported: count(({ kind }) => kind === "unsupported"),
    mappable: count((verdict) => verdict.kind !== "unsupported" || verdict.mappable),
  };
}

/** Whether enough passed: 99 of 100 of what ran, and of what is mappable. Nothing at all is not enough. */
export function suffices({ passed, failed, mappable }: Tally): boolean {
  return passed > 0 && passed >= requiredShare * (passed + failed) && passed >= requiredShare * mappable;
}

/** `12 passed, 0 failed, 1 unsupported` */
export function summary({ passed, failed, unsupported }: Tally): string {
  return `${passed} passed, ${failed} failed, ${unsupported} unsupported`;
}

/** The table by operation, every failure, the reasons of what is unsupported, and the summary as the last line. */
export function report(
  suites: readonly string[],
  judged: readonly JudgedCase[],
  options: { readonly texts?: boolean } = {},
): string {
  const rows = suites.map((suite) => {
    const tally = tallyOf(judged.filter(({ vector }) => vector.suite === suite));
    return [suite, ...[tally.passed, tally.failed, tally.unsupported].map(String)];
  });
  const numbers = ["passed", "failed", "unsupported"].map((title) => ({ title, align: "right" as const }));
  const empty = suites.filter((suite) => !judged.some(({ vector }) => vector.suite === suite));
  return [
    printTable([{ title: "operation" }, ...numbers], rows),
    ...(empty.length > 0 ? ["", `The vectors hold no cases of ${empty.join(", ")}.`] : []),
    ...section(
      "Failed:",
      judged.flatMap((each) => failureLines(each, options.texts ?? false)),
    ),
    ...section("Unsupported:", reasonLines(judged)),
    "",
    summary(tallyOf(judged)),
  ].join("\n");
}

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ["", title, ...lines];

function failureLines({ vector, verdict }: JudgedCase, texts: boolean): readonly string[] {
  if (verdict.kind !== "failed") return [];
  const text = texts ? verdict.text.trimEnd().split("\n") : [];
  return [`  ${vector.suite}: ${vector.name}`, `    ${verdict.reason}`, ...text.map((line) => `    | ${line}`)];
}

/** Each reason once, with the number of cases. */
function reasonLines(judged: readonly JudgedCase[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { verdict } of judged) {
    if (verdict.kind === "unsupported") counts.set(verdict.reason, (counts.get(verdict.reason) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([reason, count]) => `  ${String(count).padStart(4)}  ${reason}`);
}
