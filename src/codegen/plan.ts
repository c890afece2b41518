/**
 * The executable plan: all that the runtime needs, as plain data. It can be printed, written to a file and read back.
 */
import type { Origins, TensorType } from "../ir/index.ts";

/** Where a range of bytes lives. Arena buffers hold activations; the others belong to one named tensor each. */
export type BufferRef =
  | { readonly kind: "arena"; readonly index: number }
  | { readonly kind: "input" | "parameter" | "constant" | "output"; readonly name: string };

export interface BufferSlice {
  readonly buffer: BufferRef;
  /** Bytes; a multiple of the device's storage-buffer offset alignment. */
  readonly offset: number;
  /** Bytes; a multiple of 4. */
  readonly size: number;
}

export interface PlanTensor {
  readonly name: string;
  readonly type: TensorType;
  /** Bytes of the tensor's own buffer, rounded up to 16 so that vec4 views fit. */
  readonly bytes: number;
}

export interface PlanKernel {
  readonly name: string;
  readonly wgsl: string;
  readonly entryPoint: string;
  /** Access of each binding, in binding order (group 0). */
  readonly bindings: readonly ("read" | "read_write")[];
  readonly origins: Origins;
}

export interface PlanStep {
  /** Index into `kernels`. */
  readonly kernel: number;
  /** One slice per binding. */
  readonly slices: readonly BufferSlice[];
  readonly workgroups: readonly [number, number, number];
  readonly flops: number;
  /** Bytes read plus bytes written, each tensor counted once. */
  readonly bytes: number;
  /** For reports: what this step computes, in the source's names. */
  readonly label: string;
  readonly origins: Origins;
}

export interface Plan {
  readonly name: string;
  readonly inputs: readonly PlanTensor[];
  readonly parameters: readonly PlanTensor[];
  /** Literal data uploaded once, e.g. folded tables. */
  readonly constants: readonly (PlanTensor & { readonly values: readonly number[] })[];
  readonly outputs: readonly PlanTensor[];
  /** Bytes of each arena buffer. */
  readonly arenas: readonly number[];
  readonly kernels: readonly PlanKernel[];
  readonly steps: readonly PlanStep[];
  /** How many of the steps, the first ones, depend on parameters alone: they run when parameters are written, the others in every run. */
  readonly prepared: number;
}

/** The steps that every run of a plan goes through. */
export function stepsOfRun({ steps, prepared }: Pick<Plan, "steps" | "prepared">): readonly PlanStep[] {
  return steps.slice(prepared);
}

/** A plan as `plan.json` of a built module: each kernel's WGSL is a file of its own, numbers that JSON lacks are strings. */
export interface StoredPlan extends Omit<Plan, "kernels" | "constants"> {
  readonly format: 1;
  readonly kernels: readonly Omit<PlanKernel, "wgsl">[];
  readonly constants: readonly (PlanTensor & { readonly values: readonly (number | string)[] })[];
  /** Optional features of WebGPU that the kernels use, by WebGPU's names. */
  readonly features: readonly string[];
}
