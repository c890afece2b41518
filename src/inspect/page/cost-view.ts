/** What lines, equations, kernels and nodes cost, the dearest first, and the roofline picture of the kernels. */
import { rank, type SharedCost } from "../attribute-cost.ts";
import { equationText, equationTitle, holdsSpan } from "../equations.ts";
import { printShare, printSize, printTime, printWork } from "../quantities.ts";
import type { Anchor, Related } from "../related.ts";
import { bar } from "./coloured-text.ts";
import { chooser, element } from "./elements.ts";
import { markClasses, type Reader } from "./reader.ts";
import { rooflinePicture } from "./roofline-picture.ts";
import { virtualList } from "./virtual-list.ts";

interface CostRow {
  readonly cost: SharedCost;
  readonly what: string;
  readonly detail: string;
  readonly anchor: Anchor;
  readonly isIn: (related: Related) => boolean;
}

export function costView(reader: Reader): HTMLElement {
  const measured = reader.inspection.profile !== undefined;
  const tables = [lineRows(reader), equationRows(reader), kernelRows(reader), nodeRows(reader)];
  let rows = tables[0] ?? [];
  const list = virtualList({
    label: "Costs, the dearest first. Enter marks what belongs to a row.",
    classes: "costs",
    count: () => rows.length,
    row: (index) => {
      const { cost, what, detail, isIn } = rows[index] as CostRow;
      const dearest = rank(rows[0]?.cost ?? cost);
      const marked = isIn(reader.chosen());
      return {
        content: [
          bar(dearest === 0 ? 0 : rank(cost) / dearest, ""),
          element("span", { class: "column number wide" }, printShare(cost.modelled)),
          cost.ms === undefined ? "" : element("span", { class: "column number wide" }, printTime(cost.ms)),
          element("span", { class: "column number wide" }, printWork(cost.flops)),
          element("span", { class: "column number wide" }, printSize(cost.bytes)),
          element("span", { class: "column number" }, (cost.flops / Math.max(1, cost.bytes)).toPrecision(3)),
          element("span", { class: "column name" }, what),
          element("code", { class: "column path" }, detail),
        ],
        classes: markClasses(marked, false, isIn(reader.pointed())),
        selected: marked,
        label:
          `${what} ${detail}: ${printShare(cost.modelled)} of the modelled time, ${cost.ms === undefined ? "" : `measured ${printTime(cost.ms)}, `}` +
          `work ${printWork(cost.flops)}, moved ${printSize(cost.bytes)}`,
      };
    },
    onPick: (index) => reader.choose(rows[index]?.anchor),
    onPoint: (index) => reader.point(index === undefined ? undefined : rows[index]?.anchor),
  });
  const choice = chooser("Costs of", ["lines of the source", "equations", "kernels", "nodes"], (index) => {
    rows = tables[index] ?? [];
    list.refresh();
    list.show(0);
  });
  reader.onChange(() => list.refresh());
  const head = element(
    "div",
    { class: "row table-head", "aria-hidden": "true" },
    element("span", { class: "bar" }),
    ...["modelled", ...(measured ? ["measured"] : []), "work", "moved", "FLOP/B"].map((title) =>
      element("span", { class: `column number ${title === "FLOP/B" ? "" : "wide"}` }, title),
    ),
    element("span", { class: "column name" }, "what"),
  );
  return element(
    "div",
    { class: "view" },
    element("div", { class: "controls" }, choice),
    element(
      "p",
      { class: "summary" },
      "Modelled time is the larger of bytes moved and a tenth of the floating-point operations, as shares of the whole. " +
        "A kernel's bytes and time are shared out to its nodes by their operations, and a node's to the places it came from.",
    ),
    rooflinePicture(reader),
    head,
    list.element,
  );
}

function lineRows({ inspection, costs }: Reader): CostRow[] {
  const texts = inspection.sources.map(({ text }) => text.split("\n"));
  return costs.lines.map((cost) => ({
    cost,
    what: `${fileName(inspection.sources[cost.source]?.path)}:${cost.line}`,
    detail: texts[cost.source]?.[cost.line - 1]?.trim() ?? "",
    anchor: { kind: "line", source: cost.source, line: cost.line },
    isIn: ({ spans }) =>
      [...spans].some((id) => {
        const span = inspection.spans[id];
        return span?.source === cost.source && span.line === cost.line;
      }),
  }));
}

function equationRows({ inspection, costs }: Reader): CostRow[] {
  return costs.equations
    .flatMap((cost): CostRow[] => {
      const equation = inspection.equations[cost.equation ?? -1];
      if (cost.equation === undefined || equation === undefined) return [];
      return [
        {
          cost,
          what: equationTitle(equation),
          detail: equationText(inspection, equation),
          anchor: { kind: "equation", equation: cost.equation },
          isIn: ({ spans }) => holdsSpan(inspection, equation, spans),
        },
      ];
    })
    .sort((a, b) => rank(b.cost) - rank(a.cost));
}

function kernelRows({ inspection, costs }: Reader): CostRow[] {
  return inspection.launches
    .map(
      (launch, index): CostRow => ({
        cost: costs.launches[index] as SharedCost,
        what: `${launch.label} (${launch.kind})`,
        detail: launch.module ?? "",
        anchor: { kind: "launch", launch: index },
        isIn: ({ launches }) => launches.has(index),
      }),
    )
    .sort((a, b) => rank(b.cost) - rank(a.cost));
}

function nodeRows({ inspection, costs }: Reader): CostRow[] {
  return [...costs.nodes]
    .map(([id, cost]): CostRow => {
      const node = inspection.nodes[id];
      return {
        cost,
        what: node?.name ?? node?.op ?? "",
        detail: `${node?.operation}: ${node?.type}`,
        anchor: { kind: "node", node: id },
        isIn: ({ nodes }) => nodes.has(id),
      };
    })
    .sort((a, b) => rank(b.cost) - rank(a.cost));
}

function fileName(path = ""): string {
  return path.split("/").at(-1) ?? path;
}
