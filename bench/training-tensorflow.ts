/** Training steps in TensorFlow.js: its gradients, its Adam, weights as variables. Images are channels last. */
import type { TensorFlow, TfContext, TfProgram, TfTensor } from "./peer-tensorflow.ts";
import {
  adam,
  comparedSteps,
  oneHot,
  type TrainedNetwork,
  type TrainingOperations,
  weightShapes,
} from "./training-network.ts";
import { transposed, type Workload, type WorkloadData } from "./workload.ts";

/** What training needs beyond what the other workloads use. */
type TrainingTensorFlow = TensorFlow & {
  variable(initial: TfTensor): TfTensor;
  logSoftmax(x: TfTensor): TfTensor;
  neg(x: TfTensor): TfTensor;
  stack(parts: readonly TfTensor[]): TfTensor;
  readonly train: {
    adam(
      rate: number,
      beta1: number,
      beta2: number,
      eps: number,
    ): { minimize(loss: () => TfTensor, returnCost: true): TfTensor };
  };
};

/** Axes of weights as TensorFlow.js has them: matrices [in, out], filters [height, width, in, out]. */
const layouts: Readonly<Record<number, readonly number[]>> = { 2: [1, 0], 4: [2, 3, 1, 0] };

export function tensorflowTraining(workload: Workload, network: TrainedNetwork) {
  return ({ tf: core, tensor }: TfContext, data: WorkloadData): TfProgram => {
    const tf = core as TrainingTensorFlow;
    const weights = new Map(
      [...weightShapes(network)].map(([name, own]) => {
        const order = layouts[own.length] ?? own.map((_, axis) => axis);
        const laid = order.map((axis) => own[axis] as number);
        return [name, tf.variable(tensor(laid, transposed(data.parameter(name, own), own, order)))] as const;
      }),
    );
    const operations = operationsOf(tf, weights);
    const x = workload.inputs[0] as Workload["inputs"][0];
    const isImage = x.shape.length === 4;
    const flat = [x.shape.slice(0, -1).reduce((a, b) => a * b, 1), x.shape.at(-1) as number];
    // One channel: first and last are the same in memory.
    const shape = isImage ? [...x.shape.filter((_, axis) => axis !== 1), 1] : flat;
    const targets = oneHot(data.input("label"));
    const optimiser = tf.train.adam(adam.rate, adam.beta1, adam.beta2, adam.eps);
    const batch = x.shape[0] as number;
    const step = () => {
      const [input, target] = [tensor(shape, data.input("x")), tensor([batch, 10], targets)];
      const loss = () => {
        const logarithms = tf.logSoftmax(network(operations, input));
        return tf.mean(tf.neg(tf.sum(tf.mul(target, logarithms), 1)));
      };
      return optimiser.minimize(loss, true);
    };
    const toResult = (first: TfTensor) => tf.stack([first, ...Array.from({ length: comparedSteps - 1 }, () => step())]);
    return { run: step, toResult };
  };
}

function operationsOf(tf: TrainingTensorFlow, weights: ReadonlyMap<string, TfTensor>): TrainingOperations<TfTensor> {
  const variable = (name: string) => weights.get(name) as TfTensor;
  const split = (
    x: TfTensor,
    { batch, length, heads, width }: Parameters<TrainingOperations<TfTensor>["attention"]>[3],
  ) => tf.transpose(tf.reshape(x, [batch, length, heads, width]), [0, 2, 1, 3]);
  return {
    linear: (a, name) => tf.fused.matMul({ a, b: variable(`${name}.weight`), bias: variable(`${name}.bias`) }),
    layerNorm: (x, name) => {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const scale = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5));
      const normal = tf.mul(centred, scale);
      return tf.add(tf.mul(normal, variable(`${name}.weight`)), variable(`${name}.bias`));
    },
    convolution: (x, { name, stride }) =>
      tf.add(tf.conv2d(x, variable(`${name}.weight`), stride, 1, "NHWC", [1, 1]), variable(`${name}.bias`)),
    relu: (x) => tf.relu(x),
    add: (a, b) => tf.add(a, b),
    attention: (q, k, v, size) => {
      const scores = tf.mul(tf.matMul(split(q, size), split(k, size), false, true), 1 / Math.sqrt(size.width));
      const joined = tf.transpose(tf.matMul(tf.softmax(scores), split(v, size)), [0, 2, 1, 3]);
      return tf.reshape(joined, [size.batch * size.length, size.heads * size.width]);
    },
    meanOfPixels: (x) => tf.mean(x, [1, 2]),
    meanOfPositions: (x, { batch, length, heads, width }) => tf.mean(tf.reshape(x, [batch, length, heads * width]), 1),
  };
}
