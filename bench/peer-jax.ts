/**
 * The part of jax-js that the workloads use, written down here so that types check where it is not installed
 * (@jax-js/jax 0.1.25). Arrays are counted: every use consumes one reference, `ref` makes another.
 */
import type { Numbers, Shape } from "./workload.ts";

export interface JaxArray {
  readonly ref: JaxArray;
  readonly shape: Shape;
  add(other: JaxArray | number): JaxArray;
  sub(other: JaxArray | number): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  div(other: JaxArray | number): JaxArray;
  reshape(shape: Shape): JaxArray;
  transpose(order?: readonly number[]): JaxArray;
  slice(...ranges: readonly (readonly [] | readonly [number, number] | number)[]): JaxArray;
  data(): Promise<Numbers>;
  dispose(): void;
  blockUntilReady(): Promise<JaxArray>;
}

type Axis = number | readonly number[];
type Pair = readonly [number, number];
type Options = { readonly keepdims?: boolean };

export interface Jax {
  readonly numpy: {
    array(values: Numbers, options: { readonly shape: Shape; readonly dtype?: "float32" | "int32" }): JaxArray;
    zeros(shape: Shape): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    pad(x: JaxArray, widths: readonly Pair[]): JaxArray;
    einsum(subscripts: string, ...operands: readonly JaxArray[]): JaxArray;
    sum(x: JaxArray, axis?: Axis, options?: Options): JaxArray;
    mean(x: JaxArray, axis?: Axis, options?: Options): JaxArray;
    max(x: JaxArray, axis?: Axis, options?: Options): JaxArray;
    var_(x: JaxArray, axis?: Axis, options?: Options): JaxArray;
    square(x: JaxArray): JaxArray;
    exp(x: JaxArray): JaxArray;
    sqrt(x: JaxArray): JaxArray;
    tanh(x: JaxArray): JaxArray;
    take(x: JaxArray, indices: JaxArray, axis: number): JaxArray;
    split(x: JaxArray, parts: number, axis?: number): JaxArray[];
    concatenate(parts: readonly JaxArray[], axis?: number): JaxArray;
  };
  readonly nn: {
    softmax(x: JaxArray, axis?: number): JaxArray;
    relu(x: JaxArray): JaxArray;
    leakyRelu(x: JaxArray, slope: number): JaxArray;
    sigmoid(x: JaxArray): JaxArray;
    gelu(x: JaxArray, options: { readonly approximate: boolean }): JaxArray;
    dotProductAttention(
      query: JaxArray,
      key: JaxArray,
      value: JaxArray,
      options?: { readonly isCausal?: boolean },
    ): JaxArray;
  };
  readonly lax: {
    convGeneralDilated(
      x: JaxArray,
      filter: JaxArray,
      strides: readonly number[],
      padding: readonly Pair[],
      options?: { readonly rhsDilation?: readonly number[]; readonly featureGroupCount?: number },
    ): JaxArray;
    reduceWindow(
      x: JaxArray,
      computation: (window: JaxArray) => JaxArray,
      window: readonly number[],
      strides?: readonly number[],
    ): JaxArray;
  };
  jit(work: (...values: JaxArray[]) => JaxArray): (...values: JaxArray[]) => JaxArray;
}

export interface JaxContext {
  readonly jax: Jax;
  /** An input of the workload, on the device; the caller owns one reference. */
  input(name: string): JaxArray;
  /** Any data, on the device; the caller owns one reference. */
  tensor(shape: Shape, data: Numbers): JaxArray;
  /** A program that calls the compiled function on these arrays, over and over. */
  compiled(work: (...values: JaxArray[]) => JaxArray, ...values: readonly JaxArray[]): JaxProgram;
}

export interface JaxProgram {
  readonly run: () => JaxArray;
  /** Brings the answer into the workload's layout, outside the measurement. */
  readonly toResult?: (answer: JaxArray) => JaxArray;
}
