/** Which workloads a run of the bench measures. */
import type { Workload } from "./workload.ts";

export interface WorkloadChoice {
  /** Texts of which a name contains one; none for all. */
  readonly only: readonly string[];
  /** Without what takes seconds a run. */
  readonly quick: boolean;
  /** With what is for GPUs, on a software adapter too. */
  readonly large: boolean;
}

/** What was asked for, whatever the adapter. */
export function askedFor(workloads: readonly Workload[], { only, quick }: WorkloadChoice): readonly Workload[] {
  return workloads.filter(
    ({ name, slow }) => (only.length === 0 || only.some((text) => name.includes(text))) && !(quick && slow === true),
  );
}

/** What of it an adapter of this kind runs, and a line for each that it does not. */
export function fitting(
  asked: readonly Workload[],
  kind: "gpu" | "software",
  { large }: WorkloadChoice,
): { readonly wanted: readonly Workload[]; readonly leftOut: readonly string[] } {
  const fits = (workload: Workload) => workload.large === undefined || kind === "gpu" || large;
  return {
    wanted: asked.filter(fits),
    leftOut: asked
      .filter((workload) => !fits(workload))
      .map((workload) => `left out on a software adapter without --large: ${workload.name} (${workload.large} a run)`),
  };
}
