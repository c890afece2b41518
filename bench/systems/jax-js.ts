/** jax-js as a contestant. */
import type { Jax, JaxArray } from "../peer-jax.ts";
import { type Numbers, type Shape, workloadData } from "../workload.ts";
import { importPeer, peerVersion } from "./peer-package.ts";
import type { System } from "./system.ts";
import { installWebGpu, rested } from "./web-gpu.ts";

/** jax-js calls iterator helpers, which Node has since version 22. */
function installIteratorHelpers(): void {
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())) as object;
  const helpers = {
    *map<T, U>(this: Iterable<T>, change: (value: T, at: number) => U) {
      let at = 0;
      for (const value of this) yield change(value, at++);
    },
    *filter<T>(this: Iterable<T>, wanted: (value: T, at: number) => boolean) {
      let at = 0;
      for (const value of this) if (wanted(value, at++)) yield value;
    },
    toArray<T>(this: Iterable<T>) {
      return [...this];
    },
  };
  for (const [name, value] of Object.entries(helpers)) {
    if (!(name in prototype)) Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  }
}

export async function open(): Promise<System> {
  installIteratorHelpers();
  const adapter = await installWebGpu();
  const jax = (await importPeer("@jax-js/jax")) as Jax & {
    init(device: string): Promise<readonly string[]>;
    defaultDevice(device: string): void;
    getWebGPUDevice(): { readonly queue: { onSubmittedWorkDone(): Promise<void> } };
  };
  if (!(await jax.init("webgpu")).includes("webgpu")) throw new Error("the WebGPU backend does not start");
  jax.defaultDevice("webgpu");
  const { queue } = jax.getWebGPUDevice();
  return {
    adapter,
    version: peerVersion("@jax-js/jax"),
    prepare: async (workload) => {
      if (workload.jax === undefined) throw new Error(workload.absent?.["jax-js"] ?? "not written for it");
      const data = workloadData(workload);
      const tensor = (shape: Shape, values: Numbers) =>
        jax.numpy.array(values, { shape, dtype: values instanceof Int32Array ? "int32" : "float32" });
      const input = (name: string) => {
        const found = workload.inputs.find((candidate) => candidate.name === name);
        return tensor(found?.shape ?? [], data.input(name));
      };
      const compiled = (work: (...values: JaxArray[]) => JaxArray, ...values: readonly JaxArray[]) => {
        const call = jax.jit(work);
        return { run: () => call(...values.map(({ ref }) => ref)) };
      };
      const { run, toResult = (answer: JaxArray) => answer } = workload.jax({ jax, input, tensor, compiled }, data);
      return {
        result: async () => (await toResult(run()).data()) as Float32Array,
        time: async (repeat) => {
          const started = performance.now();
          for (let i = 0; i < repeat; i++) {
            const answer = await run().blockUntilReady();
            // That submits the work; the read of no bytes by which it waits comes back at once in Dawn.
            await rested(queue.onSubmittedWorkDone());
            answer.dispose();
          }
          return (performance.now() - started) / repeat;
        },
      };
    },
  };
}
