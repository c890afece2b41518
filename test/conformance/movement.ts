/** Operators that only move elements: their equations are subscripts. */
import { type Shape, sameShape } from "../../src/ir/index.ts";
import {
  broadcastSubscripts,
  define,
  type Equation,
  indexNames,
  inputNamed,
  listOption,
  numberOption,
  operandOf,
  outputOf,
  read,
  walkedBy,
} from "./equation.ts";
import type { VectorCase } from "./vectors.ts";

/** `let y[i, j] = concat[j](x0[i, j], x1[i, j])` */
export function concatEquation(vector: VectorCase): Equation {
  const names = vector.arguments.inputs as readonly string[];
  const operands = names.map((key, place) => ({ name: `x${place}`, tensor: inputNamed(vector, key) }));
  const { shape } = outputOf(vector);
  const indices = indexNames(shape.length);
  const axis = indices[vector.arguments.axis as number];
  const parts = operands.map(({ name }) => read(name, indices));
  return {
    operands,
    statements: [define("y", indices, shape, `concat[${axis}](${parts.join(", ")})`, walkedBy(indices))],
  };
}

/** `let y[i: 4, j] = x[0, j]` */
export function expandEquation(vector: VectorCase): Equation {
  const x = operandOf(vector, "input", "x");
  const { shape } = outputOf(vector);
  const indices = indexNames(shape.length);
  const subscripts = broadcastSubscripts(x.tensor.shape, indices, shape);
  return { operands: [x], statements: [define("y", indices, shape, read("x", subscripts), walkedBy(subscripts))] };
}

/** By way of one long axis: `let flat[(i j)] = x[i, j]`, `let y[a: 3, b: 4] = flat[(a b)]`. */
export function reshapeEquation(vector: VectorCase): Equation {
  const x = operandOf(vector, "input", "x");
  const from = x.tensor.shape;
  const to = outputOf(vector).shape;
  if (sameShape(from, to)) return { operands: [x], statements: ["let y = x"] };
  const statements: string[] = [];
  let flat = "x";
  if (from.length > 1 && to.length > 0) {
    flat = "flat";
    const indices = indexNames(from.length);
    statements.push(`let flat[(${indices.join(" ")})] = ${read("x", indices)}`);
  }
  statements.push(`let ${unflattened(flat, from, to)}`);
  return { operands: [x], statements };
}

function unflattened(flat: string, from: Shape, to: Shape): string {
  if (to.length === 0)
    return `y = ${read(
      "x",
      from.map(() => "0"),
    )}`;
  const indices = indexNames(to.length, "a");
  const binders = indices.map((index, axis) => `${index}: ${to[axis]}`);
  if (from.length === 0) return `${read("y", binders)} = x`;
  return to.length === 1 ? `y = ${flat}` : `${read("y", binders)} = ${flat}[(${indices.join(" ")})]`;
}

/** `let y[i, j: 3] = x[i, 4*j + 1]` */
export function sliceEquation(vector: VectorCase): Equation {
  const x = operandOf(vector, "input", "x");
  const starts = vector.arguments.starts as readonly number[];
  const { shape } = outputOf(vector);
  const strides = listOption(
    vector,
    "strides",
    shape.map(() => 1),
  );
  const indices = indexNames(shape.length);
  const subscripts = indices.map((index, axis) => {
    const [stride, start] = [strides[axis] as number, starts[axis] as number];
    return shape[axis] === x.tensor.shape[axis] ? index : part(index, stride, start);
  });
  return { operands: [x], statements: [define("y", indices, shape, read("x", subscripts), walkedBy(subscripts))] };
}

/** `let y1[i, j: 2] = x[i, j + 3]`, a definition for each part. */
export function splitEquation(vector: VectorCase): Equation {
  const x = operandOf(vector, "input", "x");
  const along = numberOption(vector, "axis", 0);
  const results = vector.outputs.map((_, place) => `y${place}`);
  let start = 0;
  const statements = vector.outputs.map(({ shape }, place) => {
    const indices = indexNames(shape.length);
    const subscripts = indices.map((index, axis) => (axis === along ? part(index, 1, start) : index));
    start += shape[along] as number;
    return define(results[place] as string, indices, shape, read("x", subscripts), walkedBy(subscripts));
  });
  return { operands: [x], statements, results };
}

/** A place in part of an axis. The first ones are `i + 0`: an index that stands alone walks the whole axis. */
function part(index: string, stride: number, start: number): string {
  return stride === 1 && start === 0 ? `${index} + 0` : affine(index, stride, start);
}

/** `let y[k, i, j] = x[i, j, k]` */
export function transposeEquation(vector: VectorCase): Equation {
  const x = operandOf(vector, "input", "x");
  const rank = x.tensor.shape.length;
  const indices = indexNames(rank);
  const order = listOption(vector, "permutation", [...indices.keys()].reverse());
  const moved = order.map((axis) => indices[axis] as string);
  return {
    operands: [x],
    statements: [define("y", moved, outputOf(vector).shape, read("x", indices), walkedBy(indices))],
  };
}

/** `2*i + 3`, without what is 1 or 0. */
export function affine(index: string, factor: number, offset: number): string {
  const scaled = factor === 1 ? index : `${factor}*${index}`;
  if (offset === 0) return scaled;
  return offset < 0 ? `${scaled} - ${-offset}` : `${scaled} + ${offset}`;
}
