/**
 * What the adapter itself can do, by two small kernels: multiply-adds on registers, and copying. They bound every workload from
 * below, and are measured rather than read from a data sheet.
 */
import { openDevice } from "../src/runtime/index.ts";
import { summary } from "./measure.ts";

export interface Roofline {
  /** GFLOP/s of f32 multiply-adds, two operations each. */
  readonly gigaflops: number;
  /** GB/s of a copy, read and written bytes together. */
  readonly gigabytes: number;
}

const invocations = 256 * 256;
const turns = 64;
/** Links of every chain in one turn of the loop: a software adapter pays for each variable that a turn changes. */
const links = 16;
const chains = 4;

/** Independent chains of vec4 multiply-adds; the result is stored, so that nothing is left out. */
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

const copyVectors = 4 * 1024 * 1024;
const copyPerInvocation = 4;
const copy = `
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4<f32>>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let first = id.x * ${copyPerInvocation}u;
  for (var i = 0u; i < ${copyPerInvocation}u; i++) { target_[first + i] = source[first + i]; }
}`;

const storage = 0x80; // GPUBufferUsage.STORAGE, which Node has no global for

/** Best of several runs each: other work on the machine can only make them slower. */
export async function measureRoofline(): Promise<Roofline> {
  const device = await openDevice({ prefer: "auto" });
  const { gpu } = device;
  const fastest = async (code: string, sizes: readonly number[], groups: number): Promise<number> => {
    const module = gpu.createShaderModule({ code });
    const pipeline = gpu.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
    const buffers = sizes.map((size) => gpu.createBuffer({ size, usage: storage }));
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    const group = gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
    const times: number[] = [];
    for (let run = 0; run < 8; run++) {
      const started = performance.now();
      const encoder = gpu.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(groups);
      pass.end();
      gpu.queue.submit([encoder.finish()]);
      await gpu.queue.onSubmittedWorkDone();
      times.push(performance.now() - started);
    }
    for (const buffer of buffers) buffer.destroy();
    return summary(times).fastest;
  };
  const bytes = copyVectors * 16;
  const computeMs = await fastest(multiplyAdd, [invocations * 16], invocations / 64);
  const copyMs = await fastest(copy, [bytes, bytes], copyVectors / copyPerInvocation / 64);
  device.close();
  return {
    gigaflops: (invocations * turns * links * chains * 8) / computeMs / 1e6,
    gigabytes: (2 * bytes) / copyMs / 1e6,
  };
}
