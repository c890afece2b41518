/** The face of the IR. */
export * from "./builder.ts";
export * from "./error-bound.ts";
export {
  type EvaluationOptions,
  evaluateGraph,
  evaluateNodes,
  evaluationCost,
  GraphValueError,
  type GraphValues,
  ReferenceTooLarge,
} from "./evaluate.ts";
export * from "./graph.ts";
export { hash64 } from "./hash.ts";
export * from "./index-spec.ts";
export * from "./initialisers.ts";
export * from "./operation.ts";
export { approximationMethods } from "./operations/approximate.ts";
export { findOperation, operationOf, operations } from "./operations/index.ts";
export { largestF32 } from "./operations/precision.ts";
export { wgslHelper } from "./operations/wgsl-helpers.ts";
export { parseWindow, printWindow, type WindowAxis, type WindowSpec } from "./operations/window-spec.ts";
export { parseGraph } from "./parse.ts";
export { philox, type RandomStream, randomStream, type Words4 } from "./philox.ts";
export { type NodeText, nodeText, type PrintOptions, printFlops, printGraph, printNumber } from "./print.ts";
export * from "./span.ts";
export * from "./stored-types.ts";
export * from "./structure.ts";
export * from "./tensor.ts";
export { IrTextError } from "./text-scanner.ts";
export * from "./types.ts";
export * from "./verify.ts";
