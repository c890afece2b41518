/** What a workload is: one computation, said once for Weft and once for every peer that can do it. */

import type { OnnxGraph, OnnxValue } from "./onnx-model.ts";
import type { JaxContext, JaxProgram } from "./peer-jax.ts";
import type { TfContext, TfProgram } from "./peer-tensorflow.ts";

export type Shape = readonly number[];
export type Numbers = Float32Array | Int32Array;

/** An argument of the computation. */
export interface InputTensor {
  readonly name: string;
  readonly shape: Shape;
  /** Factor on the real numbers, 1 unless given. */
  readonly scale?: number;
  /** Whole numbers below this, instead of real numbers in [-1, 1). */
  readonly below?: number;
  /** Data of the model rather than of a request: a peer that treats those better may know it beforehand. */
  readonly weight?: boolean;
}

export const peerNames = ["ort", "tfjs", "jax-js"] as const;
export type PeerName = (typeof peerNames)[number];
export type ContestantName = "weft" | PeerName;

/** How ONNX Runtime gets the computation. */
export interface OnnxContext {
  readonly graph: OnnxGraph;
  /** Declares an input of the workload in the graph; weights become constants of the model. */
  input(name: string): OnnxValue;
  /** Declares an input in another layout than the workload's. */
  inputAs(name: string, shape: Shape, data: Numbers): OnnxValue;
  /** A constant of the model. */
  constant(shape: Shape, data: Numbers): OnnxValue;
}

export interface OnnxResult {
  readonly value: OnnxValue;
  /** Shape of the value where it differs from the workload's result. */
  readonly shape?: Shape;
  /** Brings the value into the workload's layout, outside the measurement. */
  readonly toResult?: (data: Float32Array) => Float32Array;
}

/** Data of inputs and parameters by name; the same in every process. */
export interface WorkloadData {
  input(name: string): Numbers;
  parameter(name: string, shape: Shape): Float32Array;
}

export type OnnxBuilder = (context: OnnxContext, data: WorkloadData) => OnnxResult;

export interface Workload {
  readonly name: string;
  readonly weft: {
    /** Below bench/workloads. */
    readonly file: string;
    readonly entry: string;
    readonly model?: string;
    readonly settings?: Readonly<Record<string, number | boolean>>;
  };
  readonly inputs: readonly InputTensor[];
  /** Shape of the result, row-major in every system's answer. */
  readonly result: Shape;
  /** Several ways, the fastest kernels first: the first whose result is right is measured. */
  readonly ort?: readonly OnnxBuilder[];
  readonly tfjs?: (context: TfContext, data: WorkloadData) => TfProgram;
  readonly jax?: (context: JaxContext, data: WorkloadData) => JaxProgram;
  /** Why a peer is not asked. */
  readonly absent?: Partial<Readonly<Record<PeerName, string>>>;
  /** Left out of `--quick`: it takes seconds a run on a software adapter. */
  readonly slow?: boolean;
  /** How much a run takes, where that is more than a software adapter is for: measured on GPUs, elsewhere with `--large` alone. */
  readonly large?: string;
  /** A run is one step of a training; only `npm run bench:training` has these. */
  readonly trains?: boolean;
}

export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Numbers in [-1, 1) that depend on the name alone (a linear congruential generator, Numerical Recipes' constants). */
function uniform(name: string, count: number): Float32Array {
  let state = 2166136261;
  for (const character of name) state = Math.imul(state ^ (character.codePointAt(0) as number), 16777619);
  const values = new Float32Array(count);
  for (let place = 0; place < count; place++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[place] = state / 2 ** 31 - 1;
  }
  return values;
}

export function workloadData(workload: Pick<Workload, "name" | "inputs">): WorkloadData {
  return {
    input: (name) => {
      const input = workload.inputs.find((candidate) => candidate.name === name);
      if (input === undefined) throw new Error(`${workload.name} has no input ${name}`);
      const values = uniform(name, elementCount(input.shape));
      const { below, scale = 1 } = input;
      return below === undefined
        ? values.map((value) => value * scale)
        : Int32Array.from(values, (value) => Math.floor(((value + 1) / 2) * below));
    },
    parameter: parameterData,
  };
}

/** Weights of unit gain, scales and variances near 1, everything else small: deep networks then neither vanish nor overflow. */
function parameterData(name: string, shape: Shape): Float32Array {
  const values = uniform(name, elementCount(shape));
  if (shape.length > 1) {
    const fanIn = elementCount(shape.slice(1));
    return values.map((value) => value * Math.sqrt(3 / fanIn));
  }
  const positive = /(weight|running_var)$/.test(name);
  return values.map((value) => (positive ? 1 + value / 4 : value / 10));
}

/** Axes in another order: `order[k]` is the axis of the data that becomes axis k. */
export function transposed<T extends Numbers>(data: T, shape: Shape, order: readonly number[]): T {
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  const target = order.map((axis) => shape[axis] as number);
  const steps = order.map((axis) => strides[axis] as number);
  const result = data.slice() as T;
  const position = target.map(() => 0);
  let from = 0;
  for (let at = 0; at < result.length; at++) {
    result[at] = data[from] as number;
    for (let axis = target.length - 1; axis >= 0; axis--) {
      position[axis] = (position[axis] as number) + 1;
      from += steps[axis] as number;
      if ((position[axis] as number) < (target[axis] as number)) break;
      from -= (position[axis] as number) * (steps[axis] as number);
      position[axis] = 0;
    }
  }
  return result;
}
