/** What code generation and planning must know of a device, as plain data: it can be printed, stored and compared. */

export interface DeviceProfile {
  readonly kind: "gpu" | "software";
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  readonly limits: DeviceLimits;
  readonly features: DeviceFeatures;
}

export interface DeviceLimits {
  /** Bytes that one storage binding can span. */
  readonly maxBindingBytes: number;
  /** Bytes of the largest buffer. */
  readonly maxBufferBytes: number;
  /** Bytes that all buffers together can take, where that is known: a software device lives in the host's memory. */
  readonly memoryBytes?: number;
  /** Storage bindings of one kernel. */
  readonly maxBindings: number;
  /** Invocations of one workgroup, all axes together. */
  readonly maxWorkgroupSize: number;
  /** Invocations along each axis of one workgroup. */
  readonly maxWorkgroupSizePerAxis: readonly [number, number, number];
  /** Workgroups along each axis of one dispatch. */
  readonly maxWorkgroupsPerDimension: number;
  /** Bytes of `var<workgroup>` memory of one workgroup. */
  readonly workgroupStorageBytes: number;
  /** Bytes; the offset of every binding is a multiple of it. */
  readonly offsetAlignment: number;
  /** Smallest and largest number of invocations in a subgroup; `[1, 1]` without the feature. */
  readonly subgroupSize: readonly [number, number];
}

export interface DeviceFeatures {
  readonly f16: boolean;
  readonly subgroups: boolean;
  /** Timestamp queries, for profiles. */
  readonly timestamps: boolean;
  /** Products of small matrices that a subgroup computes in one instruction; none unless given. */
  readonly matrices?: readonly MatrixProduct[];
}

/** A product `[rows, depth] × [depth, columns]` of elements of a type, summed in f32. */
export interface MatrixProduct {
  readonly component: "f32" | "f16";
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/** What every WebGPU device offers without asking: for compiling where there is none, and for tests. */
export const baselineProfile: DeviceProfile = {
  kind: "software",
  vendor: "none",
  architecture: "baseline",
  description: "the limits that every WebGPU device has",
  limits: {
    maxBindingBytes: 134_217_728,
    maxBufferBytes: 268_435_456,
    maxBindings: 8,
    maxWorkgroupSize: 256,
    maxWorkgroupSizePerAxis: [256, 256, 64],
    maxWorkgroupsPerDimension: 65_535,
    workgroupStorageBytes: 16_384,
    offsetAlignment: 256,
    subgroupSize: [1, 1],
  },
  features: { f16: false, subgroups: false, timestamps: false },
};
