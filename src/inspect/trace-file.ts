/** A run as a trace that chrome://tracing and Perfetto show ("Trace Event Format", complete and counter events). */
import type { Inspection } from "./inspection.ts";

interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "M" | "C";
  readonly pid: number;
  readonly tid: number;
  /** Microseconds. */
  readonly ts: number;
  readonly dur?: number;
  readonly args?: Readonly<Record<string, unknown>>;
}

const compiler = { pid: 1, tid: 1 };
const device = { pid: 2, tid: 1 };

/**
 * The passes on one track, every dispatch on another, and the bytes of activations as a counter. Dispatches stand end to end: what
 * lies between them on the device is not measured.
 *
 * @throws RangeError when the inspection has no profile
 */
export function writeTrace(inspection: Inspection): {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: "ms";
} {
  const { profile, launches, sources, spans, memory, stages } = inspection;
  if (profile === undefined) throw new RangeError("a trace needs measured times");
  const events: TraceEvent[] = [
    named("process_name", compiler, "weft compiler"),
    named("process_name", device, inspection.adapter),
  ];
  let ts = 0;
  for (const { pass, ms = 0, rewrites } of stages.slice(1)) {
    events.push({ name: pass, ph: "X", ...compiler, ts, dur: ms * 1000, args: { rewrites: rewrites.length } });
    ts += ms * 1000;
  }
  const launchAt = new Map(launches.flatMap((launch) => launch.steps.map((step) => [step, launch] as const)));
  ts = 0;
  profile.ms.forEach((ms, step) => {
    const launch = launchAt.get(step);
    if (launch === undefined) return;
    const lines = launch.origins
      .map((id) => spans[id])
      .flatMap((span) => (span === undefined ? [] : [`${sources[span.source]?.path}:${span.line}`]));
    events.push({
      name: launch.label,
      ph: "X",
      ...device,
      ts,
      dur: ms * 1000,
      args: { step, kind: launch.kind, flops: launch.flops, bytes: launch.bytes, lines: [...new Set(lines)] },
    });
    events.push({ name: "activations", ph: "C", ...device, ts, args: { bytes: memory.live[step] ?? 0 } });
    ts += ms * 1000;
  });
  return { traceEvents: events, displayTimeUnit: "ms" };
}

function named(name: string, track: typeof compiler, text: string): TraceEvent {
  return { name, ph: "M", ...track, ts: 0, args: { name: text } };
}
