/** Reductions over named indices and cumulative reductions (scans) along one axis. */

import { constrainedFraction, indexSizes, parseConstraints, parseSpec } from "../index-spec.ts";
import { IrError, type Operation, type Reducer } from "../operation.ts";
import { newTensor, type Tensor } from "../tensor.ts";
import { type DType, elementCount, isFloat, isInteger, stridesOf, type TensorType, tensorType } from "../types.ts";
import { type IndexSpace, indexSpace, visitRuns, visitSpace } from "./iteration.ts";
import { largestF32 } from "./precision.ts";
import { reductionBound, scanBound } from "./reduce-bounds.ts";
import { reductionGradient, scanGradient } from "./reduce-gradients.ts";

const lowest = (dtype: DType) => (isFloat(dtype) ? -largestF32 : dtype === "i32" ? -2147483648 : 0);
const highest = (dtype: DType) =>
  isFloat(dtype) ? largestF32 : dtype === "i32" ? 2147483647 : dtype === "u32" ? 4294967295 : 1;

interface Row {
  readonly name: string;
  readonly summary: string;
  readonly reducer: Reducer;
  readonly result: "same" | "bool" | "position";
}

const rows: readonly Row[] = [
  {
    name: "sum",
    summary: "Adds up the elements along the indices that the result does not keep.",
    reducer: { identity: () => 0, combine: (a, x) => a + x, operation: "add" },
    result: "same",
  },
  {
    name: "product",
    summary: "Multiplies the elements along the reduced indices.",
    reducer: { identity: () => 1, combine: (a, x) => a * x, operation: "mul" },
    result: "same",
  },
  {
    name: "maximum",
    summary: "Largest element along the reduced indices; of nothing, the lowest finite number.",
    reducer: { identity: lowest, combine: Math.max, operation: "max" },
    result: "same",
  },
  {
    name: "minimum",
    summary: "Smallest element along the reduced indices; of nothing, the highest finite number.",
    reducer: { identity: highest, combine: Math.min, operation: "min" },
    result: "same",
  },
  {
    name: "any",
    summary: "True where some element along the reduced indices is.",
    reducer: { identity: () => 0, combine: (a, x) => (a !== 0 || x !== 0 ? 1 : 0), operation: "or" },
    result: "bool",
  },
  {
    name: "all",
    summary: "True where every element along the reduced indices is.",
    reducer: { identity: () => 1, combine: (a, x) => (a !== 0 && x !== 0 ? 1 : 0), operation: "and" },
    result: "bool",
  },
  {
    name: "argmax",
    summary: "Position of the first largest element along the one reduced index.",
    reducer: { identity: lowest, combine: Math.max, operation: "gt", positional: true },
    result: "position",
  },
  {
    name: "argmin",
    summary: "Position of the first smallest element along the one reduced index.",
    reducer: { identity: highest, combine: Math.min, operation: "lt", positional: true },
    result: "position",
  },
];

const whereOf = (attributes: Operation["attributes"] | Readonly<Record<string, unknown>>) =>
  ((attributes as Record<string, unknown>).where as string | undefined) ?? "";

function reduction(row: Row): Operation {
  const { reducer } = row;
  return {
    name: row.name,
    family: "reduce",
    summary: row.summary,
    arity: 1,
    attributes: {
      spec: { kind: "spec", doc: 'kept and reduced indices: "i j -> i"' },
      where: { kind: "string", default: "", doc: 'affine condition on the reduced range: "j <= i"' },
    },
    reducer,
    infer: ({ operands, attributes }) => {
      const spec = parseSpec(attributes.spec as string);
      const sizes = indexSizes(spec, operands);
      const own = spec.operands[0] as readonly string[];
      if (new Set(own).size !== own.length) throw new IrError(`${row.name} repeats an index in "${attributes.spec}"`);
      const kept = own.filter((name) => spec.result.includes(name));
      if (kept.join(" ") !== spec.result.join(" ")) {
        throw new IrError(`${row.name} must keep its indices in order, not "${attributes.spec}"`);
      }
      for (const constraint of parseConstraints(whereOf(attributes))) {
        for (const name of constraint.terms.keys()) {
          if (!sizes.has(name))
            throw new IrError(`the condition "${whereOf(attributes)}" uses the unknown index ${name}`);
        }
      }
      const from = (operands[0] as TensorType).dtype;
      if (row.result === "bool" && from !== "bool") throw new IrError(`${row.name} wants booleans, not ${from}`);
      if (row.result !== "bool" && from === "bool") throw new IrError(`${row.name} wants numbers, not bool`);
      const shape = spec.result.map((name) => sizes.get(name) as number);
      if (row.result !== "position") return tensorType(from, shape);
      const reduced = own.filter((name) => !spec.result.includes(name));
      if (reduced.length !== 1) throw new IrError(`${row.name} reduces exactly one index`);
      return tensorType("i32", shape, sizes.get(reduced[0] as string) as number);
    },
    evaluate: ([x], attributes, type) => {
      const operand = x as Tensor;
      const spec = parseSpec(attributes.spec as string);
      const sizes = indexSizes(spec, [operand.type]);
      const result = newTensor(type);
      const start = reducer.identity(operand.type.dtype);
      if (!reducer.positional) {
        result.data.fill(start);
        reduceRuns(operand, indexSpace(spec, sizes, whereOf(attributes)), result.data, reducer);
        return result;
      }
      const best = new Float64Array(result.data.length).fill(start);
      const seen = new Uint8Array(result.data.length);
      visitSpace(spec, sizes, whereOf(attributes), (offsets, out, position) => {
        const element = operand.data[offsets[0] as number] as number;
        const held = best[out] as number;
        if (seen[out] === 0 || (element !== held && reducer.combine(held, element) === element)) {
          best[out] = element;
          seen[out] = 1;
          result.data[out] = position[position.length - 1] as number;
        }
      });
      return result;
    },
    errorBound: ([x], [error], result, attributes) =>
      reductionBound(reducer, x as Tensor, error as Tensor, result, attributes.spec as string, whereOf(attributes)),
    flops: ([x], _result, attributes) => {
      const operand = x as TensorType;
      const where = parseConstraints(whereOf(attributes));
      const count = elementCount(operand.shape);
      if (where.length === 0) return count;
      return count * constrainedFraction(where, indexSizes(parseSpec(attributes.spec as string), [operand]));
    },
    differentiate: row.result === "same" ? (context) => [reductionGradient(reducer, context)] : undefined,
  };
}

/** Combines the elements into `result`, which holds the identity on entry. */
function reduceRuns(operand: Tensor, space: IndexSpace, result: Float64Array, reducer: Reducer) {
  const from = operand.data;
  const step = (space.strides[0] as readonly number[]).at(-1) ?? 0;
  const resultStep = space.resultStrides.at(-1) ?? 0;
  const combine = combinerOf(reducer, operand.type.dtype);
  const sums = reducer.operation === "add" && isFloat(operand.type.dtype);
  visitRuns(space, (offsets, out, _first, count) => {
    let at = offsets[0] as number;
    if (resultStep !== 0) {
      for (let i = 0; i < count; i++, at += step) {
        const to = out + i * resultStep;
        result[to] = combine(result[to] as number, from[at] as number);
      }
      return;
    }
    let held = result[out] as number;
    if (sums) for (let i = 0; i < count; i++, at += step) held += from[at] as number;
    else for (let i = 0; i < count; i++, at += step) held = combine(held, from[at] as number);
    result[out] = held;
  });
}

/** The reducer's arithmetic in one element type: sums and products of integers wrap around at 32 bits. */
function combinerOf(reducer: Reducer, dtype: DType): Reducer["combine"] {
  const wrap = dtype === "u32" ? (x: number) => x >>> 0 : (x: number) => x | 0;
  if (!isInteger(dtype)) return reducer.combine;
  if (reducer.operation === "add") return (a, x) => wrap(a + x);
  if (reducer.operation === "mul") return (a, x) => wrap(Math.imul(a, x));
  return reducer.combine;
}

function scan(row: Row, name: string): Operation {
  const { reducer } = row;
  return {
    name,
    family: "scan",
    summary: `Running ${row.name} along one axis; each element covers those up to its own position.`,
    arity: 1,
    attributes: {
      axis: { kind: "number", doc: "axis along which it runs" },
      exclusive: { kind: "boolean", default: false, doc: "leave out the element at the position itself" },
      reverse: { kind: "boolean", default: false, doc: "run from the end to the start" },
    },
    reducer,
    scanStep: {
      start: reducer.identity,
      next: ({ apply }, held, [x]) => apply(reducer.operation, held, x as typeof held),
    },
    infer: ({ operands, attributes }) => {
      const type = operands[0] as TensorType;
      const axis = attributes.axis as number;
      if (!(axis >= 0 && axis < type.shape.length))
        throw new IrError(`${name} along axis ${axis} of ${type.shape.length}`);
      return tensorType(type.dtype, type.shape);
    },
    evaluate: ([x], attributes, type) => runScan(x as Tensor, attributes, newTensor(type), reducer),
    errorBound: ([x], [error], result, attributes) =>
      scanBound(reducer, x as Tensor, error as Tensor, result, (operand, kind) =>
        runScan(operand, attributes, newTensor(result.type), kind),
      ),
    flops: ([x]) => elementCount((x as TensorType).shape),
    differentiate: (context) => [scanGradient(reducer, context)],
  };
}

function runScan(
  operand: Tensor,
  attributes: Readonly<Record<string, unknown>>,
  result: Tensor,
  reducer: Reducer,
): Tensor {
  const axis = attributes.axis as number;
  const shape = operand.type.shape;
  const length = shape[axis] as number;
  const stride = stridesOf(shape)[axis] as number;
  const exclusive = attributes.exclusive === true;
  const start = reducer.identity(operand.type.dtype);
  const combine = combinerOf(reducer, operand.type.dtype);
  for (let offset = 0; offset < operand.data.length; offset++) {
    if (Math.floor(offset / stride) % length !== 0) continue;
    let held = start;
    for (let step = 0; step < length; step++) {
      const position = attributes.reverse === true ? length - 1 - step : step;
      const at = offset + position * stride;
      const next = combine(held, operand.data[at] as number);
      result.data[at] = exclusive ? held : next;
      held = next;
    }
  }
  return result;
}

export const reductionOperations: readonly Operation[] = rows.map(reduction);

export const scanOperations: readonly Operation[] = rows
  .filter((row) => row.result === "same")
  .map((row) => scan(row, `cumulative_${row.name}`));
