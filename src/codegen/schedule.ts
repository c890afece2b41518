/** Schedules: the choices that do not change what a kernel computes, as plain data. */
import type { DeviceProfile, MatrixProduct } from "./device-profile.ts";

/** How the tile of a contraction is computed (lower-contraction.ts). */
export interface ContractionSchedule {
  /** Rows of a thread's tile. */
  readonly rows: number;
  /** vec4 columns of a thread's tile. */
  readonly vectors: number;
  /** Elements of each summed index in one turn of the innermost loop; 1 where an index is not named. */
  readonly turn: Readonly<Record<string, number>>;
  /** Where the threads of a workgroup have the same rows, and load them together. */
  readonly shared?: SharedLoads;
  /** Where a workgroup keeps what its tiles read in its own memory. */
  readonly block?: WorkgroupBlock;
}

/**
 * A block of tiles: a workgroup's threads stand in rows and columns, and what they read of one summed index is copied into workgroup
 * memory a slice at a time.
 */
export interface WorkgroupBlock {
  readonly threadRows: number;
  readonly threadColumns: number;
  /** Elements of the summed index in a slice. */
  readonly depth: number;
}

/**
 * Loads that the threads of a workgroup have in common: each thread loads one element (or vec4) of a turn and hands it to its
 * subgroup, instead of loading them all.
 */
export interface SharedLoads {
  /** Threads of the workgroup. */
  readonly workgroup: number;
  /** How many of them make a subgroup. */
  readonly subgroup: number;
}

/** How a contraction is computed by the matrix instructions of subgroups (lower-matrix-contraction.ts). */
export interface MatrixSchedule {
  readonly product: MatrixProduct;
  /** Matrices of the result that a subgroup has, in rows and columns. */
  readonly rows: number;
  readonly columns: number;
  /** Invocations of a subgroup, and subgroups of a workgroup in rows and columns. */
  readonly subgroup: number;
  readonly subgroupRows: number;
  readonly subgroupColumns: number;
  /** Elements of the summed index in a slice. */
  readonly depth: number;
}

/** How the rows of an online softmax are computed (lower-online-softmax.ts). */
export interface OnlineSoftmaxSchedule {
  /** Rows of a thread. */
  readonly rows: number;
  /** vec4s of scores of a row that are computed before they are weighed. */
  readonly vectors: number;
  /** Where the rows of a workgroup have the same keys and values, and load them together. */
  readonly shared?: SharedLoads;
  /** Threads of a workgroup that copies what a turn reads into its own memory. */
  readonly copying?: number;
}

/** How a sum without a tile is computed (lower-sum.ts). */
export interface SumSchedule {
  /** Elements (or vec4s) of a thread. */
  readonly rows: number;
  /** True where the terms are written out instead of walked by loops. */
  readonly written: boolean;
  /** Where the threads of a workgroup add up parts of the same sums: how many threads it has, and how many of them a sum. */
  readonly together?: { readonly workgroup: number; readonly parts: number };
}

/** How reductions of rows are computed (lower-rows.ts). */
export interface RowSchedule {
  /** Threads that walk a row together: 1, or all of a workgroup. */
  readonly threads: number;
}

export type KernelSchedule = ContractionSchedule | MatrixSchedule | OnlineSoftmaxSchedule | SumSchedule | RowSchedule;

/** What all kernels for a device have in common. */
export interface DeviceSchedule {
  /** Invocations of a workgroup, where a kernel has no reason for another number. */
  readonly workgroupSize: number;
  /** True where the driver is kept from unrolling loops with large bodies. */
  readonly keepsLoops: boolean;
  /** Contractions of fewer multiply-adds get small tiles: they take longer to compile than to run. */
  readonly lightWork: number;
  /** Invocations of a subgroup, where there are subgroups and all have the same size. */
  readonly subgroup?: number;
  /** Workgroup memory worth using, and the threads that can share it; absent where it is no faster than any other memory. */
  readonly workgroupMemory?: { readonly bytes: number; readonly threads: number };
  /** Products that subgroups compute in one instruction. */
  readonly matrices?: readonly MatrixProduct[];
}

/**
 * The schedule for a device. Software adapters run workgroups on CPU threads with SIMD lanes for invocations: register
 * blocks pay, workgroup memory and barriers do not.
 */
export function deviceSchedule(profile: DeviceProfile): DeviceSchedule {
  const isSoftware = profile.kind === "software";
  const [smallest, largest] = profile.limits.subgroupSize;
  const hasSubgroups = profile.features.subgroups && smallest === largest && smallest > 1;
  return {
    workgroupSize: 64,
    // Unrolled by a software driver, a convolution takes two seconds to compile instead of one, and a layer norm over 6 × 3 × 5
    // elements fifteen; neither runs faster.
    keepsLoops: isSoftware,
    // A small contraction takes a quarter of the time to compile with one row and one vector, and no noticeable time to run.
    lightWork: isSoftware ? 2 ** 19 : 0,
    ...(hasSubgroups ? { subgroup: smallest } : {}),
    ...(profile.features.matrices === undefined ? {} : { matrices: profile.features.matrices }),
    ...(isSoftware
      ? {}
      : {
          workgroupMemory: {
            bytes: profile.limits.workgroupStorageBytes,
            threads: Math.min(profile.limits.maxWorkgroupSize, profile.limits.maxWorkgroupSizePerAxis[0]),
          },
        }),
  };
}
