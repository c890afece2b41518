/** Schedules: the choices that do not change what a kernel computes, as plain data. */
import type { DeviceProfile } from "./device-profile.ts";

export interface ContractionSchedule {
  /** Rows of a thread's tile. */
  readonly rows: number;
  /** The same where the summed elements cannot be loaded four at a time, so that every load has to serve more products. */
  readonly tallRows: number;
  /** vec4 columns of a thread's tile. */
  readonly vectors: number;
  /** Contractions of fewer multiply-adds get small tiles: they take longer to compile than to run. */
  readonly lightWork: number;
}

export interface KernelSchedule {
  /** Invocations of a workgroup. */
  readonly workgroupSize: number;
  /** True where the driver is kept from unrolling loops with large bodies. */
  readonly keepsLoops: boolean;
  readonly contraction: ContractionSchedule;
}

/**
 * The schedule for a device. Software adapters run workgroups on CPU threads with SIMD lanes for invocations: registers
 * blocks pay, workgroup memory and barriers do not, so there is none of either here.
 */
export function defaultSchedule(profile: DeviceProfile): KernelSchedule {
  // Measured on llvmpipe: 3 × 3 convolutions gain half from tiles twice as tall; products of matrices lose a third.
  // Unrolled by its driver, a convolution takes two seconds to compile instead of one, and a layer norm over 6 × 3 × 5 elements
  // fifteen; neither runs faster.
  const isSoftware = profile.kind === "software";
  // A small contraction takes a quarter of the time to compile with one row and one vector, and no noticeable time to run.
  return {
    workgroupSize: 64,
    keepsLoops: isSoftware,
    contraction: { rows: 4, tallRows: isSoftware ? 8 : 4, vectors: 2, lightWork: isSoftware ? 2 ** 19 : 0 },
  };
}
