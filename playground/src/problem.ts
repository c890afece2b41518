/** The compiler's diagnostics as the page shows them: plain data that crosses from a worker. */
import type { Diagnostic } from "../../src/frontend/index.ts";
import type { TextChange } from "../../src/lsp/editing.ts";

export interface ProblemRepair {
  readonly title: string;
  readonly changes: readonly TextChange[];
}

export interface Problem extends Diagnostic {
  /** The lines that it speaks of, as text, when they stand in another file than the one shown. */
  readonly excerpt?: string;
  /** What `weft explain CODE` says. */
  readonly explanation?: string;
  /** Changes of the text that mend it. */
  readonly repairs: readonly ProblemRepair[];
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === "error");
}
