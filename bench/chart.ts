/** The roofline chart as an SVG text: rate of computation against operations per byte, both axes logarithmic. */
import type { Roofline } from "./roofline.ts";
import { escaped, svgLine as line, logarithmic, powersBetween, svgText as text } from "./svg.ts";

export interface ChartPoint {
  readonly name: string;
  /** Operations per byte that must move. */
  readonly intensity: number;
  /** GFLOP/s by contestant. */
  readonly rates: readonly { readonly contestant: string; readonly gigaflops: number }[];
}

const [width, height] = [960, 560];
const frame = { left: 70, right: 250, top: 40, bottom: 55 };
const colours: Readonly<Record<string, string>> = {
  weft: "#c2410c",
  ort: "#2563eb",
  tfjs: "#16a34a",
  "jax-js": "#7c3aed",
};

export function rooflineChart(points: readonly ChartPoint[], roofline: Roofline, title: string): string {
  const intensities = points.map(({ intensity }) => intensity);
  const rates = points.flatMap((point) => point.rates.map(({ gigaflops }) => gigaflops));
  const across = powersBetween(Math.min(...intensities, 0.1), Math.max(...intensities, 1000));
  const upward = powersBetween(Math.min(...rates, 0.1), Math.max(...rates, roofline.gigaflops));
  const x = logarithmic(across, frame.left, width - frame.right);
  const y = logarithmic(upward, height - frame.bottom, frame.top);
  const thin = 'stroke="#e5e7eb"';
  const thick = 'stroke="#111827" stroke-width="2"';
  const ridge = roofline.gigaflops / roofline.gigabytes;
  const [left, right] = [10 ** (across[0] as number), 10 ** (across[across.length - 1] as number)];
  const parts = [
    ...across.flatMap((power) => [
      line(x(10 ** power), frame.top, x(10 ** power), height - frame.bottom, thin),
      text([x(10 ** power), height - frame.bottom + 18], String(10 ** power), 'text-anchor="middle"'),
    ]),
    ...upward.flatMap((power) => [
      line(frame.left, y(10 ** power), width - frame.right, y(10 ** power), thin),
      text([frame.left - 8, y(10 ** power) + 4], String(10 ** power), 'text-anchor="end"'),
    ]),
    line(x(left), y(roofline.gigabytes * left), x(ridge), y(roofline.gigaflops), `${thick} clip-path="url(#plot)"`),
    line(x(ridge), y(roofline.gigaflops), x(right), y(roofline.gigaflops), thick),
    text([frame.left, 22], title, 'font-size="15" font-weight="bold"'),
    text(
      [(frame.left + width - frame.right) / 2, height - 14],
      "operations per unavoidable byte",
      'text-anchor="middle"',
    ),
    text([14, frame.top - 8], "GFLOP/s"),
    ...points.flatMap((point, number) =>
      point.rates.flatMap(({ contestant, gigaflops }) => {
        const place = [x(point.intensity), y(gigaflops)] as const;
        const dot = `<circle cx="${place[0].toFixed(1)}" cy="${place[1].toFixed(1)}" r="4" fill="${colours[contestant]}"><title>${escaped(`${point.name}: ${contestant}, ${gigaflops.toFixed(1)} GFLOP/s`)}</title></circle>`;
        return contestant === "weft" ? [dot, text([place[0] + 6, place[1] - 4], String(number + 1))] : [dot];
      }),
    ),
    ...Object.entries(colours).flatMap(([contestant, colour], i) => {
      const at = frame.top + 10 + 16 * i;
      return [
        `<circle cx="${width - frame.right + 20}" cy="${at}" r="4" fill="${colour}"/>`,
        text([width - frame.right + 30, at + 4], contestant),
      ];
    }),
    ...points.map((point, i) => text([width - frame.right + 14, frame.top + 84 + 13 * i], `${i + 1} ${point.name}`)),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11">`,
    "<title>Roofline: operations a second of each workload against operations for a byte moved</title>",
    `<clipPath id="plot"><rect x="${frame.left}" y="${frame.top}" width="${width - frame.left - frame.right}" height="${height - frame.top - frame.bottom}"/></clipPath>`,
    '<rect width="100%" height="100%" fill="white"/>',
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}
