/** A plan made ready on a device: pipelines, buffers and bind groups exist, and running is one submission. */
import { type BufferRef, type Plan, type PlanTensor, stepsOfRun } from "../codegen/plan.ts";
import { byteLength } from "../ir/index.ts";
import { type BufferSet, upload } from "./buffers.ts";
import type { WeftDevice } from "./device.ts";
import { DeviceError, InputError } from "./errors.ts";
import {
  checkedData,
  decodeFromDevice,
  encodeForDevice,
  type HostArray,
  type HostValue,
  hostArrayFromNumbers,
} from "./host-data.ts";
import { type PrepareOptions, type PrepareTimes, preparePlan } from "./prepare-plan.ts";
import { profileSteps, type StepProfile } from "./profile.ts";
import { scoped } from "./scopes.ts";
import { createStaging } from "./staging.ts";
import { type BoundStep, bindSteps, encodeStep } from "./steps.ts";

export interface RunOptions {
  /** Names of the outputs to read back; all when left out. */
  readonly read?: readonly string[];
  /**
   * After the steps, on the device: copies an output over an input or a parameter of the same size, as a training step does
   * with its weights. An input written this way may be left out of the next run.
   */
  readonly carry?: readonly { readonly output: string; readonly to: string }[];
}

export interface Executable {
  readonly plan: Plan;
  /** ms that `prepare` spent, for reports. */
  readonly prepareMs: PrepareTimes;
  /** Bytes of all buffers, parameters and activations included. */
  readonly deviceBytes: number;
  /** Runs once. Runs of one executable follow each other; the caller's arrays are read before the promise settles. */
  run(inputs: Readonly<Record<string, HostValue>>, options?: RunOptions): Promise<Record<string, HostArray>>;
  /** Times whole runs, without what is done once for parameters, on the data uploaded last, without upload and read-back; wall-clock ms of each. */
  time(options: { readonly repeat: number; readonly warmup?: number }): Promise<{ readonly ms: readonly number[] }>;
  /** Time of every step, on the data uploaded last. */
  profile(): Promise<readonly StepProfile[]>;
  /** Reads a parameter, an input or an output back from the device. */
  read(name: string): Promise<HostArray>;
  /** Copies other buffers over parameters, on the device: `from` gives each parameter's, or none to leave it. */
  copyParameters(from: (name: string) => GPUBuffer | undefined): Promise<void>;
  /** Frees the buffers; the pipelines stay with the device for the next executable. */
  dispose(): void;
}

/**
 * Makes a plan ready on a device.
 *
 * @throws DeviceError "limit" before anything is created, "kernel" naming the kernel that does not compile, "out-of-memory"
 * @throws InputError when a parameter's data does not fit its declaration
 */
export async function prepare(device: WeftDevice, plan: Plan, options: PrepareOptions = {}): Promise<Executable> {
  const { buffers, bound, prepareMs } = await preparePlan(device, plan, options, (kernels, made) => ({
    preparation: bindSteps(device.gpu, plan.steps.slice(0, plan.prepared), kernels, made),
    everyRun: bindSteps(device.gpu, stepsOfRun(plan), kernels, made),
  }));
  return createExecutable(device, plan, buffers, bound, prepareMs);
}

function createExecutable(
  device: WeftDevice,
  plan: Plan,
  buffers: BufferSet,
  steps: { readonly preparation: readonly BoundStep[]; readonly everyRun: readonly BoundStep[] },
  prepareMs: Executable["prepareMs"],
): Executable {
  const { gpu } = device;
  const written = new Set<string>();
  const staging = createStaging(gpu);
  /** True while parameters are newer than what was computed from them. */
  let unprepared = true;
  let disposed = false;
  let last: Promise<unknown> = Promise.resolve();

  /** Work of one executable shares its buffers, so it waits for the work before it, whatever became of that. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(() => {
      if (disposed) throw new DeviceError("lost", `${plan.name} was disposed of`);
      return device.guard(work());
    });
    last = turn.catch(() => undefined);
    return turn;
  };

  const find = (name: string, kinds: readonly ("input" | "parameter" | "output")[]): [BufferRef, PlanTensor] => {
    for (const kind of kinds) {
      const tensor = plan[`${kind}s`].find((candidate) => candidate.name === name);
      if (tensor !== undefined) return [{ kind, name }, tensor];
    }
    throw new InputError(name, `${plan.name} has no ${kinds.join(" or ")} called \`${name}\``);
  };

  /** Encodes, submits, waits for WebGPU's verdict, and reads the given tensors back. `again`: the same will be read in the next run. */
  const submit = async (
    encode: (encoder: GPUCommandEncoder) => void,
    read: readonly (readonly [BufferRef, PlanTensor])[],
    again = false,
  ): Promise<Record<string, HostArray>> => {
    let stagingBytes = 0;
    const copies = read.map(([ref, tensor]) => {
      const offset = stagingBytes;
      const size = Math.ceil(byteLength(tensor.type) / 4) * 4;
      stagingBytes += Math.ceil(size / 16) * 16;
      return { ref, tensor, offset, size };
    });
    if (stagingBytes > device.profile.limits.maxBufferBytes) {
      throw new DeviceError(
        "limit",
        `reading ${stagingBytes} bytes back at once from ${plan.name} is more than the device's largest buffer ` +
          `(${device.profile.limits.maxBufferBytes} bytes); read fewer outputs per run`,
      );
    }
    return staging.use(stagingBytes, again, async (take) => {
      const work = scoped(gpu, `running ${plan.name}`, () => {
        const encoder = gpu.createCommandEncoder({ label: plan.name });
        encode(encoder);
        const target = take();
        for (const { ref, offset, size } of copies) {
          if (target !== undefined && size > 0) {
            encoder.copyBufferToBuffer(buffers.get(ref), 0, target, offset, size);
          }
        }
        gpu.queue.submit([encoder.finish()]);
        return target;
      });
      const failure = await work.failure;
      if (failure !== undefined) throw failure;
      if (work.result === undefined) {
        await gpu.queue.onSubmittedWorkDone();
        return Object.fromEntries(
          copies.map(({ tensor }) => [tensor.name, hostArrayFromNumbers(tensor.type.dtype, [])]),
        );
      }
      await work.result.mapAsync(1, 0, stagingBytes); // GPUMapMode.READ
      const mapped = work.result.getMappedRange(0, stagingBytes);
      return Object.fromEntries(
        copies.map(({ tensor, offset }) => [tensor.name, decodeFromDevice(tensor.type, mapped, offset)]),
      );
    });
  };

  const encodeSteps = (bound: readonly BoundStep[]) => (encoder: GPUCommandEncoder) => {
    const pass = encoder.beginComputePass({ label: plan.name });
    for (const step of bound) encodeStep(pass, step);
    pass.end();
  };
  const encodeRun = encodeSteps(steps.everyRun);

  /** Computes what depends on parameters alone, where that is not done yet. */
  const prepareParameters = async () => {
    if (unprepared && steps.preparation.length > 0) await submit(encodeSteps(steps.preparation), []);
    unprepared = false;
  };

  const uploadInputs = (inputs: Readonly<Record<string, HostValue>>) => {
    for (const name of Object.keys(inputs)) find(name, ["input"]);
    // All are checked before any is written, so that a refused run changes nothing.
    const checked = plan.inputs.map(({ name, type }) => {
      const value = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
      if (value === undefined) {
        if (written.has(name)) return undefined;
        throw new InputError(name, `input \`${name}\` is missing; ${plan.name} takes ${listNames(plan.inputs)}`);
      }
      return { name, bytes: encodeForDevice(type.dtype, checkedData("input", name, type, value)) };
    });
    for (const input of checked) {
      if (input === undefined) continue;
      written.delete(input.name);
      upload(gpu, buffers.get({ kind: "input", name: input.name }), input.bytes);
    }
  };

  const carries = (options: RunOptions) =>
    (options.carry ?? []).map(({ output, to }) => {
      const [source, from] = find(output, ["output"]);
      const [target, into] = find(to, ["input", "parameter"]);
      if (from.type.dtype !== into.type.dtype || from.bytes !== into.bytes) {
        throw new InputError(to, `output \`${output}\` cannot be carried to \`${to}\`: they differ in type`);
      }
      if (target.kind === "input" && into.type.below !== undefined && from.type.below !== into.type.below) {
        throw new InputError(
          to,
          `output \`${output}\` is not known to be an idx<${into.type.below}>, as \`${to}\` must`,
        );
      }
      return { source: buffers.get(source), target: buffers.get(target), size: from.bytes, to, kind: target.kind };
    });

  return {
    plan,
    prepareMs,
    deviceBytes: buffers.bytes,
    run: (inputs, options = {}) =>
      inTurn(async () => {
        const read = (options.read ?? plan.outputs.map(({ name }) => name)).map((name) => find(name, ["output"]));
        const moves = carries(options);
        uploadInputs(inputs);
        await prepareParameters();
        const outputs = await submit(
          (encoder) => {
            encodeRun(encoder);
            for (const { source, target, size } of moves) encoder.copyBufferToBuffer(source, 0, target, 0, size);
          },
          read,
          true,
        );
        for (const { to, kind } of moves) {
          if (kind === "input") written.add(to);
          else unprepared = true;
        }
        return outputs;
      }),
    time: ({ repeat, warmup = 1 }) =>
      inTurn(async () => {
        const ms: number[] = [];
        await prepareParameters();
        for (let i = -warmup; i < repeat; i++) {
          const started = performance.now();
          await submit(encodeRun, []);
          if (i >= 0) ms.push(performance.now() - started);
        }
        return { ms };
      }),
    profile: () => inTurn(() => profileSteps(device, plan.name, [...steps.preparation, ...steps.everyRun])),
    read: (name) =>
      inTurn(async () => {
        const outputs = await submit(() => undefined, [find(name, ["parameter", "input", "output"])]);
        return outputs[name] as HostArray;
      }),
    copyParameters: (from) =>
      inTurn(async () => {
        await submit((encoder) => {
          for (const { name, bytes } of plan.parameters) {
            const source = from(name);
            if (source !== undefined)
              encoder.copyBufferToBuffer(source, 0, buffers.get({ kind: "parameter", name }), 0, bytes);
          }
        }, []);
        unprepared = true;
      }),
    dispose: () => {
      if (disposed) return;
      disposed = true;
      buffers.destroy();
      // A run that is under way still reads its results.
      void last.then(() => staging.destroy());
    },
  };
}

function listNames(tensors: readonly PlanTensor[]): string {
  return tensors.map(({ name }) => `\`${name}\``).join(", ") || "no inputs";
}
