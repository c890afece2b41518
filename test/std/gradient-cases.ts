/** Texts whose entry `f` uses what the library has for images and sequences, small enough for differences in float64. */

/** A function of the library applied to inputs. */
const functionOf = (use: string, inputs: string, result: string, call: string): string =>
  `use ${use}\nfn f(${inputs}) -> ${result} = ${call}`;

/** A module of the library with its parameters. */
const moduleOf = (
  file: string,
  module: string,
  sizes: string,
  inputs: string,
  result: string,
  call = "part(x)",
): string =>
  `use ${file}: ${module}
model M() {
  sub part: ${module}(${sizes})
  entry f(${inputs}) -> ${result} {
    return ${call}
  }
}`;

export const gradientCases: Readonly<Record<string, string>> = {
  convolve1d: functionOf(
    "std/conv: convolve1d",
    "x: f32[4, 9], w: f32[6, 2, 3]",
    "f32[6, 4]",
    "convolve1d(x, w, stride: 2, groups: 2)",
  ),
  convolve2d: functionOf(
    "std/conv: convolve2d",
    "x: f32[2, 6, 5], w: f32[3, 2, 3, 3]",
    "f32[3, 6, 5]",
    "convolve2d(x, w, padding: 1)",
  ),
  "convolve2d, stride": functionOf(
    "std/conv: convolve2d",
    "x: f32[2, 7, 6], w: f32[3, 2, 3, 3]",
    "f32[3, 4, 3]",
    "convolve2d(x, w, stride: 2, padding: 1)",
  ),
  "convolve2d, dilation": functionOf(
    "std/conv: convolve2d",
    "x: f32[2, 7, 6], w: f32[3, 2, 3, 3]",
    "f32[3, 7, 6]",
    "convolve2d(x, w, padding: 2, dilation: 2)",
  ),
  "convolve2d, depthwise": functionOf(
    "std/conv: convolve2d",
    "x: f32[4, 5, 5], w: f32[4, 1, 3, 3]",
    "f32[4, 5, 5]",
    "convolve2d(x, w, padding: 1, groups: 4)",
  ),
  "convolve2d, patches": functionOf(
    "std/conv: convolve2d",
    "x: f32[3, 8, 8], w: f32[5, 3, 4, 4]",
    "f32[5, 2, 2]",
    "convolve2d(x, w, stride: 4)",
  ),
  convolve3d: functionOf(
    "std/conv: convolve3d",
    "x: f32[2, 4, 4, 3], w: f32[2, 2, 2, 2, 2]",
    "f32[2, 3, 3, 2]",
    "convolve3d(x, w)",
  ),
  convolve2d_transposed: functionOf(
    "std/conv: convolve2d_transposed",
    "x: f32[2, 3, 4], w: f32[2, 3, 3, 3]",
    "f32[3, 5, 7]",
    "convolve2d_transposed(x, w, stride: 2, padding: 1)",
  ),
  Conv2d: moduleOf("std/conv", "Conv2d", "2, 4, 3, padding: 1", "x: f32[3, 2, 5, 4]", "f32[3, 4, 5, 4]"),
  max_pool2d: functionOf("std/pool: max_pool2d", "x: f32[2, 7, 6]", "f32[2, 4, 3]", "max_pool2d(x, 3, 2, padding: 1)"),
  average_pool2d: functionOf(
    "std/pool: average_pool2d",
    "x: f32[2, 7, 6]",
    "f32[2, 4, 3]",
    "average_pool2d(x, 3, 2, padding: 1)",
  ),
  global_average_pool: functionOf(
    "std/pool: global_average_pool",
    "x: f32[2, 3, 4]",
    "f32[2]",
    "global_average_pool(x)",
  ),
  adaptive_average_pool2d: functionOf(
    "std/pool: adaptive_average_pool2d",
    "x: f32[2, 7, 5]",
    "f32[2, 3, 2]",
    "adaptive_average_pool2d(x, 3, 2)",
  ),
  resize_nearest: functionOf(
    "std/resize: resize_nearest",
    "x: f32[2, 4, 5]",
    "f32[2, 7, 3]",
    "resize_nearest(x, 7, 3)",
  ),
  upsample_nearest: functionOf(
    "std/resize: upsample_nearest",
    "x: f32[2, 3, 2]",
    "f32[2, 6, 4]",
    "upsample_nearest(x, 2)",
  ),
  resize_bilinear: functionOf(
    "std/resize: resize_bilinear",
    "x: f32[2, 4, 5]",
    "f32[2, 7, 3]",
    "resize_bilinear(x, 7, 3)",
  ),
  resize_bilinear_corners: functionOf(
    "std/resize: resize_bilinear_corners",
    "x: f32[2, 4, 5]",
    "f32[2, 7, 3]",
    "resize_bilinear_corners(x, 7, 3)",
  ),
  LayerNorm: moduleOf("std/nn", "LayerNorm", "5", "x: f32[3, 5]", "f32[3, 5]"),
  RMSNorm: moduleOf("std/norm", "RMSNorm", "5", "x: f32[3, 5]", "f32[3, 5]"),
  GroupNorm: moduleOf("std/norm", "GroupNorm", "2, 4", "x: f32[2, 4, 3, 2]", "f32[2, 4, 3, 2]"),
  instance_norm: functionOf("std/norm: instance_norm", "x: f32[2, 3, 4]", "f32[2, 3, 4]", "instance_norm(x)"),
  BatchNorm2d: moduleOf("std/norm", "BatchNorm2d", "3", "x: f32[2, 3, 3, 2]", "f32[2, 3, 3, 2]"),
  BatchNorm1d: moduleOf("std/norm", "BatchNorm1d", "3", "x: f32[4, 3]", "f32[4, 3]"),
  FilterResponseNorm: moduleOf("std/norm", "FilterResponseNorm", "3", "x: f32[3, 3, 2]", "f32[3, 3, 2]"),
  LSTM: moduleOf("std/recurrent", "LSTM", "3, 2", "x: f32[4, 3]", "f32[4, 2]"),
  "LSTM, two layers and directions": moduleOf(
    "std/recurrent",
    "LSTM",
    "2, 2, layers: 2, directions: 2",
    "x: f32[4, 2]",
    "f32[4, 4]",
  ),
  "LSTM, a batch": moduleOf("std/recurrent", "LSTM", "3, 2", "x: f32[2, 4, 3]", "f32[2, 4, 2]"),
  GRU: moduleOf("std/recurrent", "GRU", "3, 2", "x: f32[4, 3]", "f32[4, 2]"),
  MultiHeadAttention: moduleOf(
    "std/attention",
    "MultiHeadAttention",
    "4, 2",
    "x: f32[3, 4]",
    "f32[3, 4]",
    "part(x, x, x)",
  ),
  EncoderBlock: moduleOf(
    "std/transformer",
    "EncoderBlock",
    "4, 2, 6, with_gelu: true",
    "x: f32[2, 3, 4]",
    "f32[2, 3, 4]",
  ),
  "EncoderBlock, causal": moduleOf(
    "std/transformer",
    "EncoderBlock",
    "4, 2, 6, pre_norm: true",
    "x: f32[3, 4]",
    "f32[3, 4]",
    "part.causal(x)",
  ),
  DecoderBlock: moduleOf(
    "std/transformer",
    "DecoderBlock",
    "4, 2, 6",
    "x: f32[3, 4], c: f32[2, 4], m: bool[2]",
    "f32[3, 4]",
    "part(x, c, m)",
  ),
  TextEmbedding: moduleOf(
    "std/embedding",
    "TextEmbedding",
    "7, 5, 2, 4",
    "x: idx<7>[3], s: idx<2>[3]",
    "f32[3, 4]",
    "part(x, s)",
  ),
  RoIAlign: moduleOf(
    "std/roi",
    "RoIAlign",
    "2, 2, 0.5",
    "x: f32[2, 6, 6], box: f32[4]",
    "f32[2, 2, 2]",
    "part(x, [2.3, 1.4, 9.1, 8.2] + box / 8)",
  ),
  "box overlap": functionOf(
    "std/boxes: generalized_intersection_over_union",
    "a: f32[4], b: f32[4]",
    "f32",
    "generalized_intersection_over_union([0.0, 0, 3, 2] + a / 2, [1.0, 1, 4, 4] + b / 2)",
  ),
  "box offsets": functionOf(
    "std/boxes: encode_box, decode_box",
    "a: f32[4], b: f32[4], o: f32[4], w: f32[4]",
    "f32[2, 4]",
    "[encode_box([0.0, 0, 3, 2] + a / 2, [1.0, 1, 4, 4] + b / 2, w), decode_box(o, [1.0, 1, 4, 4] + b / 2, w + 3)]",
  ),
  "BasicBlock of a ResNet": moduleOf("std/resnet", "BasicBlock", "2, 3, 2", "x: f32[2, 2, 4, 4]", "f32[2, 3, 2, 2]"),
};
