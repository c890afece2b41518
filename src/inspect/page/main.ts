/** The inspection page: reads the data in the page and builds the views around it. */
import type { Inspection } from "../inspection.ts";
import { printNumberOf, printShare, printSize, printTime, printWork } from "../quantities.ts";
import { costView } from "./cost-view.ts";
import { button, element } from "./elements.ts";
import { graphTextView } from "./graph-text-view.ts";
import { graphView } from "./graph-view.ts";
import { kernelsView } from "./kernels-view.ts";
import { memoryView } from "./memory-view.ts";
import { passesView } from "./passes-view.ts";
import { makeReader, type Reader } from "./reader.ts";
import { sourceView } from "./source-view.ts";
import { tabs } from "./tabs.ts";

const inspection = JSON.parse(document.getElementById("inspection")?.textContent ?? "") as Inspection;
const reader = makeReader(inspection);

const graphText = graphTextView(reader);
const views = tabs("Views of the compiler's work", [
  { name: "IR", content: graphText.element },
  { name: "Passes", content: passesView(reader, showChanges) },
  { name: "Graph", content: graphView(reader) },
  { name: "Cost", content: costView(reader) },
  { name: "Memory", content: memoryView(reader) },
]);
document
  .getElementById("inspector")
  ?.replaceChildren(
    header(),
    element("main", {}, sourceView(reader), views.element, kernelsView(reader)),
    announcer(reader),
  );

function showChanges(stage: number): void {
  views.open(0);
  graphText.showStage(stage, true);
}

/** What it is and what it costs, in one line, with the page's own switches. */
function header(): HTMLElement {
  const { costs } = reader;
  const [first, last] = [inspection.stages[0], inspection.stages.at(-1)];
  const { memory } = inspection;
  const saved =
    first === undefined || last === undefined || first.cost.flops === 0 ? 0 : 1 - last.cost.flops / first.cost.flops;
  const facts = [
    [
      "work",
      `${printWork(first?.cost.flops ?? 0)} → ${printWork(costs.total.flops)}${saved >= 0.001 ? ` (−${printShare(saved)})` : ""}`,
    ],
    ["moved", printSize(costs.total.bytes)],
    [
      "run as",
      `${printNumberOf(inspection.kernels.length, "kernel")}, ${printNumberOf(inspection.steps, "dispatch", "dispatches")}`,
    ],
    ["activations", printSize(memory.arenas.reduce((sum, bytes) => sum + bytes, 0))],
    ["parameters", printSize(memory.parameterBytes)],
    ...(costs.total.ms === undefined
      ? []
      : [["measured", `${printTime(costs.total.ms)} (${inspection.profile?.method})`]]),
    ["for", inspection.adapter],
  ];
  const help = helpDialog();
  return element(
    "header",
    { class: "top" },
    element("h1", {}, inspection.name),
    element(
      "dl",
      {},
      ...facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))),
    ),
    button("Light or dark", { class: "quiet" }, () => {
      const root = document.documentElement;
      const isDark =
        getComputedStyle(root).colorScheme === "dark" ||
        (root.style.colorScheme === "" && matchMedia("(prefers-color-scheme: dark)").matches);
      root.style.colorScheme = isDark ? "light" : "dark";
    }),
    button("Keys", { class: "quiet", "aria-haspopup": "dialog" }, () => help.showModal()),
    help,
  );
}

function helpDialog(): HTMLDialogElement {
  const keys: readonly (readonly [string, string])[] = [
    ["Tab, arrows, Page, Home, End", "move between and inside lists"],
    ["Enter", "choose: marks what belongs together in all views"],
    ["Escape", "choose nothing"],
    ["1 … 5", "IR, Passes, Graph, Cost, Memory"],
    ["[ and ]", "IR of the stage before or after"],
    ["o", "in the graph: open or close a kernel"],
  ];
  const close = button("Close", {}, () => dialog.close());
  const dialog = element(
    "dialog",
    { "aria-label": "Keys" },
    element("dl", {}, ...keys.flatMap(([key, does]) => [element("dt", {}, key), element("dd", {}, does)])),
    element(
      "p",
      {},
      "Click a word of the source for the smallest expression around it, a line's number for the whole line. Strong marks are what was chosen; " +
        "weak ones share a place in the source with it. WGSL is matched to nodes by the names of buffers and values.",
    ),
    close,
  );
  return dialog;
}

/** Says what was chosen, for screen readers and for those who look at the foot of the page. */
function announcer({ chosen, onChange, anchor, choose }: Reader): HTMLElement {
  const line = element(
    "footer",
    { role: "status", "aria-live": "polite" },
    "Click anything to see what belongs to it.",
  );
  onChange((what) => {
    if (what !== "chosen") return;
    const { spans, nodes, launches } = chosen();
    line.textContent =
      anchor() === undefined
        ? "Nothing is chosen."
        : `${describeAnchor()}: ${printNumberOf(spans.size, "place")} in the source, ${printNumberOf(nodes.size, "node")} over all stages, ${printNumberOf(launches.size, "kernel launch", "kernel launches")}.`;
  });
  document.addEventListener("keydown", (event) => {
    if (event.target instanceof HTMLSelectElement || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") choose(undefined);
    if (/^[1-5]$/.test(event.key)) views.open(Number(event.key) - 1);
  });
  return line;
}

function describeAnchor(): string {
  const anchor = reader.anchor();
  switch (anchor?.kind) {
    case undefined:
      return "";
    case "span": {
      const span = inspection.spans[anchor.span];
      const source = span === undefined ? undefined : inspection.sources[span.source];
      return `${source?.path}:${span?.line} \`${source?.text.slice(span?.start, span?.end).replace(/\s+/g, " ").slice(0, 60)}\``;
    }
    case "line":
      return `${inspection.sources[anchor.source]?.path}:${anchor.line}`;
    case "places":
      return "The rewritten places";
    case "node": {
      const node = inspection.nodes[anchor.node];
      return `${node?.name ?? node?.op}: ${node?.type}`;
    }
    case "launch":
      return `Kernel ${inspection.launches[anchor.launch]?.label}`;
    default:
      return anchor satisfies never;
  }
}
