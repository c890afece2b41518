/** What `weft train` tells at the end. */
import type { CompiledGraph } from "../compile.ts";
import { elementCount } from "../ir/index.ts";
import type { Machine } from "./machine.ts";
import { printBytes, printCount, printMilliseconds, printPlural } from "./quantities.ts";
import type { TrainingData } from "./training-data.ts";
import type { TrainedEntry } from "./training-entry.ts";
import type { TrainingResult } from "./training-loop.ts";
import type { TrainingMachine } from "./training-machine.ts";
import type { TrainingOptions } from "./training-options.ts";

/** The object that `--json` prints. */
export interface TrainingReport {
  readonly entry: string;
  readonly adapter: string;
  readonly data: string;
  /** Steps done in all, those before `--resume` included. */
  readonly step: number;
  readonly end: TrainingResult["end"];
  readonly loss: { readonly first?: number; readonly last?: number };
  readonly evaluation?: { readonly last?: number; readonly best?: { readonly loss: number; readonly step: number } };
  readonly trained: { readonly tensors: number; readonly elements: number };
  readonly kernels: number;
  /** Dispatches of one batch. */
  readonly dispatches: number;
  readonly stepsPerSecond?: number;
  /** All buffers, parameters and optimiser included. */
  readonly deviceBytes: number;
  /** The most memory of this process so far. */
  readonly processBytes: number;
  readonly ms: {
    readonly compile: number;
    readonly pipelines: number;
    readonly upload: number;
    readonly firstStep?: number;
    readonly train: number;
  };
  readonly checkpoint?: string;
  readonly log?: string;
  readonly output?: string;
}

export function trainingReport(run: {
  readonly training: { readonly entry: TrainedEntry; readonly machine: Machine };
  readonly compiled: CompiledGraph;
  readonly trainer: TrainingMachine;
  readonly result: TrainingResult;
  readonly compileMs: number;
  readonly data: TrainingData;
  readonly options: TrainingOptions;
}): TrainingReport {
  const { training, compiled, trainer, result, compileMs, data, options } = run;
  const { entry, machine } = training;
  const trained = new Set(entry.step.trained);
  const tensors = entry.parameters.filter(({ path }) => trained.has(path));
  const { best } = result.position;
  return {
    entry: entry.graph.name,
    adapter: machine.description,
    data: data.description,
    step: result.position.step,
    end: result.end,
    loss: result.losses,
    ...(result.evaluation === undefined && best === undefined ? {} : { evaluation: { last: result.evaluation, best } }),
    trained: {
      tensors: tensors.length,
      elements: tensors.reduce((sum, { type }) => sum + elementCount(type.shape), 0),
    },
    kernels: compiled.plan.kernels.length,
    dispatches: compiled.plan.steps.length,
    ...(result.stepsPerSecond === undefined ? {} : { stepsPerSecond: result.stepsPerSecond }),
    deviceBytes: trainer.deviceBytes,
    processBytes: process.resourceUsage().maxRSS * 1024,
    ms: {
      compile: compileMs,
      pipelines: trainer.prepareMs.pipelines,
      upload: trainer.prepareMs.upload,
      ...(result.firstStepMs === undefined ? {} : { firstStep: result.firstStepMs }),
      train: result.seconds * 1000,
    },
    ...(result.checkpoint === undefined ? {} : { checkpoint: result.checkpoint }),
    ...(options.log === undefined ? {} : { log: options.log }),
    ...(options.output === undefined ? {} : { output: options.output }),
  };
}

const endings: Readonly<Record<TrainingReport["end"], string>> = {
  steps: "all steps done",
  patience: "stopped: no better measurement for a while",
  interrupted: "stopped by the user",
  data: "stopped: the data has ended",
};

/** The report in a few lines for people. */
export function printTrainingSummary(report: TrainingReport): string {
  const { loss, evaluation, ms } = report;
  const number = (value: number | undefined) => (value === undefined ? "?" : String(Number(value.toPrecision(5))));
  const best = evaluation?.best;
  const lines = [
    `${report.entry}: ${endings[report.end]}, ${printPlural(report.step, "step")}; loss ${number(loss.first)} → ${number(loss.last)}`,
    ...(best === undefined ? [] : [`best evaluation ${number(best.loss)} at step ${best.step}`]),
    `${printCount(report.trained.elements)} numbers in ${printPlural(report.trained.tensors, "parameter")} trained on ${report.data}`,
    `${printPlural(report.dispatches, "dispatch").replace("dispatchs", "dispatches")} a batch, ${printPlural(report.kernels, "kernel")}, ${printBytes(report.deviceBytes)} on the device, ${printBytes(report.processBytes)} of memory in all at most; ` +
      `${report.stepsPerSecond === undefined ? "" : `${report.stepsPerSecond.toPrecision(3)} steps/s after the first (${printMilliseconds(ms.firstStep ?? 0)}); `}` +
      `compiled in ${printMilliseconds(ms.compile)}`,
    report.adapter,
    ...(report.checkpoint === undefined ? [] : [`checkpoint: ${report.checkpoint}`]),
    ...(report.log === undefined ? [] : [`log: ${report.log}`]),
    ...(report.output === undefined ? [] : [`weights: ${report.output}`]),
  ];
  return lines.join("\n");
}
