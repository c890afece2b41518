/** Running plans on WebGPU devices, and reading weights. The face `node.ts` adds files. */
export * from "./device.ts";
export * from "./errors.ts";
export * from "./executable.ts";
export * from "./half.ts";
export {
  asStored,
  checkedData,
  decodeFromDevice,
  encodeForDevice,
  type HostArray,
  type HostTensor,
  type HostValue,
  hostArrayFromNumbers,
} from "./host-data.ts";
export { parseNpy } from "./npy.ts";
export { checkPlan } from "./plan-check.ts";
export type { PrepareOptions, PrepareTimes, Progress } from "./prepare-plan.ts";
export type { StepProfile } from "./profile.ts";
export * from "./safetensors.ts";
export * from "./stepper.ts";
export { type ContestOptions, type ContestResult, holdContest, type StepOutcome } from "./tune/contest.ts";
export type { Difference } from "./tune/difference.ts";
export { median } from "./tune/statistics.ts";
