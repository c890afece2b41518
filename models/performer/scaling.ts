/** The experiment of the paper's figure 3 for the attention layer alone: cost against the length of the sequence. */
import { type CompiledProgram, compileSource, type PassSelection, type ReadSource } from "../../src/compile.ts";

/** One attention layer: several heads with channels and features of the regular model. */
export interface AttentionCase {
  readonly heads: number;
  readonly length: number;
  readonly causal: boolean;
}

/** Channels of a head and number of random features in the regular model. */
export const headWidth = 64;
export const features = 256;

const path = "models/performer/scaling.weft";
const text = `
use ./attention: favor, favor_causal
fn bidirectional<H, L, d, m>(q: f32[H, L, d], k: f32[H, L, d], v: f32[H, L, d], W: f32[m, d]) -> f32[H, L, d] {
  return favor(q, k, v, W)
}
fn causal<H, L, d, m>(q: f32[H, L, d], k: f32[H, L, d], v: f32[H, L, d], W: f32[m, d]) -> f32[H, L, d] {
  return favor_causal(q, k, v, W)
}
`;

/** What a compiled layer costs, from its plan. */
export interface AttentionCost {
  /** Floating-point operations of one run. */
  readonly flops: number;
  /** Bytes of activations at the peak, without inputs and output. */
  readonly peakBytes: number;
  readonly kernels: number;
}

/** The names of the diagnostics when the layer cannot be compiled, for instance because a value is too large. */
export class AttentionCaseError extends Error {
  override readonly name = "AttentionCaseError";
}

/**
 * Compiles one layer for a device.
 *
 * @param readSource texts of the repository by path
 * @throws AttentionCaseError with what the compiler says
 */
export function compileAttention(
  { heads, length, causal }: AttentionCase,
  profile: Parameters<typeof compileSource>[0]["profile"],
  readSource: ReadSource,
  passes?: PassSelection,
): CompiledProgram {
  const { value, diagnostics } = compileSource({
    path,
    readSource: (wanted) => (wanted === path ? text : readSource(wanted)),
    entry: causal ? "causal" : "bidirectional",
    settings: { H: heads, L: length, d: headWidth, m: features },
    profile,
    passes,
  });
  if (value === undefined) throw new AttentionCaseError(diagnostics.map(({ title }) => title).join("; "));
  return value;
}

/** Totals of a plan. */
export function costOf({ plan }: CompiledProgram): AttentionCost {
  return {
    flops: plan.steps.reduce((sum, step) => sum + step.flops, 0),
    peakBytes: plan.arenas.reduce((sum, bytes) => sum + bytes, 0),
    kernels: plan.steps.length,
  };
}

/** `from`, twice that, and so on up to `to`. */
export function doublings(from: number, to: number): number[] {
  const lengths: number[] = [];
  for (let length = from; length <= to; length *= 2) lengths.push(length);
  return lengths;
}
