/** Why Weft is less than 1.2 times faster than the best peer, for the workloads where the last full run found that. */
export const remarks: ReadonlyMap<string, string> = new Map([]);
