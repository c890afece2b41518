/** One panel an axis: time, memory and work as multiples of the smallest size's, both axes logarithmic, so that linear is the diagonal. */
import { logarithmic, powersBetween, svgLine, svgText } from "../svg.ts";
import type { Growth } from "./report.ts";

interface Series {
  readonly name: string;
  readonly colour: string;
  readonly dash?: string;
  readonly values: readonly (number | undefined)[];
}

interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly sizes: readonly number[];
  readonly series: readonly Series[];
}

const columns = 3;
const [panelWidth, panelHeight] = [340, 250];
const frame = { left: 46, right: 14, top: 44, bottom: 40 };
const legendHeight = 34;
const looks = {
  time: { name: "time", colour: "#c2410c" },
  memory: { name: "memory", colour: "#2563eb" },
  work: { name: "work", colour: "#16a34a", dash: "2 3" },
  nodes: { name: "nodes", colour: "#7c3aed", dash: "2 3" },
} as const;

const shortSize = (size: number) => (size >= 1024 && size % 1024 === 0 ? `${size / 1024}k` : String(size));

/** A title over at most two lines, cut at a blank. */
function titleLines(title: string): readonly string[] {
  const most = 52;
  if (title.length <= most) return [title];
  const cut = title.lastIndexOf(" ", most);
  return [title.slice(0, cut), title.slice(cut + 1)];
}

function panelParts({ title, unit, sizes, series }: Panel, left: number, top: number): readonly string[] {
  const multiples = series.map(({ values }) =>
    values.map((value) => (value ?? Number.NaN) / (values[0] ?? Number.NaN)),
  );
  const greatest = (sizes.at(-1) as number) / (sizes[0] as number);
  const across = powersBetween(1, greatest, 2);
  const upward = powersBetween(
    Math.min(1, ...multiples.flat().filter((value) => value > 0)),
    Math.max(2, ...multiples.flat().filter(Number.isFinite)),
    2,
  );
  const [low, high] = [2 ** (upward[0] as number), 2 ** (upward.at(-1) as number)];
  const x = logarithmic(across, left + frame.left, left + panelWidth - frame.right, 2);
  const y = logarithmic(upward, top + panelHeight - frame.bottom, top + frame.top, 2);
  const stride = Math.ceil(upward.length / 8);
  const place = (size: number) => x(size / (sizes[0] as number));
  const end = Math.min(greatest, high);
  return [
    ...titleLines(title).map((words, line) => svgText([left + 8, top + 16 + 13 * line], words, 'font-weight="bold"')),
    ...sizes.flatMap((size) => [
      svgLine(place(size), y(low), place(size), y(high), 'stroke="#e5e7eb"'),
      svgText([place(size), y(low) + 15], shortSize(size), 'text-anchor="middle"'),
    ]),
    ...upward
      .filter((power) => (power - (upward[0] as number)) % stride === 0)
      .flatMap((power) => [
        svgLine(x(1), y(2 ** power), x(greatest), y(2 ** power), 'stroke="#e5e7eb"'),
        svgText(
          [x(1) - 6, y(2 ** power) + 4],
          `× ${power < 0 ? (2 ** power).toFixed(2) : 2 ** power}`,
          'text-anchor="end"',
        ),
      ]),
    svgText([(x(1) + x(greatest)) / 2, y(low) + 30], unit, 'text-anchor="middle"'),
    svgLine(x(1), y(1), x(end), y(end), 'stroke="#9ca3af" stroke-dasharray="6 4"'),
    ...series.flatMap(({ name, colour, dash }, which) => {
      const points = sizes.flatMap((size, i) => {
        const multiple = multiples[which]?.[i] ?? Number.NaN;
        return multiple > 0 && Number.isFinite(multiple) ? [[place(size), y(multiple), multiple] as const] : [];
      });
      const path = points.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
      const style = dash === undefined ? "" : ` stroke-dasharray="${dash}"`;
      return [
        `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"${style}/>`,
        ...points.map(
          ([px, py, multiple]) =>
            `<circle cx="${px.toFixed(1)}" cy="${py.toFixed(1)}" r="3" fill="${colour}"><title>${name} × ${multiple.toFixed(2)}</title></circle>`,
        ),
      ];
    }),
  ];
}

function panelsOf({ tables, compiling }: Growth): readonly Panel[] {
  const runs = tables.map(({ title, unit, points }): Panel => {
    const timed = points.some(({ ms }) => ms !== undefined);
    return {
      title,
      unit,
      sizes: points.map(({ size }) => size),
      series: [
        { ...looks.work, values: points.map(({ flops }) => flops) },
        { ...looks.memory, values: points.map(({ bytes }) => bytes) },
        ...(timed ? [{ ...looks.time, values: points.map(({ ms, processorMs }) => processorMs ?? ms) }] : []),
      ],
    };
  });
  if (compiling === undefined) return runs;
  const { title, points } = compiling;
  const series = [
    { ...looks.nodes, values: points.map(({ nodes }) => nodes) },
    { ...looks.time, values: points.map(({ processorMs }) => processorMs) },
  ];
  return [...runs, { title, unit: "layers", sizes: points.map(({ size }) => size), series }];
}

/** The picture bench/growth.svg: axes with two sizes or more. */
export function growthChart(growth: Growth): string {
  const panels = panelsOf(growth).filter(({ sizes }) => sizes.length > 1);
  const [width, height] = [columns * panelWidth, legendHeight + Math.ceil(panels.length / columns) * panelHeight];
  const legend = Object.values(looks).flatMap((look, i) => {
    const at = width - 330 + 80 * i;
    const dash = "dash" in look ? ` stroke-dasharray="${look.dash}"` : "";
    return [
      svgLine(at, 18, at + 22, 18, `stroke="${look.colour}" stroke-width="2"${dash}`),
      svgText([at + 27, 22], look.name),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    "<title>Time, memory and work against size, as multiples of the smallest size's</title>",
    '<rect width="100%" height="100%" fill="white"/>',
    svgText([8, 22], `${growth.adapter}, ${growth.date}; dashed grey: linear`, 'font-size="13" font-weight="bold"'),
    ...legend,
    ...panels.flatMap((panel, i) =>
      panelParts(panel, (i % columns) * panelWidth, legendHeight + Math.floor(i / columns) * panelHeight),
    ),
    "</svg>",
    "",
  ].join("\n");
}
