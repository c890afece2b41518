/** The texts, with what each line costs beside it. */
import { rank } from "../attribute-cost.ts";
import type { InspectedSpan } from "../inspection.ts";
import { printShare, printTime, printWork } from "../quantities.ts";
import { isSuspect } from "../value-statistics.ts";
import { bar, colouredLine, offsetOf } from "./coloured-text.ts";
import { chooser, element } from "./elements.ts";
import { markClasses, type Reader } from "./reader.ts";
import { valueRemark } from "./values-view.ts";
import { virtualList } from "./virtual-list.ts";

interface SourceLine {
  readonly text: string;
  /** Offset of its start in the source. */
  readonly start: number;
}

export function sourceView(reader: Reader): HTMLElement {
  const { inspection, relations, costs } = reader;
  const texts = inspection.sources.map(({ text }) => splitLines(text));
  // What an equation was seen to compute stands beside its last line.
  const remarks = new Map(
    inspection.equations.flatMap((equation, id) => {
      const value = reader.values[id];
      if (value === undefined) return [];
      const lines = inspection.sources[equation.source]?.text.slice(equation.start, equation.end).trimEnd().split("\n");
      return [[`${equation.source}:${equation.line + (lines?.length ?? 1) - 1}`, value] as const];
    }),
  );
  const remarkOf = (line: number) => {
    const value = remarks.get(`${source}:${line}`);
    if (value === undefined) return [];
    return [element("span", { class: `remark ${isSuspect(value) ? "suspect" : ""}` }, `  ${valueRemark(value)}`)];
  };
  const costOfLine = new Map(costs.lines.map((cost) => [`${cost.source}:${cost.line}`, cost]));
  const dearest = costs.lines.reduce((most, cost) => Math.max(most, rank(cost)), 0);
  let source = 0;

  const covers = (spans: ReadonlySet<number>, offset: number) =>
    [...spans].some((id) => {
      const span = inspection.spans[id];
      return span !== undefined && span.source === source && span.start <= offset && offset < span.end;
    });

  const anchorAt = (index: number, event: Event) => {
    const line = texts[source]?.[index];
    const column = offsetOf(event);
    const span = line === undefined || column === undefined ? undefined : relations.spanAt(source, line.start + column);
    return span === undefined
      ? ({ kind: "line", source, line: index + 1 } as const)
      : ({ kind: "span", span } as const);
  };

  const list = virtualList({
    label: "Source: lines of the text. Enter marks what a line became.",
    classes: "code source-lines",
    count: () => texts[source]?.length ?? 0,
    characters: () =>
      (remarks.size > 0 ? 62 : 12) + (texts[source] ?? []).reduce((most, { text }) => Math.max(most, text.length), 0),
    row: (index) => {
      const line = texts[source]?.[index];
      if (line === undefined) return { content: [] };
      const { text, start } = line;
      const [chosen, pointed] = [reader.chosen().spans, reader.pointed().spans];
      const pieces = colouredLine(text, "weft", (offset) =>
        markClasses(covers(chosen, start + offset), false, covers(pointed, start + offset)),
      );
      const cost = costOfLine.get(`${source}:${index + 1}`);
      const title =
        cost === undefined
          ? ""
          : `${printWork(cost.flops)}, ${printShare(cost.modelled)} of the modelled time${cost.ms === undefined ? "" : `, ${printTime(cost.ms)} measured`}`;
      return {
        content: [
          bar(cost === undefined || dearest === 0 ? 0 : rank(cost) / dearest, title),
          element("span", { class: "line-number" }, String(index + 1)),
          ...pieces,
          ...remarkOf(index + 1),
        ],
        selected: pieces.some((piece) => piece.classList.contains("marked")),
      };
    },
    onPick: (index, event) => reader.choose(anchorAt(index, event)),
    onPoint: (index, event) => {
      const inText = index !== undefined && offsetOf(event) !== undefined;
      const anchor = inText ? anchorAt(index, event) : undefined;
      reader.point(anchor?.kind === "span" ? anchor : undefined);
    },
  });

  const show = (span: InspectedSpan | undefined) => {
    if (span === undefined) return;
    source = span.source;
    files.selectedIndex = source;
    list.show(span.line - 1);
  };
  const files = chooser(
    "Source file",
    inspection.sources.map(({ path }) => path),
    (index) => {
      source = index;
      list.refresh();
      list.show(0);
    },
  );
  reader.onChange((what) => {
    const anchor = reader.anchor();
    const fromHere = anchor?.kind === "span" || anchor?.kind === "line";
    const first = [...reader.chosen().spans].map((id) => inspection.spans[id]).find((span) => span !== undefined);
    if (what === "chosen" && !fromHere && first !== undefined) {
      // A file that is open and has something of it is preferred.
      const here = [...reader.chosen().spans].map((id) => inspection.spans[id]).find((span) => span?.source === source);
      show(here ?? first);
    }
    list.refresh();
  });
  // The entry's inputs stand where its text begins.
  const [input] = inspection.nodes.find(({ op, origins }) => op === "input" && origins.length > 0)?.origins ?? [];
  if (input !== undefined) requestAnimationFrame(() => show(inspection.spans[input]));
  return element(
    "section",
    { class: "pane source-pane", "aria-label": "Source" },
    element("header", {}, element("h2", {}, "Source"), files),
    list.element,
  );
}

function splitLines(text: string): SourceLine[] {
  let start = 0;
  return text.split("\n").map((line) => {
    const made = { text: line.replace(/\r$/, ""), start };
    start += line.length + 1;
    return made;
  });
}
