/** The last graph → the executable plan: fuse, lower, print, place in memory. */
import {
  byteLength,
  byteSize,
  constrainedFraction,
  elementCount,
  type Graph,
  graphNodes,
  indexSizes,
  mergeOrigins,
  type Node,
  nodeUsers,
  operationOf,
  parseConstraints,
  parseSpec,
  printSpan,
  printType,
} from "../ir/index.ts";
import {
  defaultFusionOptions,
  type FusionOptions,
  fuseKernels,
  isTable,
  joinResults,
  type KernelGroup,
  type Lifetime,
  planMemory,
  storedAs,
  withOwnOutputs,
  withPartialSums,
  withStoredOperands,
} from "../passes/index.ts";
import { exceedsBinding, partsWithinBindings } from "./binding-windows.ts";
import type { DeviceProfile } from "./device-profile.ts";
import type { Kernel } from "./kernel.ts";
import { type ChooseCandidate, type LoweringTarget, lowerGroup } from "./lower.ts";
import { type DispatchSequence, dispatchCount, lowerLoop } from "./lower-loop.ts";
import { lowerOnce } from "./lower-once.ts";
import type { BindingWindow, LoweredKernel, ScheduleChoice } from "./lowering.ts";
import type { BufferSlice, Plan, PlanKernel, PlanStep } from "./plan.ts";
import { dispatchShape, kernelText, PlanLimitError, planKernel, planTensor, storedBytes } from "./plan-parts.ts";
import { splitPreparation } from "./preparation.ts";
import { type DeviceSchedule, deviceSchedule } from "./schedule.ts";

export interface PlanOptions {
  /** False gives every node a kernel of its own (`-O0`). */
  readonly fuse?: boolean;
  readonly schedule?: DeviceSchedule;
  /** Chooses among the ways to compute a kernel, by measurements; where it does not choose, the model of costs does. */
  readonly choose?: ChooseCandidate;
  /** False where runs change parameters, as training does, so that nothing can be computed from them once; true unless given. */
  readonly prepare?: boolean;
  /** Clock in milliseconds, for timing the stages; this folder has none of its own. */
  readonly now?: () => number;
}

/** What a plan is made in: groups of nodes, a kernel for each, places in memory, texts. */
export type PlanStage = "fusion" | "lowering" | "memory plan" | "WGSL";

/** One step of the plan with what it was made from, for reports. */
export interface PlannedKernel {
  readonly group: KernelGroup;
  readonly step: PlanStep;
  readonly wgsl: string;
  /** Threads that work. */
  readonly threads: number;
  /** What lies behind each binding, in binding order: its name in the WGSL, and the node whose elements it holds. */
  readonly buffers: readonly { readonly name: string; readonly node: Node }[];
  /** How it is computed and what chose that, where there was a choice. */
  readonly choice?: ScheduleChoice;
}

export interface PlanResult {
  readonly plan: Plan;
  readonly kernels: readonly PlannedKernel[];
  /** Bytes of all arenas, and the least that any placement could need. */
  readonly memory: { readonly peakBytes: number; readonly lowerBoundBytes: number };
  /** Milliseconds of each stage, when a clock was given. */
  readonly stages: readonly { readonly name: PlanStage; readonly ms: number }[];
}

export function makePlan(source: Graph, profile: DeviceProfile, options: PlanOptions = {}): PlanResult {
  const stages: { readonly name: PlanStage; readonly ms: number }[] = [];
  let stageStart = options.now?.() ?? 0;
  const finished = (name: PlanStage) => {
    if (options.now === undefined) return;
    const now = options.now();
    stages.push({ name, ms: now - stageStart });
    stageStart = now;
  };
  const { maxBindingBytes } = profile.limits;
  const graph = withStoredOperands(withPartialSums(withOwnOutputs(source), maxBindingBytes));
  const fusion = { ...defaultFusionOptions, fuse: options.fuse ?? true, maxBindings: profile.limits.maxBindings };
  const found = fuseKernels(graph, fusion).filter((group) =>
    group.outputs.some((node) => elementCount(node.type.shape) > 0),
  );
  const users = nodeUsers(graphNodes(graph));
  const joined = fusion.fuse ? joinResults(found, { maxBindings: fusion.maxBindings, users }) : found;
  const results = new Set(graph.outputs.map(({ node }) => storedAs(node)));
  const { preparation, everyRun } =
    options.prepare === false
      ? { preparation: [], everyRun: joined }
      : splitPreparation(joined, (node) => results.has(node));
  const groups = [...preparation, ...everyRun];
  checkTensors(graph, groups, profile);
  finished("fusion");
  const schedule = options.schedule ?? deviceSchedule(profile);
  const target = { profile, schedule, choose: options.choose };
  const lower = lowerOnce((group) => lowerGroup(group, target));
  const work = groups.map((group) => lowerWork(group, lower, target, fusion));
  finished("lowering");

  const outputs = graph.outputs.map(({ name, node }) => planTensor(name, node.type));
  const outputName = new Map(graph.outputs.map(({ name, node }) => [storedAs(node), name]));
  const memory = placeInMemory(work, preparation.length, outputName, profile);
  finished("memory plan");
  const constants = new Map<Node, string>();
  const tableName = (node: Node): string => {
    const name = constants.get(node) ?? `table_${constants.size}`;
    constants.set(node, name);
    return name;
  };
  const sliceOf = (node: Node): BufferSlice => {
    const placed = memory.placed.get(node);
    if (placed !== undefined) return placed;
    const size = storedBytes(node.type);
    const output = outputName.get(node);
    if (output !== undefined) return { buffer: { kind: "output", name: output }, offset: 0, size };
    if (isTable(node)) return { buffer: { kind: "constant", name: tableName(node) }, offset: 0, size };
    return {
      buffer: { kind: node.op as "input" | "parameter", name: node.attributes.name as string },
      offset: 0,
      size,
    };
  };

  const kernels: PlanKernel[] = [];
  const known = new Map<string, number>();
  /** Texts by the body that they print: kernels that are lowered once are printed once. */
  const texts = new Map<Kernel["body"], string>();
  const planned: PlannedKernel[] = [];
  const parameters = new Set<Node>();
  const plannedStep = (group: KernelGroup, lowered: LoweredKernel, flops: number): PlannedKernel => {
    const shape = dispatchShape(group, lowered, schedule.workgroupSize, profile);
    const wgsl = texts.get(lowered.kernel.body) ?? kernelText(lowered, shape, schedule);
    if (lowered.kernel.written === undefined) texts.set(lowered.kernel.body, wgsl);
    const kernel = known.get(wgsl) ?? kernels.length;
    if (kernel === kernels.length) {
      known.set(wgsl, kernel);
      kernels.push(planKernel(lowered, wgsl));
    }
    for (const node of lowered.buffers) if (node.op === "parameter") parameters.add(node);
    const step: PlanStep = {
      kernel,
      slices: lowered.buffers.map((node, k) => windowOf(sliceOf(node), node, lowered.windows?.[k])),
      workgroups: shape.workgroups,
      flops,
      bytes: lowered.buffers.reduce(
        (sum, { type }, k) => sum + (lowered.windows?.[k]?.length ?? elementCount(type.shape)) * byteSize(type.dtype),
        0,
      ),
      label: lowered.kernel.name,
      origins: lowered.kernel.origins,
    };
    const buffers = lowered.buffers.map((node, i) => ({ name: lowered.kernel.buffers[i]?.name ?? "", node }));
    const { choice } = lowered;
    const threads = lowered.kernel.thread.extent;
    return { group, step, wgsl, threads, buffers, ...(choice === undefined ? {} : { choice }) };
  };
  let prepared = 0;
  for (const [position, { group, sequence }] of work.entries()) {
    const flops = flopsOf(group);
    const repeats = sequence.filter((part) => part.kind === "repeat");
    // Of a loop that is dispatched step by step, what comes before the steps only prepares them.
    const share = flops / dispatchCount(repeats.length === 0 ? sequence : repeats);
    const expanded = (parts: DispatchSequence, own: number): PlannedKernel[] =>
      parts.flatMap((part) => {
        if (part.kind === "kernel") return [plannedStep(group, part.lowered, own)];
        const once = expanded(part.sequence, share);
        return Array.from({ length: part.steps }, () => once).flat();
      });
    for (const step of expanded(sequence, repeats.length === 0 ? share : 0)) planned.push(step);
    if (position < preparation.length) prepared = planned.length;
  }

  const plan: Plan = {
    name: graph.name,
    inputs: graph.inputs.map((node) => planTensor(node.attributes.name as string, node.type)),
    parameters: graph.parameters
      .filter((node) => parameters.has(node))
      .map((node) => planTensor(node.attributes.name as string, node.type)),
    constants: [...constants].map(([node, name]) => ({
      ...planTensor(name, node.type),
      values: node.attributes.values as readonly number[],
    })),
    outputs,
    arenas: memory.arenas,
    kernels,
    steps: planned.map(({ step }) => step),
    prepared,
  };
  finished("WGSL");
  const peakBytes = memory.arenas.reduce((sum, bytes) => sum + bytes, 0);
  return { plan, kernels: planned, memory: { peakBytes, lowerBoundBytes: memory.lowerBound }, stages };
}

/** A group as the kernels that compute it. */
interface LoweredWork {
  readonly group: KernelGroup;
  readonly sequence: DispatchSequence;
  readonly scratch: readonly Node[];
}

/** Dispatches that one loop may be recorded as. */
const greatestDispatchCount = 2 ** 18;

const nodeAndPlace = (node: Node) =>
  `${node.name ?? node.op}${node.origins[0] === undefined ? "" : ` (${printSpan(node.origins[0])})`}`;

function lowerWork(
  group: KernelGroup,
  lower: (group: KernelGroup) => LoweredKernel,
  target: LoweringTarget,
  fusion: FusionOptions,
): LoweredWork {
  if (group.kind === "loop") {
    const loop = group.heads[0] as Node;
    const lowered = lowerLoop(group, target, fusion);
    const dispatches = dispatchCount(lowered.sequence);
    if (dispatches > greatestDispatchCount) {
      throw new PlanLimitError(
        `${nodeAndPlace(loop)} would take ${dispatches.toLocaleString("en")} dispatches ` +
          `(${(loop.attributes.steps as number).toLocaleString("en")} steps); at most ${greatestDispatchCount.toLocaleString("en")} are recorded`,
      );
    }
    return { group, ...lowered };
  }
  const parts = withinBindings(lower(group), target.profile);
  return { group, sequence: parts.map((lowered) => ({ kind: "kernel", lowered })), scratch: [] };
}

/** A kernel, or its parts where it reads or writes more than the device binds at once. */
function withinBindings(lowered: LoweredKernel, { limits }: DeviceProfile): readonly LoweredKernel[] {
  if (!exceedsBinding(lowered, limits)) return [lowered];
  const parts = partsWithinBindings(lowered, limits);
  if (parts !== undefined) return parts;
  const largest = lowered.buffers.reduce((a, b) => (byteLength(b.type) > byteLength(a.type) ? b : a));
  throw tooLarge(largest, "binds", limits.maxBindingBytes, ", and the kernel that needs it cannot be divided");
}

function tooLarge(node: Node, does: "binds" | "holds", limit: number, more = ""): PlanLimitError {
  return new PlanLimitError(
    `${nodeAndPlace(node)}: ${printType(node.type)} takes ${storedBytes(node.type).toLocaleString("en")} bytes; ` +
      (does === "binds"
        ? `this device binds at most ${limit.toLocaleString("en")} bytes at once${more}`
        : `a buffer of this device holds at most ${limit.toLocaleString("en")} bytes`),
  );
}

function checkTensors(graph: Graph, groups: readonly KernelGroup[], profile: DeviceProfile): void {
  const stored = new Set([...graph.inputs, ...groups.flatMap((group) => [...group.inputs, ...group.outputs])]);
  const half = [...stored].find((node) => node.type.dtype === "f16");
  if (half !== undefined && !profile.features.f16) {
    throw new PlanLimitError(
      `${nodeAndPlace(half)} is f16, which this device does not have (WebGPU's shader-f16); compute in f32 instead`,
    );
  }
  const { maxBindingBytes, maxBufferBytes } = profile.limits;
  for (const node of stored) {
    if (storedBytes(node.type) > maxBufferBytes) throw tooLarge(node, "holds", maxBufferBytes);
  }
  // Kernels of a loop's body read the step when they run, so what they touch is not known before.
  for (const { kind, inputs, outputs } of groups) {
    const large = [...inputs, ...outputs].find((node) => storedBytes(node.type) > maxBindingBytes);
    if (kind === "loop" && large !== undefined) throw tooLarge(large, "binds", maxBindingBytes, " in a loop");
  }
}

/** The range of a tensor that a kernel binds. */
function windowOf(slice: BufferSlice, node: Node, window: BindingWindow | undefined): BufferSlice {
  if (window === undefined) return slice;
  const bytes = byteSize(node.type.dtype);
  const size = Math.min(Math.max(16, Math.ceil((window.length * bytes) / 16) * 16), slice.size - window.first * bytes);
  return { ...slice, offset: slice.offset + window.first * bytes, size };
}

/** @param prepared  how much of the work, the first, is done once: what other work reads of it lives until the end */
function placeInMemory(
  work: readonly LoweredWork[],
  prepared: number,
  outputName: ReadonlyMap<Node, string>,
  profile: DeviceProfile,
) {
  const born = new Map<Node, number>();
  const dies = new Map<Node, number>();
  work.forEach(({ group, scratch }, step) => {
    for (const node of [...group.outputs, ...scratch]) {
      if (!outputName.has(node)) born.set(node, step);
      dies.set(node, step);
    }
    for (const node of group.inputs) {
      const once = step >= prepared && (born.get(node) ?? prepared) < prepared;
      dies.set(node, once ? work.length - 1 : step);
    }
  });
  const nodes = [...born.keys()];
  const lifetimes: Lifetime[] = nodes.map((node) => ({
    bytes: storedBytes(node.type),
    from: born.get(node) as number,
    to: dies.get(node) as number,
  }));
  const plan = planMemory(lifetimes, {
    alignment: profile.limits.offsetAlignment,
    maxBufferBytes: profile.limits.maxBufferBytes,
  });
  const placed = new Map<Node, BufferSlice>();
  nodes.forEach((node, i) => {
    const { arena, offset } = plan.placements[i] as { arena: number; offset: number };
    placed.set(node, { buffer: { kind: "arena", index: arena }, offset, size: storedBytes(node.type) });
  });
  return { placed, arenas: plan.arenas, lowerBound: plan.lowerBound };
}

function flopsOf(group: KernelGroup): number {
  const flops = (node: Node): number => {
    const own = operationOf(node.op).flops(
      node.operands.map((operand) => operand.type),
      node.type,
      node.attributes,
    );
    // A hand-written kernel costs what it declares; its body is only its meaning.
    if (node.regions === undefined || node.attributes.steps === undefined) return own;
    const inside = node.regions.flatMap((region) => graphNodes(region));
    return own + (node.attributes.steps as number) * inside.reduce((sum, other) => sum + flops(other), 0);
  };
  const kept = scoresKept(group);
  return group.members.reduce((sum, node) => sum + flops(node) * kept(node), 0);
}

/** The part of a node's elements that an online softmax computes: scores and weights only where the condition of its sums holds. */
function scoresKept({ online, members }: KernelGroup): (node: Node) => number {
  if (online?.weighted.attributes.where === undefined) return () => 1;
  const { weighted, exponent } = online;
  const sizes = indexSizes(
    parseSpec(weighted.attributes.spec as string),
    weighted.operands.map(({ type }) => type),
  );
  const fraction = constrainedFraction(parseConstraints(weighted.attributes.where as string), sizes);
  const before = new Set(members.slice(0, members.indexOf(weighted)));
  return (node) => {
    const isScore = before.has(node) && elementCount(node.type.shape) === elementCount(exponent.type.shape);
    return isScore && node.attributes.where === undefined ? fraction : 1;
  };
}

/** All places in the source that a group computes. */
export function groupOrigins(group: KernelGroup) {
  return mergeOrigins(...group.members.map((node) => node.origins));
}
