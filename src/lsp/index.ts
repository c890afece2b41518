/** The face of the language server. */
export { completionsAt } from "./completion.ts";
export { completionPlace } from "./completion-context.ts";
export { diagnosticsOf } from "./diagnose.ts";
export { applyChanges } from "./edits.ts";
export { definitionAt, nameAt, occurrencesOf } from "./find-names.ts";
export { hoverAt } from "./hover.ts";
export { inlayHints } from "./inlay-hints.ts";
export { defaultCostSettings } from "./line-costs.ts";
export { type FileNames, indexNames, type ProgramNames } from "./name-index.ts";
export type { NameSymbol, Occurrence } from "./name-symbol.ts";
export { outlineOf } from "./outline.ts";
export { renameAt } from "./rename.ts";
export { repairsAt } from "./repairs.ts";
export { serve } from "./serve.ts";
export { signatureAt } from "./signature.ts";
export { openWorkspace, type Workspace, type WorkspaceFiles } from "./workspace.ts";
