/** What `npm run bench:training` trains. A run is one step: a batch from the host, loss, gradient, Adam. */
import { jaxTraining } from "./training-jax.ts";
import { classes, cnn, comparedSteps, mlp, type TrainedNetwork, transformer } from "./training-network.ts";
import { tensorflowTraining } from "./training-tensorflow.ts";
import type { Shape, Workload } from "./workload.ts";

interface Training {
  readonly network: TrainedNetwork;
  readonly workload: Workload;
}

function training(name: string, model: string, x: Shape, network: TrainedNetwork): Training {
  const workload: Workload = {
    trains: true,
    name,
    weft: { file: "../training-workloads.weft", model, entry: "loss" },
    inputs: [
      { name: "x", shape: x },
      { name: "label", shape: [x[0] as number], below: classes },
    ],
    result: [comparedSteps],
    absent: { ort: "it computes no gradients" },
  };
  const peers = { tfjs: tensorflowTraining(workload, network), jax: jaxTraining(workload, network) };
  return { network, workload: { ...workload, ...peers } };
}

const sequences: Shape = [8, 64, 128];

const trainings: readonly Training[] = [
  training("MLP, 784-512-256-10, batch of 64", "Mlp", [64, 784], mlp),
  training("CNN, 28 × 28, 16-32-64 channels, batch of 32", "Cnn", [32, 1, 28, 28], cnn),
  training("transformer, 2 blocks of 128, 8 × 64 positions", "Transformer", sequences, transformer(8, 64)),
];

export const trainingWorkloads: readonly Workload[] = trainings.map(({ workload }) => workload);

/** The network of a workload as the peers compute it. */
export function trainedNetwork(name: string): TrainedNetwork {
  const found = trainings.find(({ workload }) => workload.name === name);
  if (found === undefined) throw new Error(`there is no training called ${name}`);
  return found.network;
}
