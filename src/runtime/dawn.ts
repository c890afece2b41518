/** WebGPU in Node through Dawn (npm `webgpu`). Browsers never load this file. */
import { existsSync, readdirSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";

const driverFolders = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/** Path of the manifest of Mesa's software Vulkan driver, or undefined when it is not installed. */
export function softwareDriverManifest(): string | undefined {
  for (const folder of driverFolders) {
    if (!existsSync(folder)) continue;
    const file = readdirSync(folder).find((name) => name.startsWith("lvp_icd") && name.endsWith(".json"));
    if (file !== undefined) return join(folder, file);
  }
  return undefined;
}

/** Bytes of memory that this process can have: the machine's, or its container's if that is less. */
export function hostMemoryBytes(): number {
  const constrained = process.constrainedMemory?.() ?? 0;
  // Without a constraint, Node reports 0 or a number beyond all memory.
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

export interface DawnOptions {
  /** Clamp every access into its binding. Off is faster and leaves an out-of-range access undefined. */
  readonly robustness: boolean;
}

/** WEFT_DAWN_FEATURES names more of Dawn's features; `allow_unsafe_apis` is what matrices of subgroups need as long as they are an experiment. */
function toggles(options: DawnOptions): string[] {
  const enabled = ["vulkan_enable_f16_on_nvidia", ...(process.env.WEFT_DAWN_FEATURES ?? "").split(",").filter(Boolean)];
  if (!options.robustness) enabled.push("disable_robustness");
  // Clearing costs a pass over every arena, and plans write before they read; quantised timestamps are useless here.
  const disabled = ["lazy_clear_resource_on_first_use", "timestamp_quantization"];
  return [`enable-dawn-features=${enabled.join(",")}`, `disable-dawn-features=${disabled.join(",")}`];
}

/** What Dawn answered; `gpu` must stay referenced as long as anything made from it lives. */
export interface DawnAdapter {
  readonly gpu: GPU;
  readonly adapter: GPUAdapter;
}

/**
 * Asks Dawn for an adapter, or for the software one alone.
 *
 * Software on Linux is chosen by VK_DRIVER_FILES, which the Vulkan loader reads whenever an instance is made. It is set only
 * around that moment, so that child processes and later requests see the user's own environment.
 */
export async function requestDawnAdapter(software: boolean, options: DawnOptions): Promise<DawnAdapter | undefined> {
  const { create } = await import("webgpu");
  const manifest = software ? softwareDriverManifest() : undefined;
  if (software && process.platform === "linux" && manifest === undefined) return undefined;
  const before = process.env.VK_DRIVER_FILES;
  if (manifest !== undefined) process.env.VK_DRIVER_FILES = manifest;
  try {
    const gpu = create(toggles(options));
    const adapter = await gpu.requestAdapter({
      powerPreference: "high-performance",
      forceFallbackAdapter: software && process.platform !== "linux",
    });
    return adapter === null || adapter === undefined ? undefined : { gpu, adapter };
  } catch {
    // Dawn throws when it finds no backend at all: the same answer as no adapter.
    return undefined;
  } finally {
    if (manifest !== undefined) {
      if (before === undefined) delete process.env.VK_DRIVER_FILES;
      else process.env.VK_DRIVER_FILES = before;
    }
  }
}

/** Longest nap in ms, and the share of the time already waited that a nap may take. */
const nap = { longest: 1, share: 0.05, shortest: 0.05 };

/**
 * Lets the thread sleep between Dawn's looks for events while something is awaited.
 *
 * The binding looks again on every turn of the event loop, which keeps a whole core busy; on a software adapter that core is one
 * that should compute. Naps grow with the time waited, so that they delay an answer by a twentieth at most, and stop as soon as
 * turns of the event loop have other work.
 *
 * @returns a function to call whenever something begins to be awaited
 */
export function makeNaps(isWaiting: () => boolean): () => void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  let running = false;
  return () => {
    if (running) return;
    running = true;
    let idleSince = performance.now();
    let lastTurn = idleSince;
    const turn = () => {
      if (!isWaiting()) {
        running = false;
        return;
      }
      const now = performance.now();
      if (now - lastTurn > 0.5) idleSince = now;
      const length = Math.min(nap.longest, nap.share * (now - idleSince));
      if (length >= nap.shortest) Atomics.wait(never, 0, 0, length);
      lastTurn = performance.now();
      setImmediate(turn);
    };
    setImmediate(turn);
  };
}
