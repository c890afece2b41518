/** The networks of the training comparison, written once for both peers. Features are rows: sequences are laid one below the other. */
import type { Numbers, Shape } from "./workload.ts";

/** A convolution of 3 × 3 with padding 1. */
export interface TrainedConvolution {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly stride: number;
}

/** What a peer brings; weights are looked up by the paths of Weft's text. */
export interface TrainingOperations<T> {
  linear(x: T, name: string, from: number, to: number): T;
  layerNorm(x: T, name: string, width: number): T;
  convolution(x: T, layer: TrainedConvolution): T;
  relu(x: T): T;
  add(a: T, b: T): T;
  /** Attention of every head over each sequence. */
  attention(q: T, k: T, v: T, size: SequenceSize): T;
  meanOfPixels(x: T): T;
  meanOfPositions(x: T, size: SequenceSize): T;
}

export interface SequenceSize {
  readonly batch: number;
  readonly length: number;
  readonly heads: number;
  readonly width: number;
}

/** From a batch of inputs to the scores of ten classes. */
export type TrainedNetwork = <T>(operations: TrainingOperations<T>, x: T) => T;

export const classes = 10;

export const mlp: TrainedNetwork = ({ linear, relu }, x) =>
  linear(relu(linear(relu(linear(x, "a", 784, 512)), "b", 512, 256)), "c", 256, classes);

export const cnn: TrainedNetwork = ({ convolution, relu, meanOfPixels, linear }, x) => {
  const a = relu(convolution(x, { name: "a", from: 1, to: 16, stride: 1 }));
  const b = relu(convolution(a, { name: "b", from: 16, to: 32, stride: 2 }));
  const c = relu(convolution(b, { name: "c", from: 32, to: 64, stride: 2 }));
  return linear(meanOfPixels(c), "head", 64, classes);
};

/** Two blocks of width 128 with 4 heads. */
export const transformer =
  (batch: number, length: number): TrainedNetwork =>
  (operations, input) => {
    const { linear, layerNorm, relu, add, attention, meanOfPositions } = operations;
    const size = { batch, length, heads: 4, width: 32 };
    let x = input;
    for (const block of ["block.0", "block.1"]) {
      const n = layerNorm(x, `${block}.norm1`, 128);
      const [q, k, v] = ["q", "k", "v"].map((role) => linear(n, `${block}.${role}`, 128, 128)) as [
        typeof x,
        typeof x,
        typeof x,
      ];
      const y = add(x, linear(attention(q, k, v, size), `${block}.out`, 128, 128));
      const up = relu(linear(layerNorm(y, `${block}.norm2`, 128), `${block}.up`, 128, 256));
      x = add(y, linear(up, `${block}.down`, 256, 128));
    }
    return linear(meanOfPositions(layerNorm(x, "norm", 128), size), "head", 128, classes);
  };

/** Adam as Kingma & Ba 2015 have it, the same numbers in every system. */
export const adam = { rate: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8 } as const;

/** Labels as rows of ones and zeros. */
export function oneHot(labels: Numbers): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(labels.length * classes);
  labels.forEach((label, k) => {
    rows[k * classes + label] = 1;
  });
  return rows;
}

/** Steps whose losses are compared. */
export const comparedSteps = 3;

/** The weights of a network by their paths, with the shapes of Weft's text: the network is walked once without computing. */
export function weightShapes(network: TrainedNetwork): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  const same = (x: null) => x;
  network<null>(
    {
      linear: (x, name, from, to) => {
        shapes.set(`${name}.weight`, [to, from]).set(`${name}.bias`, [to]);
        return x;
      },
      layerNorm: (x, name, width) => {
        shapes.set(`${name}.weight`, [width]).set(`${name}.bias`, [width]);
        return x;
      },
      convolution: (x, { name, from, to }) => {
        shapes.set(`${name}.weight`, [to, from, 3, 3]).set(`${name}.bias`, [to]);
        return x;
      },
      relu: same,
      add: same,
      attention: same,
      meanOfPixels: same,
      meanOfPositions: same,
    },
    null,
  );
  return shapes;
}
