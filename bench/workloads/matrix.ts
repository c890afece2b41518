import { elementCount, type InputTensor, transposed, type Workload } from "../workload.ts";

export function matmul(name: string, M: number, K: number, N: number, weight = false): Workload {
  return {
    name,
    weft: { file: "matrix.weft", entry: "matmul", settings: { M, K, N } },
    inputs: [
      { name: "A", shape: [M, K] },
      { name: "B", shape: [K, N], weight },
    ],
    result: [M, N],
    ort: [({ graph, input }) => ({ value: graph.apply("MatMul", [input("A"), input("B")]) })],
    tfjs: ({ tf, input }) => {
      const [a, b] = [input("A"), input("B")];
      return { run: () => tf.matMul(a, b) };
    },
    jax: ({ jax, input, compiled }) => compiled((a, b) => jax.numpy.matmul(a, b), input("A"), input("B")),
  };
}

function batched(G: number, n: number): Workload {
  const shape = [G, n, n];
  const inputs: InputTensor[] = [
    { name: "A", shape },
    { name: "B", shape },
  ];
  return {
    ...matmul(`matmul ${G} × ${n}³`, n, n, n),
    weft: { file: "matrix.weft", entry: "batched", settings: { G, M: n, K: n, N: n } },
    inputs,
    result: shape,
  };
}

/** The weight has a row for each output in Weft's text; the peers get the layout that they multiply by. */
function linear(L: number, d: number, e: number): Workload {
  const inputs: InputTensor[] = [
    { name: "X", shape: [L, d] },
    { name: "W", shape: [e, d], weight: true },
    { name: "b", shape: [e], weight: true },
  ];
  return {
    name: `linear ${L} × ${d} × ${e}`,
    weft: { file: "matrix.weft", entry: "linear", settings: { L, d, e } },
    inputs,
    result: [L, e],
    ort: [
      ({ graph, input, inputAs }, data) => {
        const weight = inputAs("W", [d, e], transposed(data.input("W"), [e, d], [1, 0]));
        return { value: graph.apply("Add", [graph.apply("MatMul", [input("X"), weight]), input("b")]) };
      },
    ],
    tfjs: ({ tf, input, tensor }, data) => {
      const [a, bias] = [input("X"), input("b")];
      const b = tensor([d, e], transposed(data.input("W"), [e, d], [1, 0]));
      return { run: () => tf.fused.matMul({ a, b, bias }) };
    },
    jax: ({ jax, input, tensor, compiled }, data) => {
      const weight = tensor([d, e], transposed(data.input("W"), [e, d], [1, 0]));
      return compiled((x, w, b) => jax.numpy.matmul(x, w).add(b), input("X"), weight, input("b"));
    },
  };
}

export const matrixWorkloads: readonly Workload[] = [
  matmul("matmul 512³", 512, 512, 512),
  matmul("matmul 1024³", 1024, 1024, 1024),
  linear(4096, 768, 3072),
  matmul("matmul 1 × 4096 × 4096", 1, 4096, 4096, true),
  batched(16, 256),
].map((workload) => {
  const work = elementCount(workload.result) * (workload.inputs[0]?.shape.at(-1) ?? 1);
  return { ...workload, slow: work > 5e9 };
});
