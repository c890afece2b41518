/** The compiler's diagnostics in the editor: underlined at their place, told in full beside it. */
import { type Action, type Diagnostic, setDiagnostics } from "@codemirror/lint";
import type { EditorView } from "@codemirror/view";
import { element } from "../../src/inspect/page/index.ts";
import type { Problem, ProblemRepair } from "./problem.ts";

/** Shows what concerns the text at `path`; problems of other files are left to the list. */
export function showProblems(view: EditorView, path: string, problems: readonly Problem[]): void {
  const { length } = view.state.doc;
  const inside = (from: number, to: number) => ({ from: Math.min(from, length), to: Math.min(to, length) });
  const shown = problems.flatMap((problem): Diagnostic[] => {
    const { primary, secondary, severity, code } = problem;
    const own = secondary.filter(({ span, text }) => span.file === path && text !== "");
    if (primary.span.file !== path) return [];
    return [
      {
        ...inside(primary.span.start, primary.span.end),
        severity,
        source: code,
        message: textOf(problem),
        renderMessage: () => describeProblem(problem),
        actions: problem.repairs.map(actionOf),
      },
      ...own.map(
        ({ span, text }): Diagnostic => ({
          ...inside(span.start, span.end),
          severity: "info",
          source: code,
          message: text,
        }),
      ),
    ];
  });
  view.dispatch(setDiagnostics(view.state, shown));
}

const actionOf = (repair: ProblemRepair): Action => ({
  name: repair.title,
  apply: (view) => applyRepair(view, repair),
});

/** Makes the changes of a repair. */
export function applyRepair(view: EditorView, { changes }: ProblemRepair): void {
  view.dispatch({ changes: changes.map(({ start, end, text }) => ({ from: start, to: end, insert: text })) });
  view.focus();
}

function textOf({ title, primary, notes, help }: Problem): string {
  const first = primary.text === "" ? title : `${title}: ${primary.text}`;
  return [first, ...notes, ...help.map((each) => `help: ${each}`)].join("\n");
}

/** A problem in full, without its place. */
export function describeProblem({ title, primary, secondary, notes, help }: Problem): HTMLElement {
  return element(
    "div",
    { class: "problem-text" },
    element("strong", {}, title),
    primary.text === "" ? undefined : element("p", {}, primary.text),
    ...secondary.flatMap(({ span, text }) =>
      text === "" ? [] : [element("p", {}, `${span.line}:${span.column} ${text}`)],
    ),
    ...notes.map((note) => element("p", {}, note)),
    ...help.map((each) => element("p", { class: "help" }, `help: ${each}`)),
  );
}
