/** What callers of the library are told about mistakes in a source text. */
import type { Outcome } from "./compile.ts";
import { type Diagnostic, renderDiagnostics } from "./frontend/index.ts";

/** The source text has errors. `message` shows them as the command does. */
export class CompileError extends Error {
  override readonly name = "CompileError";
  constructor(
    message: string,
    /** All independent mistakes, in source order, each with its code, places and help; warnings too. */
    readonly diagnostics: readonly Diagnostic[],
  ) {
    super(message);
  }
}

/** The value of a stage. @throws CompileError with what the stage found, when there is none */
export function valueOrThrow<T>({ value, diagnostics, sources }: Outcome<T>): T {
  if (value === undefined) throw new CompileError(renderDiagnostics(diagnostics, sources), diagnostics);
  return value;
}
