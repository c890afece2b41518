/** Looks through a plan before anything is created: does the device hold it, and does it keep WebGPU's rules? */
import type { DeviceProfile } from "../codegen/device-profile.ts";
import type { BufferRef, Plan, PlanStep } from "../codegen/plan.ts";
import { byteLength, printType } from "../ir/index.ts";
import { DeviceError, PlanError } from "./errors.ts";
import { printOrigins } from "./pipelines.ts";

/** One string per buffer: `arena 0`, `input tokens`. */
export function bufferKey(ref: BufferRef): string {
  return ref.kind === "arena" ? `arena ${ref.index}` : `${ref.kind} ${ref.name}`;
}

/** Every buffer of a plan with its size in bytes, at least 16 so that empty tensors can be bound. */
export function planBuffers(plan: Plan): Map<string, number> {
  const buffers = new Map<string, number>();
  plan.arenas.forEach((bytes, index) => {
    buffers.set(`arena ${index}`, Math.max(16, bytes));
  });
  for (const kind of ["input", "parameter", "constant", "output"] as const) {
    for (const tensor of plan[`${kind}s`]) {
      const key = `${kind} ${tensor.name}`;
      if (buffers.has(key)) throw new PlanError(`plan ${plan.name} declares ${key} twice`);
      if (tensor.bytes % 4 !== 0 || tensor.bytes < byteLength(tensor.type)) {
        throw new PlanError(`${key}: ${tensor.bytes} bytes do not hold ${printType(tensor.type)}`);
      }
      buffers.set(key, Math.max(16, tensor.bytes));
    }
  }
  return buffers;
}

/**
 * Checks a plan against a device.
 *
 * @throws DeviceError "limit" naming the tensor or step, its size and the limit; "out-of-memory" when all buffers together
 *   are known not to fit
 * @throws PlanError for what no device would accept
 */
export function checkPlan(plan: Plan, profile: DeviceProfile): void {
  const { limits } = profile;
  const buffers = planBuffers(plan);
  for (const [key, bytes] of buffers) {
    if (bytes > limits.maxBufferBytes) {
      throw tooLarge(describeBuffer(plan, key), "takes", bytes, "one buffer", limits.maxBufferBytes, profile);
    }
  }
  checkTotal(plan, buffers, profile);
  for (const kernel of plan.kernels) {
    if (kernel.bindings.length > limits.maxBindings) {
      throw new DeviceError(
        "limit",
        `kernel ${kernel.name}${printOrigins(kernel.origins)} binds ${kernel.bindings.length} tensors, but ` +
          `${profile.description} allows ${limits.maxBindings} in one kernel`,
        kernel.name,
      );
    }
  }
  for (const step of plan.steps) checkStep(plan, step, buffers, profile);
}

/** A software device hands out more memory than there is and is killed on using it, so that is refused before. */
function checkTotal(plan: Plan, buffers: ReadonlyMap<string, number>, profile: DeviceProfile): void {
  const available = profile.limits.memoryBytes;
  let total = 0;
  for (const bytes of buffers.values()) total += bytes;
  if (available === undefined || total <= available) return;
  const largest = [...buffers].sort(([, a], [, b]) => b - a).slice(0, 3);
  throw new DeviceError(
    "out-of-memory",
    `${plan.name} needs ${printBytes(total)}, but ${profile.description} has ${printBytes(available)}; the largest: ` +
      largest.map(([key, bytes]) => `${describeBuffer(plan, key)}, ${printBytes(bytes)}`).join("; "),
  );
}

function checkStep(plan: Plan, step: PlanStep, buffers: ReadonlyMap<string, number>, profile: DeviceProfile): void {
  const { limits } = profile;
  const place = `step "${step.label}"${printOrigins(step.origins)}`;
  const kernel = plan.kernels[step.kernel];
  if (kernel === undefined) throw new PlanError(`${place} names kernel ${step.kernel}, which is not in the plan`);
  if (kernel.bindings.length !== step.slices.length) {
    throw new PlanError(`${place} gives ${step.slices.length} slices to ${kernel.bindings.length} bindings`);
  }
  step.workgroups.forEach((count, axis) => {
    if (count > limits.maxWorkgroupsPerDimension) {
      throw new DeviceError(
        "limit",
        `${place} wants ${count} workgroups along ${"xyz"[axis]}, but ${profile.description} allows ` +
          `${limits.maxWorkgroupsPerDimension}`,
        kernel.name,
      );
    }
  });
  const access = new Map<string, "read" | "read_write">();
  step.slices.forEach((slice, binding) => {
    const key = bufferKey(slice.buffer);
    const bytes = buffers.get(key);
    if (bytes === undefined) throw new PlanError(`${place} binds ${key}, which the plan does not declare`);
    if (slice.size > limits.maxBindingBytes) {
      const what = `${place}: ${describeBuffer(plan, key)}`;
      throw tooLarge(what, "is bound with", slice.size, "one binding", limits.maxBindingBytes, profile, kernel.name);
    }
    if (slice.offset % limits.offsetAlignment !== 0 || slice.size % 4 !== 0 || slice.size <= 0) {
      throw new PlanError(`${place} binds ${key} at offset ${slice.offset} with size ${slice.size}: not aligned`);
    }
    if (slice.offset + slice.size > bytes) {
      throw new PlanError(`${place} binds ${key} up to byte ${slice.offset + slice.size} of ${bytes}`);
    }
    const mode = kernel.bindings[binding] as "read" | "read_write";
    const other = access.get(key);
    if (other !== undefined && other !== mode) {
      throw new PlanError(`${place} binds ${key} both read-only and writable, which WebGPU forbids in one dispatch`);
    }
    access.set(key, mode);
  });
}

/** `input x: f32[8, 64]`, `arena 0 (activations)` */
function describeBuffer(plan: Plan, key: string): string {
  for (const kind of ["input", "parameter", "constant", "output"] as const) {
    for (const tensor of plan[`${kind}s`]) {
      if (key === `${kind} ${tensor.name}`) return `${kind} \`${tensor.name}\`: ${printType(tensor.type)}`;
    }
  }
  return `${key} (activations)`;
}

function tooLarge(
  what: string,
  verb: string,
  bytes: number,
  unit: string,
  limit: number,
  profile: DeviceProfile,
  kernel?: string,
): DeviceError {
  return new DeviceError(
    "limit",
    `${what} ${verb} ${printBytes(bytes)}, but ${profile.description} allows ${printBytes(limit)} in ${unit}`,
    kernel,
  );
}

function printBytes(count: number): string {
  return `${count} bytes (${(count / 2 ** 20).toFixed(1)} MiB)`;
}
