/** One set of buffers on which the steps of a plan can be run alone, in any order. */
import type { Plan, PlanKernel, PlanStep } from "../../codegen/plan.ts";
import { createUploader } from "../buffers.ts";
import type { WeftDevice } from "../device.ts";
import { checkedData, encodeForDevice, type HostArray, type HostValue } from "../host-data.ts";
import { checkPlan } from "../plan-check.ts";
import { preparePlan } from "../prepare-plan.ts";
import { timeSteps } from "../profile.ts";
import { createReadBack } from "../read-back.ts";
import { scoped } from "../scopes.ts";
import { type BoundStep, bindSteps, encodeStep } from "../steps.ts";

export interface StepArena {
  /** Compiles the kernel of a step of the plan. */
  readonly compile: (step: PlanStep) => Promise<BoundStep>;
  readonly upload: (values: (input: string) => Promise<HostValue>) => Promise<void>;
  /** Outputs after the step alone. */
  readonly results: (step: BoundStep) => Promise<Record<string, HostArray>>;
  /** ms of one dispatch, from `repeat` of them in a row. */
  readonly time: (step: BoundStep, repeat: number) => Promise<number>;
  readonly dispose: () => void;
}

/**
 * Makes the buffers of a plan; its kernels are compiled one at a time.
 *
 * @throws DeviceError "limit" or "out-of-memory" when the device does not hold them
 */
export async function prepareArena(device: WeftDevice, plan: Plan): Promise<StepArena> {
  checkPlan(plan, device.profile);
  const { gpu } = device;
  const { buffers, bound: readBack } = await preparePlan(device, { ...plan, kernels: [], steps: [] }, {}, () =>
    createReadBack(gpu, plan.name, plan.outputs, 1),
  );
  return {
    compile: async (step) => {
      const kernel = await device.guard(device.pipelines.compile(plan.kernels[step.kernel] as PlanKernel));
      const work = scoped(gpu, `binding ${plan.name}`, () =>
        bindSteps(gpu, [{ ...step, kernel: 0 }], [kernel], buffers),
      );
      const failure = await device.guard(work.failure);
      if (failure !== undefined) throw failure;
      return work.result[0] as BoundStep;
    },
    upload: async (values) => {
      const uploader = createUploader(gpu);
      for (const { name, type } of plan.inputs) {
        const bytes = encodeForDevice(type.dtype, checkedData("input", name, type, await values(name)));
        await device.guard(uploader.write(buffers.get({ kind: "input", name }), bytes));
      }
    },
    results: (step) => {
      const work = scoped(gpu, `running ${plan.name}`, () => {
        const encoder = gpu.createCommandEncoder({ label: plan.name });
        // What an earlier step wrote must not pass for this one's.
        for (const { name } of plan.outputs) encoder.clearBuffer(buffers.get({ kind: "output", name }));
        const pass = encoder.beginComputePass({ label: plan.name });
        encodeStep(pass, step);
        pass.end();
        const slot = readBack.copy(encoder, (name) => buffers.get({ kind: "output", name }));
        gpu.queue.submit([encoder.finish()]);
        return slot;
      });
      return device.guard(readBack.values(work.result, work.failure));
    },
    time: async (step, repeat) => (await device.guard(timeSteps(device, plan.name, [step], repeat)))[0] as number,
    dispose: () => {
      readBack.destroy();
      buffers.destroy();
    },
  };
}
