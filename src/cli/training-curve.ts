/** Curves of a training as an SVG picture: the loss of every step, its running mean, and what was measured in between. */
import type { LogLine } from "./training-log.ts";

const size = { width: 900, height: 420, left: 70, right: 20, top: 30, bottom: 50 } as const;
/** More points than the picture has columns are not seen. */
const mostPoints = 900;

interface Point {
  readonly step: number;
  readonly loss: number;
}

/** The picture of a log's lines. */
export function drawCurves(lines: readonly LogLine[]): string {
  const steps = lines.filter(({ kind, loss }) => kind === "step" && Number.isFinite(loss));
  const measured = lines.filter(({ kind, loss }) => kind === "evaluation" && Number.isFinite(loss));
  const all = [...steps, ...measured];
  const [first, last] = [Math.min(...all.map(({ step }) => step)), Math.max(...all.map(({ step }) => step))];
  const [low, high] = extent(all.map(({ loss }) => loss));
  const x = (step: number) =>
    size.left + ((step - first) / Math.max(1, last - first)) * (size.width - size.left - size.right);
  const y = (loss: number) =>
    size.height - size.bottom - ((loss - low) / (high - low)) * (size.height - size.top - size.bottom);
  const path = (points: readonly Point[]) =>
    points.map(({ step, loss }, k) => `${k === 0 ? "M" : "L"}${x(step).toFixed(1)} ${y(loss).toFixed(1)}`).join("");
  const ticks = [0, 1, 2, 3, 4].map((k) => low + (k * (high - low)) / 4);
  const stepTicks = [...new Set([0, 1, 2, 3, 4].map((k) => Math.round(first + (k * (last - first)) / 4)))];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}" font-family="sans-serif" font-size="12" role="img" aria-label="loss against step">
<title>Loss against step</title>
<rect width="100%" height="100%" fill="white"/>
${ticks.map((loss) => `<path d="M${size.left} ${y(loss).toFixed(1)}H${size.width - size.right}" stroke="#ddd"/><text x="${size.left - 8}" y="${(y(loss) + 4).toFixed(1)}" text-anchor="end">${Number(loss.toPrecision(3))}</text>`).join("\n")}
${stepTicks.map((step) => `<text x="${x(step).toFixed(1)}" y="${size.height - size.bottom + 18}" text-anchor="middle">${step}</text>`).join("\n")}
<text x="${size.width / 2}" y="${size.height - 10}" text-anchor="middle">step</text>
<path d="${path(thinned(steps))}" fill="none" stroke="#9ecae1"/>
<path d="${path(thinned(runningMean(steps)))}" fill="none" stroke="#08519c" stroke-width="2"/>
${measured.length > 0 ? `<path d="${path(measured)}" fill="none" stroke="#d94801" stroke-width="2"/>\n${measured.map(({ step, loss }) => `<circle cx="${x(step).toFixed(1)}" cy="${y(loss).toFixed(1)}" r="3" fill="#d94801"/>`).join("")}` : ""}
<text x="${size.left}" y="20" fill="#08519c">loss (running mean)</text>${measured.length > 0 ? `<text x="${size.left + 150}" y="20" fill="#d94801">evaluation</text>` : ""}
</svg>
`;
}

/** Least and greatest value, apart even when all are equal. */
function extent(values: readonly number[]): [number, number] {
  if (values.length === 0) return [0, 1];
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return high > low ? [low, high] : [low - 0.5, high + 0.5];
}

/** Exponential mean over about a fiftieth of the steps, corrected for its beginning. */
function runningMean(points: readonly Point[]): Point[] {
  const keep = 1 - 1 / Math.max(1, points.length / 50);
  let [mean, weight] = [0, 0];
  return points.map(({ step, loss }) => {
    mean = keep * mean + (1 - keep) * loss;
    weight = keep * weight + (1 - keep);
    return { step, loss: mean / weight };
  });
}

function thinned(points: readonly Point[]): Point[] {
  const stride = Math.ceil(points.length / mostPoints);
  return points.filter((_, k) => k % stride === 0 || k === points.length - 1);
}
