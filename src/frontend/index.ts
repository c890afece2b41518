/** The face of the frontend: text in, checked program and diagnostics out. */
export { type BodyMemory, emptyMemory } from "./body-memory.ts";
export { check } from "./check.ts";
export * from "./checked-program.ts";
export { type EntryInfo, type InstanceRequest, listEntries, listModels } from "./choose-entry.ts";
export { type Diagnostic, errorAt, type Label, sortDiagnostics } from "./diagnostic.ts";
export { type ElaborationRequest, type ElaborationResult, elaborate, elaborateEntry } from "./elaborate.ts";
export { writtenName, writtenPath } from "./elaborate-buffer.ts";
export { printDims, printElement, printValueType } from "./element-types.ts";
export { type Equation, equationsOf } from "./equations.ts";
export { explain, explainedCodes } from "./explain.ts";
export { type FormatResult, format } from "./format.ts";
export { type EntryInstance, instantiate } from "./instantiate.ts";
export {
  castNames,
  constantNames,
  editDistance,
  libraryFunctions,
  preludePath,
  resolveImport,
  suggestName,
} from "./names.ts";
export type { ParameterInfo, ParameterStart } from "./parameter-info.ts";
export { longestSource, type ParseResult, parse } from "./parse.ts";
export {
  type DiagnosticPart,
  type RenderOptions,
  renderDiagnostic,
  renderDiagnostics,
} from "./render-diagnostic.ts";
export * from "./size.ts";
export { type GenericSizes, solveForInstance, solveGenerics } from "./solve-generics.ts";
export { type Comment, prepareSource, type SourceText } from "./source-text.ts";
export * from "./syntax-tree.ts";
export * from "./vocabulary.ts";
