/** Compute pipelines: compiled asynchronously and in parallel, each distinct kernel once per device. */
import type { DeviceLimits } from "../codegen/device-profile.ts";
import type { PlanKernel } from "../codegen/plan.ts";
import { type Origins, printSpan } from "../ir/index.ts";
import { DeviceError } from "./errors.ts";

export interface CompiledKernel {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

export interface PipelineCache {
  /** Compiles a kernel, or returns the one compiled before from the same text. Rejects with `DeviceError` "kernel". */
  compile(kernel: PlanKernel): Promise<CompiledKernel>;
  /** Distinct kernels compiled so far. */
  size(): number;
}

/** ` (from attention.weft:3:7)`, or nothing for a kernel without a place. */
export function printOrigins(origins: Origins): string {
  return origins.length === 0 ? "" : ` (from ${origins.map(printSpan).join(", ")})`;
}

export function createPipelineCache(gpu: GPUDevice, limits: DeviceLimits): PipelineCache {
  const compiled = new Map<string, Promise<CompiledKernel>>();
  const layouts = new Map<string, GPUBindGroupLayout>();

  const layoutFor = (bindings: PlanKernel["bindings"]): GPUBindGroupLayout => {
    const key = bindings.join();
    const known = layouts.get(key);
    if (known !== undefined) return known;
    const layout = gpu.createBindGroupLayout({
      entries: bindings.map((access, binding) => ({
        binding,
        visibility: 4, // GPUShaderStage.COMPUTE
        buffer: { type: access === "read" ? "read-only-storage" : "storage" },
      })),
    });
    layouts.set(key, layout);
    return layout;
  };

  const compile = async (kernel: PlanKernel): Promise<CompiledKernel> => {
    if (kernel.bindings.length > limits.maxBindings) {
      throw new DeviceError(
        "limit",
        `kernel ${kernel.name}${printOrigins(kernel.origins)} binds ${kernel.bindings.length} tensors, but the device ` +
          `allows ${limits.maxBindings} in one kernel`,
        kernel.name,
      );
    }
    gpu.pushErrorScope("validation");
    const module = gpu.createShaderModule({ label: kernel.name, code: kernel.wgsl });
    const layout = layoutFor(kernel.bindings);
    const early = gpu.popErrorScope();
    try {
      const pipeline = await gpu.createComputePipelineAsync({
        label: kernel.name,
        layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: kernel.entryPoint },
      });
      await early.catch(() => undefined);
      return { pipeline, layout };
    } catch (error) {
      // The scope's own message about a bad module already holds the compiler's.
      const first = await early.catch(() => null);
      const message = await compilationMessage(module, kernel.wgsl);
      const text = message ?? first?.message ?? (error as Error).message;
      throw new DeviceError(
        "kernel",
        `kernel ${kernel.name}${printOrigins(kernel.origins)} does not compile: ${text}`,
        kernel.name,
      );
    }
  };

  return {
    size: () => compiled.size,
    compile: (kernel) => {
      const key = [kernel.entryPoint, kernel.bindings.join(), kernel.wgsl].join("\n");
      let entry = compiled.get(key);
      if (entry === undefined) {
        entry = compile(kernel);
        compiled.set(key, entry);
        // A failure is not remembered: it may have been a shortage of memory.
        entry.catch(() => compiled.delete(key));
      }
      return entry;
    },
  };
}

/** The shader compiler's errors with the lines they are about, or undefined when it had none. */
async function compilationMessage(module: GPUShaderModule, wgsl: string): Promise<string | undefined> {
  const info = await module.getCompilationInfo().catch(() => undefined);
  const errors = info?.messages.filter((message) => message.type === "error") ?? [];
  if (errors.length === 0) return undefined;
  const lines = wgsl.split("\n");
  return errors
    .map((error) => `${error.message}\n  ${error.lineNum}:${error.linePos} | ${lines[error.lineNum - 1]?.trim() ?? ""}`)
    .join("\n");
}
