/** From a draft to kernels, and from kernels to numbers. Devices are handed in; a worker runs it. */
import { makeRunReport, printOutput, type RunReport } from "../../src/cli/run-report.ts";
import { PlanLimitError } from "../../src/codegen/index.ts";
import {
  type CompiledProgram,
  CompilerBug,
  checkSource,
  compileGraph,
  elaborateProgram,
  hostProfile,
  instantiateModel,
} from "../../src/compile.ts";
import { type CheckedProgram, equationsOf } from "../../src/frontend/index.ts";
import { initialParameters } from "../../src/initial-parameters.ts";
import { buildInspection, type Inspection } from "../../src/inspect/index.ts";
import { elementCount, printType, type TensorType } from "../../src/ir/index.ts";
import { randomInput } from "../../src/random-data.ts";
import { runOnReference } from "../../src/reference-run.ts";
import { type HostArray, prepare, type WeftDevice } from "../../src/runtime/index.ts";
import type { Draft } from "./draft.ts";
import { libraryTexts } from "./library-texts.ts";
import type { Problem } from "./problem.ts";
import { problemsOf } from "./problems-of.ts";

/** Where kernels run. */
export type Machine =
  | { readonly kind: "device"; readonly device: WeftDevice; readonly description: string }
  /** `description` says why there is no device. */
  | { readonly kind: "reference"; readonly description: string };

/** What nobody can build or run, in words for the author. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

export type Built =
  | { readonly kind: "mistakes"; readonly problems: readonly Problem[] }
  | { readonly kind: "built"; readonly build: Build };

/** A draft that is compiled for a machine. */
export interface Build {
  readonly compiled: CompiledProgram;
  readonly inspection: Inspection;
  /** Value of every size and switch, given or chosen or by default. */
  readonly values: Readonly<Record<string, number | boolean>>;
  /** Warnings. */
  readonly problems: readonly Problem[];
  readonly compileMs: number;
}

/** Values tried for generic sizes that the draft leaves open: the first that the text's requirements allow. */
const triedSizes = [64, 16, 4];

/** Elements of all inputs and parameters that are drawn: a gigabyte on the device, twice that beside it. */
const mostElements = 2 ** 28;

/**
 * Compiles a draft.
 *
 * @throws Refusal when the device is too small for it, or the compiler fails
 */
export function buildDraft(draft: Draft, machine: Machine): Built {
  const started = performance.now();
  const checked = checkSource(draft.path, (path) => (path === draft.path ? draft.text : libraryTexts.get(path)));
  const elaborated = elaborate(checked, draft);
  const problems = problemsOf(draft.path, elaborated.diagnostics, elaborated.sources);
  if (elaborated.value === undefined) return { kind: "mistakes", problems };
  const { graph, parameters } = elaborated.value;
  try {
    const compiled = compileGraph(graph, {
      profile: machine.kind === "device" ? machine.device.profile : hostProfile,
      passes: { optimise: draft.optimise },
      now: () => performance.now(),
    });
    const sources = new Map([[draft.path, draft.text], ...elaborated.sources]);
    const equations = checked.files.flatMap(equationsOf);
    const inspection = buildInspection(compiled, { adapter: machine.description, sources, equations });
    const compileMs = performance.now() - started;
    return {
      kind: "built",
      build: { compiled: { ...compiled, parameters }, inspection, values: elaborated.values, problems, compileMs },
    };
  } catch (error) {
    if (error instanceof PlanLimitError) throw new Refusal(`It does not fit the device: ${error.message}.`);
    if (error instanceof CompilerBug) {
      throw new Refusal(`This is a bug in Weft, not in your text. ${error.stage} failed: ${error.message}`);
    }
    throw error;
  }
}

/** The graph of a draft, with values for the sizes that it leaves open. */
function elaborate(checked: CheckedProgram, { model, entry, preset, settings }: Draft) {
  const request = { model, entry, preset, settings };
  const { value: instance } = instantiateModel(checked, request);
  const open = (instance?.entry.generics ?? []).map(({ name }) => name).filter((name) => settings[name] === undefined);
  const attempts = (open.length === 0 ? triedSizes.slice(0, 1) : triedSizes).map((size) => {
    const chosen = Object.fromEntries(open.map((name) => [name, size]));
    return { chosen, run: () => elaborateProgram(checked, { ...request, settings: { ...settings, ...chosen } }) };
  });
  let first: ReturnType<typeof elaborateProgram> | undefined;
  for (const { chosen, run } of attempts) {
    const outcome = run();
    first ??= outcome;
    if (outcome.value !== undefined) {
      return { ...outcome, values: { ...Object.fromEntries(instance?.model?.sizes ?? []), ...settings, ...chosen } };
    }
  }
  return { ...(first as ReturnType<typeof elaborateProgram>), values: {} };
}

/** One output of a run. */
export interface RunOutput {
  readonly name: string;
  readonly type: TensorType;
  /** `f32[64, 32]` */
  readonly printedType: string;
  /** Type, first values and spread as text. */
  readonly text: string;
  readonly data: HostArray;
}

export interface RunAnswer {
  readonly outputs: readonly RunOutput[];
  readonly report: RunReport;
  /** Bytes of all buffers on the device; absent for the reference evaluator. */
  readonly deviceBytes?: number;
}

/** Timed runs, whose median is told. */
const timedRuns = 5;

/**
 * Runs a build on parameters and inputs that are drawn from a seed, the same as `weft run --input all=random`.
 *
 * @throws Refusal for what is too large; DeviceError and InitialiserError as the runtime does
 */
export async function runBuild({ compiled, compileMs }: Build, machine: Machine, seed: number): Promise<RunAnswer> {
  const { graph, plan, reference } = compiled;
  const drawn = [...graph.inputs, ...graph.parameters];
  const elements = drawn.reduce((sum, { type }) => sum + elementCount(type.shape), 0);
  if (elements > mostElements) {
    const largest = drawn.reduce((most, node) => (sizeOf(node) > sizeOf(most) ? node : most));
    throw new Refusal(
      `Inputs and parameters have ${elements.toExponential(1)} elements, more than the ${mostElements.toExponential(1)} that this page draws; ` +
        `the largest is ${largest.attributes.name}: ${printType(largest.type)}. Choose smaller sizes.`,
    );
  }
  const inputs = Object.fromEntries(
    graph.inputs.map(({ attributes, type }) => {
      const name = attributes.name as string;
      return [name, { shape: type.shape, data: randomInput(type, seed, name) }];
    }),
  );
  const parameters = initialParameters(compiled.parameters, seed);
  let values: Record<string, HostArray>;
  let ms = { pipelines: 0, upload: 0, run: 0 };
  let deviceBytes: number | undefined;
  if (machine.kind === "device") {
    const executable = await prepare(machine.device, plan, { parameters });
    try {
      values = await executable.run(inputs);
      const times = (await executable.time({ repeat: timedRuns, warmup: 0 })).ms.toSorted((a, b) => a - b);
      ms = { ...executable.prepareMs, run: times[timedRuns >> 1] ?? 0 };
      deviceBytes = executable.deviceBytes;
    } finally {
      executable.dispose();
    }
  } else {
    const started = performance.now();
    values = await runOnReference(reference, inputs, parameters);
    ms = { ...ms, run: performance.now() - started };
  }
  const outputs = graph.outputs.map(({ name, node: { type } }): RunOutput => {
    const data = values[name] as HostArray;
    return { name, type, printedType: printType(type), text: printOutput(name, type, data), data };
  });
  const report = makeRunReport(machine.description, compiled, graph, { compile: compileMs, ...ms });
  return { outputs, report, ...(deviceBytes === undefined ? {} : { deviceBytes }) };
}

const sizeOf = ({ type }: { readonly type: TensorType }) => elementCount(type.shape);
