/** Training steps in jax-js: loss, gradient and Adam in one compiled function. Every operation takes its own reference of what it reads. */
import type { Jax, JaxArray, JaxContext, JaxProgram } from "./peer-jax.ts";
import {
  adam,
  comparedSteps,
  oneHot,
  type TrainedNetwork,
  type TrainingOperations,
  weightShapes,
} from "./training-network.ts";
import { type Shape, transposed, type Workload, type WorkloadData } from "./workload.ts";

type Weights = Readonly<Record<string, JaxArray>>;

/** Weights, and what Adam remembers of them. */
interface State {
  readonly w: Weights;
  readonly m: Weights;
  readonly v: Weights;
}

/** What training needs beyond what the other workloads use. */
type TrainingJax = Omit<Jax, "jit" | "nn"> & {
  readonly nn: Jax["nn"] & { logSoftmax(x: JaxArray, axis: number): JaxArray };
  jit<A extends readonly unknown[], R>(work: (...values: A) => R): (...values: A) => R;
  valueAndGrad(
    loss: (weights: Weights, x: JaxArray, t: JaxArray) => JaxArray,
  ): (weights: Weights, x: JaxArray, t: JaxArray) => readonly [JaxArray, Weights];
};

export function jaxTraining(workload: Workload, network: TrainedNetwork) {
  return ({ jax: core, tensor }: JaxContext, data: WorkloadData): JaxProgram => {
    const jax = core as unknown as TrainingJax;
    const { numpy: np } = jax;
    const x = workload.inputs[0] as Workload["inputs"][0];
    const batch = x.shape[0] as number;
    const isImage = x.shape.length === 4;
    const shape = isImage ? x.shape : [x.shape.slice(0, -1).reduce((a, b) => a * b, 1), x.shape.at(-1) as number];
    const targets = oneHot(data.input("label"));

    const shapes = new Map(
      [...weightShapes(network)].map(([name, own]) => [name, isMatrix(own) ? own.toReversed() : own]),
    );
    const each = <T>(make: (name: string) => T) =>
      Object.fromEntries([...shapes.keys()].map((name) => [name, make(name)])) as Readonly<Record<string, T>>;
    const shapeOf = (name: string) => shapes.get(name) as Shape;
    const firstValue = (name: string) => {
      const own = shapeOf(name);
      if (!isMatrix(own)) return tensor(own, data.parameter(name, own));
      const stored = own.toReversed();
      return tensor(own, transposed(data.parameter(name, stored), stored, [1, 0]));
    };
    let state: State = {
      w: each(firstValue),
      m: each((name) => np.zeros(shapeOf(name))),
      v: each((name) => np.zeros(shapeOf(name))),
    };

    const gradient = jax.valueAndGrad((weights, input, target) => {
      const scores = network(
        operationsOf(jax, (name) => (weights[name] as JaxArray).ref),
        input,
      );
      return np.mean(np.sum(target.mul(jax.nn.logSoftmax(scores, -1)), 1)).mul(-1);
    });
    const update = jax.jit((w: Weights, m: Weights, v: Weights, input: JaxArray, target: JaxArray, bias: JaxArray) => {
      const [loss, g] = gradient(
        each((name) => (w[name] as JaxArray).ref),
        input,
        target,
      );
      // 1 / (1 - βᵗ) of both moments.
      const [first, second] = [bias.ref.slice(0), bias.slice(1)];
      const of = (name: string) => (tree: Weights) => tree[name] as JaxArray;
      const m2 = each((name) =>
        of(name)(m)
          .mul(adam.beta1)
          .add(of(name)(g).ref.mul(1 - adam.beta1)),
      );
      const v2 = each((name) =>
        of(name)(v)
          .mul(adam.beta2)
          .add(np.square(of(name)(g)).mul(1 - adam.beta2)),
      );
      const w2 = each((name) => {
        const move = of(name)(m2).ref.mul(first.ref).mul(adam.rate);
        return of(name)(w).sub(move.div(np.sqrt(of(name)(v2).ref.mul(second.ref)).add(adam.eps)));
      });
      first.dispose();
      second.dispose();
      return [loss, w2, m2, v2] as const;
    });
    let steps = 0;
    const step = () => {
      steps++;
      const bias = Float32Array.of(1 / (1 - adam.beta1 ** steps), 1 / (1 - adam.beta2 ** steps));
      const input = [tensor(shape, data.input("x")), tensor([batch, 10], targets), tensor([2], bias)] as const;
      const [loss, w, m, v] = update(state.w, state.m, state.v, ...input);
      state = { w, m, v };
      return loss;
    };
    const toResult = (first: JaxArray) => {
      const losses = [first, ...Array.from({ length: comparedSteps - 1 }, () => step())];
      return np.concatenate(
        losses.map((loss) => loss.reshape([1])),
        0,
      );
    };
    return { run: step, toResult };
  };
}

/** Weights of linear layers are kept as [in, out]. */
const isMatrix = (shape: Shape) => shape.length === 2;

function operationsOf(
  { numpy: np, nn, lax }: TrainingJax,
  weight: (name: string) => JaxArray,
): TrainingOperations<JaxArray> {
  return {
    linear: (x, name) => np.matmul(x.ref, weight(`${name}.weight`)).add(weight(`${name}.bias`)),
    layerNorm: (x, name) => {
      const centred = x.ref.sub(np.mean(x.ref, -1, { keepdims: true }));
      const deviation = np.sqrt(np.mean(np.square(centred.ref), -1, { keepdims: true }).add(1e-5));
      return centred
        .div(deviation)
        .mul(weight(`${name}.weight`))
        .add(weight(`${name}.bias`));
    },
    convolution: (x, { name, to, stride }) =>
      lax
        .convGeneralDilated(
          x.ref,
          weight(`${name}.weight`),
          [stride, stride],
          [
            [1, 1],
            [1, 1],
          ],
        )
        .add(weight(`${name}.bias`).reshape([1, to, 1, 1])),
    relu: (x) => nn.relu(x.ref),
    add: (a, b) => a.ref.add(b.ref),
    attention: (q, k, v, { batch, length, heads, width }) => {
      const split = (x: JaxArray) => x.ref.reshape([batch, length, heads, width]);
      return nn.dotProductAttention(split(q), split(k), split(v)).reshape([batch * length, heads * width]);
    },
    meanOfPixels: (x) => np.mean(x.ref, [2, 3]),
    meanOfPositions: (x, { batch, length, heads, width }) => np.mean(x.ref.reshape([batch, length, heads * width]), 1),
  };
}
