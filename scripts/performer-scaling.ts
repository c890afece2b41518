/**
 * Compares the order that the compiler finds for the Performer's attention with the order as written: in cost, and in speed on the device
 * of this machine. How the found order grows with the length is measured by scripts/growth.ts, axes `favor` and `favor-causal`.
 *
 *     npx tsx scripts/performer-scaling.ts [--quick]
 *     npx tsx scripts/performer-scaling.ts --large    8 heads of 65,536 places, whose tensors exceed a binding, against one head
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type AttentionCase,
  compileAttention,
  costOf,
  doublings,
  features,
  headWidth,
} from "../models/performer/scaling.ts";
import type { CompiledProgram } from "../src/compile.ts";
import { randomStream } from "../src/ir/index.ts";
import { type Executable, type HostTensor, openDevice, prepare, type WeftDevice } from "../src/runtime/index.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const readSource = (path: string): string | undefined => {
  try {
    return readFileSync(join(root, path), "utf8");
  } catch {
    return undefined;
  }
};

/** Normal numbers of which a stretch repeats: what they are does not matter here, only that they are ordinary. */
function tensor(shape: readonly number[], name: string): HostTensor {
  const stretch = Float32Array.from(randomStream(0, name).normal(65_521));
  const count = shape.reduce((a, b) => a * b, 1);
  const data = new Float32Array(count);
  for (let start = 0; start < count; start += stretch.length) {
    data.set(stretch.subarray(0, Math.min(stretch.length, count - start)), start);
  }
  return { shape, data };
}

function inputsOf({ heads, length }: AttentionCase): Record<"q" | "k" | "v" | "W", HostTensor> {
  const rows = [heads, length, headWidth];
  return { q: tensor(rows, "q"), k: tensor(rows, "k"), v: tensor(rows, "v"), W: tensor([features, headWidth], "W") };
}

/** Throws unless every result is a mean of values, as attention with positive weights gives. */
function checkOutput(output: Float32Array, values: Float32Array): void {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  const wrong = output.findIndex((value) => !(value >= low - 1e-3 && value <= high + 1e-3));
  if (wrong >= 0) throw new Error(`result ${wrong} is ${output[wrong]}, values lie between ${low} and ${high}`);
}

const median = (values: readonly number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;

interface Measured {
  readonly output: Float32Array;
  readonly time: (repeat: number) => Promise<readonly number[]>;
  readonly dispose: () => void;
}

async function runCase(device: WeftDevice, program: CompiledProgram, setting: AttentionCase): Promise<Measured> {
  const executable: Executable = await prepare(device, program.plan);
  const inputs = inputsOf(setting);
  const output = Object.values(await executable.run(inputs))[0] as Float32Array;
  checkOutput(output, inputs.v.data as Float32Array);
  return {
    output,
    time: async (repeat) => (await executable.time({ repeat, warmup: 0 })).ms,
    dispose: () => executable.dispose(),
  };
}

const print = (...cells: readonly (string | number)[]) =>
  console.log(cells.map((cell, i) => String(cell).padStart(i === 0 ? 14 : 12)).join(""));
const ratio = (now: number, before: number | undefined) =>
  before === undefined ? "" : `x${(now / before).toFixed(3)}`;

async function naive(device: WeftDevice, lengths: readonly number[]): Promise<void> {
  console.log("\nas written (-O0), bidirectional, one head");
  print("length", "GFLOP", "", "peak MB", "");
  let before: { flops: number; peakBytes: number } | undefined;
  for (const length of lengths) {
    try {
      const cost = costOf(
        compileAttention({ heads: 1, length, causal: false }, device.profile, readSource, { optimise: false }),
      );
      print(
        length,
        (cost.flops / 1e9).toFixed(3),
        ratio(cost.flops, before?.flops),
        (cost.peakBytes / 1e6).toFixed(2),
        ratio(cost.peakBytes, before?.peakBytes),
      );
      before = cost;
    } catch (error) {
      console.log(`${String(length).padStart(14)}  ${(error as Error).message}`);
      return;
    }
  }
}

/** Both orders in turns, so that what else the machine does meets both. */
async function speed(device: WeftDevice, causal: boolean, rounds: number): Promise<void> {
  const setting = { heads: 1, length: 4096, causal };
  const fast = await runCase(device, compileAttention(setting, device.profile, readSource), setting);
  const slow = await runCase(
    device,
    compileAttention(setting, device.profile, readSource, { disable: ["contraction-order"] }),
    setting,
  );
  let difference = 0;
  fast.output.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(value - (slow.output[i] as number)));
  });
  const times = { fast: [] as number[], slow: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    times.fast.push(...(await fast.time(1)));
    times.slow.push(...(await slow.time(1)));
  }
  fast.dispose();
  slow.dispose();
  const [quick, long] = [median(times.fast), median(times.slow)];
  console.log(
    `\n${causal ? "causal" : "bidirectional"}, one head, L = 4096: naive order ${long.toFixed(1)} ms, chosen order ${quick.toFixed(1)} ms, ` +
      `${(long / quick).toFixed(1)} times faster (medians of ${rounds}); greatest difference ${difference.toExponential(1)}`,
  );
}

/** The first head of a layer whose tensors are bound in windows against the same head alone, which needs none. */
async function windows(device: WeftDevice, length: number, causal: boolean): Promise<void> {
  const outputs: Float32Array[] = [];
  for (const heads of [8, 1]) {
    const setting = { heads, length, causal };
    const { output, dispose } = await runCase(device, compileAttention(setting, device.profile, readSource), setting);
    outputs.push(output);
    dispose();
  }
  const [all, alone] = outputs as [Float32Array, Float32Array];
  let [difference, largest] = [0, 0];
  alone.forEach((value, i) => {
    difference = Math.max(difference, Math.abs(value - (all[i] as number)));
    largest = Math.max(largest, Math.abs(value));
  });
  const relative = difference / largest;
  console.log(
    `\nhead 1 of 8 against head 1 alone, L = ${length}: greatest difference ${relative.toExponential(1)} of the largest`,
  );
  if (!(relative < 1e-4)) throw new Error("the divided kernels do not give what the whole ones give");
}

const quick = process.argv.includes("--quick");
const device = await openDevice({ prefer: "auto" });
console.log(`device: ${device.profile.description}`);
if (process.argv.includes("--large")) {
  for (const causal of [false, true]) await windows(device, 65_536, causal);
  device.close();
  process.exit(0);
}
await naive(device, doublings(2048, 131_072));
for (const causal of [false, true]) await speed(device, causal, quick ? 3 : 7);
device.close();
process.exit(0);
