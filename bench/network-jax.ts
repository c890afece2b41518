/** Networks in jax-js, images channels first. Every operation takes its own reference of what it reads. */
import { jaxFavor } from "./favor.ts";
import { foldedWeights, type NetworkOperations } from "./network.ts";
import type { JaxArray, JaxContext } from "./peer-jax.ts";
import { transposed, type WorkloadData } from "./workload.ts";

/** `inputs` are the traced arguments by name; weights are constants of the compiled function. */
export function jaxNetwork(
  { jax, tensor }: JaxContext,
  data: WorkloadData,
  inputs: Readonly<Record<string, JaxArray>>,
): NetworkOperations<JaxArray> {
  const { numpy: np, nn, lax } = jax;
  const vector = (name: string, size: number) => tensor([size], data.parameter(name, [size]));
  return {
    input: (name) => inputs[name] as JaxArray,
    linear: (x, name, from, to, bias = true) => {
      const weight = transposed(data.parameter(`${name}.weight`, [to, from]), [to, from], [1, 0]);
      const product = np.matmul(x.ref, tensor([from, to], weight));
      return bias ? product.add(vector(`${name}.bias`, to)) : product;
    },
    layerNorm: (x, name, width, eps) => {
      const centred = x.ref.sub(np.mean(x.ref, -1, { keepdims: true }));
      const deviation = np.sqrt(np.mean(np.square(centred.ref), -1, { keepdims: true }).add(eps));
      return centred
        .div(deviation)
        .mul(vector(`${name}.weight`, width))
        .add(vector(`${name}.bias`, width));
    },
    add: (a, b) => a.ref.add(b.ref),
    gelu: (x) => nn.gelu(x.ref, { approximate: false }),
    relu: (x) => nn.relu(x.ref),
    attention: (q, k, v, length, heads, width) => {
      const split = (x: JaxArray) => x.ref.reshape([1, length, heads, width]);
      return nn.dotProductAttention(split(q), split(k), split(v)).reshape([length, heads * width]);
    },
    favor: (q, k, v, name, { heads, length, width, features }) => {
      const split = (x: JaxArray) => x.ref.reshape([length, heads, width]).transpose([1, 0, 2]);
      const weight = tensor([features, width], data.parameter(name, [features, width]));
      const joined = jaxFavor(jax, split(q), split(k), split(v), weight, [heads, length, width]);
      return joined.transpose([1, 0, 2]).reshape([length, heads * width]);
    },
    convolution: (x, layer) => {
      const { shape, weight, bias } = foldedWeights(data, layer);
      const padding = Math.floor(layer.kernel / 2);
      const stride = layer.stride ?? 1;
      const y = lax
        .convGeneralDilated(
          x.ref,
          tensor(shape, weight),
          [stride, stride],
          [
            [padding, padding],
            [padding, padding],
          ],
        )
        .add(tensor([1, layer.to, 1, 1], bias));
      if (layer.activation === "relu") return nn.relu(y);
      return layer.activation === undefined ? y : nn.leakyRelu(y, 0.1);
    },
    maxPool: (x) => {
      // Images are the results of relu, so that zeros outside count like nothing.
      const padded = np.pad(x.ref, [
        [0, 0],
        [0, 0],
        [1, 1],
        [1, 1],
      ]);
      return lax.reduceWindow(padded, (window) => np.max(window), [1, 1, 3, 3], [1, 1, 2, 2]);
    },
    averagePool: (x) => np.mean(x.ref, [2, 3]),
  };
}
