/**
 * Prints what attention keeps on the device at three sizes: dense and causal attention of 8 heads, and attention of every place to
 * its own 32 keys, 64 channels each. From the plan; nothing runs.
 *
 *     npx tsx scripts/attention-memory.ts
 */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compileSource, hostProfile } from "../src/compile.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

export type AttentionForm = "dense" | "causal" | "gathered";

const heads = 8;
const channels = 64;
const neighbours = 32;

export interface AttentionMemory {
  readonly length: number;
  readonly kernels: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Activations between kernels. */
  readonly arenaBytes: number;
  /** All buffers together. */
  readonly bufferBytes: number;
  /** What the scores of all heads, and for chosen keys the gathered keys and values, would take. */
  readonly avoidedBytes: number;
}

/** Plans one attention of the benchmark's text (bench/workloads/attention.weft) for the host's profile. */
export function attentionMemory(form: AttentionForm, length: number): AttentionMemory {
  const settings: Readonly<Record<string, number>> =
    form === "gathered" ? { P: length, S: length, n: neighbours, d: channels } : { H: heads, L: length, d: channels };
  const { value, diagnostics } = compileSource({
    path: "bench/workloads/attention.weft",
    readSource: (path) => readFileSync(join(root, path), "utf8"),
    entry: form,
    settings,
    profile: hostProfile,
  });
  if (value === undefined) throw new Error(diagnostics.map(({ title }) => title).join("; "));
  const { plan } = value;
  const arenaBytes = plan.arenas.reduce((sum, size) => sum + size, 0);
  const bytes = (tensors: readonly { readonly bytes: number }[]) =>
    tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const inputBytes = bytes(plan.inputs);
  const outputBytes = bytes(plan.outputs);
  const scores = form === "gathered" ? length * neighbours : heads * length ** 2;
  const gathered = form === "gathered" ? 2 * length * neighbours * channels : 0;
  return {
    length,
    kernels: plan.steps.length,
    inputBytes,
    outputBytes,
    arenaBytes,
    bufferBytes: inputBytes + outputBytes + arenaBytes,
    avoidedBytes: 4 * (scores + gathered),
  };
}

const mega = (bytes: number) => (bytes / 1e6).toFixed(1).padStart(10);

function print(form: AttentionForm, sizes: readonly number[]): void {
  console.log(`\n${form}\n    length   kernels  inputs MB  output MB   arena MB  never stored MB`);
  for (const size of sizes) {
    const { kernels, inputBytes, outputBytes, arenaBytes, avoidedBytes } = attentionMemory(form, size);
    console.log(
      `${String(size).padStart(10)}${String(kernels).padStart(10)} ${mega(inputBytes)} ${mega(outputBytes)} ${mega(arenaBytes)}  ${mega(avoidedBytes)}`,
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  print("dense", [1024, 4096, 16_384]);
  print("causal", [1024, 4096, 16_384]);
  print("gathered", [4096, 16_384, 65_536]);
}
