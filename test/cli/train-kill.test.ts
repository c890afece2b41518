/** A training that is killed at random moments; `scripts/kill-training.ts` does it more often. */
import { expect, it } from "vitest";
import { killTraining } from "../../scripts/kill-training.ts";

it("loses nothing when it is killed, and ends with the same bits", { timeout: 120_000 }, async () => {
  const report = await killTraining(2, 120, 1);
  expect(report).toMatchObject({ kills: 2, damaged: [], equalWeights: true, equalLog: true });
});
