/**
 * The part of TensorFlow.js that the workloads use, written down here so that types check where it is not installed
 * (@tensorflow/tfjs-core 4.22).
 */
import type { Numbers, Shape } from "./workload.ts";

export interface TfTensor {
  readonly shape: Shape;
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Operand = TfTensor | number;
type Padding = number | "same" | "valid" | readonly (readonly [number, number])[];
type Pair = readonly [number, number];

export interface TensorFlow {
  tensor(data: Numbers, shape: Shape, dtype?: "float32" | "int32"): TfTensor;
  zeros(shape: Shape): TfTensor;
  tidy(work: () => TfTensor): TfTensor;
  /** Keeps a tensor beyond the `tidy` that it was made in. */
  keep(x: TfTensor): TfTensor;
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor;
  add(a: Operand, b: Operand): TfTensor;
  sub(a: Operand, b: Operand): TfTensor;
  mul(a: Operand, b: Operand): TfTensor;
  div(a: Operand, b: Operand): TfTensor;
  square(x: TfTensor): TfTensor;
  exp(x: TfTensor): TfTensor;
  erf(x: TfTensor): TfTensor;
  relu(x: TfTensor): TfTensor;
  tanh(x: TfTensor): TfTensor;
  leakyRelu(x: TfTensor, slope: number): TfTensor;
  sqrt(x: TfTensor): TfTensor;
  rsqrt(x: TfTensor): TfTensor;
  softmax(x: TfTensor, axis?: number): TfTensor;
  sum(x: TfTensor, axis?: number | readonly number[], keepDims?: boolean): TfTensor;
  mean(x: TfTensor, axis?: number | readonly number[], keepDims?: boolean): TfTensor;
  max(x: TfTensor, axis?: number | readonly number[], keepDims?: boolean): TfTensor;
  reshape(x: TfTensor, shape: Shape): TfTensor;
  transpose(x: TfTensor, order: readonly number[]): TfTensor;
  concat(parts: readonly TfTensor[], axis: number): TfTensor;
  slice(x: TfTensor, begin: readonly number[], size: readonly number[]): TfTensor;
  gather(x: TfTensor, indices: TfTensor, axis?: number): TfTensor;
  conv2d(x: TfTensor, filter: TfTensor, stride: number, pad: Padding, format: "NHWC", dilation: Pair): TfTensor;
  depthwiseConv2d(
    x: TfTensor,
    filter: TfTensor,
    stride: number,
    pad: Padding,
    format: "NHWC",
    dilation: Pair,
  ): TfTensor;
  maxPool(x: TfTensor, size: number, stride: number, pad: Padding): TfTensor;
  basicLSTMCell(
    forgetBias: TfTensor,
    kernel: TfTensor,
    bias: TfTensor,
    data: TfTensor,
    c: TfTensor,
    h: TfTensor,
  ): [TfTensor, TfTensor];
  readonly fused: {
    conv2d(options: {
      readonly x: TfTensor;
      readonly filter: TfTensor;
      readonly strides: number;
      readonly pad: Padding;
      readonly bias?: TfTensor;
      readonly activation?: "relu" | "linear";
    }): TfTensor;
    matMul(options: { readonly a: TfTensor; readonly b: TfTensor; readonly bias?: TfTensor }): TfTensor;
  };
}

export interface TfContext {
  readonly tf: TensorFlow;
  /** An input of the workload, on the device. */
  input(name: string): TfTensor;
  /** Any data, on the device. */
  tensor(shape: Shape, data: Numbers): TfTensor;
}

export interface TfProgram {
  /** What is measured; its intermediate tensors are freed by the caller. */
  readonly run: () => TfTensor;
  /** Brings the answer into the workload's layout, outside the measurement. */
  readonly toResult?: (answer: TfTensor) => TfTensor;
}
