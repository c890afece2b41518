/** The face of the inspector: a compilation as data, and that data as a page. */
export {
  attributeCosts,
  type CostTables,
  type LineCost,
  modelledFlopsPerByte,
  rank,
  type SharedCost,
} from "./attribute-cost.ts";
export { buildInspection, graphCost, type InspectedCompilation, type InspectionContext } from "./build-inspection.ts";
export { diffGraphs, type NodeChange } from "./graph-diff.ts";
export { type GraphLine, graphAfter, graphLines, nodeLine, numbersOf } from "./graph-lines.ts";
export * from "./inspection.ts";
export { type Layout, type LayoutBox, type LayoutEdge, layOut, type PlacedBox, type Point } from "./layered-layout.ts";
export { printNumberOf, printShare, printSize, printTime, printWork } from "./quantities.ts";
export { type Anchor, makeRelations, type Related, type Relations } from "./related.ts";
export { type PageAssets, renderPage } from "./render-page.ts";
export { matchSequences } from "./sequence-diff.ts";
export { type Token, type TokenKind, type TokenLanguage, tokenise } from "./tokens.ts";
export { writeTrace } from "./trace-file.ts";
