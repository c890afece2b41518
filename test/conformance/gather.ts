/** Reading through an index tensor. */
import { define, type Equation, indexNames, numberOption, operandOf, outputOf, read, walkedBy } from "./equation.ts";
import type { VectorCase } from "./vectors.ts";

/**
 * `let y[i, k] = x[at[k], i]` with `at: idx<N>[…]`. Where indices are negative or too large, they are plain integers:
 * negative ones count from the end, and what is still outside reads the nearest element.
 */
export function gatherEquation(vector: VectorCase): Equation {
  const x = operandOf(vector, "input", "x");
  const indices = operandOf(vector, "indices", "at");
  const axis = numberOption(vector, "axis", 0);
  const length = x.tensor.shape[axis] as number;
  const { shape } = outputOf(vector);
  const names = indexNames(shape.length);
  const rank = indices.tensor.shape.length;
  const place = names.slice(axis, axis + rank);
  const around = [names.slice(0, axis), names.slice(axis + rank)] as const;
  const at = (position: string) => read("x", [...around[0], position, ...around[1]]);
  const walked = walkedBy(names);
  if (indices.tensor.data.every((index) => index >= 0 && index < length)) {
    const statement = define("y", names, shape, at(read("at", place)), walked);
    return { operands: [x, { ...indices, element: `idx<${length}>` }], statements: [statement] };
  }
  const wrapped = `if ${read("at", place)} < 0 then ${read("at", place)} + ${length} else ${read("at", place)}`;
  const nearest = `(if ${read("from", place)} < 0 then ${at("0")} else ${at(String(length - 1))})`;
  return {
    operands: [x, indices],
    statements: [
      define("from", place, indices.tensor.shape, wrapped, walked),
      define("y", names, shape, `${at(read("from", place))} else ${nearest}`, walked),
    ],
  };
}
