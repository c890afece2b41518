/** The inspector's views of the latest build, joined with the editor: what is chosen in one is marked in the other. */
import { EditorView } from "@codemirror/view";
import {
  announcer,
  element,
  type Inspection,
  inspectionFacts,
  inspectionViews,
  kernelsView,
  makeReader,
  printShare,
  printWork,
  type Reader,
  rank,
  sourceView,
} from "../../src/inspect/page/index.ts";
import { type LineCost, type Mark, showCosts, showMarks } from "./editor-marks.ts";

export interface InspectionPanes {
  /** Views and kernels, side by side. */
  readonly element: HTMLElement;
  /** Costs in one line. */
  readonly facts: HTMLElement;
  /** What was chosen, in words. */
  readonly foot: HTMLElement;
  /** @param path  of the text in the editor, which must be what was compiled */
  readonly show: (inspection: Inspection, path: string) => void;
  /** The text is no longer what was compiled: the views stay, and nothing of the editor leads to them. */
  readonly markOld: () => void;
  /** Nothing is compiled of the text that is there now. */
  readonly clear: () => void;
  readonly pick: (offset: number) => void;
  readonly pickLine: (line: number) => void;
  readonly point: (offset: number | undefined) => void;
}

interface Shown {
  readonly reader: Reader;
  /** Position of the editor's text among the sources; undefined when nothing comes from it. */
  readonly source: number | undefined;
  readonly end: AbortController;
}

export function inspectionPanes(editor: EditorView): InspectionPanes {
  let shown: Shown | undefined;
  let isOld = true;
  let tab = 0;
  const facts = element("div", { class: "facts-line" });
  const foot = element("div", { class: "foot" });
  const panes = element("div", { class: "panes" });
  const clear = () => {
    shown?.end.abort();
    shown = undefined;
    panes.classList.remove("old");
    panes.replaceChildren(
      element("p", { class: "summary" }, "What the compiler makes of the text stands here once it has no mistakes."),
    );
    facts.replaceChildren();
    foot.replaceChildren();
    showCosts(editor, []);
  };

  const joinEditor = ({ reader, source }: Shown) => {
    const spansOf = (spans: ReadonlySet<number>, kind: Mark["kind"]) =>
      [...spans].flatMap((id): Mark[] => {
        const span = reader.inspection.spans[id];
        return span === undefined || span.source !== source ? [] : [{ from: span.start, to: span.end, kind }];
      });
    reader.onChange((what) => {
      if (isOld) return;
      const chosen = spansOf(reader.chosen().spans, "marked");
      showMarks(editor, [...chosen, ...spansOf(reader.pointed().spans, "pointed")]);
      const anchor = reader.anchor()?.kind;
      const [first] = chosen.toSorted((a, b) => a.from - b.from);
      if (what === "chosen" && first !== undefined && anchor !== "span" && anchor !== "line") {
        editor.dispatch({ effects: EditorView.scrollIntoView(first.from, { y: "center" }) });
      }
    });
    showCosts(editor, lineCosts(reader, source));
  };

  /** What stands at a place of the editor's text, while that is what was compiled. */
  const at = (offset: number) => {
    if (shown?.source === undefined || isOld) return undefined;
    const { reader, source } = shown;
    const span = reader.relations.spanAt(source, offset);
    return { reader, source, span };
  };

  clear();
  return {
    element: panes,
    facts,
    foot,
    show: (inspection, path) => {
      shown?.end.abort();
      const end = new AbortController();
      const reader = makeReader(inspection, end.signal);
      const found = inspection.sources.findIndex((each) => each.path === path);
      shown = { reader, source: found < 0 ? undefined : found, end };
      isOld = false;
      const views = inspectionViews(reader, {
        further: [{ name: "Files", content: sourceView(reader) }],
        open: tab,
        onOpen: (index) => {
          tab = index;
        },
      });
      panes.classList.remove("old");
      panes.replaceChildren(views.element, kernelsView(reader));
      facts.replaceChildren(inspectionFacts(reader));
      foot.replaceChildren(announcer(reader));
      showMarks(editor, []);
      joinEditor(shown);
    },
    markOld: () => {
      isOld = true;
      if (shown !== undefined) panes.classList.add("old");
    },
    clear,
    pick: (offset) => {
      const found = at(offset);
      if (found?.span !== undefined) found.reader.choose({ kind: "span", span: found.span });
    },
    pickLine: (line) => {
      const found = at(0);
      found?.reader.choose({ kind: "line", source: found.source, line });
    },
    point: (offset) => {
      const found = at(offset ?? 0);
      const span = offset === undefined ? undefined : found?.span;
      found?.reader.point(span === undefined ? undefined : { kind: "span", span });
    },
  };
}

function lineCosts({ costs }: Reader, source: number | undefined): LineCost[] {
  const dearest = costs.lines.reduce((most, cost) => Math.max(most, rank(cost)), 0);
  return costs.lines.flatMap((cost): LineCost[] =>
    cost.source !== source || dearest === 0
      ? []
      : [
          {
            line: cost.line,
            share: rank(cost) / dearest,
            title: `${printWork(cost.flops)}, ${printShare(cost.modelled)} of the modelled time`,
          },
        ],
  );
}
