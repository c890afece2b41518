/** Several constant factors of one value become one. */
import { isFloat, largestF32, type Node, operationOf } from "../../ir/index.ts";
import { any, constant, op } from "../pattern.ts";
import { type Rule, rule } from "../rewrite.ts";

const constantValue = (node: Node) => (node.attributes.values as readonly number[])[0] as number;

/** Smallest f32 that still has all its digits. */
const smallestNormal = 2 ** -126;

/** True for factors that f32 holds without overflow or loss of digits; folding to others would change results. */
function isOrdinary(value: number): boolean {
  return value === 0 || (Math.abs(value) >= smallestNormal && Math.abs(value) <= largestF32);
}

const scalarOf = (dtype: Node["type"]["dtype"], x: number, y: number) =>
  operationOf("mul").scalar?.evaluate([x, y], dtype) as number;

export const scalingRules: readonly Rule[] = [
  rule({
    name: "product of two scales",
    reason: "multiplying by two constants is multiplying by their product",
    pattern: op("mul", op("mul", any("x"), constant("a")), constant("b")),
    when: ({ a, b, x }) => isOrdinary(scalarOf(x.type.dtype, constantValue(a), constantValue(b))),
    build: ({ x, a, b }, builder, { root }) => {
      const scale = builder.constant(scalarOf(x.type.dtype, constantValue(a), constantValue(b)), x.type.dtype);
      return x.type.shape.length === root.type.shape.length ? builder.apply("mul", x, scale) : undefined;
    },
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32 = constant values=[3]
  %2: f32[4] = mul %0, %1
  %3: f32 = constant values=[5]
  %4: f32[4] = mul %2, %3
  return y = %4`,
      after: `%0: f32[4] = input "x"
  %1: f32 = constant values=[15]
  %2: f32[4] = mul %0, %1
  return y = %2`,
    },
  }),
  rule({
    name: "negated scale",
    reason: "a constant factor takes the sign with it",
    pattern: op("neg", op("mul", any("x"), constant("a"))),
    when: ({ x }) => x.type.dtype !== "u32",
    build: ({ x, a }, builder, { root }) =>
      x.type.shape.length === root.type.shape.length
        ? builder.apply("mul", x, builder.constant(-constantValue(a), x.type.dtype))
        : undefined,
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32 = constant values=[3]
  %2: f32[4] = mul %0, %1
  %3: f32[4] = neg %2
  return y = %3`,
      after: `%0: f32[4] = input "x"
  %1: f32 = constant values=[-3]
  %2: f32[4] = mul %0, %1
  return y = %2`,
    },
  }),
  rule({
    name: "scaled negative",
    reason: "a constant factor takes the sign with it",
    pattern: op("mul", op("neg", any("x")), constant("a")),
    when: ({ x }) => x.type.dtype !== "u32",
    build: ({ x, a }, builder, { root }) =>
      x.type.shape.length === root.type.shape.length
        ? builder.apply("mul", x, builder.constant(-constantValue(a), x.type.dtype))
        : undefined,
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32[4] = neg %0
  %2: f32 = constant values=[3]
  %3: f32[4] = mul %1, %2
  return y = %3`,
      after: `%0: f32[4] = input "x"
  %1: f32 = constant values=[-3]
  %2: f32[4] = mul %0, %1
  return y = %2`,
    },
  }),
  rule({
    name: "division by a power of two",
    reason: "its reciprocal is exact, and multiplying is cheaper than dividing",
    pattern: op("div", any("x"), constant("c")),
    when: ({ x, c }) => {
      const value = Math.abs(constantValue(c));
      const exact = value > 0 && Number.isInteger(Math.log2(value)) && 2 ** Math.log2(value) === value;
      return isFloat(x.type.dtype) && exact && isOrdinary(value) && isOrdinary(1 / value);
    },
    build: ({ x, c }, builder, { root }) =>
      x.type.shape.length === root.type.shape.length
        ? builder.apply("mul", x, builder.constant(1 / constantValue(c), x.type.dtype))
        : undefined,
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32 = constant values=[8]
  %2: f32[4] = div %0, %1
  return y = %2`,
      after: `%0: f32[4] = input "x"
  %1: f32 = constant values=[0.125]
  %2: f32[4] = mul %0, %1
  return y = %2`,
    },
  }),
];
