/** TensorFlow.js with its WebGPU backend as a contestant. */
import type { TensorFlow, TfTensor } from "../peer-tensorflow.ts";
import { workloadData } from "../workload.ts";
import { importPeer, peerVersion, requirePeerFile } from "./peer-package.ts";
import type { System } from "./system.ts";
import { installWebGpu, rested } from "./web-gpu.ts";

/** What the backend has beyond the public interface: commands are collected until something is read. */
interface Backend {
  readonly queue: { onSubmittedWorkDone(): Promise<void> };
  readonly commandEncoder: unknown;
  endComputePassEncoder(): void;
  submitQueue(): void;
}

export async function open(): Promise<System> {
  const adapter = await installWebGpu();
  const tf = (await importPeer("@tensorflow/tfjs-core")) as TensorFlow & {
    setBackend(name: string): Promise<boolean>;
    backend(): Backend;
  };
  await importPeer("@tensorflow/tfjs-backend-webgpu");
  if (!(await tf.setBackend("webgpu"))) throw new Error("the WebGPU backend does not start");
  const finish = async () => {
    const backend = tf.backend();
    if (backend.commandEncoder !== null && backend.commandEncoder !== undefined) {
      backend.endComputePassEncoder();
      backend.submitQueue();
    }
    await rested(backend.queue.onSubmittedWorkDone());
  };
  return {
    adapter,
    version: peerVersion("@tensorflow/tfjs-backend-webgpu"),
    prepare: async (workload) => {
      if (workload.tfjs === undefined) throw new Error(workload.absent?.tfjs ?? "not written for it");
      // The package for Node registers no gradients; all copies share one registry.
      if (workload.trains === true) requirePeerFile("@tensorflow/tfjs-core", "dist/register_all_gradients.js");
      const data = workloadData(workload);
      const tensor = (shape: readonly number[], values: Float32Array | Int32Array): TfTensor =>
        tf.tensor(values, shape, values instanceof Int32Array ? "int32" : "float32");
      const input = (name: string) => {
        const found = workload.inputs.find((candidate) => candidate.name === name);
        return tensor(found?.shape ?? [], data.input(name));
      };
      const program = workload.tfjs({ tf, input, tensor }, data);
      const { run, toResult = (answer: TfTensor) => answer } = program;
      return {
        result: async () => {
          const answer = tf.tidy(() => toResult(run()));
          const values = await answer.data();
          answer.dispose();
          return values;
        },
        time: async (repeat) => {
          await finish();
          const started = performance.now();
          for (let i = 0; i < repeat; i++) {
            const answer = tf.tidy(run);
            await finish();
            answer.dispose();
          }
          return (performance.now() - started) / repeat;
        },
      };
    },
  };
}
