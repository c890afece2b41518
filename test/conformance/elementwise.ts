/** Operators that treat every element alone: functions of one value, and of two that WebNN repeats along missing axes. */
import { sameShape } from "../../src/ir/index.ts";
import {
  broadcastSubscripts,
  define,
  type Equation,
  elementOf,
  indexNames,
  inSingle,
  literal,
  numberOption,
  operandOf,
  outputOf,
  read,
  walkedBy,
} from "./equation.ts";
import type { VectorCase } from "./vectors.ts";

const functionOf =
  (name: string) =>
  (x: string): string =>
    `${name}(${x})`;

/** The value for an element `x`, by WebNN's name. */
const unary: Readonly<Record<string, (x: string, vector: VectorCase) => string>> = {
  abs: functionOf("abs"),
  ceil: functionOf("ceil"),
  exp: functionOf("exp"),
  floor: functionOf("floor"),
  log: functionOf("log"),
  sqrt: functionOf("sqrt"),
  tanh: functionOf("tanh"),
  neg: (x) => `-${x}`,
  logicalNot: (x) => `${x} == 0`,
  clamp: (x, { options }) => {
    const { minValue, maxValue } = options;
    const raised = minValue === undefined ? x : `max(${x}, ${literal(minValue as number)})`;
    return maxValue === undefined ? raised : `min(${raised}, ${literal(maxValue as number)})`;
  },
  cast: (x, vector) => `${elementOf(outputOf(vector).dataType)}(${x})`,
  relu: (x, vector) => {
    const { dataType } = outputOf(vector);
    return dataType === "float32" ? `relu(${x})` : `max(${x}, 0)`;
  },
  sigmoid: (x, vector) => inSingle(outputOf(vector).dataType, x, functionOf("sigmoid")),
  elu: (x, vector) => {
    const alpha = numberOption(vector, "alpha", 1);
    return inSingle(outputOf(vector).dataType, x, (value) =>
      alpha === 1 ? `elu(${value})` : `(if ${value} > 0 then ${value} else ${literal(alpha)} * (exp(${value}) - 1))`,
    );
  },
  leakyRelu: (x, vector) => {
    const slope = literal(numberOption(vector, "alpha", 0.01));
    return inSingle(outputOf(vector).dataType, x, (value) => `leaky_relu(${value}, ${slope})`);
  },
  linear: (x, vector) =>
    `${literal(numberOption(vector, "alpha", 1))} * ${x} + ${literal(numberOption(vector, "beta", 0))}`,
  hardSigmoid: (x, vector) => {
    const [alpha, beta] = [numberOption(vector, "alpha", 0.2), numberOption(vector, "beta", 0.5)];
    return `max(min(${literal(alpha)} * ${x} + ${literal(beta)}, 1), 0)`;
  },
  hardSwish: (x) => `${x} * max(min(${x} + 3, 6), 0) / 6`,
};

const infix =
  (symbol: string) =>
  (a: string, b: string): string =>
    `${a} ${symbol} ${b}`;

/** The value for elements `a` and `b`, by WebNN's name. */
const binary: Readonly<Record<string, (a: string, b: string) => string>> = {
  add: infix("+"),
  sub: infix("-"),
  mul: infix("*"),
  div: infix("/"),
  max: (a, b) => `max(${a}, ${b})`,
  min: (a, b) => `min(${a}, ${b})`,
  pow: infix("^"),
  equal: infix("=="),
  greater: infix(">"),
  greaterOrEqual: infix(">="),
  lesser: infix("<"),
  lesserOrEqual: infix("<="),
};

export const unaryOperators: readonly string[] = Object.keys(unary);
export const binaryOperators: readonly string[] = Object.keys(binary);

/** `let y = tanh(x)` on the whole tensor. WebNN calls the argument `a` in some operators. */
export function unaryEquation(vector: VectorCase): Equation {
  const value = unary[vector.operator];
  if (value === undefined) throw new Error(`no equation for ${vector.operator}`);
  const operand = operandOf(vector, vector.arguments.input === undefined ? "a" : "input", "x");
  return { operands: [operand], statements: [`let y = ${value("x", vector)}`] };
}

/** On whole tensors where the shapes are the same or one is a number, else with indices: `let y[i, j] = a[i, j] + b[0, j]`. */
export function binaryEquation(vector: VectorCase): Equation {
  const value = binary[vector.operator];
  if (value === undefined) throw new Error(`no equation for ${vector.operator}`);
  const [a, b] = [operandOf(vector, "a"), operandOf(vector, "b")];
  const { shape } = outputOf(vector);
  const whole = [a, b].every(({ tensor }) => tensor.shape.length === 0 || sameShape(tensor.shape, shape));
  if (whole) return { operands: [a, b], statements: [`let y = ${value("a", "b")}`] };
  const indices = indexNames(shape.length);
  const [ofA, ofB] = [a, b].map(({ tensor }) => broadcastSubscripts(tensor.shape, indices, shape)) as [
    string[],
    string[],
  ];
  const statement = define("y", indices, shape, value(read("a", ofA), read("b", ofB)), walkedBy(ofA, ofB));
  return { operands: [a, b], statements: [statement] };
}
