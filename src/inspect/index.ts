/** The face of the inspector: a compilation as data, and that data as a page. */
export {
  attributeCosts,
  type CostTables,
  type EquationCost,
  type LineCost,
  modelledFlopsPerByte,
  rank,
  type SharedCost,
} from "./attribute-cost.ts";
export {
  buildInspection,
  graphCost,
  type InspectedCompilation,
  type InspectionContext,
  type NamedEquation,
  type ProbedNode,
} from "./build-inspection.ts";
export { compareBuilds } from "./compare-builds.ts";
export * from "./comparison.ts";
export { valuesOfEquations } from "./equation-values.ts";
export { equationsOfSpans, equationText, equationTitle } from "./equations.ts";
export { diffGraphs, type NodeChange } from "./graph-diff.ts";
export { type GraphLine, graphAfter, graphLines, nodeLine, numbersOf } from "./graph-lines.ts";
export * from "./inspection.ts";
export { type Layout, type LayoutBox, type LayoutEdge, layOut, type PlacedBox, type Point } from "./layered-layout.ts";
export { type GraphBlock, type LaunchBlock, type ModuleBlock, moduleTree, openAtFirst } from "./module-tree.ts";
export { printChange, printNumberOf, printShare, printSize, printTime, printValue, printWork } from "./quantities.ts";
export { InspectionFormatError, readInspection } from "./read-inspection.ts";
export { type Anchor, makeRelations, type Related, type Relations } from "./related.ts";
export { type PageAssets, renderPage } from "./render-page.ts";
export { matchSequences } from "./sequence-diff.ts";
export { type Token, type TokenKind, type TokenLanguage, tokenise } from "./tokens.ts";
export { writeTrace } from "./trace-file.ts";
export {
  isOutside,
  isSuspect,
  positionOf,
  probedNumber,
  statisticsOf,
  summariseValues,
  type ValueStatistics,
  type ValueSummary,
  worstDeviation,
} from "./value-statistics.ts";
