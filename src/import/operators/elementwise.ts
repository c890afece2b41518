/** Operators that work element by element, with broadcasting. */
import { literalOf } from "../constants.ts";
import { call as apply, binary, choose, type Expression, negative, not, number } from "../expression.ts";
import type { Element } from "../onnx-tensor.ts";
import { elementType } from "../onnx-tensor.ts";
import { integer, type Operator, type OperatorTable, single } from "../operator.ts";
import { Refusal } from "../problem.ts";
import { literal, type Value } from "../value.ts";
import { linearLayer } from "./linear-layer.ts";
import { type Make, pointwise, viewOf } from "./pointwise.ts";

/** A function of one number, by its name in the language. */
export const unary = (name: string, file?: string): Operator =>
  single((call) => {
    const value = call.input(0);
    if (file !== undefined) call.scope.use(file, name);
    return pointwise(call, value.element, [value], (x) => apply(name, x));
  });

/** An operator of two numbers of one type. */
const arithmetic = (operator: string): Operator =>
  single((call) => {
    const values = [call.input(0), call.input(1)];
    return pointwise(call, (values[0] as Value).element, values, (x, y) =>
      binaryOf(operator, x as Expression, y as Expression),
    );
  });

/** Float arithmetic keeps its neutral elements: `x + 0` is what the model says. */
export const binaryOf = (operator: string, left: Expression, right: Expression): Expression => ({
  kind: "binary",
  operator,
  left,
  right,
});

const comparison = (operator: string): Operator =>
  single((call) => {
    const values = [call.input(0), call.input(1)];
    return pointwise(call, "bool", values, (x, y) => binaryOf(operator, x as Expression, y as Expression), "elements");
  });

/** A function of any number of operands, taken two by two. */
const variadic = (make: (x: Expression, y: Expression) => Expression): Operator =>
  single((call) => {
    const values = call.inputs();
    const [first] = values as readonly [Value];
    return pointwise(call, first.element, values, (...operands) => operands.reduce(make));
  });

const truncatedQuotient = `/// a / b, rounded towards zero.
fn truncated_quotient(a: i32, b: i32) -> i32 {
  let q = abs(a) // abs(b)
  return if (a < 0) == (b < 0) then q else -q
}`;

const divide: Operator = single((call) => {
  const values = [call.input(0), call.input(1)] as const;
  if (values[0].element === "f32")
    return pointwise(call, "f32", values, (x, y) => binaryOf("/", x as Expression, y as Expression));
  // Sizes are not negative: among them, rounding down is rounding towards zero.
  if (values.every(({ constant }) => constant !== undefined) || values[0].element === "u32") {
    return pointwise(call, values[0].element, values, (x, y) => binaryOf("//", x as Expression, y as Expression));
  }
  call.scope.helpers.set("truncated_quotient", truncatedQuotient);
  call.scope.names.reserve("truncated_quotient");
  return pointwise(call, "i32", values, (x, y) => apply("truncated_quotient", x as Expression, y as Expression));
});

/** The remainder with the sign of the dividend, or of the divisor, as the language's own. */
const modulo: Operator = single((call) => {
  const values = [call.input(0), call.input(1)] as const;
  const { element } = values[0];
  const [divide, floor]: [string, Make] =
    element === "f32" ? ["/", (x) => apply("floor", x as Expression)] : ["//", (x) => x as Expression];
  const quotient: Make = (x, y) => floor(binaryOf(divide, x as Expression, y as Expression));
  const rest: Make = (x, y) =>
    binaryOf("-", x as Expression, binaryOf("*", y as Expression, quotient(x as Expression, y as Expression)));
  if (integer(call, "fmod") !== 1) {
    const own: Make = (x, y) => binaryOf("%", x as Expression, y as Expression);
    return pointwise(call, element, values, element === "f32" ? rest : own);
  }
  const remainder: Make = (x, y) => {
    const size = rest(apply("abs", x as Expression), apply("abs", y as Expression));
    return choose(binaryOf("<", x as Expression, literal(element, 0)), negative(size), size);
  };
  return pointwise(call, element, values, remainder, "elements");
});

const power: Operator = single((call) => {
  const [base, exponent] = [call.input(0), call.input(1)];
  if (base.element !== "f32") {
    const whole: Make = (x, y) =>
      apply(base.element, binaryOf("^", apply("f32", x as Expression), apply("f32", y as Expression)));
    return pointwise(call, base.element, [base, exponent], whole, "elements");
  }
  const known = exponent.constant === undefined ? undefined : literalOf(exponent.constant);
  if (known?.kind === "number" && known.value === 0.5)
    return pointwise(call, "f32", [base], (x) => apply("sqrt", x as Expression));
  const convert = (y: Expression) => (exponent.element === "f32" || known !== undefined ? y : apply("f32", y));
  return pointwise(call, "f32", [base, exponent], (x, y) => binaryOf("^", x as Expression, convert(y as Expression)));
});

const where: Operator = single((call) => {
  const values = [call.input(0), call.input(1), call.input(2)] as const;
  return pointwise(
    call,
    values[1].element,
    values,
    (c, x, y) => choose(c as Expression, x as Expression, y as Expression),
    "elements",
  );
});

const cast: Operator = single((call) => {
  const value = call.input(0);
  const { element } = elementType(integer(call, "to") ?? 0, "its result");
  if (element === value.element) return { ...viewOf(call, value) };
  if (element === "bool") {
    const zero = literal(value.element, 0);
    return pointwise(call, "bool", [value], (x) => binaryOf("!=", x as Expression, zero), "elements");
  }
  return pointwise(call, element, [value], (x) => apply(element, x as Expression));
});

const identity: Operator = single((call) => viewOf(call, call.input(0)));

const dropout: Operator = (call) => {
  const training = call.optional(2)?.constant;
  if (training !== undefined && training.at(0) !== 0)
    throw new Refusal("it drops elements; export the model for inference");
  if (call.isUsed(1)) throw new Refusal("its mask is used, and only inference is imported");
  return [viewOf(call, call.input(0))];
};

const add: Operator = single((call) => {
  const values = [call.input(0), call.input(1)] as const;
  return (
    linearLayer(call, values) ??
    pointwise(call, values[0].element, values, (x, y) => binaryOf("+", x as Expression, y as Expression))
  );
});

const clip: Operator = single((call) => {
  const value = call.input(0);
  const [low, high] = [call.optional(1), call.optional(2)];
  const given = [value, ...(low === undefined ? [] : [low]), ...(high === undefined ? [] : [high])];
  return pointwise(call, value.element, given, (x, ...limits) => {
    const rest = [...limits];
    const raised = low === undefined ? (x as Expression) : apply("max", x as Expression, rest.shift() as Expression);
    return high === undefined ? raised : apply("min", raised, rest.shift() as Expression);
  });
});

const minimumOf = (name: "min" | "max") => variadic((x, y) => apply(name, x, y));

const logical = (operator: "and" | "or"): Operator =>
  single((call) =>
    pointwise(
      call,
      "bool",
      [call.input(0), call.input(1)],
      (x, y) => binary(operator, x as Expression, y as Expression),
      "elements",
    ),
  );

const numbers = (make: Make, form: "any" | "elements" = "any", element?: Element): Operator =>
  single((call) => {
    const value = call.input(0);
    return pointwise(call, element ?? value.element, [value], make, form);
  });

export const elementwiseOperators: OperatorTable = {
  Add: add,
  Sub: arithmetic("-"),
  Mul: arithmetic("*"),
  Div: divide,
  Mod: modulo,
  Pow: power,
  Sum: variadic((x, y) => binaryOf("+", x, y)),
  Mean: single((call) => {
    const values = call.inputs();
    return pointwise(call, "f32", values, (...operands) =>
      binaryOf(
        "/",
        operands.reduce((x, y) => binaryOf("+", x, y)),
        number(values.length),
      ),
    );
  }),
  Min: minimumOf("min"),
  Max: minimumOf("max"),
  Neg: numbers((x) => negative(x as Expression)),
  Abs: unary("abs"),
  Exp: unary("exp"),
  Log: unary("log"),
  Sqrt: unary("sqrt"),
  Sin: unary("sin"),
  Cos: unary("cos"),
  Tan: unary("tan"),
  Tanh: unary("tanh"),
  Erf: unary("erf"),
  Floor: unary("floor"),
  Ceil: unary("ceil"),
  Round: unary("round"),
  Sign: unary("sign"),
  Reciprocal: numbers((x) => binaryOf("/", number(1), x as Expression)),
  Sinh: numbers((x) =>
    binaryOf("/", binaryOf("-", apply("exp", x as Expression), apply("exp", negative(x as Expression))), number(2)),
  ),
  Cosh: numbers((x) =>
    binaryOf("/", binaryOf("+", apply("exp", x as Expression), apply("exp", negative(x as Expression))), number(2)),
  ),
  IsNaN: numbers((x) => binaryOf("!=", x as Expression, x as Expression), "elements", "bool"),
  Not: numbers((x) => not(x as Expression), "elements"),
  And: logical("and"),
  Or: logical("or"),
  Xor: comparison("!="),
  Equal: comparison("=="),
  Less: comparison("<"),
  LessOrEqual: comparison("<="),
  Greater: comparison(">"),
  GreaterOrEqual: comparison(">="),
  Where: where,
  Cast: cast,
  CastLike: single((call) => {
    const [value, like] = [call.input(0), call.input(1)];
    if (like.element === value.element) return viewOf(call, value);
    if (like.element === "bool")
      return pointwise(
        call,
        "bool",
        [value],
        (x) => binaryOf("!=", x as Expression, literal(value.element, 0)),
        "elements",
      );
    return pointwise(call, like.element, [value], (x) => apply(like.element, x as Expression));
  }),
  Identity: identity,
  Dropout: dropout,
  Clip: clip,
};
