/** Workloads that a software adapter takes minutes for, peers included. */
import type { Workload } from "../workload.ts";
import { favor } from "./attention.ts";
import { matmul } from "./matrix.ts";

export const largeWorkloads: readonly Workload[] = [
  { ...matmul("matmul 4096³", 4096, 4096, 4096), slow: true, large: "137 GFLOP" },
  // One head: results of 2 GiB are more than one file can be read at once in Node.
  { ...favor(1, 1_048_576, 64, 256), slow: true, large: "149 GFLOP, 3 GB on the device" },
];
