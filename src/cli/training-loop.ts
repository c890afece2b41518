/** The course of a training: batches in, numbers out, measurements and checkpoints in between, and every way to end. */
import type { HostTensor } from "../runtime/index.ts";
import { type Batch, type BatchSource, isTaken, stepInputs, stepOutputs, stepSeed } from "../train/index.ts";
import { InputProblems } from "./exit-status.ts";
import { printMilliseconds } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";
import type { TrainingPosition } from "./training-checkpoints.ts";
import { prefetched } from "./training-data.ts";
import { seedInput, type TrainedEntry } from "./training-entry.ts";
import type { TrainingLog } from "./training-log.ts";
import type { TrainingMachine } from "./training-machine.ts";
import type { TrainingOptions } from "./training-options.ts";

export interface TrainingRun {
  readonly entry: TrainedEntry;
  readonly options: TrainingOptions;
  readonly machine: TrainingMachine;
  readonly source: BatchSource;
  /** Inputs that are the same for every batch. */
  readonly fixed: Readonly<Record<string, HostTensor>>;
  /** Rate of a step, from 0. */
  readonly rate: (step: number) => number;
  readonly start: TrainingPosition;
  /** Loss on the data to measure on. */
  readonly measure?: () => Promise<number>;
  readonly save?: (position: TrainingPosition) => Promise<string>;
  /** Keeps what has measured best. */
  readonly saveBest?: () => Promise<void>;
  readonly log?: TrainingLog;
  readonly terminal: Terminal;
  /** True once the user wants it to end. */
  readonly interrupted: () => boolean;
}

export type TrainingEnd = "steps" | "patience" | "interrupted" | "data";

export interface TrainingResult {
  readonly position: TrainingPosition;
  readonly end: TrainingEnd;
  readonly losses: { readonly first?: number; readonly last?: number };
  readonly evaluation?: number;
  readonly checkpoint?: string;
  readonly seconds: number;
  /** The first step of this run, in which drivers still compile. */
  readonly firstStepMs?: number;
  readonly stepsPerSecond?: number;
}

/** Steps begun before the numbers of the first of them are waited for. */
const stepsAhead = 2;

interface Pending {
  readonly step: number;
  readonly rate: number;
  readonly batches: readonly Promise<Readonly<Record<string, number>>>[];
}

/**
 * Trains from `start` to the end.
 *
 * @throws InputProblems when the loss or the gradient is not finite, or longer than allowed; earlier checkpoints are untouched
 */
export async function train(run: TrainingRun): Promise<TrainingResult> {
  const { options, machine, terminal, log, start } = run;
  const { accumulate, batch, seed } = options;
  const began = performance.now();
  let { best, withoutBetter } = start;
  let [done, begun] = [start.step, start.step];
  let batches = start.batches;
  let lastSaved = start.step;
  let end: TrainingEnd = "steps";
  let checkpoint: string | undefined;
  let evaluation: number | undefined;
  let [first, last, firstStepMs]: (number | undefined)[] = [];
  const pending: Pending[] = [];
  const seconds = () => (performance.now() - began) / 1000;

  /** Waits for the numbers of the step that has waited longest. */
  const finishStep = async () => {
    const { step, rate, batches: parts } = pending.shift() as Pending;
    const numbers = await Promise.all(parts);
    const loss = mean(numbers.map((values) => values[run.entry.step.loss] as number));
    const norm = numbers.at(-1)?.[stepOutputs.norm] as number;
    const scale = numbers.at(-1)?.[stepOutputs.scale];
    const isSkipped = scale !== undefined && scale > 1 && Number.isFinite(loss) && !isTaken(loss, norm);
    const others = metricsOf(run, numbers);
    log?.write({
      kind: "step",
      step,
      loss,
      rate,
      gradientNorm: norm,
      ...(scale === undefined ? {} : { lossScale: scale }),
      ...(isSkipped ? { skipped: true } : {}),
      ...(Object.keys(others).length > 0 ? { metrics: others } : {}),
      seconds: Number(seconds().toFixed(3)),
    });
    firstStepMs ??= performance.now() - began;
    if (!isSkipped) checkNumbers(run, step, loss, norm);
    done = step;
    first ??= loss;
    last = loss;
    terminal.progress(progressLine(run, step, loss, rate, seconds(), firstStepMs));
  };
  const finishAll = async () => {
    while (pending.length > 0) await finishStep();
  };
  const save = async () => {
    if (run.save === undefined || done === lastSaved) return;
    log?.flush();
    checkpoint = await run.save({ step: done, batches, ...(best === undefined ? {} : { best }), withoutBetter });
    lastSaved = done;
  };

  const data = prefetched(run.source, { seed, batch, from: batches });
  try {
    while (begun < options.steps) {
      if (run.interrupted()) {
        end = "interrupted";
        break;
      }
      const parts: Pending["batches"][number][] = [];
      const rate = run.rate(begun);
      while (parts.length < accumulate) {
        const { done: exhausted, value } = await data.next();
        if (exhausted === true) break;
        // The reference evaluator computes at once, a device later; either way no rejection stays unheard.
        const numbers = machine.step(inputsOf(run, value, begun + 1, rate, parts.length, batches + parts.length));
        numbers.catch(() => undefined);
        parts.push(numbers);
        if (parts.length >= stepsAhead) await parts[parts.length - stepsAhead];
      }
      if (parts.length < accumulate) {
        end = "data";
        break;
      }
      batches += accumulate;
      begun++;
      pending.push({ step: begun, rate, batches: parts });
      if (pending.length >= stepsAhead || accumulate > 1) await finishStep();
      const isMeasured = run.measure !== undefined && begun % (options.evaluation?.every ?? 1) === 0;
      if (isMeasured) {
        await finishAll();
        evaluation = await (run.measure as () => Promise<number>)();
        log?.write({ kind: "evaluation", step: done, loss: evaluation, seconds: Number(seconds().toFixed(3)) });
        const isBetter = best === undefined || evaluation < best.loss;
        if (isBetter) best = { loss: evaluation, step: done };
        withoutBetter = isBetter ? 0 : withoutBetter + 1;
        terminal.note(
          `step ${done}: evaluation ${printLoss(evaluation)}${isBetter ? "" : `, best ${printLoss(best?.loss ?? 0)} at step ${best?.step}`}`,
        );
        if (isBetter) await run.saveBest?.();
      }
      if (options.checkpoint !== undefined && begun % options.checkpoint.every === 0) {
        await finishAll();
        await save();
      }
      if (isMeasured && withoutBetter >= (options.evaluation?.patience ?? Number.POSITIVE_INFINITY)) {
        end = "patience";
        break;
      }
    }
    await finishAll();
    await save();
  } finally {
    await data.return(undefined);
    await Promise.allSettled(pending.flatMap(({ batches: parts }) => parts));
  }
  const trained = done - start.step;
  const after = seconds() - (firstStepMs ?? 0) / 1000;
  return {
    position: { step: done, batches, ...(best === undefined ? {} : { best }), withoutBetter },
    end,
    losses: { ...(first === undefined ? {} : { first }), ...(last === undefined ? {} : { last }) },
    seconds: seconds(),
    ...(evaluation === undefined ? {} : { evaluation }),
    ...(checkpoint === undefined ? {} : { checkpoint }),
    ...(firstStepMs === undefined ? {} : { firstStepMs }),
    ...(trained > 1 && after > 0 ? { stepsPerSecond: (trained - 1) / after } : {}),
  };
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Everything a step reads: the batch, what never changes, and the numbers of the step. */
function inputsOf(
  { entry, options, fixed }: TrainingRun,
  batch: Batch,
  step: number,
  rate: number,
  part: number,
  number: number,
): Record<string, HostTensor> {
  const inputs: Record<string, HostTensor> = { ...fixed };
  const { inputs: wanted } = entry.step.graph;
  const scalar = (data: HostTensor["data"]): HostTensor => ({ shape: [], data });
  for (const { attributes } of wanted) {
    const name = attributes.name as string;
    const own = stepInput(name, step, rate, part, options.accumulate);
    if (own !== undefined) inputs[name] = scalar(own);
    else if (entry.seeded && name === seedInput) inputs[name] = scalar(Uint32Array.of(stepSeed(options.seed, number)));
    else if (Object.hasOwn(batch, name)) inputs[name] = batch[name] as HostTensor;
  }
  return inputs;
}

function stepInput(
  name: string,
  step: number,
  rate: number,
  part: number,
  parts: number,
): HostTensor["data"] | undefined {
  switch (name) {
    case stepInputs.step:
      return Float32Array.of(step);
    case stepInputs.rate:
      return Float32Array.of(rate);
    case stepInputs.first:
      return Uint8Array.of(part === 0 ? 1 : 0);
    case stepInputs.last:
      return Uint8Array.of(part === parts - 1 ? 1 : 0);
    default:
      return undefined;
  }
}

function metricsOf(
  { entry }: TrainingRun,
  numbers: readonly Readonly<Record<string, number>>[],
): Record<string, number> {
  const known: readonly string[] = [entry.step.loss, ...Object.values(stepOutputs)];
  const names = entry.step.scalars.filter((name) => !known.includes(name));
  return Object.fromEntries(names.map((name) => [name, mean(numbers.map((values) => values[name] as number))]));
}

function checkNumbers({ options }: TrainingRun, step: number, loss: number, norm: number): void {
  const kept =
    options.checkpoint === undefined
      ? "nothing was saved; --checkpoint FOLDER keeps the way back"
      : `the checkpoints in ${options.checkpoint.folder} are from before`;
  if (!isTaken(loss, norm)) {
    const what = Number.isFinite(loss)
      ? `the gradient of step ${step} is ${norm}`
      : `the loss of step ${step} is ${loss}`;
    throw new InputProblems([
      `${what}: training stops, and that step changed nothing; ${kept}. A lower --lr, a --warmup or --clip 1 often helps; look for ` +
        `logarithms of 0, divisions by 0 and values in the data that are not finite`,
    ]);
  }
  if (norm > (options.maxGradient ?? Number.POSITIVE_INFINITY))
    throw new InputProblems([
      `the gradient of step ${step} has the length ${printLoss(norm)}, more than --max-gradient ${options.maxGradient}: training stops; ${kept}`,
    ]);
}

const printLoss = (value: number) => String(Number(value.toPrecision(5)));

function progressLine(
  { options, start }: TrainingRun,
  step: number,
  loss: number,
  rate: number,
  seconds: number,
  firstStepMs: number,
): string {
  const speed = (step - start.step - 1) / Math.max(1e-9, seconds - firstStepMs / 1000);
  const left =
    step - start.step > 1
      ? `, ${speed.toPrecision(3)} steps/s, ${printMilliseconds(((options.steps - step) / speed) * 1000)} left`
      : "";
  return `step ${step} of ${options.steps}, loss ${printLoss(loss)}, rate ${Number(rate.toPrecision(3))}${left}`;
}
