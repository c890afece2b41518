/** Contests of hand-written kernels, good and bad. */
import { describe, expect, it } from "vitest";
import type { Plan, PlanKernel } from "../../../src/codegen/plan.ts";
import { type ContestOptions, DeviceError, holdContest } from "../../../src/runtime/index.ts";
import { device, theDevice } from "../device-for-tests.ts";
import { elementwiseKernel, planTensor, slice, step } from "../plans.ts";

const count = 4096;
const double = elementwiseKernel("double", 1, "a[i] * 2.0", count);
/** The same values by so many more turns of a loop. */
const slowly = (turns: number) => {
  const wgsl = double.wgsl.replace(
    "out[i] = a[i] * 2.0;",
    `var s = a[i]; for (var k = 0; k < ${turns}; k++) { s = sin(s) + a[i] * f32(k); } out[i] = select(a[i] * 2.0, s, s == 0.5);`,
  );
  return { ...double, name: "slowly", wgsl };
};

/** A plan of kernels that should all compute the same. */
function planOf(...kernels: readonly PlanKernel[]): Plan {
  const slices = [slice({ kind: "input", name: "x" }, 4 * count), slice({ kind: "output", name: "y" }, 4 * count)];
  return {
    name: "contest",
    inputs: [planTensor("x", "f32", [count])],
    parameters: [],
    constants: [],
    outputs: [planTensor("y", "f32", [count])],
    arenas: [],
    prepared: 0,
    kernels,
    steps: kernels.map((_, k) => step(k, slices, count / 64)),
  };
}

const values: ContestOptions["values"] = async (_, positive) =>
  Float32Array.from({ length: count }, (_, i) => (positive ? 1 : -1) * (1 + (i % 7)));
const anyTime = { values, remaining: () => 60_000 };

describe.skipIf(device === undefined)("a contest", () => {
  it("finds what is wrong, what does not compile and what is hopeless", async () => {
    const plan = planOf(
      slowly(20),
      { ...double, name: "double again" },
      elementwiseKernel("wrong", 1, "select(a[i] * 2.0, 0.0, i == 4000u)", count),
      // Writes half of the values: the other half must not be found in the buffer from before.
      { ...double, name: "half", wgsl: double.wgsl.replace(`i < ${count}u`, `i < ${count / 2}u`) },
      { ...double, name: "bad", wgsl: "this is no WGSL" },
      slowly(20_000),
    );
    const { outcomes, finished } = await holdContest(theDevice(), plan, anyTime);
    const kinds = outcomes.map(({ kind }) => kind);
    expect(kinds).toEqual(["timed", kinds[1], "wrong", "wrong", "failed", "slow"]);
    // Right, and whether it reaches the final rounds is for the clock to say.
    expect(["timed", "slow"]).toContain(kinds[1]);
    expect(outcomes[2]).toMatchObject({ difference: { output: "y", element: 4000, got: 0 } });
    expect(outcomes[3]).toMatchObject({ difference: { got: 0 } });
    expect(outcomes[4]).toMatchObject({ message: expect.stringContaining("bad") });
    expect(finished).toBe(true);
  });

  it("is won by what is clearly faster", async () => {
    const { winner, outcomes } = await holdContest(theDevice(), planOf(slowly(20_000), double), anyTime);
    expect(winner).toBe(1);
    expect(outcomes[1]).toMatchObject({ kind: "timed" });
  });

  it("draws other data where the results are no numbers", async () => {
    const asked: boolean[] = [];
    const root = (name: string) => elementwiseKernel(name, 1, "sqrt(a[i])", count);
    const wrong = elementwiseKernel("wrong", 1, "sqrt(a[i]) + 1.0", count);
    const { outcomes } = await holdContest(theDevice(), planOf(root("root"), wrong), {
      ...anyTime,
      values: (input, positive) => {
        asked.push(positive);
        return values(input, positive);
      },
    });
    expect(asked).toEqual([false, true]);
    expect(outcomes[1]?.kind).toBe("wrong");
  });

  it("stops when there is no time, and says that it is not finished", async () => {
    const plan = planOf(slowly(20), double, { ...double, name: "third" });
    const { outcomes, winner, finished } = await holdContest(theDevice(), plan, { values, remaining: () => 0 });
    expect(outcomes.map(({ kind }) => kind)).toEqual(["timed", "untried", "untried"]);
    expect(winner).toBeUndefined();
    expect(finished).toBe(false);
  });

  it("throws when what the others are compared with cannot run", async () => {
    const bad = { ...double, name: "bad", wgsl: "this is no WGSL" };
    await expect(holdContest(theDevice(), planOf(bad, double), anyTime)).rejects.toThrow(DeviceError);
  });
});
