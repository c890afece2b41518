/** The terminal's twin of the inspector's comparison of two builds. */
import {
  type BuildFigures,
  type ComparedEquation,
  type Inspection,
  type PartFigures,
  printChange,
} from "../inspect/index.ts";
import { printFlops } from "../ir/index.ts";
import { printBytes, printMilliseconds } from "./quantities.ts";
import { type Column, printTable } from "./table.ts";

const right = (title: string): Column => ({ title, align: "right" });
const signs: Readonly<Record<ComparedEquation["kind"], string>> = {
  same: "",
  rewritten: "~",
  moved: ">",
  appeared: "+",
  vanished: "-",
};

/** Both builds, equation by equation. Empty when there is nothing to compare with. */
export function printComparedBuilds({ comparison, name }: Inspection): readonly string[] {
  if (comparison === undefined) return [];
  const { before, after, equations, rest, against } = comparison;
  const isTimed = before.ms !== undefined && after.ms !== undefined;
  const rows = [
    ...equations.flatMap((equation) => {
      const { kind, before: old, after: now } = equation;
      const place = now ?? old;
      if (place === undefined || (isFree(old) && isFree(now) && kind === "same")) return [];
      const row = [
        signs[kind],
        ...cells(old, now, isTimed),
        `${place.path.split("/").at(-1)}:${place.line}`,
        place.text,
      ];
      return [row, ...kernelRows(equation, isTimed), ...oldText(equation, isTimed)];
    }),
    ["", ...cells(rest.before, rest.after, isTimed), "", "no equation: inputs, parameters, what has no place"],
    ["", ...cells(summed(before), summed(after), isTimed), "", "the whole"],
  ];
  const columns: readonly Column[] = [
    { title: "" },
    right("modelled"),
    ...(isTimed ? [right("measured")] : []),
    right("work"),
    right("moved"),
    right("kernels"),
    { title: "line" },
    { title: "" },
  ];
  const count = (kind: ComparedEquation["kind"]) => equations.filter((equation) => equation.kind === kind).length;
  return [
    [
      `── ${comparison.name} of ${against} → ${name}, by equation: ${count("same")} the same, ${count("rewritten")} rewritten (~), ${count("moved")} moved (>), ` +
        `${count("appeared")} appeared (+), ${count("vanished")} vanished (-)`,
      "   modelled time as a share of the whole run before; equations that cost nothing in either are left out",
      printTable(columns, rows),
    ].join("\n"),
  ];
}

const isFree = (part: PartFigures | undefined) => part === undefined || part.kernels.length === 0;

function cells(old: PartFigures | undefined, now: PartFigures | undefined, isTimed: boolean): string[] {
  const both = (print: (part: PartFigures) => string) =>
    printChange(old === undefined ? "–" : print(old), now === undefined ? "–" : print(now));
  return [
    both(({ modelled }) => `${(100 * modelled).toFixed(1)} %`),
    ...(isTimed ? [both(({ ms = 0 }) => printMilliseconds(ms))] : []),
    both(({ flops }) => printFlops(Math.round(flops))),
    both(({ bytes }) => printBytes(Math.round(bytes))),
    both(({ kernels }) => String(kernels.reduce((sum, { launches }) => sum + launches, 0))),
  ];
}

const blankCells = (isTimed: boolean) => new Array<string>(isTimed ? 7 : 6).fill("");

/** What computes an equation, where that is not the same in both. */
function kernelRows({ before, after }: ComparedEquation, isTimed: boolean): string[][] {
  const list = (part: PartFigures | undefined) =>
    (part?.kernels ?? [])
      .map(({ label, kind, launches }) => `${launches > 1 ? `${launches} × ` : ""}${label} (${kind})`)
      .join(", ") || "none";
  const [old, now] = [list(before), list(after)];
  return before === undefined || after === undefined || old === now
    ? []
    : [[...blankCells(isTimed), `   kernels: ${old} → ${now}`]];
}

function oldText({ kind, before }: ComparedEquation, isTimed: boolean): string[][] {
  if (before === undefined || kind === "same" || kind === "vanished") return [];
  return [[...blankCells(isTimed), `   was ${before.definition}:${before.line} ${before.text}`]];
}

function summed({ launches, ...figures }: BuildFigures): PartFigures {
  return { ...figures, kernels: [{ label: "", kind: "", launches }] };
}
