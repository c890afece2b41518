/** Tables of growth: printed, and as the page bench/GROWTH.md. */
import type { CompilePoint } from "./compiling.ts";
import type { GrowthPoint } from "./measure.ts";
import { exponentOf, ratiosOf } from "./rate.ts";

/** An axis as it was measured. */
export interface GrowthTable {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly remark: string;
  readonly points: readonly GrowthPoint[];
  /** What ended the axis before its last size. */
  readonly ended?: string;
}

/** The axis of layers: what grows is the time of compiling. */
export interface CompileTable {
  readonly title: string;
  readonly remark: string;
  readonly points: readonly CompilePoint[];
}

export interface Growth {
  readonly adapter: string;
  /** ISO 8601 day. */
  readonly date: string;
  readonly node: string;
  /** Runs of each size of which the median counts. */
  readonly repeat: number;
  readonly tables: readonly GrowthTable[];
  readonly compiling?: CompileTable;
}

interface GrowthColumn<Point> {
  readonly title: string;
  readonly value: (point: Point) => number | undefined;
  readonly print: (value: number) => string;
  /** Whether a column of ratios from line to line follows, and the exponent below. */
  readonly grows: boolean;
}

const shortly = (value: number) => (value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0));
const whole = (value: number) => value.toLocaleString("en");

const runColumns = ({ unit, points }: Pick<GrowthTable, "unit" | "points">): readonly GrowthColumn<GrowthPoint>[] => [
  { title: unit, value: ({ size }) => size, print: whole, grows: false },
  {
    title: "ms",
    value: ({ ms }) => ms,
    print: shortly,
    grows: points.every(({ processorMs }) => processorMs === undefined),
  },
  { title: "processor ms", value: ({ processorMs }) => processorMs, print: shortly, grows: true },
  { title: "MB", value: ({ bytes }) => bytes / 1e6, print: shortly, grows: true },
  { title: "of it activations", value: (point) => point.activationBytes / 1e6, print: shortly, grows: false },
  { title: "GFLOP", value: ({ flops }) => flops / 1e9, print: shortly, grows: true },
  { title: "dispatches", value: ({ dispatches }) => dispatches, print: whole, grows: false },
];

const compileColumns: readonly GrowthColumn<CompilePoint>[] = [
  { title: "layers", value: ({ size }) => size, print: whole, grows: false },
  { title: "processor ms", value: ({ processorMs }) => processorMs, print: shortly, grows: true },
  { title: "nodes", value: ({ nodes }) => nodes, print: whole, grows: true },
  { title: "dispatches", value: ({ dispatches }) => dispatches, print: whole, grows: false },
  { title: "kernels", value: ({ kernels }) => kernels, print: whole, grows: false },
];

/** Lines of cells: the titles, one line a size, and the exponents. */
function cellsOf<Point extends { readonly size: number }>(
  points: readonly Point[],
  columns: readonly GrowthColumn<Point>[],
): readonly (readonly string[])[] {
  const shown = columns.filter(({ value }) => points.some((point) => value(point) !== undefined));
  const titles = shown.flatMap(({ title, grows }) => (grows ? [title, "×"] : [title]));
  const ratios = shown.map(({ value }) => ratiosOf(points.map((point) => value(point) ?? Number.NaN)));
  const lines = points.map((point, line) =>
    shown.flatMap(({ value, print, grows }, column) => {
      const number = value(point);
      const ratio = line === 0 ? undefined : ratios[column]?.[line - 1];
      const cell = number === undefined ? "–" : print(number);
      return grows ? [cell, ratio === undefined || Number.isNaN(ratio) ? "" : ratio.toFixed(2)] : [cell];
    }),
  );
  const exponents = shown.flatMap(({ value, grows }, column) => {
    if (column === 0) return ["exponent"];
    if (!grows) return [""];
    const known = points.flatMap((point) => {
      const y = value(point);
      return y === undefined ? [] : [{ x: point.size, y }];
    });
    return ["", known.length < 2 ? "" : exponentOf(known).toFixed(2)];
  });
  return [titles, ...lines, exponents];
}

function printLines(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] as readonly string[]).map((_, i) =>
    Math.max(...lines.map((line) => (line[i] ?? "").length)),
  );
  return lines.map((line) => line.map((cell, i) => cell.padStart(widths[i] as number)).join("  ")).join("\n");
}

export const printGrowth = (table: GrowthTable): string =>
  [
    table.title,
    printLines(cellsOf(table.points, runColumns(table))),
    ...(table.ended === undefined ? [] : [`ended by: ${table.ended}`]),
  ].join("\n");

export const printCompiling = ({ title, points }: CompileTable): string =>
  [title, printLines(cellsOf(points, compileColumns))].join("\n");

const markdown = (lines: readonly (readonly string[])[]) => {
  const [titles, ...rest] = lines as readonly [readonly string[], ...(readonly string[])[]];
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(titles), line(titles.map(() => "--:")), ...rest.map(line)];
};

/** The page bench/GROWTH.md. */
export function growthPage({ adapter, date, node, repeat, tables, compiling }: Growth): string {
  return [
    "# Cost as it grows",
    "",
    `Written by \`npx tsx scripts/growth.ts --write\`. Adapter: ${adapter}. ${date}. Node ${node}.`,
    "",
    `ms are medians of at most ${repeat} runs, inputs and results on the device; × is the ratio to the line above. MB are all buffers of a run: inputs,`,
    "weights, results and activations. GFLOP and bytes are counted from the plan, and `test/bench/growth.test.ts` asserts how they grow. The",
    "exponent is the slope over the larger half of the sizes, in logarithms: 1 is linear. Processor ms are those of all threads together in the",
    "cheapest run: other programs on the machine hardly change them, while ms are what a clock shows, waiting for other programs included.",
    "",
    "![Time and memory against size](growth.svg)",
    ...tables.flatMap((table) => [
      "",
      `## ${table.title}`,
      "",
      table.remark,
      "",
      ...(table.points.length === 0 ? [] : markdown(cellsOf(table.points, runColumns(table)))),
      ...(table.ended === undefined ? [] : ["", `Ended by: ${table.ended}`]),
    ]),
    ...(compiling === undefined
      ? []
      : [
          "",
          `## ${compiling.title}`,
          "",
          compiling.remark,
          "",
          ...markdown(cellsOf(compiling.points, compileColumns)),
        ]),
    "",
  ].join("\n");
}
