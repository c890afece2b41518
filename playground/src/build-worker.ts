/** The worker that compiles and runs. It may be ended at any time: whatever it holds can be made again. */

import { DeviceError, openDevice } from "../../src/runtime/index.ts";
import { type Build, buildDraft, type Machine, type RunAnswer, runBuild } from "./build-service.ts";
import { type Draft, sameDraft } from "./draft.ts";
import type { Problem } from "./problem.ts";
import { answerWith } from "./worker-messages.ts";

/** What the page learns of a build. */
export type BuildAnswer =
  | { readonly kind: "mistakes"; readonly problems: readonly Problem[] }
  | { readonly kind: "built"; readonly built: ShownBuild; readonly run?: RunAnswer };

export type ShownBuild = Pick<Build, "inspection" | "values" | "problems" | "compileMs"> & {
  /** Where it runs, or why the reference evaluator computes instead. */
  readonly machine: Pick<Machine, "kind" | "description">;
};

let opened: Promise<Machine> | undefined;
let last: { readonly draft: Draft; readonly machine: Machine; readonly build: Build } | undefined;

async function openMachine(): Promise<Machine> {
  const gpu = navigator.gpu as GPU | undefined;
  if (gpu === undefined) {
    return reference("this browser has no WebGPU, or has it switched off for this page (it needs https or localhost)");
  }
  try {
    const device = await openDevice({ prefer: "auto", gpu });
    return { kind: "device", device, description: device.description };
  } catch (error) {
    if (!(error instanceof DeviceError) || error.code !== "no-adapter") throw error;
    return reference("this browser's WebGPU finds no adapter");
  }
}

const reference = (why: string): Machine => ({
  kind: "reference",
  description: `the reference evaluator, on the processor, because ${why}`,
});

/** The machine, opened again after its device was lost. */
async function currentMachine(): Promise<Machine> {
  const known = await opened?.catch(() => undefined);
  const isLost = known?.kind === "device" && known.device.lostError() !== undefined;
  if (known === undefined || isLost) opened = openMachine();
  return opened as Promise<Machine>;
}

interface Outcome {
  readonly answer: BuildAnswer;
  readonly machine: Machine;
  /** Absent when the text has mistakes. */
  readonly build?: Build;
}

async function built(draft: Draft): Promise<Outcome> {
  const machine = await currentMachine();
  if (last === undefined || last.machine !== machine || !sameDraft(last.draft, draft)) {
    const outcome = buildDraft(draft, machine);
    if (outcome.kind === "mistakes") return { answer: outcome, machine };
    last = { draft, machine, build: outcome.build };
  }
  const { build } = last;
  const { inspection, values, problems, compileMs } = build;
  const { kind, description } = machine;
  const shown = { inspection, values, problems, compileMs, machine: { kind, description } };
  return { answer: { kind: "built", built: shown }, machine, build };
}

const service = {
  compile: async (draft: Draft): Promise<BuildAnswer> => (await built(draft)).answer,
  run: async (draft: Draft): Promise<BuildAnswer> => {
    const { answer, machine, build } = await built(draft);
    if (answer.kind === "mistakes" || build === undefined) return answer;
    return { ...answer, run: await runBuild(build, machine, draft.seed) };
  },
};

export type BuildQuestions = typeof service;
answerWith(service);
