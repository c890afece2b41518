import { afterAll, describe, expect, it } from "vitest";
import type { Plan } from "../../src/codegen/plan.ts";
import { InputError, prepare, prepareStepper } from "../../src/runtime/index.ts";
import { device, theDevice } from "./device-for-tests.ts";
import { elementwiseKernel, planTensor, slice, step } from "./plans.ts";

afterAll(() => device?.close());

/** `next = state + x` and `seen = state`. */
const counting: Plan = {
  name: "counting",
  inputs: [planTensor("x", "f32", [4])],
  parameters: [planTensor("state", "f32", [4])],
  constants: [],
  outputs: [planTensor("next", "f32", [4]), planTensor("seen", "f32", [4]), planTensor("wide", "f32", [8])],
  arenas: [],
  prepared: 0,
  kernels: [elementwiseKernel("add", 2, "a[i] + b[i]", 4), elementwiseKernel("copy", 1, "a[i]", 4)],
  steps: [
    step(
      0,
      [
        slice({ kind: "parameter", name: "state" }, 16),
        slice({ kind: "input", name: "x" }, 16),
        slice({ kind: "output", name: "next" }, 16),
      ],
      1,
    ),
    step(1, [slice({ kind: "parameter", name: "state" }, 16), slice({ kind: "output", name: "seen" }, 16)], 1),
  ],
};
const options = {
  carry: [{ output: "next", to: "state" }],
  read: ["next", "seen"],
  parameters: () => Float32Array.of(1, 2, 3, 4),
};
const x = (value: number) => ({ x: new Float32Array(4).fill(value) });

describe.skipIf(device === undefined)("a stepper", () => {
  it("hands what a step writes to the next, several steps under way", async () => {
    const stepper = await prepareStepper(theDevice(), counting, { ...options, depth: 3 });
    const results = await Promise.all([stepper.step(x(10)), stepper.step(x(100)), stepper.step({})]);
    expect(results.map(({ seen }) => seen?.[0])).toEqual([1, 11, 111]);
    expect(results.map(({ next }) => next?.[3])).toEqual([14, 114, 214]);
    expect((await stepper.read(["state"])).state).toEqual(Float32Array.of(211, 212, 213, 214));
    stepper.dispose();
  });

  it("creates nothing in a step", async () => {
    const { gpu } = theDevice();
    const stepper = await prepareStepper(theDevice(), counting, options);
    await stepper.step(x(1));
    const created: string[] = [];
    const names = ["createBuffer", "createBindGroup", "createComputePipeline", "createShaderModule"] as const;
    const originals = names.map((name) => gpu[name]);
    for (const name of names) {
      Object.defineProperty(gpu, name, {
        configurable: true,
        value: (...given: unknown[]) => {
          created.push(name);
          return (originals[names.indexOf(name)] as (...all: unknown[]) => unknown).apply(gpu, given);
        },
      });
    }
    try {
      for (let k = 0; k < 5; k++) await stepper.step(x(1));
      expect(created).toEqual([]);
      // Reading parameters is no step: the counters do count.
      await stepper.read(["state"]);
      expect(created).toEqual(["createBuffer"]);
    } finally {
      for (const name of names) Reflect.deleteProperty(gpu, name);
      stepper.dispose();
    }
  });

  it("gives its parameters to another executable, on the device", async () => {
    const stepper = await prepareStepper(theDevice(), counting, options);
    await stepper.step(x(5));
    const other = await prepare(theDevice(), counting, { parameters: () => new Float32Array(4) });
    await other.copyParameters((name) => stepper.buffer(name));
    expect((await other.run(x(0))).seen).toEqual(Float32Array.of(6, 7, 8, 9));
    other.dispose();
    stepper.dispose();
  });

  it("refuses what does not fit, and goes on", async () => {
    const make = (rest: object) => prepareStepper(theDevice(), counting, { ...options, ...rest });
    await expect(make({ carry: [{ output: "wide", to: "state" }] })).rejects.toThrow(InputError);
    await expect(make({ carry: [{ output: "next", to: "lost" }] })).rejects.toThrow("has no parameter called `lost`");
    const stepper = await make({ depth: 1 });
    expect(() => stepper.step({})).toThrow("input `x` is missing");
    expect(() => stepper.step({ x: new Float32Array(3) })).toThrow("3 were given");
    const first = stepper.step(x(1));
    expect(() => stepper.step(x(1))).toThrow("more than 1 steps of counting are under way at once");
    expect((await first).seen?.[0]).toBe(1);
    expect((await stepper.step(x(1))).seen?.[0]).toBe(2);
    stepper.dispose();
  });
});
