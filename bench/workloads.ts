/** All workloads, in the order of the table. */
import { trainingWorkloads } from "./training-workloads.ts";
import type { Workload } from "./workload.ts";
import { attentionWorkloads } from "./workloads/attention.ts";
import { convolutionWorkloads } from "./workloads/convolution.ts";
import { largeWorkloads } from "./workloads/large.ts";
import { matrixWorkloads } from "./workloads/matrix.ts";
import { networkWorkloads } from "./workloads/networks.ts";
import { recurrenceWorkloads } from "./workloads/recurrence.ts";
import { rowWorkloads } from "./workloads/rows.ts";

export const workloads: readonly Workload[] = [
  ...matrixWorkloads,
  ...convolutionWorkloads,
  ...rowWorkloads,
  ...attentionWorkloads,
  ...recurrenceWorkloads,
  ...networkWorkloads,
];

/** The same, and after them those that are for GPUs. */
export const allWorkloads: readonly Workload[] = [...workloads, ...largeWorkloads];

/** @throws for a name that is no workload */
export function findWorkload(name: string): Workload {
  const found = [...allWorkloads, ...trainingWorkloads].find((workload) => workload.name === name);
  if (found === undefined) throw new Error(`there is no workload "${name}"`);
  return found;
}
