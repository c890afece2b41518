/** Activations: the library's functions where they have the same constants, else their equations. */
import { call as apply, choose, type Expression, number } from "../expression.ts";
import { float, type OperatorTable, single, text } from "../operator.ts";
import { binaryOf, unary } from "./elementwise.ts";
import { type Make, pointwise } from "./pointwise.ts";

export const activationOperators: OperatorTable = {
  Relu: unary("relu"),
  Sigmoid: unary("sigmoid"),
  Softplus: unary("softplus"),
  Swish: unary("silu"),
  Softsign: unary("softsign", "std/activation"),
  Mish: unary("mish", "std/activation"),
  HardSwish: unary("hard_swish", "std/activation"),
  Selu: single((call) => {
    const [alpha, gamma] = [float(call, "alpha") ?? 1.6732632, float(call, "gamma") ?? 1.0507009];
    const value = call.input(0);
    return pointwise(
      call,
      "f32",
      [value],
      (x) => {
        const below = binaryOf(
          "*",
          number(alpha),
          binaryOf("-", apply("exp", apply("min", x as Expression, number(0))), number(1)),
        );
        return binaryOf("*", number(gamma), choose(binaryOf(">", x as Expression, number(0)), x as Expression, below));
      },
      "elements",
    );
  }),
  LeakyRelu: single((call) => {
    const slope = float(call, "alpha") ?? 0.01;
    return pointwise(call, "f32", [call.input(0)], (x) => ({
      kind: "call",
      name: "leaky_relu",
      arguments: [x as Expression],
      named: [{ name: "slope", value: number(slope) }],
    }));
  }),
  PRelu: single((call) => {
    const [value, slope] = [call.input(0), call.input(1)];
    const make: Make = (x, s) =>
      choose(
        binaryOf(">", x as Expression, number(0)),
        x as Expression,
        binaryOf("*", s as Expression, x as Expression),
      );
    return pointwise(call, "f32", [value, slope], make, "elements");
  }),
  Elu: single((call) => {
    const alpha = float(call, "alpha") ?? 1;
    if (alpha === 1) return pointwise(call, "f32", [call.input(0)], (x) => apply("elu", x as Expression));
    return pointwise(
      call,
      "f32",
      [call.input(0)],
      (x) => {
        const below = binaryOf(
          "*",
          number(alpha),
          binaryOf("-", apply("exp", apply("min", x as Expression, number(0))), number(1)),
        );
        return choose(binaryOf(">", x as Expression, number(0)), x as Expression, below);
      },
      "elements",
    );
  }),
  Celu: single((call) => {
    call.scope.use("std/activation", "celu");
    const alpha = float(call, "alpha") ?? 1;
    return pointwise(call, "f32", [call.input(0)], (x) => ({
      kind: "call",
      name: "celu",
      arguments: [x as Expression],
      named: [{ name: "alpha", value: number(alpha) }],
    }));
  }),
  ThresholdedRelu: single((call) => {
    const alpha = float(call, "alpha") ?? 1;
    return pointwise(
      call,
      "f32",
      [call.input(0)],
      (x) => choose(binaryOf(">", x as Expression, number(alpha)), x as Expression, number(0)),
      "elements",
    );
  }),
  HardSigmoid: single((call) => {
    const [alpha, beta] = [float(call, "alpha") ?? 0.2, float(call, "beta") ?? 0.5];
    return pointwise(call, "f32", [call.input(0)], (x) => {
      const line = binaryOf("+", binaryOf("*", number(alpha), x as Expression), number(beta));
      return apply("min", apply("max", line, number(0)), number(1));
    });
  }),
  Gelu: single((call) => {
    const name = text(call, "approximate") === "tanh" ? "gelu_tanh" : "gelu";
    return pointwise(call, "f32", [call.input(0)], (x) => apply(name, x as Expression));
  }),
};
