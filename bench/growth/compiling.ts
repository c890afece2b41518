/** How long the compiler takes, stage by stage and without a device, for families of growing graphs. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { baselineProfile, type DeviceProfile, makePlan, stepsOfRun } from "../../src/codegen/index.ts";
import { checkSource, type EntryRequest, elaborateProgram, hasErrors, optimiseGraph } from "../../src/compile.ts";
import { renderDiagnostics } from "../../src/frontend/index.ts";
import { graphNodes } from "../../src/ir/index.ts";
import { buildTrainingStep, elaborateLoss, optimiserFunctions } from "../../src/training.ts";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Large enough that no graph of these is refused: nothing is launched. */
const profile: DeviceProfile = {
  ...baselineProfile,
  limits: { ...baselineProfile.limits, maxBindings: 16, maxBindingBytes: 2 ** 40, maxBufferBytes: 2 ** 40 },
};

/** What is compiled: an entry of a text, or its training step. */
interface CompiledCase extends EntryRequest {
  readonly path: string;
  readonly text: string;
  readonly trained?: boolean;
}

/** A case that grows with a number of layers. */
export interface Family {
  readonly name: string;
  readonly title: string;
  readonly sizes: readonly number[];
  readonly compiled: (layers: number) => CompiledCase;
}

const stacks = `
use std/transformer: Encoder
use std/resnet: BasicStage
use std/loss: cross_entropy

model Transformer(layers: size, d: size = 256, heads: size = 4) {
  sub encoder: Encoder(layers, d, heads, 4 * d)
  entry hidden(x: f32[64, d]) -> f32[64, d] = encoder(x)
  entry loss(x: f32[64, d], targets: idx<d>[64]) -> f32 {
    let each = cross_entropy(encoder(x), targets)
    let y = mean[i] each[i]
    return y
  }
}

model Convolutions(layers: size, width: size = 32) {
  sub stage: BasicStage(width, width, layers)
  entry features(x: f32[1, width, 28, 28]) -> f32[1, width, 28, 28] = stage(x)
}
`;
const stack = (model: string, entry: string, layers: number) =>
  ({ path: "stacks.weft", text: stacks, model, entry, settings: { layers } }) as const;
const bertFile = "models/bert/bert.weft";
const bert = (layers: number): CompiledCase => ({
  path: bertFile,
  text: readFileSync(join(root, bertFile), "utf8"),
  entry: "encode",
  preset: "paper",
  settings: { L: 128, layers },
});

export const compileFamilies: readonly Family[] = [
  { name: "bert", title: "BERT of N layers (12: BERT-base)", sizes: [3, 6, 12, 24, 48], compiled: bert },
  {
    name: "transformer",
    title: "transformer of N layers",
    sizes: [12, 24, 48, 96, 192, 384],
    compiled: (layers) => stack("Transformer", "hidden", layers),
  },
  {
    name: "convolutions",
    title: "N residual blocks of two convolutions",
    sizes: [16, 32, 64, 128, 256, 512],
    compiled: (layers) => stack("Convolutions", "features", layers),
  },
  {
    name: "training",
    title: "training step of a transformer of N layers",
    sizes: [1, 3, 6, 12, 24, 48],
    compiled: (layers) => ({ ...stack("Transformer", "loss", layers), trained: true }),
  },
];

/** Milliseconds by stage (parts of a stage begin with a blank), and what was compiled. */
export interface CompileTimes {
  readonly nodes: number;
  /** Of a run. */
  readonly dispatches: number;
  readonly kernels: number;
  readonly arenaRatio: number;
  readonly ms: ReadonlyMap<string, number>;
}

/** @param now  a clock in ms */
export function timeCompiling(one: CompiledCase, now = () => performance.now()): CompileTimes {
  const ms = new Map<string, number>();
  const add = (stage: string, time: number) => ms.set(stage, (ms.get(stage) ?? 0) + time);
  const timed = <T>(stage: string, work: () => T): T => {
    const start = now();
    const result = work();
    add(stage, now() - start);
    return result;
  };
  const readSource = (path: string) => {
    if (path === one.path) return one.text;
    try {
      return readFileSync(join(root, path), "utf8");
    } catch {
      return undefined;
    }
  };
  const checked = timed("parse and check", () => checkSource(one.path, readSource));
  const elaborate = one.trained === true ? elaborateLoss : elaborateProgram;
  const { value, diagnostics, sources } = timed("elaborate", () => elaborate(checked, one));
  if (value === undefined || hasErrors(diagnostics)) throw new Error(renderDiagnostics(diagnostics, sources));
  const graph = !("loss" in value)
    ? value.graph
    : timed("differentiate", () => {
        const request = {
          optimiser: { name: "adam", settings: {} } as const,
          accumulate: 1,
          updates: [],
          elaborate: optimiserFunctions(readSource),
        };
        return buildTrainingStep({ ...value, loss: String(value.loss) }, request).graph;
      });
  const nodes = graphNodes(graph).length;
  const optimised = timed("passes", () => optimiseGraph(graph, { now }));
  for (const stage of optimised.stages) add(`  ${stage.name}`, stage.ms ?? 0);
  const { plan, memory, stages } = timed("plan", () =>
    makePlan(optimised.finalGraph, profile, { now, prepare: one.trained !== true }),
  );
  for (const stage of stages) add(`  ${stage.name}`, stage.ms);
  return {
    nodes,
    dispatches: stepsOfRun(plan).length,
    kernels: plan.kernels.length,
    arenaRatio: memory.lowerBoundBytes === 0 ? 1 : memory.peakBytes / memory.lowerBoundBytes,
    ms,
  };
}

/** All stages together. */
export function totalMs({ ms }: CompileTimes): number {
  return [...ms].reduce((sum, [stage, time]) => sum + (stage.startsWith(" ") ? 0 : time), 0);
}

/** The fastest of several compilations: other work on the machine can only make them slower. */
export function bestCompiling(
  family: Family,
  layers: number,
  repeat: number,
  now = () => performance.now(),
): CompileTimes {
  const all = Array.from({ length: repeat }, () => timeCompiling(family.compiled(layers), now));
  return all.reduce((a, b) => (totalMs(b) < totalMs(a) ? b : a));
}

/** One line of the table of compile times. */
export interface CompilePoint {
  readonly size: number;
  /** ms of processor time, all stages. */
  readonly processorMs: number;
  readonly nodes: number;
  readonly dispatches: number;
  readonly kernels: number;
}

export function compilePoint(family: Family, layers: number, repeat: number): CompilePoint {
  const processorTime = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e3;
  };
  const times = bestCompiling(family, layers, repeat, processorTime);
  const { nodes, dispatches, kernels } = times;
  return { size: layers, processorMs: totalMs(times), nodes, dispatches, kernels };
}
