/** What one size of an axis costs: counted from the plan, and timed on a device. */
import { type DeviceProfile, stepsOfRun } from "../../src/codegen/index.ts";
import { type HostArray, prepare, type WeftDevice } from "../../src/runtime/index.ts";
import { summary } from "../measure.ts";
import { compileWorkload } from "../systems/weft.ts";
import { workloadData } from "../workload.ts";
import type { GrowthAxis } from "./axes.ts";

/** One line of a table of growth. */
export interface GrowthPoint {
  readonly size: number;
  /** ms: median of the runs; absent where nothing was run. */
  readonly ms?: number;
  /** ms of the fastest and of the slowest run. */
  readonly spread?: readonly [number, number];
  /** ms of processor time, all threads together, of the cheapest run; on software adapters, where it is the work itself and no other program's. */
  readonly processorMs?: number;
  /** Bytes of inputs, weights, results and activations on the device. */
  readonly bytes: number;
  /** Bytes of the activations alone: the arenas. */
  readonly activationBytes: number;
  readonly flops: number;
  /** Of a run. */
  readonly dispatches: number;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

/**
 * Compiles one size for a device, without running it.
 *
 * @throws with the diagnostics, or PlanLimitError where a value exceeds what the device can hold
 */
export function planSize(axis: GrowthAxis, size: number, profile: DeviceProfile) {
  const workload = axis.workload(size);
  const { plan } = compileWorkload(workload, profile, axis.asWritten === true ? { optimise: false } : undefined);
  const run = stepsOfRun(plan);
  const activationBytes = sum(plan.arenas);
  const point: GrowthPoint = {
    size,
    bytes: activationBytes + sum([...plan.inputs, ...plan.parameters, ...plan.outputs].map(({ bytes }) => bytes)),
    activationBytes,
    flops: sum(run.map(({ flops }) => flops)),
    dispatches: run.length,
  };
  return { workload, plan, point };
}

/** A size is not run again after so much time, in ms. */
const enoughMs = 10_000;

/**
 * Runs one size: once to warm up, when every result is looked at, and then so often, or until it took long enough.
 *
 * @throws when a result is not a finite number, and what `planSize` throws
 */
export async function timeSize(
  axis: GrowthAxis,
  size: number,
  device: WeftDevice,
  repeat: number,
): Promise<GrowthPoint> {
  const { workload, plan, point } = planSize(axis, size, device.profile);
  const data = workloadData(workload);
  const shapes = new Map(plan.parameters.map(({ name, type }) => [name, type.shape]));
  const executable = await prepare(device, plan, {
    parameters: (name) => data.parameter(name, shapes.get(name) ?? []) as HostArray,
  });
  try {
    const inputs = Object.fromEntries(plan.inputs.map(({ name }) => [name, data.input(name) as HostArray]));
    const [result] = Object.values(await executable.run(inputs)) as [Float32Array];
    const wrong = result.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) throw new Error(`${workload.name}: result ${wrong} is ${result[wrong]}`);
    const times: number[] = [];
    let processorMs = Number.POSITIVE_INFINITY;
    while (times.length < repeat && sum(times) < enoughMs) {
      const before = process.cpuUsage();
      times.push(...(await executable.time({ repeat: 1, warmup: 0 })).ms);
      const { user, system } = process.cpuUsage(before);
      processorMs = Math.min(processorMs, (user + system) / 1e3);
    }
    const { ms, fastest, slowest } = summary(times);
    const isProcessor = device.profile.kind === "software";
    return { ...point, ms, spread: [fastest, slowest], ...(isProcessor ? { processorMs } : {}) };
  } finally {
    executable.dispose();
  }
}
