import { jaxFavor, onnxFavor, tensorflowFavor } from "../favor.ts";
import { type InputTensor, type Numbers, transposed, type Workload } from "../workload.ts";

const names = ["Q", "K", "V"] as const;

/** What is added to the scores where a position must not see a later one. */
function causalMask(length: number): Float32Array {
  return Float32Array.from({ length: length * length }, (_, at) => (at % length > Math.floor(at / length) ? -1e9 : 0));
}

/** Every head by itself. Peers with a kernel of their own for attention get it, in the layout that it wants. */
function attention(heads: number, length: number, width: number, causal: boolean): Workload {
  const shape = [heads, length, width];
  const scale = 1 / Math.sqrt(width);
  const hiddenLast = [1, length, heads * width];
  return {
    name: `attention ${heads} × ${length} × ${width}${causal ? ", causal" : ""}`,
    weft: {
      file: "attention.weft",
      entry: causal ? "causal" : "dense",
      settings: { H: heads, L: length, d: width },
    },
    inputs: names.map((name) => ({ name, shape })),
    result: shape,
    slow: length > 1024,
    ort: [
      ({ graph, inputAs }, data) => {
        const operands = names.map((name) => inputAs(name, hiddenLast, transposed(data.input(name), shape, [1, 0, 2])));
        const value = graph.apply(
          "MultiHeadAttention",
          operands,
          { num_heads: heads, ...(causal ? { unidirectional: 1 } : {}) },
          "com.microsoft",
        );
        const toResult = (result: Float32Array) => transposed(result, [length, heads, width], [1, 0, 2]);
        return { value, shape: hiddenLast, toResult };
      },
      ({ graph, input, constant }) => {
        const keysAcross = graph.apply("Transpose", [input("K")], { perm: [0, 2, 1] });
        const scores = graph.apply("Mul", [graph.apply("MatMul", [input("Q"), keysAcross]), graph.scalar(scale)]);
        const kept = causal ? graph.apply("Add", [scores, constant([length, length], causalMask(length))]) : scores;
        return { value: graph.apply("MatMul", [graph.apply("Softmax", [kept], { axis: -1 }), input("V")]) };
      },
    ],
    tfjs: ({ tf, input, tensor }) => {
      const [q, k, v] = [input("Q"), input("K"), input("V")];
      const mask = causal ? tensor([1, length, length], causalMask(length)) : undefined;
      return {
        run: () => {
          const scores = tf.mul(tf.matMul(q, k, false, true), scale);
          return tf.matMul(tf.softmax(mask === undefined ? scores : tf.add(scores, mask)), v);
        },
      };
    },
    jax: ({ jax, tensor, compiled }, data) => {
      const operands = names.map((name) =>
        tensor([1, length, heads, width], transposed(data.input(name), shape, [1, 0, 2])),
      );
      const program = compiled((q, k, v) => jax.nn.dotProductAttention(q, k, v, { isCausal: causal }), ...operands);
      return { ...program, toResult: (answer) => answer.transpose([0, 2, 1, 3]) };
    },
  };
}

/**
 * FAVOR+ for the softmax kernel (Choromanski et al. 2021). Weft gets the paper's order, (Q' K'ᵀ) V, and finds the linear
 * one; the peers are given the linear order by hand (favor.ts), with the normaliser as a product with the sum of K'.
 */
export function favor(heads: number, length: number, width: number, features: number): Workload {
  const shape = [heads, length, width];
  const inputs: readonly InputTensor[] = [
    ...names.map((name) => ({ name, shape })),
    { name: "W", shape: [features, width], weight: true },
  ];
  const weightAcross = (weight: Numbers) => transposed(weight, [features, width], [1, 0]);
  return {
    name: `FAVOR+ ${heads} × ${length} × ${width}, ${features} features`,
    weft: {
      file: "attention.weft",
      entry: "performer",
      settings: { H: heads, L: length, d: width, m: features },
    },
    inputs,
    result: shape,
    slow: length > 4096,
    ort: [
      ({ graph, input, inputAs }, data) => {
        const weight = inputAs("W", [width, features], weightAcross(data.input("W")));
        return { value: onnxFavor(graph, input("Q"), input("K"), input("V"), weight, width) };
      },
    ],
    tfjs: ({ tf, input, tensor }, data) => {
      const [q, k, v] = [input("Q"), input("K"), input("V")];
      const weight = tensor([1, width, features], weightAcross(data.input("W")));
      return { run: () => tensorflowFavor(tf, q, k, v, weight, width) };
    },
    jax: ({ jax, input, compiled }) =>
      compiled((q, k, v, weight) => jaxFavor(jax, q, k, v, weight, shape), ...names.map(input), input("W")),
  };
}

function gathered(places: number, keys: number, width: number): Workload {
  const shape = [places, width];
  return {
    name: `gathered attention ${places} × ${keys} keys × ${width}`,
    weft: {
      file: "attention.weft",
      entry: "gathered",
      settings: { P: places, S: places, n: keys, d: width },
    },
    inputs: [...names.map((name) => ({ name, shape })), { name: "I", shape: [places, keys], below: places }],
    result: shape,
    ort: [
      ({ graph, input }) => {
        const index = input("I");
        const [k, v] = [graph.apply("Gather", [input("K"), index]), graph.apply("Gather", [input("V"), index])];
        const query = graph.apply("Unsqueeze", [input("Q"), graph.integers(2)]);
        const scores = graph.apply("Squeeze", [graph.apply("MatMul", [k, query]), graph.integers(2)]);
        const weights = graph.apply("Unsqueeze", [graph.apply("Softmax", [scores], { axis: -1 }), graph.integers(1)]);
        return { value: graph.apply("Squeeze", [graph.apply("MatMul", [weights, v]), graph.integers(1)]) };
      },
    ],
    tfjs: ({ tf, input }) => {
      const [q, k, v, index] = [input("Q"), input("K"), input("V"), input("I")];
      return {
        run: () => {
          const scores = tf.matMul(tf.reshape(q, [places, 1, width]), tf.gather(k, index), false, true);
          return tf.reshape(tf.matMul(tf.softmax(scores), tf.gather(v, index)), shape);
        },
      };
    },
    jax: ({ jax: { numpy: np, nn }, input, compiled }) =>
      compiled(
        (q, k, v, index) => {
          const scores = np.einsum("pc,pnc->pn", q, np.take(k, index.ref, 0));
          return np.einsum("pn,pnc->pc", nn.softmax(scores, -1), np.take(v, index, 0));
        },
        ...names.map(input),
        input("I"),
      ),
  };
}

export const attentionWorkloads: readonly Workload[] = [
  attention(8, 1024, 64, false),
  attention(8, 1024, 64, true),
  attention(8, 4096, 64, false),
  attention(8, 4096, 64, true),
  ...[4096, 16384, 65536].map((length) => favor(8, length, 64, 256)),
  gathered(4096, 64, 64),
];
