/** The cost of the attention layer doubles with the length of the sequence, although the text says L × L. */
import { describe, expect, it } from "vitest";
import {
  type AttentionCase,
  compileAttention,
  costOf,
  doublings,
  features,
  headWidth,
} from "../../models/performer/scaling.ts";
import { hostProfile } from "../../src/compile.ts";
import { sourceReader } from "./compile-model.ts";

const costs = (cases: readonly AttentionCase[], optimise = true) =>
  cases.map((setting) => costOf(compileAttention(setting, hostProfile, sourceReader(), { optimise })));

/** Growth from each entry to the next. */
const ratios = (values: readonly number[]) => values.slice(1).map((value, i) => value / (values[i] as number));

describe.each([false, true])("the attention layer, causal: %s", (causal) => {
  it.each([
    { heads: 8, lengths: doublings(2048, 16_384) },
    { heads: 1, lengths: doublings(4096, 131_072) },
  ])("grows linearly with $heads heads", ({ heads, lengths }) => {
    const all = costs(lengths.map((length) => ({ heads, length, causal })));
    for (const ratio of [...ratios(all.map(({ flops }) => flops)), ...ratios(all.map(({ peakBytes }) => peakBytes))]) {
      expect(ratio).toBeGreaterThan(1.9);
      expect(ratio).toBeLessThan(2.1);
    }
  });

  it("grows by four as it is written", () => {
    const all = costs(
      doublings(2048, 8192).map((length) => ({ heads: 1, length, causal })),
      false,
    );
    for (const ratio of [...ratios(all.map(({ flops }) => flops)), ...ratios(all.map(({ peakBytes }) => peakBytes))]) {
      expect(ratio).toBeGreaterThan(3.5);
      expect(ratio).toBeLessThan(4.1);
    }
  });
});

it("needs the operations that the paper counts", () => {
  const length = 16_384;
  const [cost] = costs([{ heads: 1, length, causal: false }]);
  // Features of q and k, the two products, the normalisers; then exponentials and sums, which the count leaves out.
  const counted = 4 * length * features * headWidth + 4 * length * features * headWidth + 4 * length * features;
  expect((cost as { flops: number }).flops / counted).toBeGreaterThan(1);
  expect((cost as { flops: number }).flops / counted).toBeLessThan(1.1);
});
