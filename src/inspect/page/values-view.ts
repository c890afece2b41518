/** What a run computed, equation by equation or value by value: range, what is not finite, and how far off it is. */
import { equationText, equationTitle, holdsSpan } from "../equations.ts";
import { printNumberOf, printValue } from "../quantities.ts";
import type { Anchor, Related } from "../related.ts";
import { isOutside, isSuspect, type ValueSummary } from "../value-statistics.ts";
import { chooser, element } from "./elements.ts";
import { markClasses, type Reader } from "./reader.ts";
import { virtualList } from "./virtual-list.ts";

interface ValueRow {
  readonly value: Omit<ValueSummary, "values">;
  readonly what: string;
  readonly detail: string;
  readonly anchor: Anchor;
  readonly isIn: (related: Related) => boolean;
}

const titles = ["smallest", "largest", "mean", "NaN", "infinite", "off by", "of bound"];

/** Shown only where the entry was run for its values. */
export function valuesView(reader: Reader): HTMLElement {
  const { probe } = reader.inspection;
  const nodes = nodeRows(reader);
  const tables = [equationRows(reader), nodes, nodes.filter(({ value }) => isSuspect(value))];
  // The text of an IR file has no equations.
  const first = tables[0]?.length === 0 ? 1 : 0;
  let rows = tables[first] ?? [];
  const list = virtualList({
    label: "Values. Enter marks where a value comes from.",
    classes: "costs values",
    count: () => rows.length,
    row: (index) => {
      const { value, what, detail, isIn } = rows[index] as ValueRow;
      const marked = isIn(reader.chosen());
      return {
        content: [
          ...figuresOf(value).map((text) => element("span", { class: "column number" }, text)),
          element("span", { class: "column name" }, what),
          element("code", { class: "column path" }, detail),
        ],
        classes: `${markClasses(marked, false, isIn(reader.pointed()))} ${isSuspect(value) ? "suspect" : ""}`,
        selected: marked,
        label: `${what}: ${figuresOf(value)
          .flatMap((text, i) => (text === "" ? [] : [`${titles[i]} ${text}`]))
          .join(", ")}; ${detail}`,
      };
    },
    onPick: (index) => reader.choose(rows[index]?.anchor),
    onPoint: (index) => reader.point(index === undefined ? undefined : rows[index]?.anchor),
  });
  const suspects = tables[2]?.length ?? 0;
  const choice = chooser(
    "Values of",
    ["equations", "nodes", `nodes that are not finite or outside their bound (${suspects})`],
    (index) => {
      rows = tables[index] ?? [];
      list.refresh();
      list.show(0);
    },
  );
  choice.selectedIndex = first;
  reader.onChange(() => list.refresh());
  const drawn =
    probe === undefined || probe.drawn.length === 0 ? "" : ` Drawn from the seed: ${probe.drawn.join(", ")}.`;
  const verdict =
    suspects === 0
      ? "Every value is finite and within its bound."
      : `${printNumberOf(suspects, "value")} not finite or outside the bound.`;
  return element(
    "div",
    { class: "view" },
    element("div", { class: "controls" }, choice, element("span", { class: "summary", role: "status" }, verdict)),
    element(
      "p",
      { class: "summary" },
      `${
        probe?.method === "device"
          ? "Each value was stored by itself on the device. Off by is the largest difference from float64 in the whole run; of bound is the share " +
            "that is used up of what the value's own operation may round off. Values without either exist only in the text as written, and are float64."
          : "There was no device: all values are float64."
      }${drawn}`,
    ),
    element(
      "div",
      { class: "row table-head costs values", "aria-hidden": "true" },
      ...titles.map((title) => element("span", { class: "column number" }, title)),
      element("span", { class: "column name" }, "what"),
    ),
    list.element,
  );
}

/** `-0.7 … 0.65`, with what is wrong and how far off it is: the values of an equation in a few words. */
export function valueRemark(value: ValueSummary): string {
  const { range, nan, infinite, worst } = value;
  const parts = [
    ...(range === undefined ? [] : [`${printValue(range.minimum)} … ${printValue(range.maximum)}`]),
    ...(nan === 0 ? [] : [`${nan} NaN`]),
    ...(infinite === 0 ? [] : [`${infinite} infinite`]),
    ...(worst === undefined ? [] : [`off by ${printValue(worst.difference)} at [${worst.position.join(", ")}]`]),
    ...(isOutside(value) ? ["outside its bound"] : []),
  ];
  return parts.join(", ");
}

function figuresOf({ range, nan, infinite, worst, boundUsed, from }: Omit<ValueSummary, "values">): string[] {
  return [
    ...(range === undefined ? ["", "", ""] : [range.minimum, range.maximum, range.mean].map(printValue)),
    nan === 0 ? "" : String(nan),
    infinite === 0 ? "" : String(infinite),
    worst === undefined ? (from === "device" ? "0" : "") : printValue(worst.difference),
    boundUsed === undefined ? "" : printValue(boundUsed),
  ];
}

function equationRows({ inspection, values }: Reader): ValueRow[] {
  return inspection.equations.flatMap((equation, id): ValueRow[] => {
    const value = values[id];
    if (value === undefined) return [];
    const at = value.worst === undefined ? "" : `worst at [${value.worst.position.join(", ")}]  `;
    return [
      {
        value,
        what: equationTitle(equation),
        detail: `${at}${equationText(inspection, equation)}`,
        anchor: { kind: "equation", equation: id },
        isIn: ({ spans }) => holdsSpan(inspection, equation, spans),
      },
    ];
  });
}

function nodeRows({ inspection }: Reader): ValueRow[] {
  return (inspection.probe?.values ?? []).map((value): ValueRow => {
    const node = inspection.nodes[value.node];
    const at = value.worst === undefined ? "" : `worst at [${value.worst.position.join(", ")}]  `;
    return {
      value,
      what: node?.name ?? node?.op ?? "",
      detail: `${at}${node?.operation}: ${node?.type}`,
      anchor: { kind: "node", node: value.node },
      isIn: ({ nodes }) => nodes.has(value.node),
    };
  });
}
