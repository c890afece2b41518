/**
 * Elementwise operations: one row each, holding scalar semantics, WGSL spelling, accuracy, derivative and algebraic facts.
 *
 * Operands have the result's shape or are scalars. There is no other broadcasting in the IR.
 */
import type { Node } from "../graph.ts";
import { type Algebra, type DifferentiationRule, IrError, type Operation, type ScalarRow } from "../operation.ts";
import { type DType, elementCount, isFloat, isInteger, type Shape, sameShape, type TensorType, tensorType } from "../types.ts";
import { type Tensor, newTensor } from "../tensor.ts";

/** Unit roundoff of f32. WGSL lets an implementation round either way, so one operation is granted a whole ULP. */
const unit = 2 ** -23;
const ulps =
  (count: number) =>
  (_args: readonly number[], result: number): number =>
    count * unit * Math.abs(result);
const exact = () => 0;

const int32 = (value: number, dtype: DType) => (dtype === "i32" ? value | 0 : dtype === "u32" ? value >>> 0 : value);

/** Which operand types a row accepts, and what it returns. */
type Signature = "float" | "number" | "compare" | "logic" | "select" | "integer";

interface Row extends Omit<ScalarRow, "evaluate"> {
  readonly name: string;
  readonly summary: string;
  readonly arity: number;
  readonly signature: Signature;
  readonly evaluate: (args: readonly number[], dtype: DType) => number;
}

type Partials = NonNullable<ScalarRow["partials"]>;
const at = <T>(args: readonly T[], i: number): T => args[i] as T;
/** Rows take at most three arguments; the ones a row does not have are never looked at. */
const threeOf = <T>(args: readonly T[]) => args as unknown as readonly [T, T, T];

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
  evaluate: (x: number) => number,
  rest: Partial<Row> & { wgsl: string; partials?: Partials },
): Row => ({
  name,
  summary,
  arity: 1,
  signature: "float",
  flops: 1,
  roundoff: ulps(1),
  evaluate: ([x]) => evaluate(x as number),
  ...rest,
});

const binary = (
  name: string,
  summary: string,
  evaluate: (x: number, y: number, dtype: DType) => number,
  rest: Partial<Row> & { wgsl: string; partials?: Partials },
): Row => ({
  name,
  summary,
  arity: 2,
  signature: "number",
  flops: 1,
  roundoff: ulps(1),
  evaluate: ([x, y], dtype) => evaluate(x as number, y as number, dtype),
  ...rest,
});

const comparison = (name: string, summary: string, test: (x: number, y: number) => boolean, symbol: string, onnx?: string) =>
  binary(name, summary, (x, y) => (test(x, y) ? 1 : 0), {
    signature: "compare",
    wgsl: `($0 ${symbol} $1)`,
    roundoff: exact,
    discontinuous: true,
    onnx,
  });

const zeroAtJump: Partials = (algebra) => [algebra.constant(0)];

export const elementwiseRows: readonly Row[] = [
  // ---- one argument
  unary("neg", "Changes the sign.", (x) => -x, {
    signature: "number",
    wgsl: "(-$0)",
    roundoff: exact,
    partials: (a) => [a.constant(-1)],
    onnx: "Neg",
  }),
  unary("abs", "Distance from zero.", Math.abs, {
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
  binary("mul", "Product.", (x, y, t) => (t === "i32" ? Math.imul(x, y) : t === "u32" ? Math.imul(x, y) >>> 0 : x * y), {
    wgsl: "($0 * $1)",
    partials: (_a, [x, y]) => [y, x],
    commutative: true,
    identity: 1,
    onnx: "Mul",
  }),
  binary("div", "Quotient; of integers, rounded towards zero.", (x, y, t) => (isFloat(t) ? x / y : y === 0 ? x : int32(Math.trunc(x / y), t)), {
    wgsl: "($0 / $1)",
    roundoff: ulps(3),
    partials: (a, [, y], q) => [a.apply("div", a.constant(1), y), a.apply("neg", a.apply("div", q, y))],
    identity: 1,
    flops: 4,
    onnx: "Div",
  }),
  binary("mod", "Remainder with the divisor's sign: x - y * floor(x / y).", (x, y, t) => (isFloat(t) ? x - y * Math.floor(x / y) : y === 0 ? 0 : int32(x - y * Math.floor(x / y), t)), {
    wgsl: "($0 - $1 * floor($0 / $1))",
    wgslInteger: "((($0 % $1) + $1) % $1)",
    roundoff: ([x, y]) => 4 * unit * (Math.abs(x as number) + Math.abs(y as number)),
    discontinuous: true,
    partials: (a, [x, y]) => [a.constant(1), a.apply("neg", a.apply("floor", a.apply("div", x, y)))],
    flops: 6,
  }),
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
    partials: (a, [x, y]) => {
      const first = a.apply("ge", x, y);
      return [a.apply("select", first, a.constant(1), a.constant(0)), a.apply("select", first, a.constant(0), a.constant(1))];
    },
    commutative: true,
    onnx: "Max",
  }),
  binary("min", "The smaller of two.", (x, y) => Math.min(x, y), {
    wgsl: "min($0, $1)",
    roundoff: exact,
    partials: (a, [x, y]) => {
      const first = a.apply("le", x, y);
      return [a.apply("select", first, a.constant(1), a.constant(0)), a.apply("select", first, a.constant(0), a.constant(1))];
    },
    commutative: true,
    onnx: "Min",
  }),
  comparison("eq", "True where equal.", (x, y) => x === y, "==", "Equal"),
  comparison("ne", "True where different.", (x, y) => x !== y, "!="),
  comparison("lt", "True where x is below y.", (x, y) => x < y, "<", "Less"),
  comparison("le", "True where x is not above y.", (x, y) => x <= y, "<=", "LessOrEqual"),
  comparison("gt", "True where x is above y.", (x, y) => x > y, ">", "Greater"),
  comparison("ge", "True where x is not below y.", (x, y) => x >= y, ">=", "GreaterOrEqual"),
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
    evaluate: ([condition, yes, no]) => (condition !== 0 ? (yes as number) : (no as number)),
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
];

/** Shape of an elementwise result: that of the non-scalar operands, which must agree. */
function resultShape(name: string, operands: readonly TensorType[]): Shape {
  let shape: Shape = [];
  for (const operand of operands) {
    if (operand.shape.length === 0) continue;
    if (shape.length > 0 && !sameShape(shape, operand.shape)) {
      throw new IrError(`${name} wants operands of one shape, not [${shape.join(", ")}] and [${operand.shape.join(", ")}]`);
    }
    shape = operand.shape;
  }
  return shape;
}

function resultDType(row: Row, operands: readonly TensorType[]): DType {
  const dtypes = operands.map((operand) => operand.dtype);
  const numbers = row.signature === "select" ? dtypes.slice(1) : dtypes;
  const first = numbers[0] as DType;
  if (numbers.some((dtype) => dtype !== first)) throw new IrError(`${row.name} mixes ${dtypes.join(" and ")}`);
  const refuse = (wanted: string) => new IrError(`${row.name} wants ${wanted}, not ${first}`);
  switch (row.signature) {
    case "float":
      if (!isFloat(first)) throw refuse("floating-point operands");
      return first;
    case "integer":
      if (!isInteger(first)) throw refuse("integers");
      return first;
    case "number":
      if (first === "bool") throw refuse("numbers");
      return first;
    case "compare":
      return "bool";
    case "logic":
      if (first !== "bool") throw refuse("booleans");
      return "bool";
    case "select":
      if (dtypes[0] !== "bool") throw new IrError(`${row.name} wants a boolean condition, not ${dtypes[0]}`);
      return first;
  }
}

/** Numbers as an algebra: what makes a derivative rule also a slope. */
export const numberAlgebra: Algebra<number> = {
  apply: (op, ...args) => {
    const row = rowsByName.get(op);
    if (row === undefined) throw new IrError(`a derivative uses the unknown operation ${op}`);
    return row.evaluate(args, "f32");
  },
  constant: (value) => value,
};

const rowsByName = new Map(elementwiseRows.map((row) => [row.name, row]));

/** Applies `kernel` at every element; scalar operands are read at 0. */
function forEachElement(operands: readonly Tensor[], count: number, kernel: (args: number[], element: number) => void) {
  const args = new Array<number>(operands.length).fill(0);
  const scalar = operands.map((operand) => operand.data.length === 1 && operand.type.shape.length === 0);
  for (let element = 0; element < count; element++) {
    for (let i = 0; i < operands.length; i++) {
      args[i] = (operands[i] as Tensor).data[scalar[i] ? 0 : element] as number;
    }
    kernel(args, element);
  }
}

/** Chain rule by the row's partials; a scalar operand collects the sum over all elements. */
function differentiation(row: Row): DifferentiationRule | undefined {
  const partials = row.partials;
  if (partials === undefined) return undefined;
  return (context) => {
    const { node, gradient } = context;
    const slopes = partials<Node>(context, threeOf(node.operands), node);
    return slopes.map((slope, i) => {
      const operand = at(node.operands, i);
      if (slope === undefined || !isFloat(operand.type.dtype)) return undefined;
      const flowing = context.apply("mul", gradient, slope);
      if (operand.type.shape.length > 0 || node.type.shape.length === 0) return flowing;
      const axes = node.type.shape.map((_, axis) => `i${axis}`);
      return context.build("sum", [flowing], { spec: `${axes.join(" ")} -> ` });
    });
  };
}

function operation(row: Row): Operation {
  const { name, summary, arity, signature: _signature, ...scalar } = row;
  return {
    name,
    family: "elementwise",
    summary,
    arity,
    attributes: {},
    scalar,
    infer: ({ operands }) => tensorType(resultDType(row, operands), resultShape(name, operands)),
    evaluate: (operands, _attributes, type) => {
      const result = newTensor(type);
      const dtype = (operands[row.signature === "select" ? 1 : 0] as Tensor).type.dtype;
      forEachElement(operands, result.data.length, (args, element) => {
        result.data[element] = row.evaluate(args, dtype);
      });
      return result;
    },
    errorBound: (operands, errors, result) => {
      const bound = newTensor(result.type);
      if (!isFloat(result.type.dtype)) return discreteBound(row, operands, errors, result);
      const incoming = errors.map((error, i) => ({ error, scalar: (operands[i] as Tensor).type.shape.length === 0 }));
      forEachElement(operands, bound.data.length, (args, element) => {
        const value = result.data[element] as number;
        let total = row.roundoff(args, value);
        const slopes = row.partials?.(numberAlgebra, threeOf(args), value) ?? [];
        let worst = 0;
        incoming.forEach(({ error, scalar }, i) => {
          const e = error.data[scalar ? 0 : element] as number;
          if (e === 0) return;
          worst = Math.max(worst, e);
          const slope = slopes[i];
          if (slope !== undefined) total += Math.abs(slope) * e;
        });
        // A jump within reach of the argument's error makes any neighbouring value possible.
        if (row.discontinuous && worst > 0) total = Math.max(total, jumpBound(row, args, incoming.map(({ error, scalar }) => error.data[scalar ? 0 : element] as number), value));
        bound.data[element] = total;
      });
      return bound;
    },
    flops: (_operands, result) => row.flops * elementCount(result.shape),
    differentiate: differentiation(row),
  };
}

/** Largest change of the value when each argument moves by its error: evaluated at the ends of the interval. */
function jumpBound(row: Row, args: readonly number[], errors: readonly number[], value: number): number {
  let worst = 0;
  for (const direction of [-1, 1]) {
    const moved = args.map((x, i) => x + direction * (errors[i] as number));
    worst = Math.max(worst, Math.abs(row.evaluate(moved, "f32") - value));
  }
  return worst;
}

/** Booleans and integers are exact unless an argument's error reaches across the switch; then anything may come out. */
function discreteBound(row: Row, operands: readonly Tensor[], errors: readonly Tensor[], result: Tensor): Tensor {
  const bound = newTensor(result.type);
  forEachElement(operands, bound.data.length, (args, element) => {
    const own = errors.map((error, i) => error.data[(operands[i] as Tensor).type.shape.length === 0 ? 0 : element] as number);
    if (own.every((e) => e === 0)) return;
    const [x, y] = args;
    const reach = own.reduce((sum, e) => sum + e, 0);
    const undecided = args.length === 2 && row.discontinuous ? Math.abs((x as number) - (y as number)) <= reach : true;
    if (undecided) bound.data[element] = 1;
  });
  return bound;
}

export const elementwiseOperations: readonly Operation[] = elementwiseRows.map(operation);

/** Conversion between element types: floats to integers round towards zero and saturate, anything to bool is `!= 0`. */
export const cast: Operation = {
  name: "cast",
  family: "elementwise",
  summary: "Converts elements to another type.",
  arity: 1,
  attributes: {
    to: { kind: "string", doc: "element type of the result" },
    below: { kind: "number", default: 0, doc: "bound of the result when it is proven to be an index; 0 for none" },
  },
  scalar: {
    evaluate: ([x]) => x as number,
    wgsl: "$T($0)",
    roundoff: exact,
    partials: (a) => [a.constant(1)],
    flops: 0,
  },
  infer: ({ operands, attributes }) => {
    const below = attributes.below as number | undefined;
    return tensorType(attributes.to as DType, (operands[0] as TensorType).shape, below ? below : undefined);
  },
  evaluate: ([x], _attributes, type) => {
    const result = newTensor(type);
    const from = (x as Tensor).data;
    for (let i = 0; i < from.length; i++) result.data[i] = convert(from[i] as number, type.dtype);
    return result;
  },
  errorBound: ([x], [error], result) => {
    const bound = newTensor(result.type);
    const toFloat = isFloat(result.type.dtype);
    for (let i = 0; i < bound.data.length; i++) {
      const e = (error as Tensor).data[i] as number;
      const value = (x as Tensor).data[i] as number;
      if (toFloat) bound.data[i] = e + (result.type.dtype === "f32" ? 0 : 2 ** -9 * Math.abs(value));
      else bound.data[i] = e === 0 ? 0 : Math.ceil(e);
    }
    return bound;
  },
  flops: () => 0,
  differentiate: ({ node, gradient, build }) => {
    const from = (node.operands[0] as Node).type.dtype;
    return [isFloat(from) ? build("cast", [gradient], { to: from }) : undefined];
  },
};

function convert(x: number, to: DType): number {
  switch (to) {
    case "bool":
      return x !== 0 ? 1 : 0;
    case "i32":
      return Math.min(Math.max(Math.trunc(x), -2147483648), 2147483647) || 0;
    case "u32":
      return Math.min(Math.max(Math.trunc(x), 0), 4294967295) || 0;
    default:
      return x;
  }
}
