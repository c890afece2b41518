import type { TensorFlow, TfTensor } from "../peer-tensorflow.ts";
import type { Workload } from "../workload.ts";

/** Layer normalisation of rows from TensorFlow.js's operations; the core library has none. */
export function tfLayerNorm(tf: TensorFlow, x: TfTensor, gain: TfTensor, shift: TfTensor, eps: number): TfTensor {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  return tf.add(tf.mul(tf.mul(centred, tf.rsqrt(tf.add(variance, eps))), gain), shift);
}

/** The exact GELU from TensorFlow.js's operations. */
export function tfGelu(tf: TensorFlow, x: TfTensor): TfTensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

function softmax(n: number): Workload {
  return {
    name: `softmax ${n}²`,
    weft: { file: "rows.weft", entry: "softmax_rows", settings: { L: n, n } },
    inputs: [{ name: "X", shape: [n, n] }],
    result: [n, n],
    ort: [({ graph, input }) => ({ value: graph.apply("Softmax", [input("X")], { axis: -1 }) })],
    tfjs: ({ tf, input }) => {
      const x = input("X");
      return { run: () => tf.softmax(x) };
    },
    jax: ({ jax, input, compiled }) => compiled((x) => jax.nn.softmax(x, -1), input("X")),
  };
}

function layerNorm(L: number, d: number): Workload {
  return {
    name: `layer norm ${L} × ${d}`,
    weft: { file: "rows.weft", entry: "layer_norm", settings: { L, d } },
    inputs: [
      { name: "X", shape: [L, d] },
      { name: "gain", shape: [d], weight: true },
      { name: "shift", shape: [d], weight: true },
    ],
    result: [L, d],
    ort: [
      ({ graph, input }) => ({
        value: graph.apply("LayerNormalization", [input("X"), input("gain"), input("shift")], {
          axis: -1,
          epsilon: { float: 1e-5 },
        }),
      }),
    ],
    tfjs: ({ tf, input }) => {
      const [x, gain, shift] = [input("X"), input("gain"), input("shift")];
      return { run: () => tfLayerNorm(tf, x, gain, shift, 1e-5) };
    },
    jax: ({ jax: { numpy: np }, input, compiled }) =>
      compiled(
        (x, gain, shift) => {
          const centred = x.ref.sub(np.mean(x, -1, { keepdims: true }));
          const variance = np.mean(np.square(centred.ref), -1, { keepdims: true });
          return centred
            .div(np.sqrt(variance.add(1e-5)))
            .mul(gain)
            .add(shift);
        },
        input("X"),
        input("gain"),
        input("shift"),
      ),
  };
}

function geluChain(L: number, d: number): Workload {
  return {
    name: `GELU chain ${L} × ${d}`,
    weft: { file: "rows.weft", entry: "gelu_chain", settings: { L, d } },
    inputs: [
      { name: "X", shape: [L, d] },
      { name: "gain", shape: [d], weight: true },
      { name: "shift", shape: [d], weight: true },
    ],
    result: [L, d],
    ort: [
      ({ graph, input }) => {
        const x = input("X");
        const affine = graph.apply("Add", [graph.apply("Mul", [x, input("gain")]), input("shift")]);
        return { value: graph.apply("Add", [x, graph.apply("Gelu", [affine])]) };
      },
    ],
    tfjs: ({ tf, input }) => {
      const [x, gain, shift] = [input("X"), input("gain"), input("shift")];
      return { run: () => tf.add(x, tfGelu(tf, tf.add(tf.mul(x, gain), shift))) };
    },
    jax: ({ jax, input, compiled }) =>
      compiled(
        (x, gain, shift) => x.ref.add(jax.nn.gelu(x.mul(gain).add(shift), { approximate: false })),
        input("X"),
        input("gain"),
        input("shift"),
      ),
  };
}

export const rowWorkloads: readonly Workload[] = [softmax(2048), layerNorm(4096, 768), geluChain(4096, 3072)];
