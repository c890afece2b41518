/** Time per step, by the device's own clock where it has one. */
import type { Origins } from "../ir/index.ts";
import { bufferUsage } from "./buffers.ts";
import type { WeftDevice } from "./device.ts";
import { scoped } from "./scopes.ts";
import { type BoundStep, encodeStep } from "./steps.ts";

export interface StepProfile {
  readonly label: string;
  /** Index into the plan's kernels. */
  readonly kernel: number;
  readonly origins: Origins;
  readonly ms: number;
  readonly flops: number;
  readonly bytes: number;
  /** `timestamps`: measured on the device. `submissions`: each step submitted alone, so host overhead is included. */
  readonly method: "timestamps" | "submissions";
}

/** WebGPU allows 4,096 queries in a set; every step takes two. */
const stepsPerSet = 2048;

export async function profileSteps(
  device: WeftDevice,
  name: string,
  steps: readonly BoundStep[],
): Promise<readonly StepProfile[]> {
  const ms = await timeSteps(device, name, steps);
  return steps.map(({ step }, index) => ({
    label: step.label,
    kernel: step.kernel,
    origins: step.origins,
    ms: ms[index] as number,
    flops: step.flops,
    bytes: step.bytes,
    method: timingMethod(device),
  }));
}

function timingMethod(device: WeftDevice): StepProfile["method"] {
  return device.profile.features.timestamps ? "timestamps" : "submissions";
}

/**
 * ms of each step, one after the other.
 *
 * @param repeat  how often each is dispatched in a row; the time is that of one of them
 */
export async function timeSteps(
  device: WeftDevice,
  name: string,
  steps: readonly BoundStep[],
  repeat = 1,
): Promise<number[]> {
  const ms: number[] = [];
  if (timingMethod(device) === "timestamps") {
    for (let start = 0; start < steps.length; start += stepsPerSet) {
      ms.push(...(await timeByTimestamps(device.gpu, name, steps.slice(start, start + stepsPerSet), repeat)));
    }
  } else {
    for (const step of steps) ms.push(await timeBySubmission(device.gpu, name, step, repeat));
  }
  return ms.map((time) => time / repeat);
}

async function timeByTimestamps(
  gpu: GPUDevice,
  name: string,
  steps: readonly BoundStep[],
  repeat: number,
): Promise<number[]> {
  const count = steps.length * 2;
  const work = scoped(gpu, `profiling ${name}`, () => {
    const querySet = gpu.createQuerySet({ type: "timestamp", count });
    const resolved = gpu.createBuffer({ size: count * 8, usage: bufferUsage.queryResolve | bufferUsage.copySource });
    const staging = gpu.createBuffer({ size: count * 8, usage: bufferUsage.mapRead | bufferUsage.copyTarget });
    const encoder = gpu.createCommandEncoder({ label: `profile ${name}` });
    steps.forEach((step, index) => {
      const timestampWrites = { querySet, beginningOfPassWriteIndex: index * 2, endOfPassWriteIndex: index * 2 + 1 };
      const pass = encoder.beginComputePass({ label: step.step.label, timestampWrites });
      for (let turn = 0; turn < repeat; turn++) encodeStep(pass, step);
      pass.end();
    });
    encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, count * 8);
    gpu.queue.submit([encoder.finish()]);
    return { querySet, resolved, staging };
  });
  const { querySet, resolved, staging } = work.result;
  try {
    const failure = await work.failure;
    if (failure !== undefined) throw failure;
    await staging.mapAsync(1); // GPUMapMode.READ
    const ticks = new BigUint64Array(staging.getMappedRange());
    // Nanoseconds; a driver may report an end before its beginning across a clock change, which is no time at all.
    return steps.map((_, index) =>
      Math.max(0, Number((ticks[index * 2 + 1] as bigint) - (ticks[index * 2] as bigint)) / 1e6),
    );
  } finally {
    for (const resource of [querySet, resolved, staging]) resource.destroy();
  }
}

async function timeBySubmission(gpu: GPUDevice, name: string, step: BoundStep, repeat: number): Promise<number> {
  const started = performance.now();
  const work = scoped(gpu, `profiling ${name}`, () => {
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let turn = 0; turn < repeat; turn++) encodeStep(pass, step);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  });
  await gpu.queue.onSubmittedWorkDone();
  const failure = await work.failure;
  if (failure !== undefined) throw failure;
  return performance.now() - started;
}
