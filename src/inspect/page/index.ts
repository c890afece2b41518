/** The inspector's views for other pages, and what they need with them: nothing of the compiler. `main.ts` is the inspector's own. */
export { rank } from "../attribute-cost.ts";
export type { Inspection } from "../inspection.ts";
export { printNumberOf, printShare, printSize, printTime, printWork } from "../quantities.ts";
export { tokenise } from "../tokens.ts";
export { announcer } from "./announcer.ts";
export { colouredLine } from "./coloured-text.ts";
export { button, element, setAttributes } from "./elements.ts";
export { inspectionFacts } from "./facts.ts";
export { kernelsView } from "./kernels-view.ts";
export { lightOrDark } from "./light-or-dark.ts";
export { makeReader, type Reader } from "./reader.ts";
export { sourceView } from "./source-view.ts";
export { inspectionViews } from "./views.ts";
