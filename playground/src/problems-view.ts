/** All mistakes as a list, each leading to its place, with the repairs that the compiler knows. */
import { button, element } from "../../src/inspect/page/index.ts";
import { describeProblem } from "./editor-problems.ts";
import type { Problem, ProblemRepair } from "./problem.ts";

export interface ProblemsEvents {
  readonly onGo: (problem: Problem) => void;
  readonly onRepair: (repair: ProblemRepair) => void;
}

export interface ProblemsView {
  readonly element: HTMLElement;
  readonly show: (path: string, problems: readonly Problem[]) => void;
}

export function problemsView({ onGo, onRepair }: ProblemsEvents): ProblemsView {
  const list = element("ul", { class: "problems-list" });
  const view = element("section", { class: "problems", "aria-label": "Mistakes", hidden: true }, list);
  return {
    element: view,
    show: (path, problems) => {
      view.hidden = problems.length === 0;
      list.replaceChildren(...problems.map((problem) => itemFor(path, problem)));
    },
  };

  function itemFor(path: string, problem: Problem): HTMLElement {
    const { span } = problem.primary;
    const place = `${span.line}:${span.column}`;
    const isOwn = span.file === path;
    return element(
      "li",
      { class: problem.severity },
      isOwn
        ? button(place, { "aria-label": `${problem.severity} at line ${span.line}, column ${span.column}` }, () =>
            onGo(problem),
          )
        : element("span", {}, `${span.file}:${place}`),
      element("code", {}, problem.code),
      problem.excerpt === undefined ? describeProblem(problem) : element("pre", {}, problem.excerpt),
      ...problem.repairs.map((repair) => button(repair.title, { class: "repair" }, () => onRepair(repair))),
      problem.explanation === undefined
        ? undefined
        : element("details", {}, element("summary", {}, "More on this"), element("p", {}, problem.explanation)),
    );
  }
}
