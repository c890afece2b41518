/**
 * FAVOR+ attention for the softmax kernel by the peers' operations, in the order that is linear in the length: φ(Q) (φ(K)ᵀ V),
 * divided by φ(Q) (φ(K)ᵀ 1). Tensors are [heads, length, width]; the random matrix is [width, features].
 */
import type { OnnxGraph, OnnxValue } from "./onnx-model.ts";
import type { Jax, JaxArray } from "./peer-jax.ts";
import type { TensorFlow, TfTensor } from "./peer-tensorflow.ts";
import type { Shape } from "./workload.ts";

const epsilon = 1e-4;

export function onnxFavor(
  graph: OnnxGraph,
  q: OnnxValue,
  k: OnnxValue,
  v: OnnxValue,
  weight: OnnxValue,
  width: number,
): OnnxValue {
  const features = (value: OnnxValue, axes: readonly number[]) => {
    const x = graph.apply("Mul", [value, graph.scalar(width ** -0.25)]);
    const u = graph.apply("MatMul", [x, weight]);
    const squares = graph.apply("ReduceSum", [graph.apply("Mul", [x, x]), graph.integers(-1)], { keepdims: 1 });
    const greatest = graph.apply("ReduceMax", [u, graph.integers(...axes)], { keepdims: 1 });
    const below = graph.apply("Add", [graph.apply("Mul", [squares, graph.scalar(0.5)]), greatest]);
    return graph.apply("Add", [graph.apply("Exp", [graph.apply("Sub", [u, below])]), graph.scalar(epsilon)]);
  };
  const query = features(q, [-1]);
  const keys = graph.apply("Transpose", [features(k, [-2, -1])], { perm: [0, 2, 1] });
  const state = graph.apply("MatMul", [keys, v]);
  const total = graph.apply("ReduceSum", [keys, graph.integers(-1)], { keepdims: 1 });
  return graph.apply("Div", [graph.apply("MatMul", [query, state]), graph.apply("MatMul", [query, total])]);
}

/** The random matrix has a batch axis of 1 here. */
export function tensorflowFavor(
  tf: TensorFlow,
  q: TfTensor,
  k: TfTensor,
  v: TfTensor,
  weight: TfTensor,
  width: number,
): TfTensor {
  const features = (value: TfTensor, axes: number | readonly number[]) => {
    const x = tf.mul(value, width ** -0.25);
    const u = tf.matMul(x, weight);
    const below = tf.add(tf.mul(tf.sum(tf.square(x), -1, true), 0.5), tf.max(u, axes, true));
    return tf.add(tf.exp(tf.sub(u, below)), epsilon);
  };
  const [query, keys] = [features(q, -1), features(k, [1, 2])];
  const total = tf.sum(keys, 1, true);
  return tf.div(tf.matMul(query, tf.matMul(keys, v, true)), tf.matMul(query, total, false, true));
}

/** Consumes its arguments. */
export function jaxFavor(
  { numpy: np }: Jax,
  q: JaxArray,
  k: JaxArray,
  v: JaxArray,
  weight: JaxArray,
  shape: Shape,
): JaxArray {
  const [heads, length, width] = shape as [number, number, number];
  const features = (value: JaxArray, axes: number | readonly number[]) => {
    const x = value.mul(width ** -0.25);
    const u = np.einsum("hlc,mc->hlm", x.ref, weight.ref);
    const squares = np.sum(np.square(x), -1, { keepdims: true }).mul(0.5);
    const greatest = np.max(u.ref, axes, { keepdims: true });
    return np.exp(u.sub(squares.add(greatest))).add(epsilon);
  };
  const [query, keys] = [features(q, -1), features(k, [1, 2])];
  weight.dispose();
  const state = np.einsum("hlm,hlc->hmc", keys.ref, v);
  const below = np.einsum("hlm,hm->hl", query.ref, np.sum(keys, 1)).reshape([heads, length, 1]);
  return np.einsum("hlm,hmc->hlc", query, state).div(below);
}
