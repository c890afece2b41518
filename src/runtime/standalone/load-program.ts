/** A built module made ready to run: its plan read, its weights opened and checked, its kernels on a device. */

import type { Plan, StoredPlan } from "../../codegen/plan.ts";
import { printType, sameShape } from "../../ir/index.ts";
import { openDevice as openWeftDevice, type WeftDevice } from "../device.ts";
import { DeviceError, InputError, WeightsError } from "../errors.ts";
import { prepare } from "../executable.ts";
import type { HostTensor } from "../host-data.ts";
import { openWeightsAnywhere, readText } from "./files.ts";
import type { Device, DeviceOptions, LoadOptions, ModuleFiles, Program } from "./runtime.d.ts";
import { readStoredPlan } from "./stored-plan.ts";
import { hostTensor } from "./tensors.ts";

/** See runtime.d.ts. */
export async function openDevice(options: DeviceOptions = {}): Promise<Device> {
  return openForModules(options);
}

async function openForModules({ prefer = "auto", gpu }: DeviceOptions): Promise<WeftDevice> {
  try {
    return await openWeftDevice({ prefer, ...(gpu === undefined ? {} : { gpu: gpu as unknown as GPU }) });
  } catch (error) {
    if (isMissingPackage(error)) {
      throw new DeviceError(
        "no-adapter",
        "in Node, WebGPU comes from the npm package `webgpu`, which is not installed here: `npm install webgpu`, or give `gpu`",
      );
    }
    if (!(error instanceof DeviceError) || error.code !== "no-adapter") throw error;
    const [what] = error.message.split(". ");
    throw new DeviceError(
      "no-adapter",
      `${what}. Browsers need WebGPU switched on; on Linux, Mesa's lavapipe of version 25 or later serves without a GPU`,
    );
  }
}

function isMissingPackage(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return code === "ERR_MODULE_NOT_FOUND" && message?.includes("'webgpu'") === true;
}

/** See runtime.d.ts. */
export async function loadProgram<Inputs extends object, Outputs extends object, Parameters extends object>(
  files: ModuleFiles,
  options: LoadOptions<Parameters> = {},
): Promise<Program<Inputs, Outputs>> {
  const [json, ...texts] = await Promise.all([files.plan, ...files.kernels].map(readText));
  const plan = readStoredPlan(json as string, texts);
  const weights = await openParameters(plan, files, options as LoadOptions<Readonly<Record<string, unknown>>>);
  let owned: WeftDevice | undefined;
  try {
    owned = options.device === undefined ? await openForModules(options) : undefined;
    const device = owned ?? (options.device as WeftDevice);
    checkFeatures(plan, device);
    const { onProgress } = options;
    const executable = await prepare(device, plan, { parameters: weights.read, ...(onProgress && { onProgress }) });
    const close = owned;
    return {
      name: plan.name,
      adapter: device.description,
      deviceBytes: executable.deviceBytes,
      run: async (inputs, { read } = {}) => {
        const values = await executable.run(hostInputs(plan, inputs), read && { read: read as readonly string[] });
        const outputs = plan.outputs.filter(({ name }) => Object.hasOwn(values, name));
        return Object.fromEntries(
          outputs.map(({ name, type }) => [name, { dtype: type.dtype, shape: type.shape, data: values[name] }]),
        ) as never;
      },
      dispose: () => {
        executable.dispose();
        close?.close();
      },
    };
  } catch (error) {
    owned?.close();
    throw error;
  } finally {
    await weights.close();
  }
}

function checkFeatures({ name, features }: StoredPlan, { profile }: WeftDevice): void {
  if (features.includes("shader-f16") && !profile.features.f16) {
    const what = `${name} keeps values in half precision, which ${profile.description} does not have (shader-f16)`;
    throw new DeviceError("limit", `${what}; build it with values in f32`);
  }
}

function hostInputs(plan: Plan, inputs: object): Record<string, HostTensor> {
  const values: Record<string, HostTensor> = {};
  for (const [name, value] of Object.entries(inputs ?? {})) {
    const declared = plan.inputs.find((input) => input.name === name);
    if (declared === undefined) {
      const names = plan.inputs.map((input) => `\`${input.name}\``).join(", ") || "no inputs";
      throw new InputError(name, `${plan.name} has no input called \`${name}\`; it takes ${names}`);
    }
    values[name] = hostTensor("input", name, declared.type, value);
  }
  return values;
}

interface OpenParameters {
  readonly read: (name: string) => Promise<HostTensor>;
  readonly close: () => Promise<void>;
}

async function openParameters(
  plan: Plan,
  files: ModuleFiles,
  options: LoadOptions<Readonly<Record<string, unknown>>>,
): Promise<OpenParameters> {
  const source = options.weights ?? files.weights;
  const types = new Map(plan.parameters.map(({ name, type }) => [name, type]));
  const typeOf = (name: string) => types.get(name) as Plan["parameters"][number]["type"];
  if (typeof source === "function") {
    return {
      read: async (name) => hostTensor("parameter", name, typeOf(name), await source(name)),
      close: async () => undefined,
    };
  }
  if (types.size === 0) return { read: () => Promise.reject(new Error("no parameters")), close: async () => undefined };
  if (source === undefined) {
    throw new WeightsError(
      `${plan.name} has ${types.size} parameters and was built without values for them: give \`weights\`, ` +
        "or build with --weights FILE or --seed N",
    );
  }
  const file = await openWeightsAnywhere(source);
  const problems = [...types].flatMap(([name, type]) => {
    const stored = file.tensors.get(name);
    if (stored === undefined) return [`${name}: ${printType(type)} is missing`];
    return sameShape(stored.shape, type.shape)
      ? []
      : [`${name} is [${stored.shape.join(", ")}], but ${plan.name} wants ${printType(type)}`];
  });
  if (problems.length > 0) {
    await file.close();
    throw new WeightsError(`the weights do not fit ${plan.name}:\n  ${problems.join("\n  ")}`);
  }
  return { read: (name) => file.read(name, typeOf(name).dtype), close: () => file.close() };
}
