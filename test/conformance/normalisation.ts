/** Softmax and the normalisations. */
import {
  define,
  type Equation,
  indexNames,
  inSingle,
  literal,
  numberOption,
  operandOf,
  optionalOperand,
  outputOf,
  read,
  walkedBy,
} from "./equation.ts";
import type { VectorCase } from "./vectors.ts";

const defaultEpsilon = 1e-5;

/** `let y[i, j] = softmax[j](x[i, j])` */
export function softmaxEquation(vector: VectorCase): Equation {
  const x = operandOf(vector, "input", "x");
  const { dataType, shape } = x.tensor;
  const indices = indexNames(shape.length);
  const along = indices[vector.arguments.axis as number] as string;
  const value = inSingle(dataType, read("x", indices), (each) => `softmax[${along}](${each})`);
  return { operands: [x], statements: [define("y", indices, shape, value, walkedBy(indices))] };
}

/** `let y[n, c] = (x[n, c] - μ[c]) / sqrt(v[c] + ε) * γ[c] + β[c]` */
export function batchNormalizationEquation(vector: VectorCase): Equation {
  const x = operandOf(vector, "input", "x");
  const [mean, variance] = [operandOf(vector, "mean", "μ"), operandOf(vector, "variance", "v")];
  const indices = indexNames(x.tensor.shape.length);
  const channel = indices[numberOption(vector, "axis", 1)] as string;
  const normal = `(${read("x", indices)} - μ[${channel}]) / sqrt(v[${channel}] + ${epsilonOf(vector)})`;
  return affineEquation(vector, [x, mean, variance], [], indices, normal, [channel]);
}

/** Over the positions of each channel of each example. */
export function instanceNormalizationEquation(vector: VectorCase): Equation {
  const indices = ["n", ...(vector.options.layout === "nhwc" ? ["h", "w", "c"] : ["c", "h", "w"])];
  return overIndices(vector, indices, ["h", "w"], ["n", "c"], ["c"]);
}

/** Over all axes but the first, or over those that are given; scale and bias have them in the order in which they are given. */
export function layerNormalizationEquation(vector: VectorCase): Equation {
  const indices = indexNames(operandOf(vector, "input").tensor.shape.length);
  const axes = (vector.options.axes as readonly number[] | undefined) ?? [...indices.keys()].slice(1);
  const reduced = axes.map((axis) => indices[axis] as string);
  return overIndices(
    vector,
    indices,
    reduced,
    indices.filter((index) => !reduced.includes(index)),
    reduced,
  );
}

/** Mean and biased variance over some indices, in f32 whatever the element type. */
function overIndices(
  vector: VectorCase,
  indices: readonly string[],
  reduced: readonly string[],
  kept: readonly string[],
  scaled: readonly string[],
): Equation {
  const input = operandOf(vector, "input", "input");
  const each = inputText(vector, read("input", indices));
  const over = (term: string) => (reduced.length === 0 ? term : `mean[${reduced.join(", ")}] ${term}`);
  const statements = [
    `let ${read("μ", kept)} = ${over(each)}`,
    `let ${read("v", kept)} = ${over(`(${each} - ${read("μ", kept)})^2`)}`,
  ];
  const normal = `(${each} - ${read("μ", kept)}) / sqrt(${read("v", kept)} + ${epsilonOf(vector)})`;
  return affineEquation(vector, [input], statements, indices, normal, scaled, true);
}

/** The normalised value, times the scale, plus the bias, where there are any. */
function affineEquation(
  vector: VectorCase,
  operands: Equation["operands"],
  statements: readonly string[],
  indices: readonly string[],
  normal: string,
  scaled: readonly string[],
  single = false,
): Equation {
  const [scale, bias] = [optionalOperand(vector, "scale", "γ"), optionalOperand(vector, "bias", "β")];
  const factor = (name: string) => (single ? inputText(vector, read(name, scaled)) : read(name, scaled));
  const product = scale === undefined ? normal : `${normal} * ${factor("γ")}`;
  const value = bias === undefined ? product : `${product} + ${factor("β")}`;
  const { dataType, shape } = outputOf(vector);
  const rounded = single && dataType === "float16" ? `f16(${value})` : value;
  return {
    operands: [...operands, ...(scale === undefined ? [] : [scale]), ...(bias === undefined ? [] : [bias])],
    statements: [...statements, define("y", indices, shape, rounded, walkedBy(indices))],
  };
}

const epsilonOf = (vector: VectorCase): string => literal(numberOption(vector, "epsilon", defaultEpsilon));

const inputText = (vector: VectorCase, value: string): string =>
  outputOf(vector).dataType === "float16" ? `f32(${value})` : value;
