/** What can be measured of a program: each different kernel that can be computed in several ways, with a plan of its own. */
import type { Node } from "../ir/index.ts";
import { isTable, type KernelGroup } from "../passes/index.ts";
import type { DeviceProfile } from "./device-profile.ts";
import { type CostedCandidate, candidates, cheapest, costed, widerCandidates } from "./lower.ts";
import { kernelName } from "./lowering.ts";
import type { PlannedKernel } from "./make-plan.ts";
import type { BufferSlice, Plan, PlanKernel, PlanStep, PlanTensor } from "./plan.ts";
import { dispatchShape, kernelText, PlanLimitError, planKernel, planTensor, storedBytes } from "./plan-parts.ts";
import { type DeviceSchedule, deviceSchedule, type KernelSchedule } from "./schedule.ts";
import { kernelKey, type StoredSchedule, storedSchedule } from "./tuned-schedules.ts";

/** A kernel and the ways to compute it that are worth a measurement. */
export interface TuningCase {
  /** As `kernelKey` gives it. */
  readonly key: string;
  readonly label: string;
  readonly group: KernelGroup;
  /** Dispatches of it in one run of the program. */
  readonly dispatches: number;
  /** Modelled time of all of them, in arbitrary units. */
  readonly modelled: number;
  /** The default first, then those that the model thinks most of. */
  readonly candidates: readonly TuningCandidate[];
  /** A step for each candidate, in their order, all from the same inputs to the same outputs. */
  readonly plan: Plan;
  /** What lies behind the plan's inputs, by name. */
  readonly inputs: ReadonlyMap<string, Node>;
}

export interface TuningCandidate {
  readonly schedule: KernelSchedule;
  readonly stored: StoredSchedule;
  /** Modelled time of one dispatch. */
  readonly modelled: number;
}

export interface TuningCases {
  /** The one that takes most of the modelled time first. */
  readonly cases: readonly TuningCase[];
  /** Names of loops, whose kernels do not run alone, and of kernels that are divided because a tensor is larger than a binding. */
  readonly loops: readonly string[];
  readonly divided: readonly string[];
  /** Different kernels that can be computed in one way only. */
  readonly settled: number;
}

/** Ways to compute one kernel that are measured at most. */
const mostCandidates = 24;

/** The kernels of a plan that measurements could choose schedules for. */
export function tuningCases(kernels: readonly PlannedKernel[], profile: DeviceProfile): TuningCases {
  const device = deviceSchedule(profile);
  const byKey = new Map<string, { readonly group: KernelGroup; readonly label: string; dispatches: number }>();
  const loops = new Set<string>();
  const divided = new Set<string>();
  for (const { group, step } of kernels) {
    const bytes = [...group.inputs, ...group.outputs].map((node) => storedBytes(node.type));
    const isDivided = Math.max(...bytes) > profile.limits.maxBindingBytes;
    if (group.kind === "loop" || isDivided) {
      (group.kind === "loop" ? loops : divided).add(kernelName(group));
      continue;
    }
    const key = kernelKey(group);
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, { group, label: step.label, dispatches: 1 });
    else known.dispatches++;
  }
  const cases: TuningCase[] = [];
  for (const [key, { group, label, dispatches }] of byKey) {
    const found = worthMeasuring(group, device, profile);
    if (found.length < 2) continue;
    const modelled = dispatches * (found[0] as Costed).modelled;
    const own = found.map(({ schedule, modelled: time }) => ({
      schedule,
      stored: storedSchedule(group, schedule),
      modelled: time,
    }));
    cases.push({ key, label, group, dispatches, modelled, candidates: own, ...planOf(group, label, found) });
  }
  cases.sort((a, b) => b.modelled - a.modelled);
  return { cases, loops: [...loops], divided: [...divided], settled: byKey.size - cases.length };
}

interface Costed extends Pick<CostedCandidate, "lowered" | "modelled"> {
  readonly schedule: KernelSchedule;
  readonly kernel: PlanKernel;
  readonly workgroups: readonly [number, number, number];
}

/** Candidates with different texts that the device can start, the default first. */
function worthMeasuring(group: KernelGroup, device: DeviceSchedule, profile: DeviceProfile): readonly Costed[] {
  const ways = candidates(group, device);
  if (ways[0]?.schedule === undefined) return [];
  const first = cheapest(ways, profile);
  const others = costed([...ways, ...widerCandidates(group, device)], profile).toSorted(
    (a, b) => a.modelled - b.modelled,
  );
  const found = new Map<string, Costed>();
  for (const { candidate, lowered, modelled } of [first, ...others]) {
    if (found.size === mostCandidates || candidate.schedule === undefined) break;
    try {
      const shape = dispatchShape(group, lowered, device.workgroupSize, profile);
      const wgsl = kernelText(lowered, shape, device);
      if (found.has(wgsl)) continue;
      const { workgroups } = shape;
      const { schedule } = candidate;
      found.set(wgsl, { lowered, modelled, schedule, kernel: planKernel(lowered, wgsl), workgroups });
    } catch (error) {
      // More workgroups than the device starts: such a schedule is no candidate here.
      if (!(error instanceof PlanLimitError)) throw error;
    }
  }
  return [...found.values()];
}

/** A plan that computes one group in every way; each of its tensors has a buffer of its own. */
function planOf(group: KernelGroup, name: string, found: readonly Costed[]): Pick<TuningCase, "plan" | "inputs"> {
  const slices = new Map<Node, BufferSlice>();
  const tensors = { input: [] as PlanTensor[], output: [] as PlanTensor[] };
  const constants: Plan["constants"][number][] = [];
  const inputs = new Map<string, Node>();
  const written = new Set(group.outputs);
  for (const node of new Set(found.flatMap(({ lowered }) => lowered.buffers))) {
    const kind = written.has(node) ? "output" : isTable(node) ? "constant" : "input";
    const tensor = planTensor(`${kind} ${slices.size}`, node.type);
    slices.set(node, { buffer: { kind, name: tensor.name }, offset: 0, size: tensor.bytes });
    if (kind === "constant") constants.push({ ...tensor, values: node.attributes.values as readonly number[] });
    else tensors[kind].push(tensor);
    if (kind === "input") inputs.set(tensor.name, node);
  }
  const origins = found[0]?.kernel.origins ?? [];
  const steps = found.map(
    ({ lowered, workgroups }, kernel): PlanStep => ({
      kernel,
      slices: lowered.buffers.map((node) => slices.get(node) as BufferSlice),
      workgroups,
      flops: 0,
      bytes: 0,
      label: name,
      origins,
    }),
  );
  const plan: Plan = {
    name: `candidates of ${name}`,
    inputs: tensors.input,
    parameters: [],
    constants,
    outputs: tensors.output,
    arenas: [],
    kernels: found.map(({ kernel }) => kernel),
    steps,
    prepared: 0,
  };
  return { plan, inputs };
}
