/**
 * The table of elementwise operations: one row each, holding scalar semantics, WGSL spelling, accuracy, derivative and
 * algebraic facts. elementwise.ts makes operation records of them.
 */
import type { ScalarRow } from "../operation.ts";
import { philox } from "../philox.ts";
import { type DType, isFloat } from "../types.ts";
import { unit } from "./precision.ts";

const ulps =
  (count: number) =>
  (_args: readonly number[], result: number): number =>
    count * unit * Math.abs(result);
const exact = () => 0;

const int32 = (value: number, dtype: DType) => (dtype === "i32" ? value | 0 : dtype === "u32" ? value >>> 0 : value);

/** Which operand types a row accepts, and what it returns. */
export type Signature = "float" | "number" | "compare" | "logic" | "select" | "random";

/** A row with what its record needs besides; `evaluate` follows from `compute`. */
export interface ElementwiseRow extends Omit<ScalarRow, "evaluate"> {
  readonly name: string;
  readonly summary: string;
  readonly arity: number;
  readonly signature: Signature;
  /** True when no gradient passes, whatever the slopes say (they still carry errors). */
  readonly stopsGradient?: boolean;
}

type Row = ElementwiseRow;
type Partials = NonNullable<ScalarRow["partials"]>;

/** erf to double precision: series below 3, continued fraction above (Abramowitz and Stegun 7.1.6 and 7.1.14). */
function erf(x: number): number {
  const a = Math.abs(x);
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 200 && Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * ((2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum);
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)));
}

/** Half-to-even, as WGSL and ONNX round. */
function roundEven(x: number): number {
  const nearest = Math.round(x);
  return Math.abs(x % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

const unary = (
  name: string,
  summary: string,
  compute: (x: number, dtype: DType) => number,
  rest: Partial<Row> & { wgsl: string; partials?: Partials },
): Row => ({
  name,
  summary,
  arity: 1,
  signature: "float",
  flops: 1,
  roundoff: ulps(1),
  compute: (x, _y, _z, dtype) => compute(x, dtype),
  ...rest,
});

const binary = (
  name: string,
  summary: string,
  compute: (x: number, y: number, dtype: DType) => number,
  rest: Partial<Row> & { wgsl: string; partials?: Partials },
): Row => ({
  name,
  summary,
  arity: 2,
  signature: "number",
  flops: 1,
  roundoff: ulps(1),
  compute: (x, y, _z, dtype) => compute(x, y, dtype),
  ...rest,
});

const comparison = (
  name: string,
  summary: string,
  test: (x: number, y: number) => boolean,
  symbol: string,
  form: Pick<Row, "onnx" | "composed">,
) =>
  binary(name, summary, (x, y) => (test(x, y) ? 1 : 0), {
    signature: "compare",
    wgsl: `($0 ${symbol} $1)`,
    roundoff: exact,
    discontinuous: true,
    ...form,
  });

const divisorReachesZero = ([, y]: readonly number[], [, error]: readonly number[]) =>
  (error as number) > 0 && Math.abs(y as number) <= (error as number);

const zeroAtJump: Partials = (algebra) => [algebra.constant(0)];

export const elementwiseRows: readonly Row[] = [
  // ---- one argument
  unary("neg", "Changes the sign.", (x, t) => int32(-x, t), {
    signature: "number",
    wgsl: "(-$0)",
    roundoff: exact,
    partials: (a) => [a.constant(-1)],
    onnx: "Neg",
  }),
  unary("abs", "Distance from zero.", (x, t) => int32(Math.abs(x), t), {
    signature: "number",
    wgsl: "abs($0)",
    roundoff: exact,
    partials: (a, [x]) => [a.apply("sign", x)],
    onnx: "Abs",
  }),
  unary("sign", "-1, 0 or 1.", Math.sign, {
    wgsl: "sign($0)",
    roundoff: exact,
    discontinuous: true,
    partials: zeroAtJump,
    onnx: "Sign",
  }),
  unary("exp", "e to the power of x.", Math.exp, {
    wgsl: "exp($0)",
    roundoff: ([x], y) => (3 + 2 * Math.abs(x as number)) * unit * y,
    partials: (_a, _x, y) => [y],
    flops: 8,
    expensive: true,
    onnx: "Exp",
  }),
  unary("log", "Natural logarithm; minus infinity at 0, undefined below.", Math.log, {
    wgsl: "log($0)",
    // 3 ULP, but an absolute 2^-21 between 0.5 and 2, where the result passes through zero.
    roundoff: ([x], y) => ((x as number) >= 0.5 && (x as number) <= 2 ? 2 ** -21 : 0) + 3 * unit * Math.abs(y),
    partials: (a, [x]) => [a.apply("div", a.constant(1), x)],
    flops: 8,
    expensive: true,
    onnx: "Log",
  }),
  unary("sqrt", "Square root; undefined below 0.", Math.sqrt, {
    wgsl: "sqrt($0)",
    roundoff: ulps(5),
    partials: (a, _x, y) => [a.apply("div", a.constant(0.5), y)],
    flops: 4,
    onnx: "Sqrt",
  }),
  unary("rsqrt", "One over the square root.", (x) => 1 / Math.sqrt(x), {
    wgsl: "inverseSqrt($0)",
    roundoff: ulps(2),
    partials: (a, [x], y) => [a.apply("mul", a.constant(-0.5), a.apply("div", y, x))],
    flops: 4,
    composed: (a, [x]) => a.apply("div", a.constant(1), a.apply("sqrt", x)),
  }),
  unary("sin", "Sine of an angle in radians.", Math.sin, {
    wgsl: "weft_sin($0)",
    helpers: ["weft_sin"],
    roundoff: ([x]) => 1.2e-7 + 2e-11 * Math.abs(x as number),
    partials: (a, [x]) => [a.apply("cos", x)],
    flops: 16,
    expensive: true,
    onnx: "Sin",
  }),
  unary("cos", "Cosine of an angle in radians.", Math.cos, {
    wgsl: "weft_cos($0)",
    helpers: ["weft_cos"],
    roundoff: ([x]) => 1.2e-7 + 2e-11 * Math.abs(x as number),
    partials: (a, [x]) => [a.apply("neg", a.apply("sin", x))],
    flops: 16,
    expensive: true,
    onnx: "Cos",
  }),
  unary("tan", "Tangent of an angle in radians.", Math.tan, {
    wgsl: "(weft_sin($0) / weft_cos($0))",
    helpers: ["weft_sin", "weft_cos"],
    roundoff: ([x], y) => (1.2e-7 + 2e-11 * Math.abs(x as number)) * (1 + y * y) * 2 + 3 * unit * Math.abs(y),
    pole: ([x], [e]) => Math.abs(Math.cos(x as number)) <= (e as number),
    partials: (a, _x, y) => [a.apply("add", a.constant(1), a.apply("mul", y, y))],
    flops: 32,
    expensive: true,
    onnx: "Tan",
  }),
  unary("tanh", "Hyperbolic tangent.", Math.tanh, {
    wgsl: "weft_tanh($0)",
    helpers: ["weft_tanh"],
    roundoff: (_x, y) => 6 * unit * Math.abs(y),
    partials: (a, _x, y) => [a.apply("sub", a.constant(1), a.apply("mul", y, y))],
    flops: 12,
    expensive: true,
    onnx: "Tanh",
  }),
  unary("erf", "Error function.", erf, {
    wgsl: "weft_erf($0)",
    helpers: ["weft_erf"],
    roundoff: (_x, y) => 4 * unit * Math.abs(y),
    partials: (a, [x]) => [
      a.apply("mul", a.constant(2 / Math.sqrt(Math.PI)), a.apply("exp", a.apply("neg", a.apply("mul", x, x)))),
    ],
    flops: 24,
    expensive: true,
    onnx: "Erf",
  }),
  unary("floor", "Largest whole number not above x.", Math.floor, {
    wgsl: "floor($0)",
    roundoff: exact,
    discontinuous: true,
    partials: zeroAtJump,
    onnx: "Floor",
  }),
  unary("ceil", "Smallest whole number not below x.", Math.ceil, {
    wgsl: "ceil($0)",
    roundoff: exact,
    discontinuous: true,
    partials: zeroAtJump,
    onnx: "Ceil",
  }),
  unary("round", "Nearest whole number, halves to the even one.", roundEven, {
    wgsl: "round($0)",
    roundoff: exact,
    discontinuous: true,
    partials: zeroAtJump,
    onnx: "Round",
  }),
  unary("stop_gradient", "x itself, through which no gradient passes.", (x) => x, {
    wgsl: "$0",
    roundoff: exact,
    partials: (a) => [a.constant(1)],
    stopsGradient: true,
    flops: 0,
    onnx: "Identity",
  }),
  unary("not", "Logical negation.", (x) => (x === 0 ? 1 : 0), {
    signature: "logic",
    wgsl: "(!$0)",
    roundoff: exact,
    onnx: "Not",
  }),
  // ---- two arguments
  binary("add", "Sum.", (x, y, t) => int32(x + y, t), {
    wgsl: "($0 + $1)",
    partials: (a) => [a.constant(1), a.constant(1)],
    commutative: true,
    identity: 0,
    onnx: "Add",
  }),
  binary("sub", "Difference.", (x, y, t) => int32(x - y, t), {
    wgsl: "($0 - $1)",
    partials: (a) => [a.constant(1), a.constant(-1)],
    identity: 0,
    onnx: "Sub",
  }),
  binary(
    "mul",
    "Product.",
    (x, y, t) => (t === "i32" ? Math.imul(x, y) : t === "u32" ? Math.imul(x, y) >>> 0 : x * y),
    {
      wgsl: "($0 * $1)",
      partials: (_a, [x, y]) => [y, x],
      commutative: true,
      identity: 1,
      onnx: "Mul",
    },
  ),
  binary(
    "div",
    "Quotient; of integers, rounded towards zero.",
    (x, y, t) => (isFloat(t) ? x / y : y === 0 ? x : int32(Math.trunc(x / y), t)),
    {
      wgsl: "($0 / $1)",
      roundoff: ulps(3),
      pole: divisorReachesZero,
      partials: (a, [, y], q) => [a.apply("div", a.constant(1), y), a.apply("neg", a.apply("div", q, y))],
      identity: 1,
      flops: 4,
      onnx: "Div",
    },
  ),
  binary(
    "mod",
    "Remainder with the divisor's sign: x - y * floor(x / y).",
    (x, y, t) => (isFloat(t) ? x - y * Math.floor(x / y) : y === 0 ? 0 : int32(x - y * Math.floor(x / y), t)),
    {
      wgsl: "($0 - $1 * floor($0 / $1))",
      wgslInteger: "((($0 % $1) + $1) % $1)",
      // The device's quotient may fall on the other side of a whole number, and the remainder jumps by y then.
      roundoff: ([x, y]) => {
        const quotient = (x as number) / (y as number);
        const undecided = Math.abs(quotient - Math.round(quotient)) <= 3 * unit * Math.abs(quotient);
        const rounding = 4 * unit * (Math.abs(x as number) + Math.abs(y as number));
        return undecided && x !== 0 ? rounding + Math.abs(y as number) : rounding;
      },
      pole: divisorReachesZero,
      discontinuous: true,
      partials: (a, [x, y]) => [a.constant(1), a.apply("neg", a.apply("floor", a.apply("div", x, y)))],
      flops: 6,
      composed: (a, [x, y]) => a.apply("sub", x, a.apply("mul", y, a.apply("floor", a.apply("div", x, y)))),
    },
  ),
  binary("pow", "x to the power of y; a negative x takes whole exponents only.", (x, y) => x ** y, {
    signature: "float",
    wgsl: "weft_pow($0, $1)",
    helpers: ["weft_pow"],
    // Inherited from exp2(y * log2(x)).
    roundoff: ([x, y], r) => {
      const exponent = Math.abs((y as number) * Math.log2(Math.abs(x as number) || 1));
      return (3 + 2 * exponent + 4 * exponent + Math.abs(y as number) * 4) * unit * Math.abs(r);
    },
    partials: (a, [x, y], r) => [
      a.apply("mul", y, a.apply("pow", x, a.apply("sub", y, a.constant(1)))),
      a.apply("mul", r, a.apply("log", x)),
    ],
    identity: 1,
    flops: 16,
    expensive: true,
    onnx: "Pow",
  }),
  binary("max", "The larger of two.", (x, y) => Math.max(x, y), {
    wgsl: "max($0, $1)",
    roundoff: exact,
    // At a tie the second argument has the slope, so that max(x, 0) is flat at 0.
    partials: (a, [x, y]) => {
      const first = a.apply("gt", x, y);
      return [
        a.apply("select", first, a.constant(1), a.constant(0)),
        a.apply("select", first, a.constant(0), a.constant(1)),
      ];
    },
    commutative: true,
    onnx: "Max",
  }),
  binary("min", "The smaller of two.", (x, y) => Math.min(x, y), {
    wgsl: "min($0, $1)",
    roundoff: exact,
    // At a tie the second argument has the slope, so that max(x, 0) is flat at 0.
    partials: (a, [x, y]) => {
      const first = a.apply("lt", x, y);
      return [
        a.apply("select", first, a.constant(1), a.constant(0)),
        a.apply("select", first, a.constant(0), a.constant(1)),
      ];
    },
    commutative: true,
    onnx: "Min",
  }),
  comparison("eq", "True where equal.", (x, y) => x === y, "==", { onnx: "Equal" }),
  comparison("ne", "True where different.", (x, y) => x !== y, "!=", {
    composed: (a, [x, y]) => a.apply("not", a.apply("eq", x, y)),
  }),
  comparison("lt", "True where x is below y.", (x, y) => x < y, "<", { onnx: "Less" }),
  comparison("le", "True where x is not above y.", (x, y) => x <= y, "<=", { onnx: "LessOrEqual" }),
  comparison("gt", "True where x is above y.", (x, y) => x > y, ">", { onnx: "Greater" }),
  comparison("ge", "True where x is not below y.", (x, y) => x >= y, ">=", { onnx: "GreaterOrEqual" }),
  binary("and", "True where both are.", (x, y) => (x !== 0 && y !== 0 ? 1 : 0), {
    signature: "logic",
    wgsl: "($0 & $1)",
    roundoff: exact,
    commutative: true,
    identity: 1,
    onnx: "And",
  }),
  binary("or", "True where either is.", (x, y) => (x !== 0 || y !== 0 ? 1 : 0), {
    signature: "logic",
    wgsl: "($0 | $1)",
    roundoff: exact,
    commutative: true,
    identity: 0,
    onnx: "Or",
  }),
  binary("xor", "True where exactly one is.", (x, y) => ((x !== 0) !== (y !== 0) ? 1 : 0), {
    signature: "logic",
    wgsl: "($0 != $1)",
    roundoff: exact,
    commutative: true,
    identity: 0,
    onnx: "Xor",
  }),
  // ---- three
  {
    name: "select",
    summary: "The second argument where the first is true, else the third.",
    arity: 3,
    signature: "select",
    compute: (condition, yes, no) => (condition !== 0 ? yes : no),
    wgsl: "select($2, $1, $0)",
    roundoff: exact,
    partials: (a, [condition]) => [
      undefined,
      a.apply("select", condition, a.constant(1), a.constant(0)),
      a.apply("select", condition, a.constant(0), a.constant(1)),
    ],
    flops: 1,
    onnx: "Where",
  },

  // ---- three arguments, all u32
  {
    name: "random",
    summary:
      "A number strictly between 0 and 1 for a position, a stream and a seed: word 0 of Philox4x32-10 (philox.ts), as odd multiple of 2^-24.",
    arity: 3,
    signature: "random",
    compute: (position, stream, seed) => {
      const [word] = philox([position, 0, stream, 0], [seed, 0]);
      return ((word >>> 8) | 1) / 2 ** 24;
    },
    wgsl: "weft_random($0, $1, $2)",
    helpers: ["weft_random"],
    roundoff: exact,
    flops: 100,
    expensive: true,
  },
];
