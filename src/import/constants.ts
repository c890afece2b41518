/** Says known numbers in the text: as literals, as arithmetic of the indices, or as parameters. */
import { constantSize } from "../frontend/index.ts";
import { binary, type Constant, type Expression, plus, sizeOf, type Variable, withParts } from "./expression.ts";
import { isSize, plainNumber } from "./fold.ts";
import { literal } from "./value.ts";

/** Larger constants are parameters whatever they hold. */
const mostLookedAt = 2 ** 16;

/** The expression with every constant said; `declare` makes a parameter of one. */
export function resolveConstants(expression: Expression, declare: (constant: Constant) => Variable): Expression {
  const inner = withParts(expression, (part) => resolveConstants(part, declare));
  if (inner.kind !== "element") return inner;
  const { constant, subscripts, outside } = inner;
  const said = outside === undefined ? (literalOf(constant) ?? arithmeticOf(constant, subscripts)) : undefined;
  if (said !== undefined) return said;
  return { kind: "read", variable: declare(constant), subscripts, ...(outside === undefined ? {} : { outside }) };
}

const elementCount = ({ shape }: Constant): number => shape.reduce((product, size) => product * size, 1);

/**
 * The one number that a constant holds everywhere. Floats that belong to the model's parameters stay parameters, even where they
 * have not been trained yet.
 */
export function literalOf(constant: Constant): Expression | undefined {
  const count = elementCount(constant);
  if (count === 0 || count > mostLookedAt) return undefined;
  if (constant.tensor !== undefined && constant.shape.length > 0 && isTrained(constant, count)) return undefined;
  const first = constant.at(0);
  const value = plainNumber(first);
  for (let k = 1; k < count; k++) {
    const other = constant.at(k);
    const same = isSize(first) && isSize(other) ? first.key === other.key : Object.is(value, plainNumber(other));
    if (!same) return undefined;
  }
  if (value === undefined) return isSize(first) ? sizeOf(first) : undefined;
  return Number.isNaN(value) ? undefined : literal(constant.element, value);
}

/** Parameters have names of their own, a single number a dotted path; exporters call constants so, or after a node, or number them. */
const isTrained = ({ name, element }: Constant, count: number): boolean =>
  element === "f32" && !/^\/|constant|^\d+$/i.test(name) && (count > 1 || name.includes("."));

/** Whole numbers that grow evenly along every axis, as positions do. */
function arithmeticOf(constant: Constant, subscripts: readonly Expression[]): Expression | undefined {
  const { shape, element } = constant;
  const count = elementCount(constant);
  if (element !== "i32" || count === 0 || count > mostLookedAt) return undefined;
  const start = plainNumber(constant.at(0));
  if (start === undefined) return undefined;
  const strides: number[] = [];
  let span = count;
  const steps = shape.map((size) => {
    span /= size;
    strides.push(span);
    return size === 1 ? 0 : (plainNumber(constant.at(span)) ?? Number.NaN) - start;
  });
  for (let k = 0; k < count; k++) {
    const wanted = steps.reduce((sum, step, axis) => {
      return sum + step * (Math.floor(k / (strides[axis] as number)) % (shape[axis] as number));
    }, start);
    if (plainNumber(constant.at(k)) !== wanted) return undefined;
  }
  const sum = steps.reduce<Expression>(
    (total, step, axis) => {
      const subscript = subscripts[axis] as Expression;
      if (step === 0) return total;
      return binary("+", total, binary("*", sizeOf(constantSize(step)), subscript));
    },
    sizeOf(constantSize(0)),
  );
  return plus(sum, constantSize(start));
}
