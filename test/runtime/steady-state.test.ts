/** What the runtime asks of WebGPU and when: everything is made before the first runs, pipelines side by side, uploads in pieces. */
import { afterAll, afterEach, describe, expect, it } from "vitest";
import type { Plan } from "../../src/codegen/plan.ts";
import { uploadPiece } from "../../src/runtime/buffers.ts";
import { prepare } from "../../src/runtime/index.ts";
import { device, theDevice } from "./device-for-tests.ts";
import { elementwiseKernel, planTensor, slice, step, sumPlan } from "./plans.ts";

afterAll(() => device?.close());

const restorations: (() => void)[] = [];
afterEach(() => {
  for (const restore of restorations.splice(0)) restore();
});

/** Calls `before` in front of a method of a WebGPU object until the test ends, and `after` with what it gave. */
function watch<Name extends string, T extends { [key in Name]: (...args: never[]) => unknown }>(
  object: T,
  name: Name,
  before: (...args: Parameters<T[Name]>) => void,
  after: (result: ReturnType<T[Name]>) => void = () => undefined,
): void {
  const original = object[name];
  const watched = (...args: Parameters<T[Name]>) => {
    before(...args);
    const result = original.apply(object, args) as ReturnType<T[Name]>;
    after(result);
    return result;
  };
  Object.defineProperty(object, name, { value: watched, configurable: true, writable: true });
  restorations.push(() => Reflect.deleteProperty(object, name));
}

const creators = [
  "createBuffer",
  "createBindGroup",
  "createBindGroupLayout",
  "createPipelineLayout",
  "createShaderModule",
  "createComputePipeline",
  "createComputePipelineAsync",
  "createTexture",
  "createSampler",
  "createQuerySet",
] as const;

/** Names of the device's methods that create something, as they are called. */
function watchCreations(): string[] {
  const { gpu } = theDevice();
  const made: string[] = [];
  for (const name of creators) watch(gpu, name, () => made.push(name));
  return made;
}

const values = (count: number, value: number) => new Float32Array(count).fill(value);

/** As many kernels as asked for, of different texts, one after another over the same tensor. */
function chainPlan(kernels: number): Plan {
  const ends = [
    { kind: "input", name: "x" },
    { kind: "output", name: "y" },
  ] as const;
  return {
    name: "chain",
    inputs: [planTensor("x", "f32", [64])],
    parameters: [],
    constants: [],
    outputs: [planTensor("y", "f32", [64])],
    arenas: [],
    prepared: 0,
    kernels: Array.from({ length: kernels }, (_, k) => elementwiseKernel(`k${k}`, 1, `a[i] + ${k}.0 + 0.125`, 64)),
    steps: Array.from({ length: kernels }, (_, k) =>
      step(
        k,
        ends.map((end) => slice(end, 256)),
        1,
      ),
    ),
  };
}

describe.skipIf(device === undefined)("a prepared plan", () => {
  it("creates nothing in a steady state", async () => {
    const made = watchCreations();
    const executable = await prepare(theDevice(), sumPlan(1000), { parameters: () => Float32Array.of(2) });
    // The watch sees what preparing makes.
    expect(made).toContain("createBuffer");
    expect(made).toContain("createBindGroup");
    await executable.run({ a: values(1000, 1), b: values(1000, 2) });
    made.length = 0;
    const second = await executable.run({ a: values(1000, 3), b: values(1000, 4) });
    const third = await executable.run({ a: values(1000, 5), b: values(1000, 6) });
    expect(made).toEqual([]);
    expect(second.result).toEqual(values(1000, 14));
    expect(third.result).toEqual(values(1000, 22));
    await executable.time({ repeat: 2 });
    expect(made).toEqual([]);
    executable.dispose();
  });

  it("gives every run arrays of its own, and grows what it reads through when more is read", async () => {
    const plan = sumPlan(100);
    const both = { ...plan, outputs: [...plan.outputs, planTensor("unused", "f32", [5000])] };
    const executable = await prepare(theDevice(), both, { parameters: () => Float32Array.of(1) });
    const [a, b] = [values(100, 1), values(100, 1)];
    const first = await executable.run({ a, b }, { read: ["result"] });
    const all = await executable.run({ a, b: values(100, 2) });
    expect(first.result).toEqual(values(100, 2));
    expect(all.result).toEqual(values(100, 3));
    expect(all.unused).toEqual(values(5000, 0));
    expect(await executable.read("unused")).toEqual(values(5000, 0));
    executable.dispose();
  });

  it("runs again after a run that failed", async () => {
    const executable = await prepare(theDevice(), sumPlan(100), { parameters: () => Float32Array.of(1) });
    const run = () => executable.run({ a: values(100, 1), b: values(100, 1) });
    await run();
    const { gpu } = theDevice();
    watch(gpu.queue, "submit", () => {
      throw new Error("no submission today");
    });
    await expect(run()).rejects.toThrow("no submission today");
    for (const restore of restorations.splice(0)) restore();
    expect((await run()).result).toEqual(values(100, 2));
    executable.dispose();
  });

  it("compiles its pipelines side by side and without blocking", async () => {
    const { gpu } = theDevice();
    let open = 0;
    let most = 0;
    const blocking: string[] = [];
    watch(gpu, "createComputePipeline", () => blocking.push("createComputePipeline"));
    watch(
      gpu,
      "createComputePipelineAsync",
      () => {
        open++;
        most = Math.max(most, open);
      },
      (pipeline) => {
        const closed = () => {
          open--;
        };
        pipeline.then(closed, closed);
      },
    );
    const executable = await prepare(theDevice(), chainPlan(12));
    expect(most).toBe(12);
    expect(open).toBe(0);
    expect(blocking).toEqual([]);
    executable.dispose();
  });

  it("uploads parameters one after another, with a bounded number of bytes under way", async () => {
    const { gpu } = theDevice();
    const count = (5 * 2 ** 20) / 4;
    const large = (uploadPiece + 2 ** 20) / 4;
    const sizes = [...Array.from({ length: 20 }, () => count), large];
    const parameters = sizes.map((size, k) => planTensor(`p${k}`, "f32", [size]));
    const plan: Plan = { ...chainPlan(1), parameters };
    let pending = 0;
    let most = 0;
    const uploaded: number[] = [];
    watch(gpu.queue, "writeBuffer", (_buffer, _offset, _data, _start, size) => {
      pending += Number(size);
      uploaded.push(Number(size));
      most = Math.max(most, pending);
    });
    watch(
      gpu.queue,
      "onSubmittedWorkDone",
      () => undefined,
      (finished) => {
        finished.then(() => {
          pending = 0;
        });
      },
    );
    const asked: number[] = [];
    const executable = await prepare(theDevice(), plan, {
      parameters: (name) => {
        // Each is asked for when the ones before have been handed on.
        asked.push(uploaded.length);
        return values(sizes[Number(name.slice(1))] as number, Number(name.slice(1)));
      },
    });
    expect(asked).toEqual(sizes.map((_, k) => k));
    expect(uploaded.reduce((sum, size) => sum + size, 0)).toBe(sizes.reduce((sum, size) => sum + size * 4, 0));
    expect(most).toBeLessThanOrEqual(uploadPiece);
    for (const k of [0, 19]) expect((await executable.read(`p${k}`))[7]).toBe(k);
    const last = await executable.read("p20");
    expect([last[0], last[large - 1]]).toEqual([20, 20]);
    executable.dispose();
  }, 30_000);
});
