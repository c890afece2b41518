/**
 * A plan that is run again and again on its own results, as a training step is: each step is one submission, what it carries from step to step
 * stays on the device, and nothing is created once the first step is made ready.
 *
 * A carried tensor has two buffers, which take turns: what one step writes the next reads. So there are two sets of bind groups, no copies,
 * and no kernel ever writes what another of the same step still reads.
 */
import type { BufferRef, Plan, PlanTensor } from "../codegen/plan.ts";
import { byteLength } from "../ir/index.ts";
import { type BufferSet, upload } from "./buffers.ts";
import type { WeftDevice } from "./device.ts";
import { DeviceError, InputError } from "./errors.ts";
import { checkedData, encodeForDevice, type HostArray, type HostValue } from "./host-data.ts";
import { type PrepareOptions, type PrepareTimes, preparePlan } from "./prepare-plan.ts";
import { createReadBack, type ReadBack } from "./read-back.ts";
import { scoped } from "./scopes.ts";
import { type BoundStep, bindSteps, encodeStep } from "./steps.ts";

export interface StepperOptions extends PrepareOptions {
  /** Outputs that are parameters of the next step. */
  readonly carry: readonly { readonly output: string; readonly to: string }[];
  /** Outputs that each step reads back; small ones, since all of them are waited for. */
  readonly read: readonly string[];
  /** Steps that may be under way at once; 2 unless given, so that the host makes the next one ready while the device works. */
  readonly depth?: number;
}

export interface Stepper {
  readonly plan: Plan;
  readonly prepareMs: PrepareTimes;
  /** Bytes of all buffers, those for reading back included. */
  readonly deviceBytes: number;
  /**
   * Queues one step. The promise gives the outputs to read once the device is through; no more than `depth` steps may be under way.
   *
   * @throws InputError for a missing or ill-fitting input, before anything happens
   */
  step(inputs: Readonly<Record<string, HostValue>>): Promise<Record<string, HostArray>>;
  /** Reads parameters back as they are after all steps queued so far. */
  read(names: readonly string[]): Promise<Record<string, HostArray>>;
  /** The buffer that holds a parameter now; another after the next step. */
  buffer(name: string): GPUBuffer | undefined;
  /** Frees the buffers. */
  dispose(): void;
}

/**
 * Makes a plan ready to be run on its own results.
 *
 * @throws InputError when an output cannot be carried; otherwise as `prepare`
 */
export async function prepareStepper(device: WeftDevice, plan: Plan, options: StepperOptions): Promise<Stepper> {
  const carried = carriedPairs(plan, options.carry);
  const { buffers, bound, prepareMs } = await preparePlan(device, plan, options, (kernels, made) => {
    const views = [made, exchanged(made, carried)] as const;
    const steps = views.map((view) => bindSteps(device.gpu, plan.steps, kernels, view)) as [BoundStep[], BoundStep[]];
    const tensors = options.read.map((name) => findTensor(plan, "output", name));
    return { views, steps, readBack: createReadBack(device.gpu, plan.name, tensors, options.depth ?? 2) };
  });
  return createStepper(device, plan, { ...bound, buffers, prepareMs });
}

interface Prepared {
  readonly buffers: BufferSet;
  readonly views: readonly [BufferSet, BufferSet];
  readonly steps: readonly [BoundStep[], BoundStep[]];
  readonly readBack: ReadBack;
  readonly prepareMs: PrepareTimes;
}

function createStepper(device: WeftDevice, plan: Plan, prepared: Prepared): Stepper {
  const { gpu } = device;
  const { buffers, views, steps, readBack } = prepared;
  const written = new Set<string>();
  let turn: 0 | 1 = 0;
  let disposed = false;

  const checkedInputs = (inputs: Readonly<Record<string, HostValue>>) => {
    for (const name of Object.keys(inputs)) findTensor(plan, "input", name);
    return plan.inputs.flatMap(({ name, type }) => {
      const value = Object.hasOwn(inputs, name) ? inputs[name] : undefined;
      if (value !== undefined)
        return [{ name, bytes: encodeForDevice(type.dtype, checkedData("input", name, type, value)) }];
      if (written.has(name)) return [];
      throw new InputError(name, `input \`${name}\` is missing; ${plan.name} takes ${listNames(plan.inputs)}`);
    });
  };
  const mustLive = () => {
    if (disposed) throw new DeviceError("lost", `${plan.name} was disposed of`);
  };

  return {
    plan,
    prepareMs: prepared.prepareMs,
    deviceBytes: buffers.bytes + readBack.bytes,
    step: (inputs) => {
      mustLive();
      const checked = checkedInputs(inputs);
      const view = views[turn];
      const work = scoped(gpu, `running ${plan.name}`, () => {
        for (const { name, bytes } of checked) upload(gpu, buffers.get({ kind: "input", name }), bytes);
        const encoder = gpu.createCommandEncoder({ label: plan.name });
        const pass = encoder.beginComputePass({ label: plan.name });
        for (const step of steps[turn]) encodeStep(pass, step);
        pass.end();
        const slot = readBack.copy(encoder, (name) => view.get({ kind: "output", name }));
        gpu.queue.submit([encoder.finish()]);
        return slot;
      });
      for (const { name } of checked) written.add(name);
      turn = turn === 0 ? 1 : 0;
      return device.guard(readBack.values(work.result, work.failure));
    },
    read: (names) => {
      mustLive();
      const tensors = names.map((name) => findTensor(plan, "parameter", name));
      const view = views[turn];
      const once = createReadBack(gpu, plan.name, tensors, 1);
      const work = scoped(gpu, `reading parameters of ${plan.name}`, () => {
        const encoder = gpu.createCommandEncoder({ label: `${plan.name}: parameters` });
        const slot = once.copy(encoder, (name) => view.get({ kind: "parameter", name }));
        gpu.queue.submit([encoder.finish()]);
        return slot;
      });
      return device.guard(once.values(work.result, work.failure).finally(once.destroy));
    },
    buffer: (name) =>
      plan.parameters.some((tensor) => tensor.name === name) ? views[turn].get({ kind: "parameter", name }) : undefined,
    dispose: () => {
      if (disposed) return;
      disposed = true;
      readBack.destroy();
      buffers.destroy();
    },
  };
}

/** Names of parameters by the outputs that replace them. */
function carriedPairs(plan: Plan, carry: StepperOptions["carry"]): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const { output, to } of carry) {
    const from = findTensor(plan, "output", output);
    const into = findTensor(plan, "parameter", to);
    if (
      from.type.dtype !== into.type.dtype ||
      from.bytes !== into.bytes ||
      byteLength(from.type) !== byteLength(into.type)
    )
      throw new InputError(to, `output \`${output}\` cannot be carried to \`${to}\`: they differ in type`);
    if ([...pairs.values()].includes(to)) throw new InputError(to, `two outputs are carried to \`${to}\``);
    pairs.set(output, to);
  }
  return pairs;
}

/** The same buffers with those of carried tensors exchanged. */
function exchanged(buffers: BufferSet, carried: ReadonlyMap<string, string>): BufferSet {
  const outputs = new Map([...carried].map(([output, parameter]) => [parameter, output]));
  const other = (ref: BufferRef): BufferRef => {
    if (ref.kind === "output" && carried.has(ref.name))
      return { kind: "parameter", name: carried.get(ref.name) as string };
    if (ref.kind === "parameter" && outputs.has(ref.name))
      return { kind: "output", name: outputs.get(ref.name) as string };
    return ref;
  };
  return { ...buffers, get: (ref) => buffers.get(other(ref)) };
}

function findTensor(plan: Plan, kind: "input" | "parameter" | "output", name: string): PlanTensor {
  const tensor = plan[`${kind}s`].find((candidate) => candidate.name === name);
  if (tensor === undefined) throw new InputError(name, `${plan.name} has no ${kind} called \`${name}\``);
  return tensor;
}

function listNames(tensors: readonly PlanTensor[]): string {
  return tensors.map(({ name }) => `\`${name}\``).join(", ") || "no inputs";
}
