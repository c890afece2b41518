/** Which lowering a group gets, and with which schedule. */
import type { Node } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { contractionSchedules, widerContractionSchedules } from "./contraction-schedules.ts";
import { type TileIndices, tileIndices } from "./contraction-tile.ts";
import type { DeviceProfile } from "./device-profile.ts";
import { modelledTime } from "./kernel-cost.ts";
import { lowerBlockedContraction } from "./lower-blocked-contraction.ts";
import { lowerContraction } from "./lower-contraction.ts";
import { lowerExtern } from "./lower-extern.ts";
import { lowerMap } from "./lower-map.ts";
import { lowerMatrixContraction, matrixSchedules } from "./lower-matrix-contraction.ts";
import { lowerOnlineSoftmax } from "./lower-online-softmax.ts";
import { lowerOrder } from "./lower-order.ts";
import { lowerRows, rowSchedules } from "./lower-rows.ts";
import { lowerScan } from "./lower-scan.ts";
import { lowerScatter } from "./lower-scatter.ts";
import { lowerStreamedContraction } from "./lower-streamed-contraction.ts";
import { lowerSum, sumSchedules } from "./lower-sum.ts";
import type { LoweredKernel, ScheduleChoice } from "./lowering.ts";
import type { ContractionSchedule, DeviceSchedule, KernelSchedule } from "./schedule.ts";
import { streamSchedules } from "./stream-kernel.ts";
import type { RegionSources } from "./values.ts";

/** What a kernel is lowered for. */
export interface LoweringTarget {
  readonly profile: DeviceProfile;
  readonly schedule: DeviceSchedule;
  /** Chooses among the ways to compute a group, by measurements. */
  readonly choose?: ChooseCandidate | undefined;
}

/**
 * One of the ways to compute a group, or `undefined` to leave it to the model of costs.
 *
 * @param wider  more ways, which only a measurement can recommend; absent in the body of a loop
 */
export type ChooseCandidate = (
  group: KernelGroup,
  candidates: readonly Candidate[],
  wider: (() => readonly Candidate[]) | undefined,
) => Candidate | undefined;

/** One way to compute a group. */
export interface Candidate {
  /** Absent where there is nothing to choose. */
  readonly schedule?: KernelSchedule;
  readonly lower: () => LoweredKernel;
}

/** Lowers a group that is one kernel: any but a loop (lower-loop.ts). */
export function lowerGroup(group: KernelGroup, target: LoweringTarget, region?: RegionSources): LoweredKernel {
  const ways = candidates(group, target.schedule, region);
  const [first] = ways;
  if (first === undefined) throw new Error(`there is no way to compute ${group.kind}`);
  if (first.schedule === undefined) return first.lower();
  const wider = region === undefined ? () => widerCandidates(group, target.schedule) : undefined;
  const measured = target.choose?.(group, ways, wider);
  if (measured !== undefined) return withChoice(measured, measured.lower(), "measurement");
  const { candidate, lowered } = cheapest(ways, target.profile);
  return withChoice(candidate, lowered, "model");
}

function withChoice({ schedule }: Candidate, lowered: LoweredKernel, by: ScheduleChoice["by"]): LoweredKernel {
  return schedule === undefined ? lowered : { ...lowered, choice: { schedule, by } };
}

/** A way to compute a group, carried out, and what the model says that it costs. */
export interface CostedCandidate {
  readonly candidate: Candidate;
  readonly lowered: LoweredKernel;
  /** Arbitrary units, as `modelledTime` gives them. */
  readonly modelled: number;
}

/** What the model says of some candidates, in their order. */
export function costed(ways: readonly Candidate[], profile: DeviceProfile): readonly CostedCandidate[] {
  return ways.map((candidate) => {
    const lowered = candidate.lower();
    return { candidate, lowered, modelled: modelledTime(lowered.kernel, profile) };
  });
}

/** The candidate that costs least by the model. */
export function cheapest(ways: readonly Candidate[], profile: DeviceProfile): CostedCandidate {
  return costed(ways, profile).reduce((best, each) => (each.modelled < best.modelled ? each : best));
}

/** More ways to compute a group that is in no loop: too many to be lowered for every kernel, but worth measuring. */
export function widerCandidates(group: KernelGroup, device: DeviceSchedule): readonly Candidate[] {
  if (group.kind !== "contraction") return [];
  const head = group.heads[0] as Node;
  const tile = tileIndices(head);
  if (tile === undefined) return [];
  const { matrices, subgroup, workgroupMemory: memory } = device;
  const ofMatrices =
    matrices === undefined || subgroup === undefined || memory === undefined
      ? []
      : matrixSchedules(head, tile, { matrices, subgroup, memory });
  return [
    ...tileCandidates(group, tile, widerContractionSchedules(tile, device)),
    ...ofMatrices.map((schedule) => ({ schedule, lower: () => lowerMatrixContraction(group, tile, schedule) })),
  ];
}

/** The ways to compute a group, the plainest first. */
export function candidates(group: KernelGroup, device: DeviceSchedule, region?: RegionSources): readonly Candidate[] {
  const only = (lower: () => LoweredKernel): readonly Candidate[] => [{ lower }];
  switch (group.kind) {
    case "map":
      return only(() => lowerMap(group, region));
    case "rows":
      return rowSchedules(group, device, region !== undefined).map((schedule) => ({
        schedule,
        lower: () => lowerRows(group, schedule, region),
      }));
    case "scan":
      return only(() => lowerScan(group, region));
    case "order":
      return only(() => lowerOrder(group, region));
    case "extern":
      if (region !== undefined)
        throw new Error("a hand-written kernel inside the body of a loop cannot be compiled yet");
      return only(() => lowerExtern(group));
    case "scatter":
      return only(() => lowerScatter(group, region));
    case "online-softmax":
      return streamSchedules(group, device, region !== undefined).map((schedule) => ({
        schedule,
        lower: () => lowerOnlineSoftmax(group, schedule, region),
      }));
    case "streamed-contraction":
      return streamSchedules(group, device, region !== undefined).map((schedule) => ({
        schedule,
        lower: () => lowerStreamedContraction(group, schedule, region),
      }));
    case "contraction": {
      const tile = tileIndices(group.heads[0] as Node);
      if (tile === undefined) {
        return sumSchedules(group.heads[0] as Node, device, region !== undefined).map((schedule) => ({
          schedule,
          lower: () => lowerSum(group, schedule, region),
        }));
      }
      return tileCandidates(group, tile, contractionSchedules(tile, device, region !== undefined), region);
    }
    case "loop":
      throw new Error("a loop is a sequence of kernels: lowerLoop makes it");
  }
}

function tileCandidates(
  group: KernelGroup,
  tile: TileIndices,
  schedules: readonly ContractionSchedule[],
  region?: RegionSources,
): readonly Candidate[] {
  return schedules.map((schedule) => ({
    schedule,
    lower: () =>
      schedule.block === undefined
        ? lowerContraction(group, tile, schedule, region)
        : lowerBlockedContraction(group, tile, schedule, schedule.block),
  }));
}
