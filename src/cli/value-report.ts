/** The terminal's twin of the inspector's view of values. */
import {
  equationText,
  type Inspection,
  isSuspect,
  type ProbedValue,
  printValue,
  type ValueSummary,
  valuesOfEquations,
} from "../inspect/index.ts";
import { printCount, printPlural } from "./quantities.ts";
import { type Column, printTable } from "./table.ts";

const right = (title: string): Column => ({ title, align: "right" });

const columns: readonly Column[] = [
  right("smallest"),
  right("largest"),
  right("mean"),
  right("NaN"),
  right("infinite"),
  right("off by"),
  { title: "at" },
  right("of bound"),
  { title: "line" },
  { title: "" },
];

/** Values nobody wants to read on and on; the JSON has all. */
const shownSuspects = 25;

/** What every equation computed, and which values are not finite or further off than they may be. Empty without a probe. */
export function printValues(inspection: Inspection): readonly string[] {
  const { probe, equations, sources, nodes } = inspection;
  if (probe === undefined) return [];
  const summaries = valuesOfEquations(inspection);
  const rows = equations.flatMap((equation, id) => {
    const summary = summaries[id];
    if (summary === undefined) return [];
    const place = `${sources[equation.source]?.path.split("/").at(-1)}:${equation.line}`;
    return [[...cells(summary), place, equationText(inspection, equation)]];
  });
  const suspects = probe.values.filter(isSuspect);
  const drawn = probe.drawn.length === 0 ? "" : `; drawn: ${probe.drawn.join(", ")}`;
  const onDevice = probe.values.filter(({ from }) => from === "device").length;
  const computed =
    probe.method === "device"
      ? `${printPlural(onDevice, "value")} stored one by one on the device and compared with float64, ${printCount(probe.values.length - onDevice)} of the inputs and of the text as written`
      : `${printPlural(probe.values.length, "value")} of the reference evaluator, as there is no device`;
  const nodeRow = (value: ProbedValue) => {
    const { name = "", operation, type } = nodes[value.node] ?? {};
    const isEvaluated = probe.method === "device" && value.from === "reference";
    return [...cells(value), `${name}${isEvaluated ? " (float64)" : ""}`, `${operation}: ${type}`];
  };
  // The text of an IR file has no equations.
  const [what, table] = equations.length > 0 ? ["equation", rows] : ["node", probe.values.map(nodeRow)];
  return [
    `── values by ${what}: ${computed}${drawn}\n${printTable(columns, table)}`,
    suspects.length === 0
      ? `── every value is finite${probe.method === "device" ? ", and within what its own operation may round off" : ""}`
      : [
          `── ${printPlural(suspects.length, "value")} with NaN, infinities, or further off than their own operation explains, in the order of computation`,
          printTable(columns, suspects.slice(0, shownSuspects).map(nodeRow)),
          ...(suspects.length > shownSuspects ? [`… and ${suspects.length - shownSuspects} more values`] : []),
        ].join("\n"),
  ];
}

function cells(value: ProbedValue | ValueSummary): string[] {
  const { range, nan, infinite, worst, boundUsed, from } = value;
  return [
    ...(range === undefined ? ["", "", ""] : [range.minimum, range.maximum, range.mean].map(printValue)),
    nan === 0 ? "" : printCount(nan),
    infinite === 0 ? "" : printCount(infinite),
    worst === undefined ? (from === "device" ? "0" : "") : printValue(worst.difference),
    worst === undefined ? "" : `[${worst.position.join(", ")}]`,
    boundUsed === undefined ? "" : printValue(boundUsed),
  ];
}
