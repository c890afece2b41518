/** Which lowering a group gets, and with which schedule. */
import type { Node } from "../ir/index.ts";
import type { KernelGroup } from "../passes/index.ts";
import { contractionSchedules } from "./contraction-schedules.ts";
import { tileIndices } from "./contraction-tile.ts";
import type { DeviceProfile } from "./device-profile.ts";
import { modelledTime } from "./kernel-cost.ts";
import { lowerBlockedContraction } from "./lower-blocked-contraction.ts";
import { lowerContraction } from "./lower-contraction.ts";
import { lowerExtern } from "./lower-extern.ts";
import { lowerMap } from "./lower-map.ts";
import { lowerOnlineSoftmax, onlineSoftmaxSchedules } from "./lower-online-softmax.ts";
import { lowerOrder } from "./lower-order.ts";
import { lowerRows } from "./lower-rows.ts";
import { lowerScan } from "./lower-scan.ts";
import { lowerScatter } from "./lower-scatter.ts";
import { lowerSum, sumSchedules } from "./lower-sum.ts";
import type { LoweredKernel } from "./lowering.ts";
import type { DeviceSchedule, KernelSchedule } from "./schedule.ts";
import type { RegionSources } from "./values.ts";

/** What a kernel is lowered for. */
export interface LoweringTarget {
  readonly profile: DeviceProfile;
  readonly schedule: DeviceSchedule;
  /** Chooses among the ways to compute a group; absent: the one that costs least by the model. */
  readonly choose?: ChooseCandidate | undefined;
}

export type ChooseCandidate = (group: KernelGroup, candidates: readonly Candidate[]) => Candidate;

/** One way to compute a group. */
export interface Candidate {
  /** Absent where there is nothing to choose. */
  readonly schedule?: KernelSchedule;
  readonly lower: () => LoweredKernel;
}

/** Lowers a group that is one kernel: any but a loop (lower-loop.ts). */
export function lowerGroup(group: KernelGroup, target: LoweringTarget, region?: RegionSources): LoweredKernel {
  const ways = candidates(group, target.schedule, region);
  const [first, ...others] = ways;
  if (first === undefined) throw new Error(`there is no way to compute ${group.kind}`);
  if (others.length === 0) return first.lower();
  return target.choose === undefined ? cheapest(ways, target.profile) : target.choose(group, ways).lower();
}

function cheapest(ways: readonly Candidate[], profile: DeviceProfile): LoweredKernel {
  const lowered = ways.map(({ lower }) => lower());
  const times = lowered.map(({ kernel }) => modelledTime(kernel, profile));
  return lowered[times.indexOf(Math.min(...times))] as LoweredKernel;
}

/** The ways to compute a group, the plainest first. */
export function candidates(group: KernelGroup, device: DeviceSchedule, region?: RegionSources): readonly Candidate[] {
  const only = (lower: () => LoweredKernel): readonly Candidate[] => [{ lower }];
  switch (group.kind) {
    case "map":
      return only(() => lowerMap(group, region));
    case "rows":
      return only(() => lowerRows(group, region));
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
      return onlineSoftmaxSchedules(group, device, region !== undefined).map((schedule) => ({
        schedule,
        lower: () => lowerOnlineSoftmax(group, schedule, region),
      }));
    case "contraction": {
      const tile = tileIndices(group.heads[0] as Node);
      if (tile === undefined) {
        return sumSchedules(group.heads[0] as Node).map((schedule) => ({
          schedule,
          lower: () => lowerSum(group, schedule, region),
        }));
      }
      return contractionSchedules(tile, device, region !== undefined).map((schedule) => ({
        schedule,
        lower: () =>
          schedule.block === undefined
            ? lowerContraction(group, tile, schedule, region)
            : lowerBlockedContraction(group, tile, schedule, schedule.block),
      }));
    }
    case "loop":
      throw new Error("a loop is a sequence of kernels: lowerLoop makes it");
  }
}
