/** The face of the passes. */
export { defaultFusionOptions, type FusionOptions, fuseKernels, isTable, type KernelGroup, storedAs } from "./fusion.ts";
export { keptAxes } from "./fusion-rows.ts";
export { type Lifetime, type MemoryPlan, planMemory } from "./memory-plan.ts";
