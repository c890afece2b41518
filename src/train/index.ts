/** Training: the step as a graph, optimisers and schedules by name, data in a reproducible order. */
export * from "./data.ts";
export type { ElaborateFunction } from "./elaborate-function.ts";
export * from "./optimiser.ts";
export * from "./schedule.ts";
export * from "./train-step.ts";
