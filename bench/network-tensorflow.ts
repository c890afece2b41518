/** Networks in TensorFlow.js, images channels last, which its kernels are made for. Tensors of weights are made once. */
import { tensorflowFavor } from "./favor.ts";
import { foldedWeights, type NetworkOperations } from "./network.ts";
import type { TfContext, TfTensor } from "./peer-tensorflow.ts";
import { type Shape, transposed, type WorkloadData } from "./workload.ts";
import { tfGelu, tfLayerNorm } from "./workloads/rows.ts";

/** Call the network once before measuring: the first call uploads the weights. */
export function tensorflowNetwork({ tf, input, tensor }: TfContext, data: WorkloadData): NetworkOperations<TfTensor> {
  const kept = new Map<string, TfTensor>();
  const keep = (name: string, make: () => TfTensor) => {
    const known = kept.get(name) ?? tf.keep(make());
    kept.set(name, known);
    return known;
  };
  const vector = (name: string, size: number) => keep(name, () => tensor([size], data.parameter(name, [size])));
  return {
    input: (name) => keep(`input ${name}`, () => input(name)),
    linear: (a, name, from, to, bias = true) => {
      const b = keep(`${name}.weight`, () =>
        tensor([from, to], transposed(data.parameter(`${name}.weight`, [to, from]), [to, from], [1, 0])),
      );
      return bias ? tf.fused.matMul({ a, b, bias: vector(`${name}.bias`, to) }) : tf.matMul(a, b);
    },
    layerNorm: (x, name, width, eps) =>
      tfLayerNorm(tf, x, vector(`${name}.weight`, width), vector(`${name}.bias`, width), eps),
    add: (a, b) => tf.add(a, b),
    gelu: (x) => tfGelu(tf, x),
    relu: (x) => tf.relu(x),
    attention: (q, k, v, length, heads, width) => {
      const split = (x: TfTensor) => tf.transpose(tf.reshape(x, [length, heads, width]), [1, 0, 2]);
      const scores = tf.mul(tf.matMul(split(q), split(k), false, true), 1 / Math.sqrt(width));
      const joined = tf.transpose(tf.matMul(tf.softmax(scores), split(v)), [1, 0, 2]);
      return tf.reshape(joined, [length, heads * width]);
    },
    favor: (q, k, v, name, { heads, length, width, features }) => {
      const split = (x: TfTensor) => tf.transpose(tf.reshape(x, [length, heads, width]), [1, 0, 2]);
      const weight = keep(name, () =>
        tensor([1, width, features], transposed(data.parameter(name, [features, width]), [features, width], [1, 0])),
      );
      const joined = tensorflowFavor(tf, split(q), split(k), split(v), weight, width);
      return tf.reshape(tf.transpose(joined, [1, 0, 2]), [length, heads * width]);
    },
    convolution: (x, layer) => {
      const folded = () => foldedWeights(data, layer);
      const filter = keep(`${layer.name}.filter`, () => {
        const { shape, weight } = folded();
        const order = [2, 3, 1, 0];
        return tensor(order.map((axis) => shape[axis]) as Shape, transposed(weight, shape, order));
      });
      const bias = keep(`${layer.name}.bias`, () => tensor([layer.to], folded().bias));
      const y = tf.fused.conv2d({
        x,
        filter,
        bias,
        strides: layer.stride ?? 1,
        pad: Math.floor(layer.kernel / 2),
        activation: layer.activation === "relu" ? "relu" : "linear",
      });
      return layer.activation === "leaky-relu" ? tf.leakyRelu(y, 0.1) : y;
    },
    maxPool: (x) => tf.maxPool(x, 3, 2, 1),
    averagePool: (x) => tf.mean(x, [1, 2]),
  };
}
