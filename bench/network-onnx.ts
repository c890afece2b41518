/** Networks as ONNX graphs, images channels first. */
import { onnxFavor } from "./favor.ts";
import { foldedWeights, type NetworkOperations } from "./network.ts";
import type { OnnxValue } from "./onnx-model.ts";
import { type OnnxContext, transposed, type WorkloadData } from "./workload.ts";

export function onnxNetwork(
  { graph, input, constant }: OnnxContext,
  data: WorkloadData,
  fusedAttention: boolean,
): NetworkOperations<OnnxValue> {
  const vector = (name: string, size: number) => constant([size], data.parameter(name, [size]));
  return {
    input,
    linear: (x, name, from, to, bias = true) => {
      const weight = transposed(data.parameter(`${name}.weight`, [to, from]), [to, from], [1, 0]);
      const product = graph.apply("MatMul", [x, constant([from, to], weight)]);
      return bias ? graph.apply("Add", [product, vector(`${name}.bias`, to)]) : product;
    },
    layerNorm: (x, name, width, eps) =>
      graph.apply("LayerNormalization", [x, vector(`${name}.weight`, width), vector(`${name}.bias`, width)], {
        axis: -1,
        epsilon: { float: eps },
      }),
    add: (a, b) => graph.apply("Add", [a, b]),
    gelu: (x) => graph.apply("Gelu", [x]),
    relu: (x) => graph.apply("Relu", [x]),
    attention: (q, k, v, length, heads, width) => {
      if (!fusedAttention) {
        const split = (value: OnnxValue, perm: readonly number[]) =>
          graph.apply("Transpose", [graph.apply("Reshape", [value, graph.integers(length, heads, width)])], { perm });
        const product = graph.apply("MatMul", [split(q, [1, 0, 2]), split(k, [1, 2, 0])]);
        const scores = graph.apply("Mul", [product, graph.scalar(1 / Math.sqrt(width))]);
        const summed = graph.apply("MatMul", [graph.apply("Softmax", [scores], { axis: -1 }), split(v, [1, 0, 2])]);
        const merged = graph.apply("Transpose", [summed], { perm: [1, 0, 2] });
        return graph.apply("Reshape", [merged, graph.integers(length, heads * width)]);
      }
      const batch = (value: OnnxValue) => graph.apply("Unsqueeze", [value, graph.integers(0)]);
      const operands = [batch(q), batch(k), batch(v)];
      const joined = graph.apply("MultiHeadAttention", operands, { num_heads: heads }, "com.microsoft");
      return graph.apply("Squeeze", [joined, graph.integers(0)]);
    },
    favor: (q, k, v, name, { heads, length, width, features }) => {
      const split = (value: OnnxValue) =>
        graph.apply("Transpose", [graph.apply("Reshape", [value, graph.integers(length, heads, width)])], {
          perm: [1, 0, 2],
        });
      const weight = transposed(data.parameter(name, [features, width]), [features, width], [1, 0]);
      const joined = onnxFavor(graph, split(q), split(k), split(v), constant([width, features], weight), width);
      const merged = graph.apply("Transpose", [joined], { perm: [1, 0, 2] });
      return graph.apply("Reshape", [merged, graph.integers(length, heads * width)]);
    },
    convolution: (x, layer) => {
      const { shape, weight, bias } = foldedWeights(data, layer);
      const padding = Math.floor(layer.kernel / 2);
      const stride = layer.stride ?? 1;
      const operands = [x, constant(shape, weight), constant([layer.to], bias)];
      const y = graph.apply("Conv", operands, {
        strides: [stride, stride],
        pads: [padding, padding, padding, padding],
      });
      if (layer.activation === "relu") return graph.apply("Relu", [y]);
      return layer.activation === undefined ? y : graph.apply("LeakyRelu", [y], { alpha: { float: 0.1 } });
    },
    maxPool: (x) => graph.apply("MaxPool", [x], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
    averagePool: (x) => graph.apply("Flatten", [graph.apply("GlobalAveragePool", [x])], { axis: 1 }),
  };
}
