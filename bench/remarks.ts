/** Why Weft is less than 1.2 times faster than the best peer, for the workloads where the last full run found that. */
export const remarks: ReadonlyMap<string, string> = new Map([
  [
    "matmul 1 × 4096 × 4096",
    "bound by reading the 67 MB matrix once, which jax-js does too; both are near what the adapter copies",
  ],
]);
