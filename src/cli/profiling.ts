/** Times of single dispatches, and where they are written to. */
import { writeFileSync } from "node:fs";
import type { CompiledGraph } from "../compile.ts";
import { equationsOf, parse } from "../frontend/index.ts";
import {
  buildInspection,
  type InspectedProfile,
  type Inspection,
  type InspectionContext,
  writeTrace,
} from "../inspect/index.ts";
import { DeviceError, type Executable, type StepProfile } from "../runtime/index.ts";
import { isIrFile, type LoadedEntry } from "./compilation.ts";
import { InputProblems } from "./exit-status.ts";
import type { Machine } from "./machine.ts";
import { median } from "./quantities.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Times every dispatch on the data uploaded last.
 *
 * @param repeat  how often; the median of each dispatch counts
 */
export async function profileExecutable(
  executable: Executable,
  repeat: number,
  terminal: Terminal,
): Promise<InspectedProfile> {
  const turns: (readonly StepProfile[])[] = [];
  for (let turn = 0; turn < repeat; turn++) {
    terminal.progress(`profiling, ${turn + 1} of ${repeat}`);
    turns.push(await executable.profile());
  }
  const ms = executable.plan.steps.map((_, step) => median(turns.map((turn) => turn[step]?.ms ?? 0)));
  return { method: turns[0]?.[0]?.method ?? "submissions", ms };
}

/** @throws DeviceError where there is no device whose kernels could be timed */
export function requireDevice(machine: Machine): asserts machine is Extract<Machine, { kind: "device" }> {
  if (machine.kind === "device") return;
  throw new DeviceError(
    "no-adapter",
    "--profile times kernels, and there is no WebGPU device here; `weft doctor` says what to install",
  );
}

/** All that there is to see of a compiled entry, with the texts it came from. */
export function inspectEntry(
  entry: Pick<LoadedEntry, "path" | "sources">,
  compiled: CompiledGraph,
  adapter: string,
  found: Pick<InspectionContext, "profile" | "probe"> = {},
): Inspection {
  const first = entry.sources.get(entry.path);
  const sources = new Map([...(first === undefined ? [] : [[entry.path, first] as const]), ...entry.sources]);
  const equations = isIrFile(entry.path)
    ? []
    : [...sources].flatMap(([path, text]) => equationsOf(parse(path, text).file));
  return buildInspection(compiled, { adapter, sources, equations, ...found });
}

/** Writes the trace of a profiled run, for chrome://tracing and Perfetto. */
export function writeTraceFile(path: string, inspection: Inspection): void {
  writeResult(path, JSON.stringify(writeTrace(inspection)));
}

/**
 * Writes a text file that the user asked for.
 *
 * @throws InputProblems when it cannot be written
 */
export function writeResult(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new InputProblems([`${path} cannot be written (${(error as NodeJS.ErrnoException).code})`]);
  }
}
