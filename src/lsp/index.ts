/** The face of the language server. */
export { completionPlace } from "./completion-context.ts";
export { diagnosticsOf } from "./diagnose.ts";
export * from "./editing.ts";
export { definitionAt, nameAt, occurrencesOf } from "./find-names.ts";
export { inlayHints } from "./inlay-hints.ts";
export { type FileNames, indexNames, type ProgramNames } from "./name-index.ts";
export type { NameSymbol, Occurrence } from "./name-symbol.ts";
export { outlineOf } from "./outline.ts";
export { renameAt } from "./rename.ts";
export { serve } from "./serve.ts";
export { signatureAt } from "./signature.ts";
