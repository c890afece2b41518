/** Layers of models, and whole models, as in this repository. The peers compute them from the same parameters. */
import type { ConvolutionLayer, NetworkOperations } from "../network.ts";
import { jaxNetwork } from "../network-jax.ts";
import { onnxNetwork } from "../network-onnx.ts";
import { tensorflowNetwork } from "../network-tensorflow.ts";
import { type InputTensor, type OnnxBuilder, type Shape, transposed, type Workload } from "../workload.ts";

type Network = <T>(operations: NetworkOperations<T>) => T;

interface NetworkWorkload {
  readonly name: string;
  readonly weft: Workload["weft"];
  readonly input: InputTensor;
  readonly result: Shape;
  readonly network: Network;
  readonly slow?: boolean;
}

/** TensorFlow.js gets images channels last. */
function networkWorkload({ name, weft, input, result, network, slow }: NetworkWorkload): Workload {
  const image = input.shape.length === 4;
  return {
    name,
    weft,
    inputs: [input],
    result,
    slow,
    ort: [true, false].map(
      (fusedAttention): OnnxBuilder =>
        (context, data) => ({
          value: network(onnxNetwork(context, data, fusedAttention)),
        }),
    ),
    tfjs: (context, data) => {
      const order = [0, 2, 3, 1];
      const channelsLast = () =>
        context.tensor(
          order.map((axis) => input.shape[axis]) as Shape,
          transposed(data.input(input.name), input.shape, order),
        );
      const operations = tensorflowNetwork(image ? { ...context, input: channelsLast } : context, data);
      return { run: () => network(operations) };
    },
    jax: (context, data) =>
      context.compiled((x) => network(jaxNetwork(context, data, { [input.name]: x })), context.input(input.name)),
  };
}

function bertLayer(L: number): Workload {
  const [d, heads, hidden] = [768, 12, 3072];
  const network: Network = (net) => {
    const x = net.input("x");
    const of = (part: string) => net.linear(x, `layer.attention.self.${part}`, d, d);
    const attended = net.attention(of("query"), of("key"), of("value"), L, heads, d / heads);
    const first = net.add(net.linear(attended, "layer.attention.output.dense", d, d), x);
    const u = net.layerNorm(first, "layer.attention.output.LayerNorm", d, 1e-12);
    const inner = net.gelu(net.linear(u, "layer.intermediate.dense", d, hidden));
    const second = net.add(net.linear(inner, "layer.output.dense", hidden, d), u);
    return net.layerNorm(second, "layer.output.LayerNorm", d, 1e-12);
  };
  return networkWorkload({
    name: `BERT-base layer, ${L} tokens`,
    weft: { file: "networks.weft", model: "BertLayer", entry: "encode", settings: { L } },
    input: { name: "x", shape: [L, d] },
    result: [L, d],
    network,
  });
}

function performerLayer(L: number): Workload {
  const [d, heads, features, hidden] = [512, 8, 256, 2048];
  const network: Network = (net) => {
    const x = net.input("x");
    const a = net.layerNorm(x, "attention_norm", d, 1e-5);
    const of = (part: string) => net.linear(a, part, d, d, false);
    const shape = { heads, length: L, width: d / heads, features };
    const attended = net.favor(of("to_q"), of("to_k"), of("to_v"), "features", shape);
    const y = net.add(x, net.linear(attended, "to_out", d, d, false));
    const inner = net.gelu(net.linear(net.layerNorm(y, "feed_norm", d, 1e-5), "feed.w1", d, hidden));
    return net.add(y, net.linear(inner, "feed.w2", hidden, d));
  };
  return networkWorkload({
    name: `Performer layer, ${L} tokens`,
    weft: { file: "networks.weft", model: "PerformerLayer", entry: "encode", settings: { L } },
    input: { name: "x", shape: [L, d] },
    result: [L, d],
    network,
    slow: L > 1024,
  });
}

function bottleneck<T>(net: NetworkOperations<T>, x: T, path: string, from: number, planes: number, stride: number): T {
  const layer = (part: number, change: Partial<ConvolutionLayer>): ConvolutionLayer => ({
    name: `${path}.conv${part}`,
    norm: `${path}.bn${part}`,
    from: planes,
    to: planes,
    kernel: 1,
    activation: "relu",
    ...change,
  });
  const narrowed = net.convolution(x, layer(1, { from }));
  const seen = net.convolution(narrowed, layer(2, { kernel: 3, stride }));
  const widened = net.convolution(seen, layer(3, { to: 4 * planes, activation: undefined }));
  const [name, norm] = [`${path}.downsample.0`, `${path}.downsample.1`];
  const around =
    stride === 1 && from === 4 * planes
      ? x
      : net.convolution(x, { name, norm, from, to: 4 * planes, kernel: 1, stride });
  return net.relu(net.add(widened, around));
}

function resNet50(size: number): Workload {
  const network: Network = (net) => {
    const stem = { name: "conv1", norm: "bn1", from: 3, to: 64, kernel: 7, stride: 2, activation: "relu" } as const;
    let x = net.maxPool(net.convolution(net.input("images"), stem));
    let from = 64;
    for (const [stage, blocks] of [3, 4, 6, 3].entries()) {
      const planes = 64 * 2 ** stage;
      for (let block = 0; block < blocks; block++) {
        x = bottleneck(net, x, `layer${stage + 1}.${block}`, from, planes, block === 0 && stage > 0 ? 2 : 1);
        from = 4 * planes;
      }
    }
    return net.linear(net.averagePool(x), "fc", 2048, 1000);
  };
  return networkWorkload({
    name: `ResNet-50 at ${size}²`,
    weft: {
      file: "../../models/resnet/resnet.weft",
      model: "ResNet50",
      entry: "logits",
      settings: { B: 1, H: size, W: size },
    },
    input: { name: "images", shape: [1, 3, size, size] },
    result: [1, 1000],
    network,
    slow: true,
  });
}

/** The trunk of YOLOv3, numbered as in its configuration: five stages of residual units, each begun by a convolution of stride 2. */
function darknet53(size: number): Workload {
  const network = <T>(net: NetworkOperations<T>): T => {
    const layer = (x: T, number: number, from: number, to: number, kernel: number, stride = 1): T =>
      net.convolution(x, {
        name: `module_list.${number}.conv_${number}`,
        norm: `module_list.${number}.batch_norm_${number}`,
        from,
        to,
        kernel,
        stride,
        activation: "leaky-relu",
      });
    let x = layer(net.input("images"), 0, 3, 32, 3);
    let number = 1;
    for (const [stage, units] of [1, 2, 8, 8, 4].entries()) {
      const channels = 64 * 2 ** stage;
      x = layer(x, number, channels / 2, channels, 3, 2);
      number += 1;
      for (let unit = 0; unit < units; unit++) {
        const narrowed = layer(x, number, channels, channels / 2, 1);
        x = net.add(x, layer(narrowed, number + 1, channels / 2, channels, 3));
        // The sum has a number of its own.
        number += 3;
      }
    }
    return x;
  };
  return networkWorkload({
    name: `Darknet-53 at ${size}²`,
    weft: { file: "networks.weft", model: "Darknet", entry: "features", settings: { h: size / 32, v: size / 32 } },
    input: { name: "images", shape: [1, 3, size, size] },
    result: [1, 1024, size / 32, size / 32],
    network,
    slow: true,
  });
}

export const networkWorkloads: readonly Workload[] = [
  bertLayer(128),
  performerLayer(1024),
  performerLayer(4096),
  resNet50(224),
  darknet53(256),
];
