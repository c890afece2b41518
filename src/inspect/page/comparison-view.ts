/** Another build and this one, equation by equation. */

import type { ComparedEquation, InspectedComparison, PartFigures } from "../comparison.ts";
import { equationTitle, holdsSpan } from "../equations.ts";
import { printChange, printNumberOf, printShare, printSize, printTime, printWork } from "../quantities.ts";
import { colouredLine } from "./coloured-text.ts";
import { chooser, element } from "./elements.ts";
import { markClasses, type Reader } from "./reader.ts";
import { virtualList } from "./virtual-list.ts";

type Part = Partial<PartFigures>;

interface Row {
  readonly before: Part | undefined;
  readonly after: Part | undefined;
  readonly what: string;
  readonly equation?: ComparedEquation;
}

const signs: Readonly<Record<ComparedEquation["kind"], string>> = {
  same: " ",
  rewritten: "~",
  moved: ">",
  appeared: "+",
  vanished: "-",
};
const classes: Readonly<Record<ComparedEquation["kind"], string>> = {
  same: "",
  rewritten: "rewired",
  moved: "rewired",
  appeared: "added",
  vanished: "removed",
};

export function comparisonView(reader: Reader, comparison: InspectedComparison): HTMLElement {
  const { before, after, rest, against } = comparison;
  const isTimed = before.ms !== undefined && after.ms !== undefined;
  const whole: readonly Row[] = [
    { before: summed(before), after: summed(after), what: "the whole" },
    { before: rest.before, after: rest.after, what: "no equation" },
  ];
  const equations = comparison.equations.map(rowOf);
  const changed = equations.filter(({ equation }) => equation?.kind !== "same" || differs(equation));
  const tables = [
    [...whole, ...[...changed].sort((a, b) => change(b) - change(a))],
    [...whole, ...equations],
  ];
  let rows = tables[0] as readonly Row[];
  const titles: readonly Figure[] = ["modelled", "work", isTimed ? "measured" : "moved", "kernels"];
  const details = element("div", {
    class: "details",
    role: "status",
    tabindex: 0,
    "aria-label": "Both texts of the chosen equation",
  });
  const marked = ({ equation }: Row, which: "chosen" | "pointed") => {
    const at = reader.inspection.equations[equation?.after?.equation ?? -1];
    return at !== undefined && holdsSpan(reader.inspection, at, reader[which]().spans);
  };
  const list = virtualList({
    label: "Equations of both builds. Enter shows both texts and their kernels.",
    classes: "costs compared",
    count: () => rows.length,
    row: (index) => {
      const row = rows[index] as Row;
      const kind = row.equation?.kind ?? "same";
      return {
        content: [
          element("span", { class: "sign", title: kind }, signs[kind]),
          element("span", { class: "column name", title: row.what }, row.what),
          ...titles.map((title) => {
            const text = changeOf(row, title);
            return element("span", { class: `column number ${title}`, title: text }, text);
          }),
        ],
        classes: `${classes[kind]} ${markClasses(marked(row, "chosen"), false, marked(row, "pointed"))}`,
        selected: marked(row, "chosen"),
        label: `${row.what} ${row.equation?.kind ?? ""}: ${titles.map((title) => `${title} ${changeOf(row, title)}`).join(", ")}`,
      };
    },
    onPick: (index) => {
      const row = rows[index] as Row;
      details.replaceChildren(...detailsOf(row));
      const equation = row.equation?.after?.equation;
      reader.choose(equation === undefined ? undefined : { kind: "equation", equation });
    },
    onPoint: (index) => {
      const equation = index === undefined ? undefined : rows[index]?.equation?.after?.equation;
      reader.point(equation === undefined ? undefined : { kind: "equation", equation });
    },
  });
  const choice = chooser("Equations", ["what differs, most first", "all, as in the text"], (index) => {
    rows = tables[index] as readonly Row[];
    list.refresh();
    list.show(0);
  });
  reader.onChange(() => list.refresh());
  const count = (kind: ComparedEquation["kind"]) => comparison.equations.filter((each) => each.kind === kind).length;
  return element(
    "div",
    { class: "view" },
    element("div", { class: "controls" }, choice),
    element(
      "p",
      { class: "summary" },
      `From ${comparison.name} of ${against} to ${reader.inspection.name}: ${printNumberOf(count("same"), "equation")} the same, ` +
        `${count("rewritten")} rewritten (~), ${count("moved")} moved (>), ${count("appeared")} appeared (+), ${count("vanished")} vanished (−). ` +
        "Modelled time is a share of the whole run before.",
    ),
    element(
      "div",
      { class: "row table-head costs compared", "aria-hidden": "true" },
      element("span", { class: "sign" }),
      element("span", { class: "column name" }, "what"),
      ...titles.map((title) => element("span", { class: `column number ${title}` }, title)),
    ),
    list.element,
    details,
  );
}

function rowOf(equation: ComparedEquation): Row {
  const { before, after } = equation;
  const shown = after ?? before;
  return {
    before,
    after,
    what: shown === undefined ? "" : equationTitle(shown),
    equation,
  };
}

const summed = ({ launches, ...figures }: InspectedComparison["before"]): Part => ({
  ...figures,
  kernels: [{ label: "", kind: "", launches }],
});

const kernelCount = ({ kernels = [] }: Part) => kernels.reduce((sum, { launches }) => sum + launches, 0);
const kernelText = (part: PartFigures | undefined) =>
  (part?.kernels ?? [])
    .map(({ label, kind, launches }) => `${launches > 1 ? `${launches} × ` : ""}${label} (${kind})`)
    .join(", ") || "no kernel";

function differs({ before, after }: ComparedEquation): boolean {
  return before?.flops !== after?.flops || before?.bytes !== after?.bytes || kernelText(before) !== kernelText(after);
}

const change = ({ before, after }: Row) => Math.abs((after?.modelled ?? 0) - (before?.modelled ?? 0));

type Figure = "modelled" | "measured" | "work" | "moved" | "kernels";

function printFigure(part: Part, figure: Figure): string {
  switch (figure) {
    case "modelled":
      return printShare(part.modelled ?? 0);
    case "measured":
      return printTime(part.ms ?? 0);
    case "work":
      return printWork(part.flops ?? 0);
    case "moved":
      return printSize(part.bytes ?? 0);
    case "kernels":
      return String(kernelCount(part));
    default:
      return figure satisfies never;
  }
}

function changeOf({ before, after }: Row, figure: Figure): string {
  const print = (part: Part | undefined) => (part === undefined ? "–" : printFigure(part, figure));
  return printChange(print(before), print(after));
}

/** Both texts, where they stand, what they cost and what computes them. */
function detailsOf({ equation }: Row): HTMLElement[] {
  if (equation === undefined) return [];
  return (["before", "after"] as const).flatMap((which) => {
    const side = equation[which];
    if (side === undefined) return [element("p", { class: "summary" }, `${which}: not there`)];
    const figures: readonly Figure[] = [
      "modelled",
      ...(side.ms === undefined ? [] : ["measured" as const]),
      "work",
      "moved",
    ];
    const costs = figures.map((figure) => `${figure} ${printFigure(side, figure)}`).join(", ");
    return [
      element("p", { class: "summary" }, `${which}: ${side.path}:${side.line}; ${costs}; ${kernelText(side)}`),
      element("code", {}, ...colouredLine(side.text, "weft")),
    ];
  });
}
