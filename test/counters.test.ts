/**
 * Counters of the model set against test/counters.json. After a change that is meant to move them:
 * `npx vitest run test/counters.test.ts -u`, and read the diff.
 */
import { describe, expect, test } from "vitest";
import { countedCases, countedProfile, countersOf } from "./counters.ts";

const counted = new Map<string, ReturnType<typeof countersOf>>();

describe("counting", () => {
  test.each(countedCases.map((one) => [one.name, one] as const))("%s", (name, one) => {
    const counters = countersOf(one, countedProfile);
    counted.set(name, counters);
    if ("tooLarge" in counters) return;
    expect(counters.dispatches + counters.prepared).toBeGreaterThanOrEqual(counters.kernels);
    expect(counters.kernels).toBeGreaterThanOrEqual(1);
    expect(counters.peakArena).toBeGreaterThanOrEqual(counters.leastArena);
    expect(counters.peakArena).toBeLessThanOrEqual(1.05 * counters.leastArena);
    expect(counters.wgslBytes).toBeGreaterThanOrEqual(counters.kernels);
  });
});

test("the counts are those of the golden file", async () => {
  const text = JSON.stringify(Object.fromEntries(counted), null, 2);
  await expect(`${text}\n`).toMatchFileSnapshot("counters.json");
});
