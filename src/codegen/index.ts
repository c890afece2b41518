/** The face of code generation. */
export { baselineProfile, type DeviceFeatures, type DeviceLimits, type DeviceProfile } from "./device-profile.ts";
export { emitModule, type ModuleFile, type ModuleRequest, moduleRuntimeFiles } from "./emit-module.ts";
export {
  groupOrigins,
  makePlan,
  type PlannedKernel,
  type PlanOptions,
  type PlanResult,
} from "./make-plan.ts";
export {
  type BufferRef,
  type BufferSlice,
  type Plan,
  type PlanKernel,
  type PlanStep,
  type PlanTensor,
  type StoredPlan,
  stepsOfRun,
} from "./plan.ts";
export { PlanLimitError } from "./plan-parts.ts";
export { type DeviceSchedule, deviceSchedule, type KernelSchedule } from "./schedule.ts";
export {
  chooseTuned,
  isSameAdapter,
  kernelKey,
  readTunedSchedules,
  type TunedKernel,
  type TunedSchedules,
} from "./tuned-schedules.ts";
export { type TuningCandidate, type TuningCase, type TuningCases, tuningCases } from "./tuning-cases.ts";
export { unavoidableBytes } from "./unavoidable-bytes.ts";
export { wishedName } from "./values.ts";
