/** Measures the candidates of a compiled program's kernels, the hottest kernel first, within a time limit. */
import type { TunedKernel, TuningCandidate, TuningCase } from "./codegen/index.ts";
import type { Node } from "./ir/index.ts";
import { randomInput } from "./random-data.ts";
import {
  DeviceError,
  type HostValue,
  holdContest,
  median,
  type StepOutcome,
  type WeftDevice,
} from "./runtime/index.ts";

export interface TuningOptions {
  /** ms that measuring may take in all; one compilation or one dispatch may go beyond. */
  readonly limit: number;
  /** Data of the program's inputs and parameters, where there is some; everything else is drawn. */
  readonly data?: (node: Node) => Promise<HostValue | undefined>;
  readonly seed: number;
  readonly onProgress?: (progress: TuningProgress) => void;
}

export interface TuningProgress {
  /** Position of the kernel, of how many. */
  readonly kernel: number;
  readonly kernels: number;
  readonly label: string;
  readonly doing: "checking" | "timing";
  readonly candidate: number;
  readonly candidates: number;
  /** ms. */
  readonly left: number;
}

/** What came of one kernel. */
export interface TuningResult {
  readonly tuningCase: TuningCase;
  /** `better`: a measured schedule beats the default. `unfinished`: time ran out before this could be said. */
  readonly verdict: "better" | "default" | "unfinished" | "failed";
  /** Candidates whose times or faults are known. */
  readonly tried: number;
  /** Candidates whose results differ from the default's: bugs. */
  readonly wrong: readonly WrongCandidate[];
  /** The winner as it is stored, when the verdict is `better`. */
  readonly winner?: TunedKernel & { readonly candidate: TuningCandidate };
  /** ms of one dispatch of the default, where it was timed. */
  readonly defaultMs?: number;
  /** Why the kernel or some of its candidates could not be run. */
  readonly failures: readonly string[];
}

export interface WrongCandidate {
  readonly candidate: TuningCandidate;
  readonly outcome: Extract<StepOutcome, { kind: "wrong" }>;
}

/**
 * Measures case after case.
 *
 * @throws DeviceError "lost" when the device is lost; other failures are results
 */
export async function tuneKernels(
  device: WeftDevice,
  cases: readonly TuningCase[],
  options: TuningOptions,
): Promise<readonly TuningResult[]> {
  const end = performance.now() + options.limit;
  const results: TuningResult[] = [];
  for (const [kernel, tuningCase] of cases.entries()) {
    const left = end - performance.now();
    if (left <= 0) {
      results.push({ tuningCase, verdict: "unfinished", tried: 0, wrong: [], failures: [] });
      continue;
    }
    // A kernel has a share of the time that is left as large as its share of the work that is left.
    const ahead = cases.slice(kernel).reduce((sum, { modelled }) => sum + modelled, 0);
    const until = end - left * (1 - tuningCase.modelled / ahead);
    const progress = { kernel, kernels: cases.length, label: tuningCase.label };
    const candidates = tuningCase.candidates.length;
    try {
      const contest = await holdContest(device, tuningCase.plan, {
        values: (input, positive) => dataOf(tuningCase, input, positive, options),
        remaining: () => until - performance.now(),
        onProgress: (doing, candidate) =>
          options.onProgress?.({ ...progress, doing, candidate, candidates, left: end - performance.now() }),
      });
      results.push(resultOf(tuningCase, contest.outcomes, contest.winner, contest.finished));
    } catch (error) {
      if (!(error instanceof DeviceError) || error.code === "lost") throw error;
      results.push({ tuningCase, verdict: "failed", tried: 0, wrong: [], failures: [error.message] });
    }
  }
  return results;
}

function resultOf(
  tuningCase: TuningCase,
  outcomes: readonly StepOutcome[],
  winner: number | undefined,
  finished: boolean,
): TuningResult {
  const timesOf = (position: number) => {
    const outcome = outcomes[position];
    return outcome?.kind === "timed" && outcome.ms.length > 0 ? median(outcome.ms) : undefined;
  };
  const wrong = outcomes.flatMap((outcome, position): WrongCandidate[] =>
    outcome.kind === "wrong" ? [{ candidate: tuningCase.candidates[position] as TuningCandidate, outcome }] : [],
  );
  const defaultMs = timesOf(0);
  const found = {
    tuningCase,
    tried: outcomes.filter(({ kind }) => kind !== "untried").length,
    wrong,
    failures: outcomes.flatMap((outcome) => (outcome.kind === "failed" ? [outcome.message] : [])),
    ...(defaultMs === undefined ? {} : { defaultMs }),
  };
  const ms = winner === undefined ? undefined : timesOf(winner);
  if (winner === undefined || ms === undefined || defaultMs === undefined)
    return { ...found, verdict: finished ? "default" : "unfinished" };
  const candidate = tuningCase.candidates[winner] as TuningCandidate;
  const { label } = tuningCase;
  return { ...found, verdict: "better", winner: { label, schedule: candidate.stored, ms, defaultMs, candidate } };
}

/** Data of an input of a case: the program's own where it is the program's, otherwise drawn; indices lie below their bounds. */
async function dataOf(
  { inputs, plan }: TuningCase,
  input: string,
  positive: boolean,
  { data, seed }: TuningOptions,
): Promise<HostValue> {
  const node = inputs.get(input) as Node;
  const own = await data?.(node);
  if (own !== undefined) return own;
  const drawn = randomInput(node.type, seed, `${plan.name} ${input}`);
  return positive && drawn instanceof Float32Array ? drawn.map((value) => Math.abs(value)) : drawn;
}
