/** ONNX Runtime with its WebGPU provider as a contestant. Inputs and results stay on the device. */
import { OnnxGraph, type OnnxValue } from "../onnx-model.ts";
import { type Numbers, type Shape, workloadData } from "../workload.ts";
import { importPeer, peerVersion } from "./peer-package.ts";
import type { System } from "./system.ts";

interface OrtTensor {
  readonly data: Float32Array;
  dispose(): void;
}

interface Session {
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

interface OnnxRuntime {
  readonly Tensor: new (type: "float32" | "int32", data: Numbers, shape: Shape) => OrtTensor;
  readonly InferenceSession: { create(model: Uint8Array, options: object): Promise<Session> };
}

export async function open(): Promise<System> {
  const ort = (await importPeer("onnxruntime-node")) as OnnxRuntime;
  const session = (model: OnnxGraph, onDevice: boolean, optimise = true) =>
    ort.InferenceSession.create(model.encode(), {
      executionProviders: ["webgpu"],
      graphOptimizationLevel: optimise ? "all" : "disabled",
      ...(onDevice ? { preferredOutputLocation: "gpu-buffer" } : {}),
      // A node that the provider lacks would silently run on the CPU, which is another contest.
      extra: { session: { disable_cpu_ep_fallback: "1" } },
      logSeverityLevel: 4,
    });
  const tensor = (shape: Shape, data: Numbers) =>
    new ort.Tensor(data instanceof Int32Array ? "int32" : "float32", data, shape);
  /** Moves a tensor to the device, or back, by adding nothing to it. */
  const copy = async (source: OrtTensor, shape: Shape, whole: boolean, toDevice: boolean) => {
    const graph = new OnnxGraph();
    const zero = graph.constant({ shape: [], data: whole ? Int32Array.of(0) : Float32Array.of(0) });
    const element = whole ? "i32" : "f32";
    graph.output(graph.apply("Add", [graph.input("x", shape, element), zero]), shape, element);
    const mover = await session(graph, toDevice, false);
    const moved = Object.values(await mover.run({ x: source }))[0] as OrtTensor;
    return moved;
  };

  const fenceGraph = new OnnxGraph();
  fenceGraph.output(fenceGraph.apply("Add", [fenceGraph.input("x", [1]), fenceGraph.scalar(1)]), [1]);
  const fence = await session(fenceGraph, false);
  const one = tensor([1], Float32Array.of(1));
  /** Results on the device come before they are computed; reading one number that is computed later waits for them. */
  const finish = async () => {
    await fence.run({ x: one });
  };

  return {
    adapter: "chosen by ONNX Runtime's own Dawn",
    version: peerVersion("onnxruntime-node"),
    prepare: async (workload, variant) => {
      const build = workload.ort?.[variant];
      if (build === undefined) throw new Error(workload.absent?.ort ?? "not written for it");
      const data = workloadData(workload);
      const graph = new OnnxGraph();
      const feeds = new Map<string, { readonly shape: Shape; readonly data: Numbers }>();
      const inputAs = (name: string, shape: Shape, values: Numbers): OnnxValue => {
        const weight = workload.inputs.find((candidate) => candidate.name === name)?.weight === true;
        if (weight) return graph.constant({ shape, data: values });
        feeds.set(name, { shape, data: values });
        return graph.input(name, shape, values instanceof Int32Array ? "i32" : "f32");
      };
      const input = (name: string) => {
        const found = workload.inputs.find((candidate) => candidate.name === name);
        return inputAs(name, found?.shape ?? [], data.input(name));
      };
      const constant = (shape: Shape, values: Numbers) => graph.constant({ shape, data: values });
      const built = build({ graph, input, inputAs, constant }, data);
      const shape = built.shape ?? workload.result;
      graph.output(built.value, shape);
      const main = await session(graph, true);
      const onDevice: Record<string, OrtTensor> = {};
      for (const [name, feed] of feeds) {
        const whole = feed.data instanceof Int32Array;
        onDevice[name] = await copy(tensor(feed.shape, feed.data), feed.shape, whole, true);
      }
      const run = async () => Object.values(await main.run(onDevice))[0] as OrtTensor;
      let fenceMs = Number.POSITIVE_INFINITY;
      return {
        result: async () => {
          const answer = await run();
          const values = (await copy(answer, shape, false, false)).data;
          answer.dispose();
          await finish();
          for (let i = 0; i < 10; i++) {
            const started = performance.now();
            await finish();
            fenceMs = Math.min(fenceMs, performance.now() - started);
          }
          return built.toResult?.(values) ?? values;
        },
        // The waiting itself costs a small run, whose time on an idle device is taken off.
        time: async (repeat) => {
          const started = performance.now();
          for (let i = 0; i < repeat; i++) {
            const answer = await run();
            await finish();
            answer.dispose();
          }
          return (performance.now() - started) / repeat - fenceMs;
        },
      };
    },
  };
}
