/** The face of the IR. */
export * from "./builder.ts";
export * from "./graph.ts";
export * from "./index-spec.ts";
export * from "./operation.ts";
export { findOperation, operationOf, operations } from "./operations/index.ts";
export { largestF32 } from "./operations/reduce.ts";
export { wgslHelper } from "./operations/wgsl-helpers.ts";
export * from "./span.ts";
export * from "./tensor.ts";
export * from "./types.ts";
