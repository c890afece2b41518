/** The face of the passes. */
export { approximateSoftmax } from "./approximate-softmax.ts";
export { canonicalise, canonicalRules } from "./canonicalise.ts";
export { commonSubexpressions } from "./common-subexpressions.ts";
export { contractionOrder } from "./contraction-order.ts";
export { addCosts, type Cost, costOf, isView, nodeCost, nodeFlops } from "./cost.ts";
export { DifferentiationError, type DifferentiationRequest, differentiate, gradientName } from "./differentiate.ts";
export { withPartialSums } from "./fit-bindings.ts";
export { foldConstants } from "./fold-constants.ts";
export {
  defaultFusionOptions,
  type FusionOptions,
  fuseKernels,
  isTable,
  type KernelGroup,
  storedAs,
} from "./fusion.ts";
export type { OnlineSoftmax } from "./fusion-online-softmax.ts";
export { joinResults } from "./fusion-results.ts";
export { keptAxes } from "./fusion-rows.ts";
export { type GroupStructure, groupStructures, plainStructure } from "./group-structure.ts";
export { type Lifetime, type MemoryPlan, planMemory } from "./memory-plan.ts";
export { withOwnOutputs } from "./own-outputs.ts";
export { defaultContext, type Pass, type PassContext, type PassResult } from "./pass.ts";
export { any, constant, family, matchPattern, named, op, type Pattern } from "./pattern.ts";
export { passNames, pipeline } from "./pipeline.ts";
export { mapGraph, substitute, withOperands } from "./rebuild.ts";
export { restrictContractions } from "./restrict-contractions.ts";
export { reuseWeightedSums } from "./reuse-weighted-sums.ts";
export { RewriteLoopError, type Rule, type RuleDefinition, rewriteGraph, rule } from "./rewrite.ts";
export { rowSums } from "./row-sums.ts";
export { type AxisConstraint, affinePredicate } from "./rules/affine-predicate.ts";
export {
  PassFailure,
  PassSelectionError,
  type PassStage,
  type PassVerification,
  type PipelineOptions,
  type PipelineResult,
  runPipeline,
} from "./run-pipeline.ts";
export { splitReductions } from "./split-reductions.ts";
export { splitScans } from "./split-scans.ts";
export { withStoredOperands } from "./stored-operands.ts";
export type { InnerContraction, StreamedContraction } from "./streamed-contraction.ts";
export { describeNode, type RewriteSummary, type RewriteTrace, summariseRewrites } from "./trace.ts";
export { plainIndexNames } from "./value-numbers.ts";
