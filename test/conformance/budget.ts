/**
 * How far a result may be from the expected value: the budgets of the WebNN conformance suite, in units of the last place of
 * the result's own type, or as an absolute distance where the suite gives one.
 */
import { elementCount } from "../../src/ir/index.ts";
import { inputChannels, kernelSize } from "./contraction.ts";
import { numberOption, operandOf } from "./equation.ts";
import { reducedAxes } from "./reduction.ts";
import type { DataType, VectorCase } from "./vectors.ts";

export type Budget =
  | { readonly kind: "ulp"; readonly count: number }
  | { readonly kind: "absolute"; readonly bound: number };

type Count = number | ((vector: VectorCase) => number);

/** Number of elements that one result of a reduction takes in; 1 where no axis is reduced. */
function reducedCount(vector: VectorCase): number {
  const { shape } = operandOf(vector, "input").tensor;
  return elementCount(reducedAxes(vector).map((axis) => shape[axis] as number));
}

function tapsOf(vector: VectorCase): number {
  return elementCount(kernelSize(vector)) * (inputChannels(vector) / numberOption(vector, "groups", 1));
}

/** Units in the last place, for f32 and f16; one entry where both are the same. 0 for operators that are not here. */
const units: Readonly<Record<string, Count | readonly [f32: Count, f16: Count]>> = {
  add: 1,
  sub: 1,
  mul: 1,
  div: 2,
  pow: [32, 2],
  cast: 1,
  exp: [32, 1],
  sqrt: 1,
  tanh: 16,
  sigmoid: [34, 3],
  elu: 18,
  leakyRelu: 1,
  linear: 2,
  hardSigmoid: 2,
  hardSwish: 4,
  batchNormalization: 6,
  instanceNormalization: [840, 8400],
  softmax: (vector) => 3 * (operandOf(vector, "input").tensor.shape[vector.arguments.axis as number] as number) + 3,
  matmul: (vector) => 2 * (operandOf(vector, "a").tensor.shape.at(-1) as number),
  conv2d: (vector) => 2 * tapsOf(vector),
  convTranspose2d: (vector) => 2 * tapsOf(vector),
  reduceL1: reducedCount,
  reduceSum: reducedCount,
  reduceProduct: reducedCount,
  reduceMean: (vector) => reducedCount(vector) + 2,
  reduceL2: (vector) => 2 * reducedCount(vector) + 2,
  reduceSumSquare: (vector) => 2 * reducedCount(vector),
  reduceLogSum: (vector) => reducedCount(vector) + 18,
  reduceLogSumExp: (vector) => 2 * reducedCount(vector) + 18,
};

/** Absolute distances, for results that pass through zero. */
const absolute: Readonly<Record<string, readonly [f32: number, f16: number]>> = {
  log: [1 / 1024, 1 / 1024],
  layerNormalization: [1 / 1024, 1 / 512],
};

/** The budget of a case for a result of a data type. Whole numbers must be exact. */
export function budgetOf(vector: VectorCase, dataType: DataType): Budget {
  const place = dataType === "float16" ? 1 : 0;
  const bound = absolute[vector.operator]?.[place];
  if (bound !== undefined) return { kind: "absolute", bound };
  if (!dataType.startsWith("float")) return { kind: "ulp", count: 0 };
  const entry = units[vector.operator] ?? 0;
  const count = Array.isArray(entry) ? (entry[place] as Count) : (entry as Count);
  return { kind: "ulp", count: typeof count === "number" ? count : count(vector) };
}

const single = new Float32Array(1);
const singleBits = new Int32Array(single.buffer);

/** Bits of the nearest f32 as a whole number that grows with the value, the same for both zeros. */
function orderOfSingle(value: number): number {
  single[0] = value;
  const bits = singleBits[0] as number;
  return bits < 0 ? -(bits & 0x7fff_ffff) : bits;
}

/** As `orderOfSingle`, among values of f16. */
function orderOfHalf(bits: number): number {
  return bits & 0x8000 ? -(bits & 0x7fff) : bits;
}

/** Steps between neighbouring values of the type that lead from one value to the other; infinity where exactly one is NaN. */
export function unitsApart(dataType: DataType, got: number, want: number, halfBits: (value: number) => number): number {
  if (Number.isNaN(got) || Number.isNaN(want)) return Number.isNaN(got) && Number.isNaN(want) ? 0 : Infinity;
  if (dataType === "float32") return Math.abs(orderOfSingle(got) - orderOfSingle(want));
  if (dataType === "float16") return Math.abs(orderOfHalf(halfBits(got)) - orderOfHalf(halfBits(want)));
  return Math.abs(got - want);
}
