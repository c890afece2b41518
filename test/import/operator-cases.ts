/** Small cases of every operator that is imported. */
import { drawn } from "./agreement.ts";
import type { AttributeValue, Numbers } from "./build-model.ts";

export interface OperatorCase {
  readonly operator: string;
  readonly about?: string;
  readonly opset?: number;
  /** Undefined: left out. */
  readonly inputs: readonly (Given | undefined)[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly outputs?: number;
  readonly exact?: boolean;
}

export type Given = { readonly input: Numbers } | { readonly constant: Numbers };

let seed = 0;
/** Floats in -1 to 1 as an input. */
const x = (...shape: number[]): Given => ({ input: drawn(shape, ++seed) });
/** The same as a parameter. */
const w = (...shape: number[]): Given => ({ constant: drawn(shape, ++seed) });
const positive = (...shape: number[]): Given => {
  const { data } = drawn(shape, ++seed);
  return { input: { kind: "f32", shape, data: data.map((value) => Math.fround(Math.abs(value) + 0.1)) } };
};
const scaled = (factor: number, ...shape: number[]): Given => ({
  input: { kind: "f32", shape, data: drawn(shape, ++seed).data.map((value) => Math.fround(factor * value)) },
});
const numbers = (kind: Numbers["kind"], shape: readonly number[], data: readonly number[]): Numbers => ({
  kind,
  shape,
  data,
});
const ints = (shape: readonly number[], data: readonly number[]): Given => ({ input: numbers("i64", shape, data) });
const list = (...data: number[]): Given => ({ constant: numbers("i64", [data.length], data) });
const whole = (value: number): Given => ({ constant: numbers("i64", [], [value]) });
const one = (value: number): Given => ({ constant: numbers("f32", [], [value]) });
const flags = (...data: number[]): Given => ({ input: numbers("bool", [data.length], data) });

const unary = [
  "Abs",
  "Exp",
  "Neg",
  "Sin",
  "Cos",
  "Tan",
  "Tanh",
  "Erf",
  "Sinh",
  "Cosh",
  "Sign",
  "Relu",
  "Sigmoid",
  "Softplus",
  "Softsign",
  "Mish",
  "HardSwish",
  "Selu",
  "Celu",
  "Elu",
  "Identity",
  "LeakyRelu",
  "ThresholdedRelu",
  "HardSigmoid",
];

const elementwise: readonly OperatorCase[] = [
  ...unary.map(
    (operator): OperatorCase => ({ operator, inputs: [scaled(3, 4, 5)], opset: operator === "Mish" ? 18 : 17 }),
  ),
  ...["Floor", "Ceil", "Round"].map((operator): OperatorCase => ({ operator, inputs: [scaled(5, 24)] })),
  ...["Log", "Sqrt", "Reciprocal"].map((operator): OperatorCase => ({ operator, inputs: [positive(4, 5)] })),
  { operator: "Elu", about: "alpha", inputs: [x(6)], attributes: { alpha: { float: 0.5 } } },
  { operator: "Celu", about: "alpha", inputs: [x(6)], attributes: { alpha: { float: 0.7 } } },
  { operator: "Selu", about: "alpha", inputs: [x(6)], attributes: { alpha: { float: 1.5 }, gamma: { float: 2 } } },
  { operator: "LeakyRelu", about: "alpha", inputs: [x(6)], attributes: { alpha: { float: 0.3 } } },
  {
    operator: "HardSigmoid",
    about: "alpha",
    inputs: [scaled(4, 9)],
    attributes: { alpha: { float: 0.3 }, beta: { float: 0.4 } },
  },
  { operator: "Gelu", opset: 20, inputs: [scaled(3, 8)] },
  { operator: "Gelu", about: "tanh", opset: 20, inputs: [scaled(3, 8)], attributes: { approximate: "tanh" } },
  { operator: "Add", inputs: [x(4, 5), x(4, 5)] },
  { operator: "Add", about: "broadcast", inputs: [x(2, 1, 5), x(4, 1)] },
  { operator: "Add", about: "parameter", inputs: [x(2, 5), w(5)] },
  { operator: "Sub", inputs: [x(4, 5), one(0.5)] },
  { operator: "Mul", inputs: [x(4, 5), x(5)] },
  { operator: "Div", inputs: [x(4, 5), positive(4, 1)] },
  {
    operator: "Div",
    about: "whole numbers",
    exact: true,
    inputs: [ints([6], [7, -7, 7, -7, 6, 0]), ints([6], [2, 2, -2, -2, 3, 5])],
  },
  { operator: "Mod", exact: true, inputs: [ints([4], [7, -7, 7, -7]), ints([4], [3, 3, -3, -3])] },
  {
    operator: "Mod",
    about: "fmod of whole numbers",
    exact: true,
    inputs: [ints([4], [7, -7, 7, -7]), ints([4], [3, 3, -3, -3])],
    attributes: { fmod: 1 },
  },
  { operator: "Mod", about: "fmod", inputs: [scaled(7, 8), positive(8)], attributes: { fmod: 1 } },
  { operator: "Pow", inputs: [positive(4, 5), x(5)] },
  { operator: "Pow", about: "square", inputs: [x(4, 5), one(2)] },
  { operator: "Pow", about: "square root", inputs: [positive(4, 5), one(0.5)] },
  { operator: "Sum", inputs: [x(3), x(2, 3), x(2, 1)] },
  { operator: "Mean", inputs: [x(3), x(3), x(3)] },
  { operator: "Min", inputs: [x(3), x(3), x(1)] },
  { operator: "Max", inputs: [x(3), x(2, 3)] },
  { operator: "Clip", inputs: [scaled(3, 9), one(-1), one(2)] },
  { operator: "Clip", about: "below only", inputs: [scaled(3, 9), one(-1)] },
  { operator: "Clip", about: "above only", inputs: [scaled(3, 9), undefined, one(1)] },
  { operator: "Dropout", inputs: [x(5)] },
  { operator: "PRelu", inputs: [x(2, 3, 4), w(3, 1)] },
  { operator: "IsNaN", exact: true, inputs: [{ input: numbers("f32", [3], [1, Number.NaN, 0]) }] },
  { operator: "Not", exact: true, inputs: [flags(1, 0)] },
  { operator: "And", exact: true, inputs: [flags(1, 0, 1, 0), flags(1, 1, 0, 0)] },
  { operator: "Or", exact: true, inputs: [flags(1, 0, 1, 0), flags(1, 1, 0, 0)] },
  { operator: "Xor", exact: true, inputs: [flags(1, 0, 1, 0), flags(1, 1, 0, 0)] },
  ...["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"].map(
    (operator): OperatorCase => ({ operator, exact: true, inputs: [ints([3], [1, 2, 3]), ints([1], [2])] }),
  ),
  { operator: "Where", inputs: [flags(1, 0, 1), x(2, 3), x(1)] },
  { operator: "Cast", about: "to float", exact: true, inputs: [ints([3], [1, -2, 3])], attributes: { to: 1 } },
  { operator: "Cast", about: "to int64", exact: true, inputs: [scaled(5, 9)], attributes: { to: 7 } },
  { operator: "Cast", about: "to bool", exact: true, inputs: [ints([3], [1, 0, 3])], attributes: { to: 9 } },
  { operator: "Cast", about: "from bool", exact: true, inputs: [flags(1, 0)], attributes: { to: 1 } },
];

const products: readonly OperatorCase[] = [
  { operator: "MatMul", inputs: [x(3, 4), x(4, 5)] },
  { operator: "MatMul", about: "batches", inputs: [x(2, 1, 3, 4), x(3, 4, 5)] },
  { operator: "MatMul", about: "vectors", inputs: [x(4), x(4)] },
  { operator: "MatMul", about: "matrix and vector", inputs: [x(2, 3, 4), x(4)] },
  { operator: "MatMul", about: "vector and matrix", inputs: [x(4), w(4, 3)] },
  { operator: "Gemm", inputs: [x(3, 4), w(4, 5), w(5)] },
  {
    operator: "Gemm",
    about: "transposed and scaled",
    inputs: [x(4, 3), w(5, 4), w(3, 1)],
    attributes: { transA: 1, transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } },
  },
  { operator: "Einsum", inputs: [x(2, 3, 4), x(2, 4, 5)], attributes: { equation: "bij,bjk->bik" } },
  { operator: "Einsum", about: "implicit", inputs: [x(3, 4), x(4, 5)], attributes: { equation: "ij,jk" } },
  { operator: "Einsum", about: "ellipsis", inputs: [x(2, 3, 4), x(4, 5)], attributes: { equation: "...j,jk->...k" } },
  { operator: "Einsum", about: "diagonal", inputs: [x(3, 3)], attributes: { equation: "ii->i" } },
  {
    operator: "Einsum",
    about: "three factors",
    inputs: [x(3, 4), x(4, 5), x(5)],
    attributes: { equation: "ij,jk,k->i" },
  },
];

const movement: readonly OperatorCase[] = [
  { operator: "Reshape", about: "split", inputs: [x(2, 12), list(2, 3, 4)] },
  { operator: "Reshape", about: "merge", inputs: [x(2, 3, 4), list(2, -1)] },
  { operator: "Reshape", about: "regroup", inputs: [x(4, 6, 5), list(3, 8, 1, 5)] },
  { operator: "Reshape", about: "merge and split", inputs: [x(2, 3, 8), list(6, 2, 4)] },
  { operator: "Reshape", about: "ones and zeros", inputs: [x(1, 2, 1, 3), list(0, 1, 3, 2)] },
  { operator: "Squeeze", inputs: [x(1, 3, 1, 2), list(0, -2)] },
  { operator: "Squeeze", about: "all", inputs: [x(1, 3, 1, 2)] },
  { operator: "Squeeze", about: "old", opset: 11, inputs: [x(1, 3)], attributes: { axes: [0] } },
  { operator: "Unsqueeze", inputs: [x(3, 2), list(0, -1)] },
  { operator: "Unsqueeze", about: "old", opset: 11, inputs: [x(3)], attributes: { axes: [1] } },
  { operator: "Flatten", inputs: [x(2, 3, 4)] },
  { operator: "Flatten", about: "from the first", inputs: [x(2, 3)], attributes: { axis: 0 } },
  { operator: "Transpose", inputs: [x(2, 3, 4)], attributes: { perm: [2, 0, 1] } },
  { operator: "Transpose", about: "reversed", inputs: [x(2, 3, 4)] },
  { operator: "Expand", inputs: [x(3, 1), list(2, 1, 4)] },
  { operator: "Slice", inputs: [x(5, 6), list(1, -4), list(4, 9), list(0, 1)] },
  { operator: "Slice", about: "from the start", inputs: [x(5, 6), list(0), list(3), list(1)] },
  { operator: "Slice", about: "steps", inputs: [x(9, 4), list(1), list(9), list(0), list(3)] },
  { operator: "Slice", about: "backwards", inputs: [x(5, 4), list(-1), list(-100), list(0), list(-2)] },
  { operator: "Split", inputs: [x(2, 7), list(3, 4)], attributes: { axis: 1 }, outputs: 2 },
  { operator: "Split", about: "evenly", opset: 18, inputs: [x(7, 2)], attributes: { num_outputs: 3 }, outputs: 3 },
  { operator: "Concat", inputs: [x(2, 3), x(2, 1), x(2, 3)], attributes: { axis: 1 } },
  { operator: "Tile", inputs: [x(2, 1, 3), list(2, 3, 1)] },
  { operator: "Pad", inputs: [x(2, 3), list(1, 0, 0, 2), one(0.5)] },
  { operator: "Pad", about: "reflected", inputs: [x(2, 4), list(0, 2, 0, 3)], attributes: { mode: "reflect" } },
  { operator: "Pad", about: "repeated", inputs: [x(2, 3), list(1, 2, 0, 1)], attributes: { mode: "edge" } },
  { operator: "Pad", about: "cropped", inputs: [x(4, 3), list(-1, 0, 1, 0)] },
  { operator: "DepthToSpace", inputs: [x(1, 8, 2, 3)], attributes: { blocksize: 2 } },
  {
    operator: "DepthToSpace",
    about: "columns first",
    inputs: [x(1, 8, 2, 3)],
    attributes: { blocksize: 2, mode: "CRD" },
  },
  { operator: "SpaceToDepth", inputs: [x(1, 2, 4, 6)], attributes: { blocksize: 2 } },
  { operator: "Trilu", inputs: [x(3, 4)] },
  { operator: "Trilu", about: "lower", inputs: [x(2, 3, 3), whole(-1)], attributes: { upper: 0 } },
  { operator: "EyeLike", inputs: [x(3, 4)], attributes: { k: 1 } },
];

const reductions: readonly OperatorCase[] = [
  ...[
    "ReduceMean",
    "ReduceMax",
    "ReduceMin",
    "ReduceProd",
    "ReduceSumSquare",
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSumExp",
  ].flatMap((operator): OperatorCase[] => [
    { operator, inputs: [x(2, 3, 4)], attributes: { axes: [1], keepdims: 0 } },
    { operator, about: "all", inputs: [x(2, 3)] },
  ]),
  { operator: "ReduceLogSum", inputs: [positive(2, 3)], attributes: { axes: [1] } },
  { operator: "ReduceSum", inputs: [x(2, 3, 4), list(-1, 0)], attributes: { keepdims: 0 } },
  { operator: "ReduceSum", about: "nothing", inputs: [x(2, 3)], attributes: { noop_with_empty_axes: 1 } },
  { operator: "ReduceMean", about: "axes as input", opset: 18, inputs: [x(2, 3, 4), list(1)] },
  { operator: "ArgMax", exact: true, inputs: [x(3, 5)], attributes: { axis: 1, keepdims: 0 } },
  { operator: "ArgMin", exact: true, inputs: [x(3, 5)], attributes: { axis: 0 } },
  { operator: "Softmax", inputs: [scaled(4, 2, 3, 4)] },
  { operator: "Softmax", about: "inner axis", inputs: [scaled(4, 2, 3, 4)], attributes: { axis: 1 } },
  { operator: "Softmax", about: "old", opset: 12, inputs: [scaled(4, 2, 3, 4)], attributes: { axis: 1 } },
  { operator: "LogSoftmax", inputs: [scaled(4, 2, 3)] },
  { operator: "CumSum", inputs: [x(3, 5), whole(1)] },
  {
    operator: "CumSum",
    about: "exclusive, reversed",
    inputs: [x(3, 5), whole(0)],
    attributes: { exclusive: 1, reverse: 1 },
  },
  { operator: "TopK", inputs: [x(3, 6), list(2)], outputs: 2 },
  { operator: "TopK", about: "least", inputs: [x(6, 2), list(3)], attributes: { axis: 0, largest: 0 }, outputs: 2 },
  { operator: "LpNormalization", inputs: [x(3, 4)] },
  { operator: "LpNormalization", about: "first norm", inputs: [x(3, 4)], attributes: { p: 1, axis: 0 } },
];

const spatial: readonly OperatorCase[] = [
  { operator: "Conv", inputs: [x(1, 3, 5, 6), w(4, 3, 3, 3), w(4)], attributes: { pads: [1, 1, 1, 1] } },
  {
    operator: "Conv",
    about: "groups, strides",
    inputs: [x(2, 4, 7, 6), w(6, 2, 3, 2)],
    attributes: { group: 2, strides: [2, 2] },
  },
  {
    operator: "Conv",
    about: "lopsided",
    inputs: [x(1, 2, 6, 7), w(3, 2, 3, 2), w(3)],
    attributes: { pads: [0, 1, 2, 0], strides: [2, 1], dilations: [1, 2] },
  },
  {
    operator: "Conv",
    about: "lopsided groups",
    inputs: [x(1, 4, 6, 5), w(4, 1, 3, 3)],
    attributes: { pads: [0, 1, 2, 0], group: 4 },
  },
  {
    operator: "Conv",
    about: "one axis",
    inputs: [x(2, 3, 9), w(4, 3, 3), w(4)],
    attributes: { pads: [1, 1], strides: [2] },
  },
  { operator: "Conv", about: "three axes", inputs: [x(1, 2, 4, 5, 3), w(3, 2, 2, 2, 2)] },
  {
    operator: "Conv",
    about: "same",
    inputs: [x(1, 2, 5, 6), w(3, 2, 3, 3)],
    attributes: { auto_pad: "SAME_UPPER", strides: [2, 2] },
  },
  {
    operator: "ConvTranspose",
    inputs: [x(1, 3, 4, 5), w(3, 2, 3, 3), w(2)],
    attributes: { strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
  },
  {
    operator: "ConvTranspose",
    about: "groups",
    inputs: [x(1, 4, 3, 3), w(4, 2, 2, 2)],
    attributes: { group: 2, strides: [2, 2] },
  },
  {
    operator: "ConvTranspose",
    about: "lopsided",
    inputs: [x(1, 3, 4, 3), w(3, 2, 3, 2), w(2)],
    attributes: { strides: [2, 1], pads: [1, 0, 0, 1], dilations: [1, 2] },
  },
  { operator: "ConvTranspose", about: "one axis", inputs: [x(2, 3, 5), w(3, 2, 3)], attributes: { strides: [2] } },
  {
    operator: "MaxPool",
    inputs: [x(1, 2, 6, 7)],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  {
    operator: "MaxPool",
    about: "lopsided",
    inputs: [x(1, 2, 6, 7)],
    attributes: { kernel_shape: [2, 3], strides: [1, 2], pads: [0, 1, 1, 0] },
  },
  {
    operator: "MaxPool",
    about: "ceiling",
    inputs: [x(1, 2, 6, 8)],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 },
  },
  { operator: "MaxPool", about: "one axis", inputs: [x(1, 2, 9)], attributes: { kernel_shape: [3], dilations: [2] } },
  { operator: "AveragePool", inputs: [x(1, 2, 6, 6)], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
  {
    operator: "AveragePool",
    about: "padding counts",
    inputs: [x(1, 2, 6, 5)],
    attributes: { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 },
  },
  {
    operator: "AveragePool",
    about: "padding left out",
    inputs: [x(1, 2, 6, 5)],
    attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] },
  },
  { operator: "GlobalAveragePool", inputs: [x(2, 3, 4, 5)] },
  { operator: "GlobalAveragePool", about: "one axis", inputs: [x(2, 3, 4)] },
  { operator: "GlobalMaxPool", inputs: [x(2, 3, 4, 5)] },
  ...["linear", "nearest", "cubic"].flatMap((mode) =>
    ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"].flatMap((coordinates): OperatorCase[] =>
      mode === "cubic" && coordinates === "asymmetric"
        ? []
        : [
            {
              operator: "Resize",
              about: `${mode} ${coordinates}`,
              inputs: [x(1, 2, 4, 5), undefined, undefined, list(1, 2, 7, 8)],
              attributes: { mode, coordinate_transformation_mode: coordinates },
            },
          ],
    ),
  ),
  ...["floor", "ceil", "round_prefer_ceil"].map(
    (rounding): OperatorCase => ({
      operator: "Resize",
      about: rounding,
      inputs: [x(1, 2, 4, 5), undefined, { constant: numbers("f32", [4], [1, 1, 2, 3]) }],
      attributes: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: rounding },
    }),
  ),
  {
    operator: "Resize",
    about: "one axis",
    inputs: [x(1, 2, 6), undefined, { constant: numbers("f32", [3], [1, 1, 0.5]) }],
    attributes: { mode: "linear" },
  },
];

const vectors = (count: number): Given[] => Array.from({ length: count }, () => w(3));
const normalisations: readonly OperatorCase[] = [
  {
    operator: "BatchNormalization",
    inputs: [x(2, 3, 4, 5), ...vectors(3), { constant: numbers("f32", [3], [0.5, 1, 2]) }],
  },
  { operator: "LayerNormalization", inputs: [x(2, 4, 3), ...vectors(2)] },
  { operator: "LayerNormalization", about: "two axes", inputs: [x(2, 4, 3), w(4, 3)], attributes: { axis: 1 } },
  { operator: "InstanceNormalization", inputs: [x(2, 3, 4, 5), ...vectors(2)] },
  { operator: "GroupNormalization", opset: 21, inputs: [x(2, 6, 4), w(6), w(6)], attributes: { num_groups: 2 } },
  { operator: "LRN", inputs: [x(1, 5, 2, 2)], attributes: { size: 3, alpha: { float: 0.1 } } },
];

const indexed: readonly OperatorCase[] = [
  { operator: "Gather", inputs: [w(5, 3), ints([2, 2], [0, 4, 2, 1])] },
  { operator: "Gather", about: "one", inputs: [x(5, 3), whole(-2)] },
  { operator: "Gather", about: "known places", inputs: [x(4, 5), list(3, 0, -1)], attributes: { axis: 1 } },
  { operator: "GatherElements", inputs: [x(3, 4), ints([2, 4], [0, 2, -1, 1, 1, 0, 2, 0])] },
  { operator: "GatherND", inputs: [x(3, 4, 2), ints([2, 2], [0, 3, 2, -1])] },
  { operator: "GatherND", about: "batches", inputs: [x(2, 3, 4), ints([2, 1], [1, 2])], attributes: { batch_dims: 1 } },
  { operator: "ScatterElements", inputs: [x(3, 3), ints([2, 3], [1, 0, 2, 0, 2, 1]), x(2, 3)] },
  {
    operator: "ScatterElements",
    about: "added",
    opset: 18,
    inputs: [x(3, 3), ints([2, 3], [1, 0, 2, 1, 0, 2]), x(2, 3)],
    attributes: { reduction: "add" },
  },
  { operator: "ScatterND", inputs: [x(4, 3), ints([2, 1], [3, 1]), x(2, 3)] },
  {
    operator: "ScatterND",
    about: "added",
    opset: 18,
    inputs: [x(4, 3), ints([3, 2], [3, 1, 0, 0, 3, 1]), x(3)],
    attributes: { reduction: "add" },
  },
  { operator: "OneHot", inputs: [ints([3], [0, 2, -1]), whole(4), { constant: numbers("f32", [2], [0.5, 2]) }] },
];

const gatesOf = (gates: number, directions: number): Given[] => [
  x(5, 2, 3),
  w(directions, gates * 4, 3),
  w(directions, gates * 4, 4),
  w(directions, 2 * gates * 4),
];
const lengths: Given = { constant: numbers("i32", [2], [5, 3]) };
const recurrent: readonly OperatorCase[] = [
  { operator: "LSTM", inputs: gatesOf(4, 1), attributes: { hidden_size: 4 }, outputs: 3 },
  {
    operator: "LSTM",
    about: "both ways, padded",
    inputs: [...gatesOf(4, 2), lengths, x(2, 2, 4), x(2, 2, 4)],
    attributes: { hidden_size: 4, direction: "bidirectional" },
    outputs: 3,
  },
  {
    operator: "LSTM",
    about: "without bias",
    inputs: gatesOf(4, 1).slice(0, 3),
    attributes: { hidden_size: 4, direction: "reverse" },
    outputs: 1,
  },
  { operator: "GRU", inputs: gatesOf(3, 1), attributes: { hidden_size: 4, linear_before_reset: 1 }, outputs: 2 },
  {
    operator: "GRU",
    about: "reset first",
    inputs: gatesOf(3, 2),
    attributes: { hidden_size: 4, direction: "bidirectional" },
    outputs: 2,
  },
  { operator: "RNN", inputs: gatesOf(1, 1), attributes: { hidden_size: 4 }, outputs: 2 },
  {
    operator: "RNN",
    about: "relu, backwards",
    inputs: gatesOf(1, 1),
    attributes: { hidden_size: 4, direction: "reverse", activations: ["Relu"] },
    outputs: 2,
  },
];

export const operatorCases: readonly OperatorCase[] = [
  ...elementwise,
  ...products,
  ...movement,
  ...reductions,
  ...spatial,
  ...normalisations,
  ...indexed,
  ...recurrent,
];
