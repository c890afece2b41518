/**
 * The one shape of everything Weft tells an author. Terminal, editor, web page and JSON show the same value.
 */
import type { Span } from "../ir/index.ts";

export interface Label {
  readonly span: Span;
  /** A short phrase in the reader's terms; may be empty where the span says it all. */
  readonly text: string;
}

export interface Diagnostic {
  /** `area/short-name`, listed in explain.ts. */
  readonly code: string;
  readonly severity: "error" | "warning";
  /** One sentence without a full stop, naming the index or name concerned. */
  readonly title: string;
  readonly primary: Label;
  /** The other places that matter, such as the one that disagrees. */
  readonly secondary: readonly Label[];
  /** Facts that help, such as the sizes known so far. */
  readonly notes: readonly string[];
  /** At most three repairs, the most likely first. */
  readonly help: readonly string[];
}

/** Builds an error; everything but code, title and place may be left out. */
export function errorAt(
  span: Span,
  code: string,
  title: string,
  details: {
    readonly label?: string;
    readonly secondary?: readonly Label[];
    readonly notes?: readonly string[];
    readonly help?: readonly string[];
  } = {},
): Diagnostic {
  return {
    code,
    severity: "error",
    title,
    primary: { span, text: details.label ?? "" },
    secondary: details.secondary ?? [],
    notes: details.notes ?? [],
    help: (details.help ?? []).slice(0, 3),
  };
}

/** Orders by file, then place, then code, and drops exact repetitions. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const key = (d: Diagnostic) => `${d.code}\n${d.primary.span.file}\n${d.primary.span.start}\n${d.title}`;
  const unique = new Map(diagnostics.map((d) => [key(d), d]));
  return [...unique.values()].sort((a, b) => {
    const x = a.primary.span;
    const y = b.primary.span;
    if (x.file !== y.file) return x.file < y.file ? -1 : 1;
    return x.start - y.start || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0);
  });
}
