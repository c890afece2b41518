/** Diagnostics with what the compiler knows besides: the long explanation, and repairs. For workers. */
import { type Diagnostic, explain, renderDiagnostic } from "../../src/frontend/index.ts";
import type { Span } from "../../src/ir/index.ts";
import type { Repair } from "../../src/lsp/editing.ts";
import type { Problem } from "./problem.ts";

/** Columns of excerpts. */
const width = 72;

/**
 * @param path     of the text that the page shows
 * @param sources  all texts, by path
 * @param repairs  those of the text that the page shows; each names its diagnostic
 */
export function problemsOf(
  path: string,
  diagnostics: readonly Diagnostic[],
  sources: ReadonlyMap<string, string>,
  repairs: readonly Repair[] = [],
): Problem[] {
  return diagnostics.map((diagnostic) => ({
    ...diagnostic,
    ...(diagnostic.primary.span.file === path ? {} : { excerpt: renderDiagnostic(diagnostic, sources, { width }) }),
    explanation: explain(diagnostic.code),
    repairs: repairs.flatMap(({ diagnostic: mended, title, changes }) =>
      isSame(mended, diagnostic) ? [{ title, changes }] : [],
    ),
  }));
}

const isSame = (a: Diagnostic, b: Diagnostic): boolean =>
  a.code === b.code && a.title === b.title && isSameSpan(a.primary.span, b.primary.span);
const isSameSpan = (a: Span, b: Span): boolean => a.file === b.file && a.start === b.start && a.end === b.end;
