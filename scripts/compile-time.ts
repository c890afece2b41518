/**
 * Measures how long the compiler takes, stage by stage and without a device, for BERT-base and for families of growing graphs, and
 * how the time grows with the graph: the slope of its logarithm over the logarithm of the number of nodes, 1 for linear.
 *
 *     npx tsx scripts/compile-time.ts [--family NAME] [--layers N,N,…] [--repeat N]
 *
 * Each time is the best of `--repeat` (3) runs; with 1 the first compilation includes what the JavaScript engine compiles.
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { baselineProfile, type DeviceProfile, makePlan } from "../src/codegen/index.ts";
import { checkSource, type EntryRequest, elaborateProgram, hasErrors, optimiseGraph } from "../src/compile.ts";
import { renderDiagnostics } from "../src/frontend/index.ts";
import { graphNodes } from "../src/ir/index.ts";
import { buildTrainingStep, elaborateLoss, optimiserFunctions } from "../src/training.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

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
interface Family {
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

const families: readonly Family[] = [
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

/** Milliseconds by stage, and what was compiled. */
interface Measurement {
  readonly nodes: number;
  readonly dispatches: number;
  readonly kernels: number;
  readonly arenaRatio: number;
  readonly ms: ReadonlyMap<string, number>;
}

function compile(one: CompiledCase): Measurement {
  const ms = new Map<string, number>();
  const add = (stage: string, time: number) => ms.set(stage, (ms.get(stage) ?? 0) + time);
  const timed = <T>(stage: string, work: () => T): T => {
    const start = performance.now();
    const result = work();
    add(stage, performance.now() - start);
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
  const optimised = timed("passes", () => optimiseGraph(graph, { now: () => performance.now() }));
  for (const stage of optimised.stages) add(`  ${stage.name}`, stage.ms ?? 0);
  const { plan, memory, stages } = timed("plan", () =>
    makePlan(optimised.finalGraph, profile, { now: () => performance.now() }),
  );
  for (const stage of stages) add(`  ${stage.name}`, stage.ms);
  return {
    nodes,
    dispatches: plan.steps.length,
    kernels: plan.kernels.length,
    arenaRatio: memory.lowerBoundBytes === 0 ? 1 : memory.peakBytes / memory.lowerBoundBytes,
    ms,
  };
}

/** Slope of log ms over log nodes, by least squares over the larger half of the points: small graphs are dominated by what is fixed. */
function exponent(points: readonly { readonly nodes: number; readonly ms: number }[]): number {
  const larger = points.slice(Math.max(0, Math.floor(points.length / 2) - 1)).filter(({ ms }) => ms > 0);
  const x = larger.map(({ nodes }) => Math.log(nodes));
  const y = larger.map(({ ms }) => Math.log(ms));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  const covariance = x.reduce((sum, value, i) => sum + (value - mx) * ((y[i] as number) - my), 0);
  return covariance / x.reduce((sum, value) => sum + (value - mx) ** 2, 0);
}

function best(measurements: readonly Measurement[]): Measurement {
  const total = ({ ms }: Measurement) =>
    sum([...ms].filter(([stage]) => !stage.startsWith(" ")).map(([, time]) => time));
  return measurements.reduce((a, b) => (total(b) < total(a) ? b : a));
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

function report(family: Family, sizes: readonly number[], repeat: number): void {
  const rows = sizes.map((layers) => best(Array.from({ length: repeat }, () => compile(family.compiled(layers)))));
  const cell = (value: string | number) => String(value).padStart(9);
  const line = (title: string, values: readonly (string | number)[]) =>
    console.log(`${title.padEnd(26)}${values.map(cell).join("")}`);
  console.log(`\n${family.title}`);
  line("N", sizes);
  line(
    "nodes",
    rows.map(({ nodes }) => nodes),
  );
  line(
    "dispatches",
    rows.map(({ dispatches }) => dispatches),
  );
  line(
    "kernels",
    rows.map(({ kernels }) => kernels),
  );
  line(
    "arena / lower bound",
    rows.map(({ arenaRatio }) => arenaRatio.toFixed(3)),
  );
  const stages = [...(rows.at(-1) as Measurement).ms.keys()];
  const withTotal = rows.map(({ nodes, ms }) => {
    const total = sum([...ms].filter(([stage]) => !stage.startsWith(" ")).map(([, time]) => time));
    return { nodes, ms: new Map([...ms, ["all", total]]) };
  });
  line("ms", [...sizes.map(() => ""), "exponent"]);
  for (const stage of [...stages, "all"]) {
    const times = withTotal.map(({ nodes, ms }) => ({ nodes, ms: ms.get(stage) ?? 0 }));
    line(stage, [...times.map(({ ms }) => ms.toFixed(1)), times.length < 2 ? "" : exponent(times).toFixed(2)]);
  }
}

const { values } = parseArgs({
  options: { family: { type: "string" }, layers: { type: "string" }, repeat: { type: "string", default: "3" } },
});
const chosen = families.filter(({ name }) => values.family === undefined || name === values.family);
const layers = values.layers?.split(",").map(Number);
const repeat = Number(values.repeat);
const wrong = [repeat, ...(layers ?? [])].some((number) => !Number.isInteger(number) || number < 1);
if (chosen.length === 0 || wrong) {
  console.error(
    `--family is one of ${families.map(({ name }) => name).join(", ")}; --layers and --repeat are whole numbers`,
  );
  process.exitCode = 2;
} else {
  for (const family of chosen) report(family, layers ?? family.sizes, repeat);
}
