/** What compiled models cost, counted without a clock and without a device, so that a regression shows in a diff. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { workloads } from "../bench/workloads.ts";
import { baselineProfile, type DeviceProfile, PlanLimitError, stepsOfRun } from "../src/codegen/index.ts";
import { compileSource, type EntryRequest } from "../src/compile.ts";
import { renderDiagnostics } from "../src/frontend/index.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export interface CountedCase extends EntryRequest {
  readonly name: string;
  /** From the root of the repository. */
  readonly path: string;
  /** The text itself, where it is not in a file. */
  readonly text?: string;
}

/** Every number is an exact count; bytes count each tensor once a kernel. */
export interface Counters {
  /** Of a run. */
  readonly dispatches: number;
  /** Dispatches done once when parameters are written. */
  readonly prepared: number;
  readonly kernels: number;
  readonly flops: number;
  readonly bytesMoved: number;
  /** Bytes of inputs, parameters and outputs: what moves at the least. */
  readonly bytesUnavoidable: number;
  /** Bytes of all arenas. */
  readonly peakArena: number;
  /** Most bytes of arenas alive at any step. */
  readonly leastArena: number;
  readonly wgslBytes: number;
}

const performer = "models/performer/performer.weft";

const libraryText = `
use std/nn: GatedFeedForward, LayerNorm, Linear
use std/norm: BatchNorm2d, GroupNorm, RMSNorm
use std/attention: AdditiveAttention, MultiHeadAttention
use std/transformer: EncoderBlock
use std/loss: cross_entropy

model Library() {
  sub linear: Linear(256, 512)
  sub gated: GatedFeedForward(256, 512)
  sub layer_norm: LayerNorm(256)
  sub rms_norm: RMSNorm(256)
  sub batch_norm: BatchNorm2d(64)
  sub group_norm: GroupNorm(8, 64)
  sub heads: MultiHeadAttention(256, 4)
  sub additive: AdditiveAttention(256, 256, 128)
  sub block: EncoderBlock(256, 4, 1024)

  entry linear_gelu(x: f32[128, 256]) -> f32[128, 512] = gelu(linear(x))
  entry gated_feed_forward(x: f32[128, 256]) -> f32[128, 256] = gated(x)
  entry layer_norm_of(x: f32[128, 256]) -> f32[128, 256] = layer_norm(x)
  entry rms_norm_of(x: f32[128, 256]) -> f32[128, 256] = rms_norm(x)
  entry batch_norm_of(x: f32[2, 64, 28, 28]) -> f32[2, 64, 28, 28] = batch_norm(x)
  entry group_norm_of(x: f32[64, 28, 28]) -> f32[64, 28, 28] = group_norm(x)
  entry multi_head(x: f32[128, 256]) -> f32[128, 256] = heads(x, x, x)
  entry additive_attention(q: f32[256], keys: f32[64, 256], mask: bool[64]) -> f32[256] = additive(q, keys, mask)
  entry encoder_block(x: f32[128, 256]) -> f32[128, 256] = block(x)
  entry loss(x: f32[128, 512], targets: idx<512>[128]) -> f32 {
    let each = cross_entropy(x, targets)
    let y = mean[i] each[i]
    return y
  }
}
`;

const libraryEntries = [
  "linear_gelu",
  "gated_feed_forward",
  "layer_norm_of",
  "rms_norm_of",
  "batch_norm_of",
  "group_norm_of",
  "multi_head",
  "additive_attention",
  "encoder_block",
  "loss",
];

export const countedCases: readonly CountedCase[] = [
  ...["tiny", "paper", "small"].map((preset) => ({
    name: `performer ${preset}, logits`,
    path: performer,
    model: "Performer",
    entry: "logits",
    preset,
    settings: { L: preset === "tiny" ? 32 : 1024 },
  })),
  {
    name: "performer protein, logits with 2 of its 36 layers",
    path: performer,
    model: "Performer",
    entry: "logits",
    preset: "protein",
    settings: { L: 1024, layers: 2 },
  },
  {
    name: "performer paper, causal loss of 1024 tokens",
    path: performer,
    model: "Performer",
    entry: "loss",
    preset: "paper",
    settings: { L: 1024, causal: true },
  },
  ...libraryEntries.map((entry) => ({ name: `std ${entry}`, path: "test/library.weft", text: libraryText, entry })),
  ...workloads.map(({ name, weft }) => ({ ...weft, name: `bench ${name}`, path: `bench/workloads/${weft.file}` })),
];

/**
 * The counts of one case, or what does not fit the device.
 *
 * @throws with the diagnostics when the text does not compile
 */
export function countersOf(
  { name, path, text, ...request }: CountedCase,
  profile: DeviceProfile,
): Counters | { readonly tooLarge: string } {
  const readSource = (wanted: string) => {
    if (wanted === path && text !== undefined) return text;
    try {
      return readFileSync(join(root, wanted), "utf8");
    } catch {
      return undefined;
    }
  };
  let compiled: ReturnType<typeof compileSource>;
  try {
    compiled = compileSource({ ...request, path, readSource, profile });
  } catch (error) {
    if (error instanceof PlanLimitError) return { tooLarge: error.message };
    throw error;
  }
  const { value, diagnostics, sources } = compiled;
  if (value === undefined) throw new Error(`${name}\n${renderDiagnostics(diagnostics, sources)}`);
  const { plan, memory } = value;
  const run = stepsOfRun(plan);
  const total = (values: readonly number[]) => values.reduce((sum, number) => sum + number, 0);
  return {
    dispatches: run.length,
    prepared: plan.prepared,
    kernels: plan.kernels.length,
    flops: total(run.map(({ flops }) => flops)),
    bytesMoved: total(run.map(({ bytes }) => bytes)),
    bytesUnavoidable: total([...plan.inputs, ...plan.parameters, ...plan.outputs].map(({ bytes }) => bytes)),
    peakArena: total(plan.arenas),
    leastArena: memory.lowerBoundBytes,
    wgslBytes: total(plan.kernels.map(({ wgsl }) => new TextEncoder().encode(wgsl).length)),
  };
}

/** What the golden file's counts are made for: a software device with as many bindings as drivers offer. */
export const countedProfile: DeviceProfile = {
  ...baselineProfile,
  limits: { ...baselineProfile.limits, maxBindings: 16 },
};
