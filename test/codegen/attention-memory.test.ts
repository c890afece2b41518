/** What attention keeps on the device, from its plan: no scores, no gathered keys; one kernel. */
import { expect, test } from "vitest";
import { type AttentionForm, attentionMemory } from "../../scripts/attention-memory.ts";

const mega = 2 ** 20;

test.each<readonly [AttentionForm, readonly number[]]>([
  ["dense", [1024, 2048, 4096]],
  ["causal", [1024, 2048, 4096]],
  ["gathered", [4096, 8192, 16_384]],
])("%s attention", (form, sizes) => {
  const all = sizes.map((length) => attentionMemory(form, length));
  for (const { length, kernels, arenaBytes, bufferBytes, inputBytes, outputBytes } of all) {
    expect(kernels).toBe(1);
    // Scores of one head alone would be 4 L² bytes, gathered keys 4 P n d.
    expect(arenaBytes).toBeLessThan(length * 64 * 4);
    expect(bufferBytes).toBe(inputBytes + outputBytes + arenaBytes);
    expect(bufferBytes).toBeLessThan(64 * mega);
  }
  for (const [k, { bufferBytes }] of all.slice(1).entries()) {
    expect(bufferBytes / (all[k] as (typeof all)[0]).bufferBytes).toBeCloseTo(2, 1);
  }
});
