/** What every way of running a plan begins with: kernels compiled, buffers made, fixed data uploaded. */
import type { Plan } from "../codegen/plan.ts";
import { type BufferSet, createBuffers, createUploader } from "./buffers.ts";
import type { WeftDevice } from "./device.ts";
import { type DeviceError, InputError } from "./errors.ts";
import { checkedData, encodeForDevice, type HostValue, hostArrayFromNumbers } from "./host-data.ts";
import type { CompiledKernel } from "./pipelines.ts";
import { checkPlan } from "./plan-check.ts";
import { type Scoped, scoped } from "./scopes.ts";

export interface PrepareOptions {
  /** Data of a parameter, by name; asked for one at a time, so that weights can be read lazily. */
  readonly parameters?: (name: string) => HostValue | Promise<HostValue>;
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly stage: "pipelines" | "parameters";
  readonly done: number;
  readonly total: number;
}

/** ms that preparing took, for reports. */
export interface PrepareTimes {
  readonly pipelines: number;
  readonly upload: number;
}

/**
 * Compiles, allocates and uploads, then lets `bind` make the bind groups. When anything fails, the buffers are freed.
 *
 * @throws DeviceError "limit" before anything is created, "kernel" naming the kernel that does not compile, "out-of-memory"
 * @throws InputError when a parameter's data does not fit its declaration
 */
export async function preparePlan<T>(
  device: WeftDevice,
  plan: Plan,
  options: PrepareOptions,
  bind: (kernels: readonly CompiledKernel[], buffers: BufferSet) => T,
): Promise<{ readonly buffers: BufferSet; readonly bound: T; readonly prepareMs: PrepareTimes }> {
  checkPlan(plan, device.profile);
  const started = performance.now();
  const kernels = await compileKernels(device, plan, options);
  const compiled = performance.now();
  const { buffers, failure } = separately(createBuffers(device.gpu, plan));
  try {
    await throwFailure(device, failure);
    await uploadFixedData(device, plan, buffers, options);
    const groups = scoped(device.gpu, `binding the buffers of ${plan.name}`, () => bind(kernels, buffers));
    await throwFailure(device, groups.failure);
    const prepareMs = { pipelines: compiled - started, upload: performance.now() - compiled };
    return { buffers, bound: groups.result, prepareMs };
  } catch (error) {
    buffers.destroy();
    throw error;
  }
}

const separately = ({ result, failure }: Scoped<BufferSet>) => ({ buffers: result, failure });

async function throwFailure(device: WeftDevice, failure: Promise<DeviceError | undefined>): Promise<void> {
  const error = await device.guard(failure);
  if (error !== undefined) throw error;
}

async function compileKernels(device: WeftDevice, plan: Plan, options: PrepareOptions): Promise<CompiledKernel[]> {
  const total = plan.kernels.length;
  let done = 0;
  const compile = plan.kernels.map(async (kernel) => {
    const compiled = await device.pipelines.compile(kernel);
    done++;
    options.onProgress?.({ stage: "pipelines", done, total });
    return compiled;
  });
  return device.guard(Promise.all(compile));
}

async function uploadFixedData(
  device: WeftDevice,
  plan: Plan,
  buffers: BufferSet,
  options: PrepareOptions,
): Promise<void> {
  const uploader = createUploader(device.gpu);
  for (const constant of plan.constants) {
    const data = hostArrayFromNumbers(constant.type.dtype, constant.values);
    const bytes = encodeForDevice(constant.type.dtype, data);
    await device.guard(uploader.write(buffers.get({ kind: "constant", name: constant.name }), bytes));
  }
  const total = plan.parameters.length;
  for (const [index, { name, type }] of plan.parameters.entries()) {
    const value = await options.parameters?.(name);
    if (value === undefined) throw new InputError(name, `parameter \`${name}\` has no data`);
    const bytes = encodeForDevice(type.dtype, checkedData("parameter", name, type, value));
    await device.guard(uploader.write(buffers.get({ kind: "parameter", name }), bytes));
    options.onProgress?.({ stage: "parameters", done: index + 1, total });
  }
}
