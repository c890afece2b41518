/**
 * A permission, in the graph: the value may be computed approximately between the other operands and here.
 *
 * The operation itself is the identity of its first operand, so a graph that keeps it is exact. The pass `approximate` looks
 * for softmax attention between the result and the other operands, which are what the marked call was given, and no further.
 */
import type { Operation } from "../operation.ts";
import { IrError } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import type { TensorType } from "../types.ts";

/** The approximations that exist. */
export const approximationMethods: readonly string[] = ["favor"];

export const approximate: Operation = {
  name: "approximate",
  family: "movement",
  summary: "The first operand, which may be approximated as far back as the other operands.",
  arity: 1,
  variadic: true,
  attributes: {
    method: { kind: "spec", doc: "how: `favor`, positive random features in place of softmax attention" },
    features: { kind: "number", default: 0, doc: "number of random features; 0 chooses d log d" },
    seed: { kind: "number", default: 0, doc: "seed of the random draws" },
  },
  infer: ({ operands, attributes }) => {
    if (!approximationMethods.includes(attributes.method as string))
      throw new IrError(`there is no approximation ${attributes.method}`);
    return operands[0] as TensorType;
  },
  indexMap: (_algebra, position) => [{ operand: 0, position, inside: [] }],
  evaluate: ([value]) => value as Tensor,
  errorBound: (_operands, errors) => errors[0] as Tensor,
  flops: () => 0,
  differentiate: ({ node, gradient }) => node.operands.map((_, k) => (k === 0 ? gradient : undefined)),
};
