import { describe, expect, it } from "vitest";
import { baselineProfile } from "../../src/codegen/device-profile.ts";
import type { Plan, PlanStep } from "../../src/codegen/plan.ts";
import { tensorType } from "../../src/ir/index.ts";
import { checkedData } from "../../src/runtime/host-data.ts";
import { checkPlan, DeviceError, InputError, PlanError } from "../../src/runtime/index.ts";
import { elementwiseKernel, planTensor, slice, sumPlan } from "./plans.ts";

const plan = sumPlan(8);
const withStep = (index: number, change: Partial<PlanStep>): Plan => ({
  ...plan,
  steps: plan.steps.map((step, i) => (i === index ? { ...step, ...change } : step)),
});
const slices = plan.steps[0]!.slices;

function refusal(changed: Plan): Error {
  try {
    checkPlan(changed, baselineProfile);
  } catch (error) {
    return error as Error;
  }
  throw new Error("the plan was accepted");
}

describe("checking a plan against a device", () => {
  it("accepts a good one", () => {
    expect(() => checkPlan(plan, baselineProfile)).not.toThrow();
  });

  it("names the tensor that is too large for a buffer, its bytes and the limit", () => {
    const error = refusal({ ...plan, parameters: [planTensor("embedding", "f32", [30_000, 4096])] });
    expect(error).toMatchObject({ name: "DeviceError", code: "limit" });
    expect(error.message).toBe(
      "parameter `embedding`: f32[30000, 4096] takes 491520000 bytes (468.8 MiB), but the limits that every WebGPU device " +
        "has allows 268435456 bytes (256.0 MiB) in one buffer",
    );
  });

  it("names the step that binds too much", () => {
    const large = sumPlan(2 ** 25 + 64);
    const groups = large.steps.map((step) => ({ ...step, workgroups: [65_535, 9, 1] as const }));
    const error = refusal({ ...large, steps: groups });
    expect(error).toMatchObject({ code: "limit", kernel: "add" });
    expect(error.message).toMatch(
      /^step "s = a \+ b" \(from sum\.weft:3:7\): input `a`: f32\[33554496\] is bound with 134217984 bytes/,
    );
  });

  it("refuses what does not fit into memory together, naming the largest", () => {
    const limits = { ...baselineProfile.limits, memoryBytes: 400 };
    expect(() => checkPlan(plan, { ...baselineProfile, limits })).not.toThrow();
    expect(() => checkPlan(plan, { ...baselineProfile, limits: { ...limits, memoryBytes: 399 } })).toThrow(
      /^sum needs 400 bytes .*has 399 bytes .*the largest: arena 0 \(activations\), 288 bytes \(0\.0 MiB\); input `a`: f32\[8\], 32/,
    );
  });

  it("accepts a tensor of exactly the limit", () => {
    const large = sumPlan(2 ** 25);
    const groups = large.steps.map((step) => ({ ...step, workgroups: [65_535, 9, 1] as const }));
    expect(() => checkPlan({ ...large, steps: groups }, baselineProfile)).not.toThrow();
  });

  it("refuses too many workgroups and too many bindings", () => {
    expect(refusal(withStep(0, { workgroups: [1, 70_000, 1] })).message).toMatch(
      /wants 70000 workgroups along y, but .* 65535/,
    );
    const kernel = elementwiseKernel("wide", 8, "a[i]", 8);
    expect(refusal({ ...plan, kernels: [kernel, plan.kernels[1]!] })).toMatchObject({ code: "limit", kernel: "wide" });
  });

  it.each<[string, Plan, RegExp]>([
    ["an unknown kernel", withStep(0, { kernel: 7 }), /kernel 7, which is not in the plan/],
    ["a missing slice", withStep(0, { slices: slices.slice(1) }), /2 slices to 3 bindings/],
    [
      "an undeclared buffer",
      withStep(0, { slices: [slice({ kind: "input", name: "z" }, 16), ...slices.slice(1)] }),
      /input z/,
    ],
    [
      "an odd offset",
      withStep(0, { slices: [...slices.slice(0, 2), slice({ kind: "arena", index: 0 }, 16, 4)] }),
      /offset 4/,
    ],
    [
      "a slice beyond the end",
      withStep(0, { slices: [...slices.slice(0, 2), slice({ kind: "arena", index: 0 }, 64, 256)] }),
      /up to byte 320 of 288/,
    ],
    [
      "a tensor without room",
      { ...plan, inputs: [{ ...plan.inputs[0]!, bytes: 16 }, plan.inputs[1]!] },
      /16 bytes do not hold f32\[8\]/,
    ],
    ["a name used twice", { ...plan, inputs: [plan.inputs[0]!, plan.inputs[0]!] }, /declares input a twice/],
    [
      "one buffer bound in both ways",
      {
        ...withStep(0, { slices: [slices[0]!, slices[0]!, slices[2]!] }),
        kernels: [{ ...plan.kernels[0]!, bindings: ["read", "read_write", "read_write"] }, plan.kernels[1]!],
      },
      /input a both read-only and writable/,
    ],
  ])("calls %s a bug of the compiler", (_, changed, message) => {
    const error = refusal(changed);
    expect(error).toBeInstanceOf(PlanError);
    expect(error).not.toBeInstanceOf(DeviceError);
    expect(error.message).toMatch(message);
  });
});

describe("checking data against its declaration", () => {
  const tokens = tensorType("i32", [2, 3], 256);
  const message = (value: Parameters<typeof checkedData>[3], type = tokens) => {
    try {
      checkedData("input", "tokens", type, value);
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      return (error as Error).message;
    }
    throw new Error("accepted");
  };

  it("finds an index out of range and says where", () => {
    expect(checkedData("input", "tokens", tokens, Int32Array.of(0, 1, 2, 3, 4, 255))).toHaveLength(6);
    expect(message(Int32Array.of(0, 1, 2, 3, 256, 5))).toBe(
      "input `tokens`: element [1, 1] is 256, but idx<256> allows 0 to 255",
    );
    expect(message(Int32Array.of(0, 1, -1, 3, 4, 5))).toBe(
      "input `tokens`: element [0, 2] is -1, but idx<256> allows 0 to 255",
    );
    expect(message(Int32Array.of(9), tensorType("i32", [], 9))).toBe("input `tokens` is 9, but idx<9> allows 0 to 8");
  });

  it("compares shapes where they are given", () => {
    const data = new Int32Array(6);
    expect(checkedData("input", "tokens", tokens, { shape: [2, 3], data })).toBe(data);
    expect(message({ shape: [3, 2], data })).toBe(
      "input `tokens` is declared idx<256>[2, 3], but the shape given is [3, 2]",
    );
    expect(message({ shape: [2, 3], data: new Int32Array(5) })).toMatch(/which is 6 elements, but 5 were given/);
  });

  it("refuses what is no typed array", () => {
    expect(message([1, 2, 3] as unknown as Int32Array<ArrayBuffer>)).toMatch(
      /wants Int32Array, but an array was given/,
    );
    expect(message("text" as unknown as Int32Array<ArrayBuffer>)).toMatch(/wants Int32Array, but a string was given/);
  });
});
