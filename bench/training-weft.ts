/** Weft as a contestant that trains. */
import { type HostArray, openDevice, prepareTraining } from "../src/index.ts";
import type { System } from "./systems/system.ts";
import { readSource } from "./systems/weft.ts";
import { adam, classes, comparedSteps, oneHot, weightShapes } from "./training-network.ts";
import { trainedNetwork } from "./training-workloads.ts";
import { workloadData } from "./workload.ts";

export async function open(): Promise<System> {
  const device = await openDevice({ prefer: "auto" });
  const version = (JSON.parse(readSource("package.json") as string) as { version: string }).version;
  return {
    adapter: device.description,
    version,
    prepare: async (workload) => {
      const path = "bench/training-workloads.weft";
      const data = workloadData(workload);
      const x = workload.inputs[0] as (typeof workload.inputs)[0];
      const batch = x.shape[0] as number;
      const shapes = weightShapes(trainedNetwork(workload.name));
      const targets = oneHot(data.input("label"));
      const { beta1, beta2, eps, rate } = adam;
      const training = await prepareTraining(readSource(path) as string, {
        path,
        readSource,
        model: workload.weft.model,
        entry: workload.weft.entry,
        inputShapes: { x: x.shape, t: [batch, classes] },
        optimiser: { name: "adam", settings: { beta1, beta2, eps } },
        device,
        parameters: (name) => data.parameter(name, shapes.get(name) ?? []) as HostArray,
      });
      const step = async () => (await training.step({ x: data.input("x") as HostArray, t: targets }, rate)).loss;
      return {
        result: async () => {
          const losses = new Float32Array(comparedSteps);
          for (let k = 0; k < comparedSteps; k++) losses[k] = await step();
          return losses;
        },
        time: async (repeat) => {
          const started = performance.now();
          for (let k = 0; k < repeat; k++) await step();
          return (performance.now() - started) / repeat;
        },
      };
    },
  };
}
