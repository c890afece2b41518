/** First values of parameters and buffers, drawn from a seed: the same everywhere for the same seed and path. */
import type { ParameterInfo } from "./frontend/index.ts";
import { elementCount, evaluateGraph, initialValues, randomStream, type TensorType } from "./ir/index.ts";
import { type HostArray, type HostTensor, hostArrayFromNumbers } from "./runtime/index.ts";

/**
 * First values by path, made when they are asked for.
 *
 * A parameter whose text says nothing about its start is zero.
 *
 * @param seed  a whole number from 0 to 2^53 - 1
 * @returns     a function that throws RangeError for a path that is no parameter, InitialiserError for arguments that do not fit
 */
export function initialParameters(parameters: readonly ParameterInfo[], seed: number): (path: string) => HostTensor {
  const byPath = new Map(parameters.map((parameter) => [parameter.path, parameter]));
  return (path) => {
    const parameter = byPath.get(path);
    if (parameter === undefined) throw new RangeError(`there is no parameter ${path}`);
    return { shape: parameter.type.shape, data: startOf(parameter, seed) };
  };
}

function startOf({ path, type, initialiser }: ParameterInfo, seed: number): HostArray {
  switch (initialiser.kind) {
    case "none":
      return hostArrayFromNumbers(type.dtype, new Float64Array(elementCount(type.shape)));
    case "record": {
      const values = initialValues(initialiser.name, type.shape, initialiser.arguments, randomStream(seed, path));
      return hostArrayFromNumbers(type.dtype, values);
    }
    case "graph": {
      const [value] = Object.values(evaluateGraph(initialiser.graph, { inputs: {}, parameters: {} }));
      if (value === undefined) throw new RangeError(`the initialiser of ${path} has no result`);
      return hostArrayFromNumbers(type.dtype, value.data);
    }
    default:
      return initialiser satisfies never;
  }
}

/**
 * Values for the parameters of an IR text, which does not say how they start: normal, with a standard deviation of one over
 * the root of the last axis, so that sums over it keep their size.
 */
export function drawnParameter(path: string, type: TensorType, seed: number): HostTensor {
  const width = type.shape.at(-1) ?? 1;
  const values = randomStream(seed, path).normal(elementCount(type.shape));
  const below = type.below ?? 2;
  const isFloat = type.dtype === "f32" || type.dtype === "f16" || type.dtype === "bf16";
  const fitted = values.map((z) => (isFloat ? z / Math.sqrt(width) : Math.floor(Math.abs(z) * below) % below));
  return { shape: type.shape, data: hostArrayFromNumbers(type.dtype, fitted) };
}
