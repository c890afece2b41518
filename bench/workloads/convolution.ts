import { transposed, type Workload } from "../workload.ts";

interface Convolution {
  readonly channels: number;
  readonly outputs: number;
  /** Height and width of the image. */
  readonly size: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly dilation?: number;
}

/** Padding keeps the size at stride 1. */
function convolution(
  name: string,
  { channels, outputs, size, kernel, stride = 1, dilation = 1 }: Convolution,
): Workload {
  const padding = (dilation * (kernel - 1)) / 2;
  const after = Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
  const filterShape = [outputs, channels, kernel, kernel];
  return {
    name,
    weft: {
      file: "convolution.weft",
      entry: "convolution",
      settings: { C: channels, O: outputs, H: size, W: size, kh: kernel, kw: kernel, stride, dilation, padding },
    },
    inputs: [
      { name: "X", shape: [channels, size, size] },
      { name: "w", shape: filterShape, weight: true },
    ],
    result: [outputs, after, after],
    ort: [
      ({ graph, input, inputAs }, data) => ({
        value: graph.apply("Conv", [inputAs("X", [1, channels, size, size], data.input("X")), input("w")], {
          strides: [stride, stride],
          dilations: [dilation, dilation],
          pads: [padding, padding, padding, padding],
        }),
        shape: [1, outputs, after, after],
      }),
    ],
    tfjs: ({ tf, tensor }, data) => {
      const x = tensor([1, size, size, channels], transposed(data.input("X"), [channels, size, size], [1, 2, 0]));
      const filter = tensor(
        [kernel, kernel, channels, outputs],
        transposed(data.input("w"), filterShape, [2, 3, 1, 0]),
      );
      return {
        run: () => tf.conv2d(x, filter, stride, padding, "NHWC", [dilation, dilation]),
        toResult: (answer) => tf.transpose(answer, [0, 3, 1, 2]),
      };
    },
    jax: ({ jax, input, tensor, compiled }, data) =>
      compiled(
        (x, filter) =>
          jax.lax.convGeneralDilated(
            x,
            filter,
            [stride, stride],
            [
              [padding, padding],
              [padding, padding],
            ],
            {
              rhsDilation: [dilation, dilation],
            },
          ),
        tensor([1, channels, size, size], data.input("X")),
        input("w"),
      ),
  };
}

function depthwise(channels: number, size: number): Workload {
  const image = [channels, size, size];
  return {
    name: `conv depthwise 3×3, ${channels} at ${size}²`,
    weft: { file: "convolution.weft", entry: "depthwise", settings: { C: channels, H: size, W: size } },
    inputs: [
      { name: "X", shape: image },
      { name: "w", shape: [channels, 3, 3], weight: true },
    ],
    result: image,
    ort: [
      ({ graph, inputAs }, data) => ({
        value: graph.apply(
          "Conv",
          [inputAs("X", [1, ...image], data.input("X")), inputAs("w", [channels, 1, 3, 3], data.input("w"))],
          { group: channels, pads: [1, 1, 1, 1] },
        ),
        shape: [1, ...image],
      }),
    ],
    tfjs: ({ tf, tensor }, data) => {
      const x = tensor([1, size, size, channels], transposed(data.input("X"), image, [1, 2, 0]));
      const filter = tensor([3, 3, channels, 1], transposed(data.input("w"), [channels, 3, 3], [1, 2, 0]));
      return {
        run: () => tf.depthwiseConv2d(x, filter, 1, 1, "NHWC", [1, 1]),
        toResult: (answer) => tf.transpose(answer, [0, 3, 1, 2]),
      };
    },
    jax: ({ jax, tensor, compiled }, data) =>
      compiled(
        (x, filter) =>
          jax.lax.convGeneralDilated(
            x,
            filter,
            [1, 1],
            [
              [1, 1],
              [1, 1],
            ],
            { featureGroupCount: channels },
          ),
        tensor([1, ...image], data.input("X")),
        tensor([channels, 1, 3, 3], data.input("w")),
      ),
  };
}

/** Sizes as they occur in ResNet-50. */
export const convolutionWorkloads: readonly Workload[] = [
  convolution("conv 3×3, 64→64 at 56²", { channels: 64, outputs: 64, size: 56, kernel: 3 }),
  convolution("conv 3×3, 256→256 at 14²", { channels: 256, outputs: 256, size: 14, kernel: 3 }),
  convolution("conv 1×1, 256→64 at 56²", { channels: 256, outputs: 64, size: 56, kernel: 1 }),
  convolution("conv 1×1, 512→2048 at 7²", { channels: 512, outputs: 2048, size: 7, kernel: 1 }),
  convolution("conv 7×7 stride 2, 3→64 at 224²", { channels: 3, outputs: 64, size: 224, kernel: 7, stride: 2 }),
  convolution("conv 3×3 stride 2, 128→128 at 56²", { channels: 128, outputs: 128, size: 56, kernel: 3, stride: 2 }),
  convolution("conv 3×3 dilated 2, 64→64 at 56²", { channels: 64, outputs: 64, size: 56, kernel: 3, dilation: 2 }),
  depthwise(256, 56),
];
