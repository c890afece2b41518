/** Training: the step as a graph, optimisers and schedules by name, data in a reproducible order. */
export * from "./data.ts";
export type { ElaborateFunction } from "./elaborate-function.ts";
export {
  type LossScale,
  scaledLossName,
  unscalingPath,
  usualLossScale,
  withScaledLoss,
} from "./loss-scale.ts";
export * from "./optimiser.ts";
export type { ParameterGroup } from "./parameter-groups.ts";
export * from "./schedule.ts";
export { stepBuilder } from "./step-builder.ts";
export { averaged, TrainStepError } from "./step-outputs.ts";
export * from "./train-step.ts";
