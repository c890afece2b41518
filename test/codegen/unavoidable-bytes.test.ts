/** Unavoidable bytes: every input, parameter and result once, where it is first touched. */
import { describe, expect, it } from "vitest";
import { compileWorkload } from "../../bench/systems/weft.ts";
import { findWorkload } from "../../bench/workloads.ts";
import { type BufferSlice, type Plan, unavoidableBytes } from "../../src/codegen/index.ts";
import { tensorType } from "../../src/ir/index.ts";
import { countedProfile } from "../counters.ts";

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

describe("unavoidable bytes", () => {
  it.each(["matmul 512³", "BERT-base layer, 128 tokens", "LSTM 256 × 64 steps"])(
    "of %s add up to its tensors",
    (name) => {
      const { plan } = compileWorkload(findWorkload(name), countedProfile);
      const each = unavoidableBytes(plan);
      expect(each).toHaveLength(plan.steps.length);
      const tensors = [...plan.inputs, ...plan.parameters, ...plan.outputs];
      expect(sum(each)).toBe(sum(tensors.map(({ bytes }) => bytes)));
      each.forEach((bytes, step) => {
        // Buffers are rounded up to 16 bytes.
        expect(bytes).toBeLessThanOrEqual((plan.steps[step]?.bytes ?? 0) + 16 * tensors.length);
      });
    },
  );

  it("count a tensor at its first reader, piece by piece where kernels are divided, and no activations", () => {
    const tensor = (name: string) => ({ name, type: tensorType("f32", [256]), bytes: 1024 });
    const slice = (buffer: BufferSlice["buffer"], offset: number, size: number): BufferSlice => ({
      buffer,
      offset,
      size,
    });
    const x = { kind: "input", name: "x" } as const;
    const y = { kind: "output", name: "y" } as const;
    const arena = { kind: "arena", index: 0 } as const;
    const step = (...slices: readonly BufferSlice[]) => ({
      kernel: 0,
      slices,
      workgroups: [1, 1, 1] as const,
      flops: 0,
      bytes: sum(slices.map(({ size }) => size)),
      label: "",
      origins: [],
    });
    const plan: Plan = {
      name: "halves",
      inputs: [tensor("x")],
      parameters: [],
      constants: [],
      outputs: [tensor("y")],
      arenas: [1024],
      kernels: [],
      prepared: 0,
      steps: [
        step(slice(x, 0, 512), slice(arena, 0, 512)),
        step(slice(x, 512, 512), slice(arena, 512, 512)),
        step(slice(x, 0, 1024), slice(arena, 0, 1024), slice(y, 0, 1024)),
      ],
    };
    expect(unavoidableBytes(plan)).toEqual([512, 512, 1024]);
  });
});
