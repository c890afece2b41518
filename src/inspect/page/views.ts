/** The views of one compilation beside its text, as tabs. */
import { comparisonView } from "./comparison-view.ts";
import { costView } from "./cost-view.ts";
import { graphTextView } from "./graph-text-view.ts";
import { graphView } from "./graph-view.ts";
import { memoryView } from "./memory-view.ts";
import { passesView } from "./passes-view.ts";
import type { Reader } from "./reader.ts";
import { type Tab, type Tabs, tabs } from "./tabs.ts";
import { valuesView } from "./values-view.ts";

export interface ViewsOptions {
  /** Tabs behind those of the inspector. */
  readonly further?: readonly Tab[];
  /** The tab that is open at the start, and who is told of every change. */
  readonly open?: number;
  readonly onOpen?: (index: number) => void;
}

/** IR, Passes, Graph, Cost and Memory, and where there is something to show Values and Compare; the keys 1, 2, … open them, Escape chooses nothing. */
export function inspectionViews(reader: Reader, { further = [], open, onOpen }: ViewsOptions = {}): Tabs {
  const { probe, comparison } = reader.inspection;
  const graphText = graphTextView(reader);
  const showChanges = (stage: number) => {
    views.open(0);
    graphText.showStage(stage, true);
  };
  const entries: readonly Tab[] = [
    { name: "IR", content: graphText.element },
    { name: "Passes", content: passesView(reader, showChanges) },
    { name: "Graph", content: graphView(reader) },
    { name: "Cost", content: costView(reader) },
    { name: "Memory", content: memoryView(reader) },
    ...(probe === undefined ? [] : [{ name: "Values", content: valuesView(reader) }]),
    ...(comparison === undefined ? [] : [{ name: "Compare", content: comparisonView(reader, comparison) }]),
    ...further,
  ];
  const views = tabs("Views of the compiler's work", entries, open, onOpen);
  reader.onKey((key) => {
    if (key === "Escape") reader.choose(undefined);
    if (/^[1-9]$/.test(key) && Number(key) <= entries.length) views.open(Number(key) - 1);
  });
  return views;
}
