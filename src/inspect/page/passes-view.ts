/** The passes as a timeline, and every rewrite with its rule, its reason and what it saved. */
import type { InspectedRewrite, InspectedStage } from "../inspection.ts";
import { printNumberOf, printSize, printTime, printWork } from "../quantities.ts";
import { bar } from "./coloured-text.ts";
import { button, element } from "./elements.ts";
import { markClasses, type Reader } from "./reader.ts";
import { type ListRow, virtualList } from "./virtual-list.ts";

type Row =
  | { readonly kind: "rule"; readonly rule: number; readonly rewrites: readonly InspectedRewrite[] }
  | { readonly kind: "reason"; readonly text: string }
  | { readonly kind: "before" | "after"; readonly rewrite: InspectedRewrite };

/** @param showChanges  opens the IR of a stage with its changes */
export function passesView(reader: Reader, showChanges: (stage: number) => void): HTMLElement {
  const { inspection } = reader;
  const busiest = inspection.stages.reduce(
    (most, stage, i) =>
      stage.rewrites.length > 0 && i > 0 && saved(stage) > most.saved ? { i, saved: saved(stage) } : most,
    {
      i: Math.max(
        1,
        inspection.stages.findIndex(({ rewrites }) => rewrites.length > 0),
      ),
      saved: 0,
    },
  ).i;
  let open = busiest;
  let rows: readonly Row[] = [];

  const list = virtualList({
    label: "Rewrites of the chosen pass. Enter marks where a rewrite happened.",
    classes: "code",
    count: () => rows.length,
    characters: () => rows.reduce((most, row) => Math.max(most, rowText(row).length + 8), 0),
    row: (index) => drawRow(reader, rows[index] as Row),
    onPick: (index) => {
      const rewrite = rewriteOf(rows[index]);
      if (rewrite !== undefined) reader.choose({ kind: "places", spans: rewrite.origins });
    },
    onPoint: (index) => {
      const rewrite = index === undefined ? undefined : rewriteOf(rows[index]);
      reader.point(rewrite === undefined ? undefined : { kind: "places", spans: rewrite.origins });
    },
  });
  const timeline = element("ol", { class: "timeline", "aria-label": "Passes in order" });
  const title = element("h3", {});
  const toChanges = button("What it changed in the IR", {}, () => showChanges(open));

  function show(index: number): void {
    open = index;
    const stage = inspection.stages[index];
    rows = stage === undefined ? [] : rewriteRows(stage);
    title.textContent =
      stage === undefined ? "" : `${index}. ${stage.pass}: ${printNumberOf(stage.rewrites.length, "rewrite")}`;
    for (const item of timeline.querySelectorAll<HTMLElement>("button")) {
      item.setAttribute("aria-pressed", String(Number(item.dataset.stage) === index));
    }
    list.refresh();
    list.show(0);
  }

  timeline.replaceChildren(...timelineItems(reader, show));
  show(open);
  reader.onChange(() => list.refresh());
  return element(
    "div",
    { class: "view" },
    timeline,
    element("div", { class: "controls" }, title, toChanges),
    list.element,
  );

  function rowText(row: Row): string {
    if (row.kind === "rule") return inspection.rules[row.rule]?.name ?? "";
    if (row.kind === "reason") return row.text;
    return row.rewrite[row.kind];
  }

  /** Rewrites by rule, each rule with its reason. */
  function rewriteRows(stage: InspectedStage): Row[] {
    const byRule = new Map<number, InspectedRewrite[]>();
    for (const rewrite of stage.rewrites) {
      const list = byRule.get(rewrite.rule);
      if (list === undefined) byRule.set(rewrite.rule, [rewrite]);
      else list.push(rewrite);
    }
    return [...byRule].flatMap(([rule, rewrites]): Row[] => [
      { kind: "rule", rule, rewrites },
      { kind: "reason", text: inspection.rules[rule]?.reason ?? "" },
      ...rewrites.flatMap((rewrite): Row[] => [
        { kind: "before", rewrite },
        { kind: "after", rewrite },
      ]),
    ]);
  }
}

function rewriteOf(row: Row | undefined): InspectedRewrite | undefined {
  return row?.kind === "before" || row?.kind === "after" ? row.rewrite : undefined;
}

function drawRow(reader: Reader, row: Row): ListRow {
  switch (row.kind) {
    case "rule": {
      const name = reader.inspection.rules[row.rule]?.name ?? "";
      const flops = row.rewrites.reduce((sum, { flopsBefore, flopsAfter }) => sum + flopsBefore - flopsAfter, 0);
      const bytes = row.rewrites.reduce((sum, { bytesBefore, bytesAfter }) => sum + bytesBefore - bytesAfter, 0);
      const text = ` × ${row.rewrites.length}${printSaved(flops, bytes)}`;
      return { content: [element("strong", {}, name), element("span", { class: "comment" }, text)], classes: "rule" };
    }
    case "reason":
      return { content: [element("span", { class: "reason" }, row.text)] };
    case "before":
    case "after": {
      const { flopsBefore, flopsAfter, bytesBefore, bytesAfter, origins } = row.rewrite;
      const within = (spans: ReadonlySet<number>) => origins.some((id) => spans.has(id));
      const remark = row.kind === "after" ? printSaved(flopsBefore - flopsAfter, bytesBefore - bytesAfter) : "";
      return {
        content: [
          element("span", { class: "sign" }, row.kind === "before" ? "-" : "+"),
          row.rewrite[row.kind],
          element("span", { class: "comment" }, remark),
        ],
        classes: `${row.kind === "before" ? "removed" : "added"} ${markClasses(
          within(reader.chosen().spans),
          false,
          within(reader.pointed().spans),
        )}`,
        selected: within(reader.chosen().spans),
      };
    }
    default:
      return row satisfies never;
  }
}

/** `, 1.2 GFLOP and 3 MiB less`; more is said as well. */
function printSaved(flops: number, bytes: number): string {
  const say = (value: number, print: (value: number) => string) =>
    value === 0 ? [] : [`${print(Math.abs(value))} ${value > 0 ? "less" : "more"}`];
  const parts = [...say(flops, printWork), ...say(bytes, printSize)];
  return parts.length === 0 ? "" : `  (${parts.join(", ")})`;
}

function saved(stage: InspectedStage): number {
  return stage.rewrites.reduce((sum, { flopsBefore, flopsAfter }) => sum + flopsBefore - flopsAfter, 0);
}

/** One item a pass that changed something; runs of others are folded into one. */
function timelineItems(reader: Reader, show: (stage: number) => void): HTMLElement[] {
  const { stages } = reader.inspection;
  const slowest = stages.reduce((most, { ms = 0 }) => Math.max(most, ms), 0);
  const mostWork = stages.reduce((most, { cost }) => Math.max(most, cost.flops), 0);
  const items: HTMLElement[] = [];
  let unchanged: string[] = [];
  const fold = () => {
    if (unchanged.length > 0) {
      items.push(element("li", { class: "folded" }, `unchanged by ${unchanged.join(", ")}`));
    }
    unchanged = [];
  };
  stages.forEach((stage, i) => {
    if (!stage.changed) {
      unchanged.push(stage.pass);
      return;
    }
    fold();
    const before = stages[i - 1]?.cost;
    const change = before === undefined ? "" : ` (${signed(stage.cost.nodes - before.nodes)})`;
    const time = stage.ms === undefined ? "" : printTime(stage.ms);
    const facts = element(
      "span",
      { class: "facts" },
      bar(mostWork === 0 ? 0 : stage.cost.flops / mostWork, "work of the graph before fusion"),
      element("span", { class: "column number wide" }, printWork(stage.cost.flops)),
      element("span", { class: "column number wide", title: "largest value" }, printSize(stage.cost.largestBytes)),
      element("span", { class: "column number widest" }, `${printNumberOf(stage.cost.nodes, "node")}${change}`),
      bar(slowest === 0 ? 0 : (stage.ms ?? 0) / slowest, "time that the pass took"),
      element("span", { class: "column number wide" }, time),
    );
    const name = element("strong", {}, i === 0 ? "as written" : `${i}. ${stage.pass}`);
    const count = element("span", { class: "comment" }, i === 0 ? "" : printNumberOf(stage.rewrites.length, "rewrite"));
    const entry = element(
      "button",
      { type: "button", "data-stage": i, title: stage.summary, disabled: i === 0, "aria-pressed": "false" },
      element("span", { class: "stage-name" }, name, count),
      facts,
    );
    entry.addEventListener("click", () => show(i));
    items.push(element("li", {}, entry));
  });
  fold();
  return items;
}

const signed = (value: number) => (value > 0 ? `+${value}` : value < 0 ? `−${-value}` : "±0");
