/** A value read from many joined parts may need more buffers than a device binds: then joined parts are stored first. */
import { describe, expect, it } from "vitest";
import { makePlan } from "../../src/codegen/index.ts";
import { hostProfile } from "../../src/compile.ts";
import { graphOf } from "./graphs.ts";

/** Twelve tensors, joined four at a time and all together, with x - y for their first and second halves. */
const joined = graphOf(`
${Array.from({ length: 12 }, (_, k) => `  %${k}: f32[2, 4] = input "part${k}"`).join("\n")}
  %12: f32[8, 4] = concat %0, %1, %2, %3 axis=0
  %13: f32[8, 4] = concat %4, %5, %6, %7 axis=0
  %14: f32[8, 4] = concat %8, %9, %10, %11 axis=0
  %15: f32[24, 4] = concat %12, %13, %14 axis=0
  %16: f32[24, 2] = slice %15 starts=[0, 0] sizes=[24, 2] steps=[1, 1]
  %17: f32[24, 2] = slice %15 starts=[0, 2] sizes=[24, 2] steps=[1, 1]
  %18: f32[24, 2] = sub %16, %17
  return y = %18`);

describe("a difference of joined parts", () => {
  it.each([
    [16, 1],
    [8, 2],
    [6, 3],
  ])("with %i buffers a kernel takes at least %i kernels", (maxBindings, least) => {
    const profile = { ...hostProfile, limits: { ...hostProfile.limits, maxBindings } };
    const { kernels } = makePlan(joined, profile, { fuse: true });
    for (const { group } of kernels) {
      expect(group.inputs.length + group.outputs.length).toBeLessThanOrEqual(maxBindings);
    }
    expect(kernels.length).toBeGreaterThanOrEqual(least);
  });
});
