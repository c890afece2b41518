import { afterAll, describe, expect, it } from "vitest";
import type { Plan, PlanKernel } from "../../src/codegen/plan.ts";
import type { DType } from "../../src/ir/index.ts";
import { DeviceError, type HostArray, InputError, openDevice, prepare } from "../../src/runtime/index.ts";
import { device, theDevice } from "./device-for-tests.ts";
import { elementwiseKernel, place, planTensor, slice, step, sumPlan } from "./plans.ts";

afterAll(() => device?.close());

const ones = (count: number, value = 1) => new Float32Array(count).fill(value);

/** Copies a tensor through the device word by word, whatever its element type. */
function copyPlan(dtype: DType, shape: readonly number[], below?: number): Plan {
  const input = planTensor("x", dtype, shape, below);
  const output = planTensor("y", dtype, shape, below);
  const words = input.bytes / 4;
  const kernel: PlanKernel = {
    name: "copy",
    entryPoint: "main",
    bindings: ["read", "read_write"],
    origins: [place],
    wgsl: `@group(0) @binding(0) var<storage, read> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.x + id.y * 4194240u;
  if (i < ${words}u) { y[i] = x[i]; }
}`,
  };
  const groups = Math.ceil(words / 64);
  const rows = Math.ceil(groups / 65_535);
  return {
    name: "copy",
    inputs: [input],
    parameters: [],
    constants: [],
    outputs: [output],
    arenas: [],
    prepared: 0,
    kernels: [kernel],
    steps: [
      {
        ...step(
          0,
          [slice({ kind: "input", name: "x" }, input.bytes), slice({ kind: "output", name: "y" }, output.bytes)],
          1,
        ),
        workgroups: [Math.min(groups, 65_535), rows, 1],
      },
    ],
  };
}

describe.skipIf(device === undefined)("an executable on a device", () => {
  it("runs two steps through an arena", async () => {
    const executable = await prepare(theDevice(), sumPlan(1000), { parameters: () => Float32Array.of(2) });
    const a = Float32Array.from({ length: 1000 }, (_, i) => i);
    const { result } = await executable.run({ a, b: ones(1000, 0.5) });
    expect(result).toEqual(Float32Array.from(a, (value) => (value + 0.5) * 2));
    executable.dispose();
  });

  it("keeps runs started together apart", async () => {
    const executable = await prepare(theDevice(), sumPlan(10), { parameters: async () => Float32Array.of(3) });
    const results = await Promise.all([1, 2, 3].map((value) => executable.run({ a: ones(10, value), b: ones(10) })));
    expect(results.map(({ result }) => result?.[9])).toEqual([6, 9, 12]);
    executable.dispose();
  });

  it("compiles each distinct kernel once", async () => {
    const fresh = await openDevice({ prefer: "auto" });
    const stages: string[] = [];
    const options = {
      parameters: () => Float32Array.of(1),
      onProgress: ({ stage, done, total }: { stage: string; done: number; total: number }) => {
        stages.push(`${stage} ${done}/${total}`);
      },
    };
    (await prepare(fresh, sumPlan(10), options)).dispose();
    (await prepare(fresh, sumPlan(10), options)).dispose();
    expect(fresh.pipelines.size()).toBe(2);
    expect(stages.slice(0, 3)).toEqual(["pipelines 1/2", "pipelines 2/2", "parameters 1/1"]);
    fresh.close();
  });

  it.each<[DType, HostArray]>([
    ["f32", Float32Array.of(1.5, -0, Number.POSITIVE_INFINITY)],
    ["f16", Float32Array.of(1.5, -2, 65504)],
    ["bf16", Float32Array.of(1.5, -2, 2 ** 100)],
    ["i32", Int32Array.of(-1, 2, 2 ** 31 - 1)],
    ["u32", Uint32Array.of(0, 1, 2 ** 32 - 1)],
    ["bool", Uint8Array.of(1, 0, 1)],
  ])("carries %s to the device and back", async (dtype, x) => {
    const executable = await prepare(theDevice(), copyPlan(dtype, [3]));
    expect((await executable.run({ x })).y).toEqual(x);
    executable.dispose();
  });

  it("runs plans with empty tensors", async () => {
    const executable = await prepare(theDevice(), copyPlan("f32", [0, 4]));
    expect((await executable.run({ x: new Float32Array(0) })).y).toEqual(new Float32Array(0));
    executable.dispose();
  });

  it("holds a tensor that fills a 128 MiB binding exactly", async () => {
    const count = 2 ** 25;
    const executable = await prepare(theDevice(), copyPlan("i32", [count]));
    const x = new Int32Array(count);
    for (const index of [0, 12_345_678, count - 1]) x[index] = index + 1;
    const { y } = await executable.run({ x });
    expect(y?.length).toBe(count);
    expect([y?.[0], y?.[12_345_678], y?.[count - 1], y?.[1]]).toEqual([1, 12_345_679, count, 0]);
    executable.dispose();
  });

  it("carries an output over a parameter and an input, as training does", async () => {
    const plan = sumPlan(1);
    const executable = await prepare(theDevice(), plan, { parameters: () => Float32Array.of(2) });
    const carry = [
      { output: "result", to: "scale" },
      { output: "result", to: "a" },
    ];
    // (1 + 1) * 2 = 4, then (4 + 1) * 4 = 20.
    expect((await executable.run({ a: ones(1), b: ones(1) }, { carry })).result).toEqual(Float32Array.of(4));
    expect((await executable.run({ b: ones(1) }, { carry, read: [] })).result).toBeUndefined();
    expect(await executable.read("result")).toEqual(Float32Array.of(20));
    expect(await executable.read("scale")).toEqual(Float32Array.of(20));
    executable.dispose();
  });

  it("times runs and profiles steps", async () => {
    const executable = await prepare(theDevice(), sumPlan(100_000), { parameters: () => Float32Array.of(2) });
    await executable.run({ a: ones(100_000), b: ones(100_000) });
    const { ms } = await executable.time({ repeat: 3 });
    expect(ms).toHaveLength(3);
    for (const time of ms) expect(time).toBeGreaterThan(0);
    const steps = await executable.profile();
    expect(steps.map(({ label }) => label)).toEqual(["s = a + b", "result = s * scale"]);
    for (const { ms: time } of steps) expect(time).toBeGreaterThan(0);
    executable.dispose();
  });

  it("uploads constants", async () => {
    const plan = sumPlan(4);
    const { name, type, bytes } = planTensor("scale", "f32", [1]);
    const constant: Plan = {
      ...plan,
      parameters: [],
      constants: [{ name, type, bytes, values: [7] }],
      steps: plan.steps.map((each) => ({
        ...each,
        slices: each.slices.map((one) =>
          one.buffer.kind === "parameter" ? { ...one, buffer: { kind: "constant", name: "scale" } as const } : one,
        ),
      })),
    };
    const executable = await prepare(theDevice(), constant);
    expect((await executable.run({ a: ones(4), b: ones(4) })).result).toEqual(ones(4, 14));
    executable.dispose();
  });
});

describe.skipIf(device === undefined)("errors of execution", () => {
  it("name the kernel, its source place and the shader compiler's words", async () => {
    const plan = {
      ...sumPlan(4),
      kernels: [elementwiseKernel("add", 2, "a[i] + nonsense", 4), sumPlan(4).kernels[1]!],
    };
    const failing = prepare(theDevice(), plan, { parameters: () => ones(1) });
    await expect(failing).rejects.toThrow(/kernel add \(from sum\.weft:3:7\) does not compile: .*nonsense/s);
    await expect(failing).rejects.toMatchObject({ name: "DeviceError", code: "kernel", kernel: "add" });
    // The device survives.
    const executable = await prepare(theDevice(), sumPlan(4), { parameters: () => ones(1) });
    expect((await executable.run({ a: ones(4), b: ones(4) })).result).toEqual(ones(4, 2));
  });

  it("name a kernel whose bindings differ from its declaration", async () => {
    const plan = sumPlan(4);
    const wrong = {
      ...plan,
      kernels: plan.kernels.map((kernel) => ({ ...kernel, bindings: ["read", "read", "read_write"] as const })),
    };
    await expect(prepare(theDevice(), wrong, { parameters: () => ones(1) })).rejects.toMatchObject({ code: "kernel" });
  });

  it("reject what waits when the device is closed, and all later work", async () => {
    const fresh = await openDevice({ prefer: "auto" });
    const executable = await prepare(fresh, sumPlan(100_000), { parameters: () => ones(1) });
    const running = executable.run({ a: ones(100_000), b: ones(100_000) });
    const timing = executable.time({ repeat: 1000 });
    const outcomes = Promise.allSettled([running, timing]);
    await Promise.resolve();
    fresh.close();
    for (const outcome of await outcomes) {
      expect(outcome.status).toBe("rejected");
      expect((outcome as PromiseRejectedResult).reason).toMatchObject({ name: "DeviceError", code: "lost" });
    }
    await expect(executable.run({ a: ones(1), b: ones(1) })).rejects.toThrow("the device was closed");
    await expect(prepare(fresh, sumPlan(1), { parameters: () => ones(1) })).rejects.toBeInstanceOf(DeviceError);
  });

  it("report a disposed executable", async () => {
    const executable = await prepare(theDevice(), sumPlan(4), { parameters: () => ones(1) });
    executable.dispose();
    await expect(executable.run({ a: ones(4), b: ones(4) })).rejects.toThrow("sum was disposed of");
  });

  it("say which data does not fit", async () => {
    const executable = await prepare(theDevice(), sumPlan(4), { parameters: () => ones(1) });
    const refused = async (inputs: Record<string, HostArray>, message: string) => {
      const error = await executable.run(inputs).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(InputError);
      expect((error as Error).message).toBe(message);
    };
    await refused({ a: ones(4) }, "input `b` is missing; sum takes `a`, `b`");
    await refused({ a: ones(4), b: ones(4), c: ones(4) }, "sum has no input called `c`");
    await refused({ a: ones(4), b: ones(3) }, "input `b` is declared f32[4], which is 4 elements, but 3 were given");
    await refused(
      { a: ones(4), b: new Int32Array(4) },
      "input `b` is declared f32[4] and wants Float32Array, but Int32Array was given",
    );
    await expect(prepare(theDevice(), sumPlan(4))).rejects.toThrow("parameter `scale` has no data");
    await expect(prepare(theDevice(), sumPlan(4), { parameters: () => ones(2) })).rejects.toThrow(
      "parameter `scale` is declared f32[1], which is 1 elements, but 2 were given",
    );
    executable.dispose();
  });
});
