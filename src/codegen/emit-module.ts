/**
 * A plan as the files of a module that runs without the compiler: a typed face, kernels, plan and manifest. The same plan gives the same
 * bytes, whatever the machine and the hour.
 */
import { byteLength, type TensorType } from "../ir/index.ts";
import { storePlan } from "./emit-module-plan.ts";
import { printModuleSource } from "./emit-module-source.ts";
import { type Plan, type PlanTensor, stepsOfRun } from "./plan.ts";

export interface ModuleRequest {
  readonly plan: Plan;
  /** Path of the source text, from whose folder other paths are told. */
  readonly sourcePath: string;
  /** What wrote the module: `weft 0.1.0`. */
  readonly generator: string;
  /** True when `weights.safetensors` will lie beside the module. */
  readonly hasWeights: boolean;
}

/** A file of the module; `path` is relative to its folder, with slashes. */
export interface ModuleFile {
  readonly path: string;
  readonly text: string;
}

/** Names that the module refers to, and that whoever writes it to disk adds. */
export const moduleRuntimeFiles = ["runtime.js", "runtime-node.js", "runtime.d.ts"] as const;
export const moduleWeightsFile = "weights.safetensors";

/** The files of a module, without the runtime and the weights. */
export async function emitModule(request: ModuleRequest): Promise<readonly ModuleFile[]> {
  const { plan, hasWeights } = request;
  const kernelPaths = plan.kernels.map(({ name }, index) => kernelPath(name, index, plan.kernels.length));
  const weights = hasWeights ? moduleWeightsFile : undefined;
  const { typescript, javascript } = await printModuleSource({ plan, kernelPaths, weights });
  const files: ModuleFile[] = [
    { path: "index.ts", text: typescript },
    { path: "index.js", text: javascript },
    { path: "plan.json", text: json(storePlan(plan, request.sourcePath)) },
    ...plan.kernels.map(({ wgsl }, index) => ({ path: kernelPaths[index] as string, text: wgsl })),
    { path: "package.json", text: json(packageOf(plan)) },
  ];
  const paths = [
    ...files.map(({ path }) => path),
    "manifest.json",
    ...moduleRuntimeFiles,
    ...(weights ? [weights] : []),
  ];
  return [...files, { path: "manifest.json", text: json(manifestOf(request, kernelPaths, paths.sort())) }];
}

const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`;

/** `kernels/07-softmax.wgsl`; names in the source may hold letters that file systems treat differently. */
function kernelPath(name: string, index: number, count: number): string {
  const number = String(index).padStart(String(count - 1).length, "0");
  return `kernels/${number}-${name.replaceAll(/[^A-Za-z0-9_]/g, "_").slice(0, 60)}.wgsl`;
}

/** Makes the folder a package of its own, so that Node takes its files for modules wherever it lies. */
function packageOf(plan: Plan): unknown {
  const name = plan.name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
  return {
    name: name === "" ? "weft-module" : name,
    private: true,
    type: "module",
    exports: { ".": { types: "./index.ts", default: "./index.js" }, "./*": "./*" },
    peerDependencies: { webgpu: "*" },
    peerDependenciesMeta: { webgpu: { optional: true } },
  };
}

function manifestOf(request: ModuleRequest, kernelPaths: readonly string[], files: readonly string[]): unknown {
  const { plan, sourcePath, generator, hasWeights } = request;
  const stored = storePlan(plan, sourcePath);
  const run = stepsOfRun(plan);
  const slices = plan.steps.flatMap((step) => step.slices);
  const tensors = [...plan.inputs, ...plan.parameters, ...plan.constants, ...plan.outputs];
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  return {
    format: 1,
    generator,
    name: plan.name,
    source: sourcePath.slice(sourcePath.lastIndexOf("/") + 1),
    inputs: plan.inputs.map(describe),
    outputs: plan.outputs.map(describe),
    parameters: plan.parameters.map(describe),
    weights: hasWeights ? moduleWeightsFile : null,
    kernels: stored.kernels.map(({ name, entryPoint, bindings }, index) => ({
      file: kernelPaths[index],
      name,
      entryPoint,
      bindings,
      dispatches: run.filter(({ kernel }) => kernel === index).length,
    })),
    requires: {
      features: stored.features,
      maxStorageBufferBindingSize: Math.max(0, ...slices.map(({ size }) => size)),
      maxBufferSize: Math.max(0, ...plan.arenas, ...tensors.map(({ bytes }) => bytes)),
      maxStorageBuffersPerShaderStage: Math.max(0, ...plan.kernels.map(({ bindings }) => bindings.length)),
    },
    totals: {
      dispatches: run.length,
      preparation: plan.prepared,
      flops: sum(run.map(({ flops }) => flops)),
      bytesMoved: sum(run.map(({ bytes }) => bytes)),
      activationBytes: sum(plan.arenas),
      parameterBytes: sum(plan.parameters.map(({ type }) => byteLength(type))),
    },
    files,
  };
}

function describe({ name, type }: PlanTensor): { readonly name: string } & TensorType {
  return { name, ...type };
}
