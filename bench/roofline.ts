/**
 * What the adapter itself can do, by two small kernels: multiply-adds on registers, and copying. They bound every workload from
 * below, and are measured rather than read from a data sheet.
 */
import type { WeftDevice } from "../src/runtime/index.ts";
import { summary } from "./measure.ts";

export interface Roofline {
  /** GFLOP/s of f32 multiply-adds, two operations each. */
  readonly gigaflops: number;
  /** GB/s of a copy, read and written bytes together. */
  readonly gigabytes: number;
}

const threadsAcross = 256 * 256;
const turns = 64;
/** Links of every chain in one turn of the loop: a software adapter pays for each variable that a turn changes. */
const links = 16;
const chains = 4;

/** Independent chains of vec4 multiply-adds; the result is stored, so that nothing is left out. Rows of workgroups all do the same. */
const multiplyAdd = `
@group(0) @binding(0) var<storage, read_write> result: array<vec4<f32>>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let x = vec4<f32>(f32(id.x) * 1e-9 + 0.999);
  let y = vec4<f32>(f32(id.x) * 1e-9 + 1e-3);
  ${Array.from({ length: chains }, (_, i) => `var a${i} = vec4<f32>(${i + 1}.0);`).join("\n  ")}
  for (var turn = 0u; turn < ${turns}u; turn++) {
    ${Array.from({ length: links * chains }, (_, k) => `a${k % chains} = a${k % chains} * x + y;`).join("\n    ")}
  }
  result[id.x] = ${Array.from({ length: chains }, (_, i) => `a${i}`).join(" + ")};
}`;

const stripVectors = 4 * 1024 * 1024;
const stripBytes = 16 * stripVectors;
const copiedPerThread = 4;
/** Bytes that a GPU's caches cannot hold. */
const beyondCaches = 2 ** 30;

/** Each row of workgroups copies a strip of 64 MiB; further rows begin again with the first. */
const copyOf = (strips: number) => `
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4<f32>>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let first = (id.y % ${strips}u) * ${stripVectors}u + id.x * ${copiedPerThread}u;
  for (var i = 0u; i < ${copiedPerThread}u; i++) { target_[first + i] = source[first + i]; }
}`;

const storage = 0x80; // GPUBufferUsage.STORAGE, which Node has no global for

/** A run takes so long that launching it and waiting for it do not count. */
const longEnoughMs = 40;

/**
 * Raises an amount of work until a run of it takes long enough.
 *
 * @param time  ms of a run of so much work
 * @param most  where to stop in any case
 */
export async function longEnough(
  time: (amount: number) => Promise<number>,
  most: number,
  wantedMs = longEnoughMs,
): Promise<{ readonly amount: number; readonly ms: number }> {
  let amount = 1;
  for (;;) {
    const ms = await time(amount);
    if (ms >= wantedMs || amount >= most) return { amount, ms };
    // A short run says little about a long one, so the steps are bounded.
    const factor = Math.min(16, Math.max(2, Math.ceil(wantedMs / Math.max(ms, 1e-3))));
    amount = Math.min(most, amount * factor);
  }
}

/** Rows of workgroups that WebGPU lets every device launch. */
const mostRows = 65_535;

/** Best of several runs each: other work on the machine can only make them slower. */
export async function measureRoofline({ gpu, profile }: WeftDevice): Promise<Roofline> {
  const timer = (code: string, sizes: readonly number[], groupsAcross: number) => {
    const module = gpu.createShaderModule({ code });
    const pipeline = gpu.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
    const buffers = sizes.map((size) => gpu.createBuffer({ size, usage: storage }));
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    const time = async (rows: number): Promise<number> => {
      const times: number[] = [];
      for (let run = 0; run < 8; run++) {
        const started = performance.now();
        const encoder = gpu.createCommandEncoder();
        const pass = encoder.beginComputePass();
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group);
        pass.dispatchWorkgroups(groupsAcross, rows);
        pass.end();
        gpu.queue.submit([encoder.finish()]);
        await gpu.queue.onSubmittedWorkDone();
        times.push(performance.now() - started);
      }
      return summary(times).fastest;
    };
    const dispose = () => {
      for (const buffer of buffers) buffer.destroy();
    };
    return { time, dispose };
  };
  const compute = timer(multiplyAdd, [threadsAcross * 16], threadsAcross / 64);
  const computed = await longEnough(compute.time, mostRows);
  compute.dispose();
  const room = Math.min(profile.limits.maxBindingBytes, profile.limits.maxBufferBytes, beyondCaches);
  const strips = profile.kind === "gpu" ? Math.max(1, Math.floor(room / stripBytes)) : 1;
  const copy = timer(copyOf(strips), [strips * stripBytes, strips * stripBytes], stripVectors / copiedPerThread / 64);
  const copied = await longEnough((times) => copy.time(strips * times), Math.floor(mostRows / strips));
  copy.dispose();
  return {
    gigaflops: (computed.amount * threadsAcross * turns * links * chains * 8) / computed.ms / 1e6,
    gigabytes: (copied.amount * strips * 2 * stripBytes) / copied.ms / 1e6,
  };
}
