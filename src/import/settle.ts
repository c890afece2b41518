/** What becomes of an operator's result: known numbers, an expression for those who read it, or an equation with a name. */
import type { Size } from "../frontend/index.ts";
import { type Constant, type Expression, type Index, someInside, weightOf } from "./expression.ts";
import { evaluate, isSize, type Known, plainNumber } from "./fold.ts";
import type { StoredTensor } from "./onnx-tensor.ts";
import { Refusal } from "./problem.ts";
import { tensorOfNumbers } from "./stored-tensor.ts";
import { type Draft, freshIndices, numberOf, subscriptsOf } from "./value.ts";

/** Most elements that are computed while importing. */
const mostFolded = 2 ** 16;

/** More than this much in one expression, and it gets a name. */
const heaviest = 8;

/** True where a value is better read in the expressions that use it than under a name of its own. */
export function staysExpression({ kind, elements, whole, shape }: Draft, uses: number): boolean {
  if (kind === "named") return false;
  const weight = Math.max(
    elements === undefined ? 0 : weightOf(elements(subscriptsOf(freshIndices(shape)))),
    whole === undefined ? 0 : weightOf(whole),
  );
  return kind === "view" ? weight <= 3 : uses === 1 && weight <= heaviest;
}

/** The numbers of a result that depends on no data. */
export function foldedConstant({ elements, element, shape }: Draft, name: string): Constant | undefined {
  const sizes = shape.map(numberOf);
  const count = sizes.reduce<number>((product, size) => product * (size ?? Number.POSITIVE_INFINITY), 1);
  if (elements === undefined || sizes.some((size) => size === undefined) || count > mostFolded) return undefined;
  const indices = freshIndices(shape);
  const expression = elements(subscriptsOf(indices));
  // Parameters that are only read in another order stay the parameters they are.
  const isParameter = (part: Expression) =>
    part.kind === "element" && part.constant.tensor !== undefined && part.constant.shape.some((size) => size > 1);
  if (element === "f32" && someInside(expression, isParameter)) return undefined;
  const values: Exclude<Known, undefined>[] = [];
  for (let k = 0; k < count; k++) {
    let rest = k;
    const places = new Map<Index, number>();
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      const size = sizes[axis] as number;
      places.set(indices[axis] as Index, rest % size);
      rest = Math.floor(rest / size);
    }
    const value = evaluate(expression, places);
    if (value === undefined) return undefined;
    values.push(element === "f32" || element === "bool" ? (plainNumber(value) ?? value) : value);
  }
  if ((element === "f32" || element === "bool") && values.some(isSize)) return undefined;
  return { name, element, shape: sizes as number[], at: (position) => values[position] as number | Size };
}

/** @throws Refusal where numbers depend on sizes that are not known */
export function numbersOf({ name, element, shape, at }: Constant): StoredTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Array.from({ length: count }, (_, k) => plainNumber(at(k)));
  if (values.some((value) => value === undefined)) {
    throw new Refusal(`\`${name}\` holds numbers that depend on unknown sizes; give them with --set`);
  }
  return tensorOfNumbers(element, shape, values as number[]);
}
