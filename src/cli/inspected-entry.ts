/** From a compiled entry to its inspection: planned for a machine and, where that is asked for, timed, probed and compared. */
import type { CompiledGraph, LoweringOptions, OptimisedGraph } from "../compile.ts";
import {
  compareBuilds,
  type InspectedProfile,
  type Inspection,
  InspectionFormatError,
  readInspection,
} from "../inspect/index.ts";
import { initialValuesOf, type LoadedEntry, loadEntry, optimiseEntry, planEntry } from "./compilation.ts";
import { type ParameterValues, runOnDevice } from "./execution.ts";
import { InputProblems } from "./exit-status.ts";
import type { InputSources } from "./input-files.ts";
import { checkInputs, readInputs } from "./input-values.ts";
import { type Machine, withMachine } from "./machine.ts";
import type { CompileOptions } from "./options.ts";
import { inspectEntry, requireDevice } from "./profiling.ts";
import { readSourceText } from "./source-files.ts";
import type { Terminal } from "./terminal.ts";
import { reportNotes } from "./tuned-file.ts";
import { checkProbeLimits, type ProbeData, probeValues } from "./value-probe.ts";
import { openParameters } from "./weights.ts";

export interface InspectionRequest {
  readonly entry: LoadedEntry;
  readonly optimised: OptimisedGraph;
  readonly options: CompileOptions;
  readonly sources: InputSources;
  readonly lowering: Omit<LoweringOptions, "profile">;
  /** Times every dispatch. */
  readonly profile: boolean;
  /** Runs the entry for its values. */
  readonly probe: boolean;
  /** The other build. */
  readonly against?: OtherBuild;
  readonly terminal: Terminal;
}

/** What another build is known by: its inspection, or what is to be planned for the same machine. */
export type OtherBuild = { readonly path: string } & (
  | { readonly kind: "inspection"; readonly inspection: Inspection }
  | { readonly kind: "entry"; readonly entry: LoadedEntry; readonly optimised: OptimisedGraph }
);

/**
 * Opens what `--against` names: the JSON of an earlier inspection, or another program, which is compiled with the same options.
 *
 * @throws InputProblems for a JSON file that is no inspection; for programs as `loadEntry`
 */
export function openOtherBuild(
  path: string,
  { options, sources, lowering, terminal }: Pick<InspectionRequest, "options" | "sources" | "lowering" | "terminal">,
): OtherBuild {
  if (!path.endsWith(".json")) {
    const entry = loadEntry(path, options, sources, terminal);
    return { kind: "entry", path, entry, optimised: optimiseEntry(entry, { ...lowering, verify: undefined }) };
  }
  try {
    return { kind: "inspection", path, inspection: readInspection(readSourceText(path)) };
  } catch (error) {
    if (error instanceof InspectionFormatError) throw new InputProblems([`--against ${path}: ${error.message}`]);
    throw error;
  }
}

/** A plan, and what there is to see of it. */
export interface InspectedEntry {
  readonly compiled: CompiledGraph;
  readonly inspection: Inspection;
}

/** Opens a device for its limits, unless the user chose another profile, and plans for it; runs only to time or to probe. */
export async function inspectOnMachine(request: InspectionRequest): Promise<InspectedEntry> {
  const { options, against, terminal } = request;
  return withMachine(options.device, terminal, async (machine) => {
    if (request.profile) requireDevice(machine);
    const inspected = await inspectBuild(request, machine);
    if (against === undefined) return inspected;
    const before =
      against.kind === "inspection"
        ? against.inspection
        : (await inspectBuild({ ...request, ...against, probe: false }, machine)).inspection;
    const comparison = compareBuilds(before, inspected.inspection, against.path);
    return { ...inspected, inspection: { ...inspected.inspection, comparison } };
  });
}

async function inspectBuild(request: InspectionRequest, machine: Machine): Promise<InspectedEntry> {
  const { entry, optimised, options, lowering, terminal } = request;
  const compiled = planEntry(entry, optimised, { ...lowering, profile: machine.profile });
  reportNotes(compiled, terminal);
  const run = async () => {
    if (!request.profile && !request.probe) return {};
    if (request.probe) checkProbeLimits(compiled);
    return withData(request, async (data) => ({
      profile:
        request.profile && machine.kind === "device"
          ? await timeDispatches(compiled, data, machine, terminal)
          : undefined,
      probe: request.probe ? await probeValues(compiled, options.optimise, data, machine, terminal) : undefined,
    }));
  };
  const found = await run();
  terminal.endProgress();
  return { compiled, inspection: inspectEntry(entry, compiled, machine.description, found) };
}

/** Inputs and parameters of a run; inputs that are not given are drawn. */
async function withData<T>(
  { entry, options, sources, terminal }: InspectionRequest,
  work: (data: ProbeData) => Promise<T>,
): Promise<T> {
  const completed = { ...sources, restRandom: true };
  checkInputs(entry.graph.inputs, completed);
  const initial = initialValuesOf(entry, options.seed);
  const weights = { file: options.weights, allowMissing: options.allowMissing, initial };
  const parameters = await openParameters(entry.wanted, weights, terminal);
  try {
    const inputs = await readInputs(entry.graph.inputs, completed, options.seed);
    const names = entry.graph.inputs.map(({ attributes }) => attributes.name as string);
    const drawn = names.filter((name) => sources.byName.get(name)?.kind !== "file");
    return await work({ inputs, drawn, parameters: parameters.read });
  } finally {
    await parameters.close();
  }
}

async function timeDispatches(
  compiled: CompiledGraph,
  values: { readonly parameters: ParameterValues; readonly inputs: ProbeData["inputs"] },
  machine: Extract<Machine, { kind: "device" }>,
  terminal: Terminal,
): Promise<InspectedProfile> {
  const { profile } = await runOnDevice(machine.device, compiled.plan, values, { repeat: 1, profile: true }, terminal);
  return profile as InspectedProfile;
}
