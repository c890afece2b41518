/** The mistakes of a file as an editor lists them. */
import type { Diagnostic } from "../frontend/index.ts";
import type { Span } from "../ir/index.ts";
import { importTarget } from "./find-names.ts";
import type { ProgramView } from "./workspace.ts";

export interface EditorDiagnostic {
  readonly span: Span;
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly message: string;
  /** Other places that matter. */
  readonly related: readonly { readonly span: Span; readonly message: string }[];
}

/** All mistakes of the program's first file, and one at each `use` of a file that has some of its own. */
export function diagnosticsOf(view: ProgramView): readonly EditorDiagnostic[] {
  const { program } = view;
  const [file] = program.files;
  const path = file?.path ?? program.diagnostics[0]?.primary.span.file;
  const own = program.diagnostics.filter(({ primary }) => primary.span.file === path).map(shown);
  const elsewhere = program.diagnostics.filter(
    ({ primary, severity }) => primary.span.file !== path && severity === "error",
  );
  const atImports = (file?.imports ?? []).flatMap((declaration): EditorDiagnostic[] => {
    const target = importTarget(view, declaration.path);
    const inside = elsewhere.filter(({ primary }) => primary.span.file === target);
    if (inside.length === 0) return [];
    const count = inside.length === 1 ? "a mistake" : `${inside.length} mistakes`;
    return [
      {
        span: declaration.pathSpan,
        code: "import/mistakes",
        severity: "warning",
        message: `\`${declaration.path}\` has ${count}`,
        related: inside.slice(0, 5).map(({ primary, title }) => ({ span: primary.span, message: title })),
      },
    ];
  });
  return [...own, ...atImports];
}

function shown({ code, severity, title, primary, secondary, notes, help }: Diagnostic): EditorDiagnostic {
  const first = primary.text === "" ? title : `${title}: ${primary.text}`;
  return {
    span: primary.span,
    code,
    severity,
    message: [first, ...notes, ...help.map((each) => `help: ${each}`)].join("\n"),
    related: secondary.map(({ span, text }) => ({ span, message: text === "" ? "see here" : text })),
  };
}
