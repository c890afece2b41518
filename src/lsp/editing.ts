/** The part of the face that needs no server and no files: what an editor inside a page asks. */
export { type Completion, type Completions, completionsAt } from "./completion.ts";
export { applyChanges, type TextChange } from "./edits.ts";
export { type Hover, hoverAt } from "./hover.ts";
export { type CostSettings, defaultCostSettings } from "./line-costs.ts";
export { type Repair, repairsAt } from "./repairs.ts";
export { openWorkspace, type Workspace, type WorkspaceFiles } from "./workspace.ts";
