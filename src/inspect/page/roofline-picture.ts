/**
 * The roofline picture (Williams, Waterman and Patterson 2009): each kernel at its arithmetic intensity and its speed, under the
 * roof of memory and arithmetic. Measured where there is a profile; otherwise where the model puts it.
 */
import { modelledFlopsPerByte } from "../attribute-cost.ts";
import { printShare, printTime, printWork } from "../quantities.ts";
import { drawing, element, setAttributes } from "./elements.ts";
import { launchMarks, type Reader } from "./reader.ts";

interface Point {
  readonly launch: number;
  /** FLOP per byte. */
  readonly intensity: number;
  /** FLOP per second, or share of the modelled peak. */
  readonly speed: number;
  /** Share of the whole time. */
  readonly share: number;
  readonly title: string;
}

const size = { width: 640, height: 190, left: 84, right: 10, top: 8, bottom: 34 };

export function rooflinePicture(reader: Reader): HTMLElement {
  const { inspection } = reader;
  const measured = inspection.profile !== undefined;
  const points = measured ? measuredPoints(reader) : modelledPoints(reader);
  if (points.length === 0) return element("p", { class: "summary" }, "No kernel does floating-point work.");
  // Nothing here knows the device's own peaks; the best that a kernel reached is a floor of them.
  const bandwidth = measured
    ? points.reduce((most, { speed, intensity }) => Math.max(most, speed / intensity), 0)
    : 1 / modelledFlopsPerByte;
  const peak = measured ? points.reduce((most, { speed }) => Math.max(most, speed), 0) : 1;
  const bend = peak / bandwidth;

  const x = logScale(
    [...points.map(({ intensity }) => intensity), bend / 4, bend * 4],
    size.left,
    size.width - size.right,
  );
  const y = logScale([...points.map(({ speed }) => speed), peak * 1.5], size.height - size.bottom, size.top);
  const roof = [
    [x.from, x.from * bandwidth],
    [bend, peak],
    [x.to, peak],
  ]
    .map(([u, v]) => `${x.at(u as number)},${y.at(Math.max(v as number, y.from))}`)
    .join(" ");
  const circles = points.map((point) => {
    const circle = drawing(
      "circle",
      {
        cx: x.at(point.intensity),
        cy: y.at(point.speed),
        r: 3 + 14 * Math.sqrt(point.share),
        "data-launch": point.launch,
        class: "point",
      },
      drawing("title", {}, point.title),
    );
    circle.addEventListener("click", () => reader.choose({ kind: "launch", launch: point.launch }));
    return circle;
  });
  const caption = measured
    ? `Kernels by arithmetic intensity and measured speed; area is time. The roof is the best that any kernel here reached: ${printWork(peak)}/s and ${printWork(bandwidth).replace(/FLOP$/, "B")}/s.`
    : `Kernels by arithmetic intensity on the modelled roof, which bends at ${modelledFlopsPerByte} FLOP/B; area is modelled time. Run with --profile for measured speeds.`;
  const picture = drawing(
    "svg",
    { viewBox: `0 0 ${size.width} ${size.height}`, class: "roofline", role: "img", "aria-label": caption },
    ...x.ticks.map((tick) => label(x.at(tick), size.height - size.bottom + 14, short(tick), "middle")),
    label((size.left + size.width) / 2, size.height - 4, "FLOP per byte", "middle"),
    ...y.ticks.map((tick) =>
      label(size.left - 4, y.at(tick) + 4, measured ? `${printWork(tick)}/s` : printShare(tick), "end"),
    ),
    drawing("polyline", { points: roof, class: "roof" }),
    ...circles,
  );
  reader.onChange(() => {
    for (const circle of circles) {
      setAttributes(circle, { class: `point ${launchMarks(reader, Number(circle.dataset.launch))}` });
    }
  });
  return element("figure", {}, picture, element("figcaption", { class: "summary" }, caption));
}

function measuredPoints({ inspection, costs }: Reader): Point[] {
  const whole = costs.total.ms ?? 0;
  return inspection.launches.flatMap((launch, index) => {
    const cost = costs.launches[index];
    const ms = cost?.ms ?? 0;
    if (cost === undefined || ms === 0 || cost.flops === 0 || cost.bytes === 0) return [];
    const speed = cost.flops / (ms / 1000);
    const title = `${launch.label}: ${printWork(speed)}/s, ${printTime(ms)}`;
    return [{ launch: index, intensity: cost.flops / cost.bytes, speed, share: whole === 0 ? 0 : ms / whole, title }];
  });
}

function modelledPoints({ inspection, costs }: Reader): Point[] {
  return inspection.launches.flatMap((launch, index) => {
    const cost = costs.launches[index];
    if (cost === undefined || cost.flops === 0 || cost.bytes === 0) return [];
    const intensity = cost.flops / cost.bytes;
    const speed = Math.min(1, intensity / modelledFlopsPerByte);
    const title = `${launch.label}: ${intensity.toPrecision(3)} FLOP/B, ${printShare(cost.modelled)} of the modelled time`;
    return [{ launch: index, intensity, speed, share: cost.modelled, title }];
  });
}

/** A logarithmic scale over values, from one end of the picture to the other, with a tick at each power of ten. */
function logScale(values: readonly number[], start: number, end: number) {
  const logs = values.filter((value) => value > 0).map(Math.log10);
  const low = logs.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY) - 0.1;
  const high = logs.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY) + 0.1;
  const ticks: number[] = [];
  for (let power = Math.ceil(low); power <= high; power++) ticks.push(10 ** power);
  return {
    from: 10 ** low,
    to: 10 ** high,
    ticks,
    at: (value: number) => start + ((Math.log10(value) - low) / (high - low)) * (end - start),
  };
}

function label(x: number, y: number, text: string, anchor: string): SVGTextElement {
  return drawing("text", { x, y, "text-anchor": anchor }, text);
}

const short = (value: number) => (value >= 0.001 && value < 1e6 ? String(value) : value.toExponential(0));
