/** The face of code generation. */
export { baselineProfile, type DeviceFeatures, type DeviceLimits, type DeviceProfile } from "./device-profile.ts";
export {
  groupOrigins,
  makePlan,
  PlanLimitError,
  type PlannedKernel,
  type PlanOptions,
  type PlanResult,
} from "./make-plan.ts";
export type { BufferRef, BufferSlice, Plan, PlanKernel, PlanStep, PlanTensor } from "./plan.ts";
export { defaultSchedule, type KernelSchedule } from "./schedule.ts";
export { wishedName } from "./values.ts";
