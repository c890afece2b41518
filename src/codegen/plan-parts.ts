/** The parts that plans are made of: tensors, kernels as texts, dispatches. */
import { byteLength, type TensorType } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import type { DeviceProfile } from "./device-profile.ts";
import { kernelName, type LoweredKernel } from "./lowering.ts";
import type { PlanKernel, PlanTensor } from "./plan.ts";
import type { DeviceSchedule } from "./schedule.ts";
import { printWgsl } from "./wgsl.ts";

/** A graph does not fit a device: too large a tensor, too many workgroups. The user can do something about it. */
export class PlanLimitError extends Error {
  override readonly name = "PlanLimitError";
}

/** Bytes of a tensor's range in a buffer: whole vec4s, and never none (WebGPU has no empty bindings). */
export function storedBytes(type: TensorType): number {
  return Math.max(16, Math.ceil(byteLength(type) / 16) * 16);
}

export function planTensor(name: string, type: TensorType): PlanTensor {
  return { name, type, bytes: storedBytes(type) };
}

export interface DispatchShape {
  readonly workgroups: readonly [number, number, number];
  /** True where threads must ask whether they have work. */
  readonly guard: boolean;
}

/**
 * Workgroups of a kernel, and whether some of their threads have no work.
 *
 * @throws PlanLimitError when the device starts fewer in one dispatch
 */
export function dispatchShape(
  group: KernelGroup,
  lowered: LoweredKernel,
  workgroupSize: number,
  profile: DeviceProfile,
): DispatchShape {
  const most = profile.limits.maxWorkgroupsPerDimension;
  const { written } = lowered.kernel;
  if (written !== undefined) {
    if (written.workgroups.some((count) => count > most)) {
      throw new PlanLimitError(
        `${lowered.kernel.name} asks for ${written.workgroups.join(" × ")} workgroups; this device starts ${most} at most along an axis`,
      );
    }
    return { workgroups: [...written.workgroups] as [number, number, number], guard: false };
  }
  const { team, oneWorkgroup, thread } = lowered.kernel;
  const threads = oneWorkgroup === true ? workgroupSize : thread.extent;
  const size = team?.size ?? workgroupSize;
  const groups = Math.ceil(threads / size);
  const x = Math.min(groups, most);
  const y = Math.ceil(groups / x);
  if (y > most || threads >= 2 ** 32) {
    throw new PlanLimitError(
      `${kernelName(group)} needs ${threads.toLocaleString("en")} threads, more than this device starts in one dispatch`,
    );
  }
  const workgroups: [number, number, number] = [x, y, 1];
  return { workgroups, guard: x * y * size !== threads };
}

/** The WGSL of a kernel that is started in this shape. */
export function kernelText({ kernel }: LoweredKernel, shape: DispatchShape, schedule: DeviceSchedule): string {
  if (kernel.written !== undefined) return kernel.written.wgsl;
  return printWgsl(kernel, {
    workgroupSize: schedule.workgroupSize,
    workgroupsAlongX: shape.workgroups[0],
    guard: shape.guard,
    keepsLoops: schedule.keepsLoops,
  });
}

/** A kernel as a plan lists it. */
export function planKernel({ kernel }: LoweredKernel, wgsl: string): PlanKernel {
  const bindings = kernel.buffers.map((buffer) => buffer.access);
  return { name: kernel.name, wgsl, entryPoint: "main", bindings, origins: kernel.origins };
}
