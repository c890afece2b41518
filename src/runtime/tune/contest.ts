/**
 * A contest of steps that compute the same outputs from the same inputs: each is checked against the first before it is timed, those that
 * are far behind are given up, and the rest take turns.
 */
import type { Plan, PlanStep } from "../../codegen/plan.ts";
import type { WeftDevice } from "../device.ts";
import { DeviceError } from "../errors.ts";
import type { HostArray, HostValue } from "../host-data.ts";
import type { BoundStep } from "../steps.ts";
import { prepareArena, type StepArena } from "./arena.ts";
import { areFinite, type Difference, differenceOf } from "./difference.ts";
import { fewestTimes, isFasterBeyondNoise, median } from "./statistics.ts";

export interface ContestOptions {
  /** Data of an input. `positive`: the results of other data were not all finite. */
  readonly values: (input: string, positive: boolean) => Promise<HostValue>;
  /** ms that the contest may still take; asked before each compilation and each round. */
  readonly remaining: () => number;
  /** Called before the step with this position is checked or timed. */
  readonly onProgress?: (doing: "checking" | "timing", position: number) => void;
}

/** What became of a step. */
export type StepOutcome =
  | { readonly kind: "timed"; readonly ms: readonly number[] }
  /** So slow that it was given up after a look. */
  | { readonly kind: "slow"; readonly ms: readonly number[] }
  /** Its results are not those of the first. */
  | { readonly kind: "wrong"; readonly difference: Difference }
  /** The device refused it. */
  | { readonly kind: "failed"; readonly message: string }
  /** There was no time for it. */
  | { readonly kind: "untried" };

export interface ContestResult {
  /** By the plan's steps. */
  readonly outcomes: readonly StepOutcome[];
  /** Position of the fastest step, where it is faster than the first beyond noise. */
  readonly winner: number | undefined;
  /** False where time ran out before all steps were looked at or the times said anything. */
  readonly finished: boolean;
}

/** A timing lasts at least so many ms: short kernels are dispatched several times in a row. */
const leastTiming = 3;
const mostRepeats = 256;

/** Slower than the best by this factor at first sight: given up. */
const hopeless = 1.5;

/** Steps that take turns in the end, the first included, and how often. */
const mostFinalists = 5;
const mostRounds = 9;

/** Share of the time that checking may take; the rest is for the final rounds. */
const checkingShare = 0.7;

/**
 * Holds a contest. The plan's first step is what the others are compared with.
 *
 * @throws DeviceError when the first step cannot be run, or the device is lost
 */
export async function holdContest(device: WeftDevice, plan: Plan, options: ContestOptions): Promise<ContestResult> {
  const arena = await prepareArena(device, plan);
  try {
    const looked = await lookAtAll(arena, plan, options);
    const { times, rounds } = await finalRounds(arena, looked, options);
    const outcomes = new Map(looked.outcomes);
    for (const [position, ms] of times) outcomes.set(position, { kind: "timed", ms });
    const timed = times.size === 1 || rounds >= fewestTimes;
    return {
      outcomes: plan.steps.map((_, position) => outcomes.get(position) ?? { kind: "untried" }),
      winner: winnerOf(times),
      finished: timed && outcomes.size === plan.steps.length,
    };
  } finally {
    arena.dispose();
  }
}

/** A step that is still in the contest. */
interface Contestant {
  readonly position: number;
  readonly step: BoundStep;
  /** ms at first sight. */
  readonly ms: number;
}

interface FirstLook {
  /** The first step, then the others with a chance, the fastest first. */
  readonly contestants: readonly Contestant[];
  /** Of those that are out. */
  readonly outcomes: ReadonlyMap<number, StepOutcome>;
  /** Dispatches in a row that make a timing. */
  readonly repeat: number;
}

/** Checks every step that there is time for, and sorts out what is wrong, refused or hopeless. */
async function lookAtAll(
  arena: StepArena,
  plan: Plan,
  { values, remaining, onProgress }: ContestOptions,
): Promise<FirstLook> {
  const reserve = (1 - checkingShare) * remaining();
  onProgress?.("checking", 0);
  const first = await arena.compile(plan.steps[0] as PlanStep);
  const expected = await firstResults(arena, first, values);
  const single = await arena.time(first, 1);
  const repeat = Math.max(1, Math.min(mostRepeats, Math.ceil(leastTiming / Math.max(single, 1e-6))));
  const own: Contestant = { position: 0, step: first, ms: await arena.time(first, repeat) };
  const others: Contestant[] = [];
  const outcomes = new Map<number, StepOutcome>();
  let best = own.ms;
  for (const [position, planned] of plan.steps.entries()) {
    if (position === 0) continue;
    if (remaining() <= reserve) break;
    onProgress?.("checking", position);
    try {
      const step = await arena.compile(planned);
      const results = await arena.results(step);
      const difference = differenceOf(plan.outputs, expected, results);
      if (difference !== undefined) {
        outcomes.set(position, { kind: "wrong", difference });
        continue;
      }
      // One dispatch tells the hopeless; the others get the time that a timing needs.
      const glance = await secondLookAbove(2 * hopeless * single, () => arena.time(step, 1));
      const ms =
        glance > 2 * hopeless * single
          ? glance
          : await secondLookAbove(hopeless * best, () => arena.time(step, repeat));
      if (ms > hopeless * best) outcomes.set(position, { kind: "slow", ms: [ms] });
      else others.push({ position, step, ms });
      best = Math.min(best, ms);
    } catch (error) {
      if (!(error instanceof DeviceError) || error.code === "lost") throw error;
      outcomes.set(position, { kind: "failed", message: error.message });
    }
  }
  others.sort((a, b) => a.ms - b.ms);
  for (const { position, ms } of others.splice(mostFinalists - 1)) outcomes.set(position, { kind: "slow", ms: [ms] });
  return { contestants: [own, ...others], outcomes, repeat };
}

/** A timing; where it is above the bound, the shorter of two, since a single disturbance must not put a step out. */
async function secondLookAbove(bound: number, time: () => Promise<number>): Promise<number> {
  const ms = await time();
  return ms > bound ? Math.min(ms, await time()) : ms;
}

/** What the first step computes, from data of which it makes finite numbers where there is such data. */
async function firstResults(
  arena: StepArena,
  first: BoundStep,
  values: ContestOptions["values"],
): Promise<Readonly<Record<string, HostArray>>> {
  await arena.upload((input) => values(input, false));
  const results = await arena.results(first);
  if (areFinite(results)) return results;
  await arena.upload((input) => values(input, true));
  return arena.results(first);
}

/** Times the contestants in turns. */
async function finalRounds(
  arena: StepArena,
  { contestants, repeat }: FirstLook,
  { remaining, onProgress }: ContestOptions,
): Promise<{ readonly times: ReadonlyMap<number, readonly number[]>; readonly rounds: number }> {
  const times = new Map<number, number[]>(contestants.map(({ position }) => [position, []]));
  let rounds = 0;
  while (contestants.length > 1 && rounds < mostRounds && remaining() > 0) {
    for (const { position, step } of contestants) {
      onProgress?.("timing", position);
      times.get(position)?.push(await arena.time(step, repeat));
    }
    rounds++;
  }
  // Without a round, what was seen at first is all that there is to tell.
  if (rounds === 0) for (const { position, ms } of contestants) times.set(position, [ms]);
  return { times, rounds };
}

/** The fastest, where it is faster than the first beyond noise. */
function winnerOf(times: ReadonlyMap<number, readonly number[]>): number | undefined {
  const own = times.get(0) ?? [];
  const faster = [...times].filter(([position, ms]) => position !== 0 && isFasterBeyondNoise(ms, own));
  return faster.sort(([, a], [, b]) => median(a) - median(b))[0]?.[0];
}
