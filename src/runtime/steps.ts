/** Steps of a plan bound to their pipelines and buffers, ready to be encoded. */
import type { PlanStep } from "../codegen/plan.ts";
import type { BufferSet } from "./buffers.ts";
import type { CompiledKernel } from "./pipelines.ts";

/** A step with everything that encoding it needs. Steps without a workgroup (empty tensors) are left out. */
export interface BoundStep {
  readonly step: PlanStep;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
}

/** Makes the bind group of every step. */
export function bindSteps(
  gpu: GPUDevice,
  steps: readonly PlanStep[],
  kernels: readonly CompiledKernel[],
  buffers: BufferSet,
): BoundStep[] {
  const bound: BoundStep[] = [];
  for (const step of steps) {
    if (step.workgroups.includes(0)) continue;
    const { pipeline, layout } = kernels[step.kernel] as CompiledKernel;
    const entries = step.slices.map((slice, binding) => ({
      binding,
      resource: { buffer: buffers.get(slice.buffer), offset: slice.offset, size: slice.size },
    }));
    bound.push({ step, pipeline, group: gpu.createBindGroup({ label: step.label, layout, entries }) });
  }
  return bound;
}

/** Adds one step to a compute pass. */
export function encodeStep(pass: GPUComputePassEncoder, { pipeline, group, step }: BoundStep): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...step.workgroups);
}
