/** Small plans written by hand, for tests of the runtime. */
import type { BufferSlice, Plan, PlanKernel, PlanStep, PlanTensor } from "../../src/codegen/plan.ts";
import { byteLength, type DType, type Span, tensorType } from "../../src/ir/index.ts";

export const place: Span = { file: "sum.weft", start: 10, end: 15, line: 3, column: 7 };

export function planTensor(name: string, dtype: DType, shape: readonly number[], below?: number): PlanTensor {
  const type = tensorType(dtype, shape, below);
  return { name, type, bytes: Math.max(16, Math.ceil(byteLength(type) / 16) * 16) };
}

/** A kernel of one output (the last binding) that computes `expression` of the element `i` of its inputs a, b, …. */
export function elementwiseKernel(name: string, inputs: number, expression: string, count: number): PlanKernel {
  const letters = "abcdefgh".slice(0, inputs).split("");
  const access = (letter: string, binding: number) =>
    `@group(0) @binding(${binding}) var<storage, read_write> ${letter}: array<f32>;`;
  return {
    name,
    entryPoint: "main",
    bindings: [...letters, "out"].map(() => "read_write"),
    origins: [place],
    wgsl: `${[...letters, "out"].map(access).join("\n")}
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.x;
  if (i < ${count}u) { out[i] = ${expression}; }
}
`,
  };
}

export function step(kernel: number, slices: readonly BufferSlice[], groups: number, label = "step"): PlanStep {
  return { kernel, slices, workgroups: [groups, 1, 1], flops: 1, bytes: 4, label, origins: [place] };
}

export function slice(buffer: BufferSlice["buffer"], size: number, offset = 0): BufferSlice {
  return { buffer, offset, size };
}

/** `result = (a + b) * scale`, the sum lying in an arena at offset 256. */
export function sumPlan(count: number): Plan {
  const bytes = Math.ceil((count * 4) / 16) * 16;
  const groups = Math.ceil(count / 64);
  return {
    name: "sum",
    inputs: [planTensor("a", "f32", [count]), planTensor("b", "f32", [count])],
    parameters: [planTensor("scale", "f32", [1])],
    constants: [],
    outputs: [planTensor("result", "f32", [count])],
    arenas: [256 + bytes],
    kernels: [elementwiseKernel("add", 2, "a[i] + b[i]", count), elementwiseKernel("scale", 2, "a[i] * b[0]", count)],
    prepared: 0,
    steps: [
      step(
        0,
        [
          slice({ kind: "input", name: "a" }, bytes),
          slice({ kind: "input", name: "b" }, bytes),
          slice({ kind: "arena", index: 0 }, bytes, 256),
        ],
        groups,
        "s = a + b",
      ),
      step(
        1,
        [
          slice({ kind: "arena", index: 0 }, bytes, 256),
          slice({ kind: "parameter", name: "scale" }, 16),
          slice({ kind: "output", name: "result" }, bytes),
        ],
        groups,
        "result = s * scale",
      ),
    ],
  };
}
