/** Operations that change nothing, and constants brought into one place. */
import { isConstant, isFloat, type Node, operationOf, sameShape, sameType } from "../../ir/index.ts";
import { any, constant, family, named, op, type Pattern } from "../pattern.ts";
import { type Rule, rule } from "../rewrite.ts";

/** Operands of commutative operations stand in either order, so one rule serves both. */
const elementwiseOf = (...operands: readonly Pattern[]) => family("elementwise", ...operands);

const constantValue = (node: Node) => (node.attributes.values as readonly number[])[0] as number;

export const identityRules: readonly Rule[] = [
  rule({
    name: "identity element",
    reason: "combining with the identity of an operation changes nothing",
    pattern: elementwiseOf(any("x"), constant("c")),
    when: ({ x, c }, { root }) => {
      const identity = operationOf(root.op).scalar?.identity;
      return identity !== undefined && isConstant(c as Node, identity) && (x as Node).type.dtype === root.type.dtype;
    },
    build: ({ x }, builder, { root }) => {
      const operand = x as Node;
      if (sameShape(operand.type.shape, root.type.shape))
        return sameType(operand.type, root.type) ? operand : undefined;
      return builder.broadcast(operand, root.type.shape, []);
    },
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32 = constant values=[1]
  %2: f32[4] = mul %1, %0
  %3: f32[4] = div %2, %1
  return y = %3`,
      after: `%0: f32[4] = input "x"
  return y = %0`,
    },
  }),
  rule({
    name: "double negation",
    reason: "two changes of sign cancel",
    pattern: op("neg", op("neg", any("x"))),
    build: ({ x }) => x,
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32[4] = neg %0
  %2: f32[4] = neg %1
  return y = %2`,
      after: `%0: f32[4] = input "x"
  return y = %0`,
    },
  }),
  rule({
    name: "gradient stopped",
    reason: "where gradients are wanted they have been built by now",
    pattern: op("stop_gradient", any("x")),
    build: ({ x }) => x,
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32[4] = stop_gradient %0
  return y = %1`,
      after: `%0: f32[4] = input "x"
  return y = %0`,
    },
  }),
  rule({
    name: "double not",
    reason: "two logical negations cancel",
    pattern: op("not", op("not", any("x"))),
    build: ({ x }) => x,
    sample: {
      before: `%0: bool[4] = input "x"
  %1: bool[4] = not %0
  %2: bool[4] = not %1
  return y = %2`,
      after: `%0: bool[4] = input "x"
  return y = %0`,
    },
  }),
  rule({
    // Which operand a constant condition picks is what select means; no other operation has it.
    name: "select by a constant",
    reason: "a condition known at compile time leaves one branch",
    pattern: op("select", constant("condition"), any("yes"), any("no")),
    build: ({ condition, yes, no }, builder, { root }) => {
      const chosen = constantValue(condition) !== 0 ? yes : no;
      const laidOut = sameShape(chosen.type.shape, root.type.shape)
        ? chosen
        : builder.broadcast(chosen, root.type.shape, []);
      return sameType(laidOut.type, root.type) ? laidOut : undefined;
    },
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32[4] = input "z"
  %2: bool = constant values=[1]
  %3: f32[4] = select %2, %0, %1
  return y = %3`,
      after: `%0: f32[4] = input "x"
  %1: f32[4] = input "z"
  return y = %0`,
    },
  }),
  rule({
    name: "select of one value",
    reason: "both branches are the same value, so the condition does not matter",
    pattern: op("select", any("condition"), any("x"), any("x")),
    build: ({ x }, _builder, { root }) => (sameType(x.type, root.type) ? x : undefined),
    sample: {
      before: `%0: bool[4] = input "c"
  %1: f32[4] = input "x"
  %2: f32[4] = select %0, %1, %1
  return y = %2`,
      after: `%0: bool[4] = input "c"
  %1: f32[4] = input "x"
  return y = %1`,
    },
  }),
  rule({
    name: "cast to the same type",
    reason: "the value has that type already",
    pattern: op("cast", any("x")),
    build: ({ x }, _builder, { root }) => (sameType(x.type, root.type) ? x : undefined),
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32[4] = cast %0 to="f32"
  return y = %1`,
      after: `%0: f32[4] = input "x"
  return y = %0`,
    },
  }),
  rule({
    name: "constants to the right",
    reason: "one order for commutative operations lets equal values be found and rules be written once",
    pattern: named("root", family("elementwise")),
    when: ({ root }) => {
      const [left, right, ...rest] = root.operands;
      return (
        operationOf(root.op).scalar?.commutative === true &&
        rest.length === 0 &&
        left?.op === "constant" &&
        right?.op !== "constant"
      );
    },
    build: ({ root }, builder) => builder.apply(root.op, root.operands[1] as Node, root.operands[0] as Node),
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32 = constant values=[3]
  %2: f32[4] = add %1, %0
  return y = %2`,
      after: `%0: f32[4] = input "x"
  %1: f32 = constant values=[3]
  %2: f32[4] = add %0, %1
  return y = %2`,
    },
  }),
  rule({
    name: "filled operand",
    reason: "elementwise operations take scalars, so one value need not fill a shape",
    pattern: named("root", family("elementwise")),
    build: ({ root }, builder) => {
      if (root.type.shape.length === 0) return undefined;
      const scalars = root.operands.map(scalarBehind);
      // One operand must go on carrying the shape.
      const carrier = root.operands.findIndex(
        (operand, i) => operand.type.shape.length > 0 && scalars[i] === undefined,
      );
      const keep = carrier >= 0 ? carrier : root.operands.findIndex((operand) => operand.type.shape.length > 0);
      if (scalars.every((scalar, i) => scalar === undefined || i === keep)) return undefined;
      const operands = root.operands.map((operand, i) => {
        const scalar = scalars[i];
        if (scalar === undefined || i === keep) return operand;
        return typeof scalar === "number" ? builder.constant(scalar, operand.type.dtype) : scalar;
      });
      if (operands.some((operand, i) => operand.type.below !== root.operands[i]?.type.below)) return undefined;
      return builder.node(root.op, operands, root.attributes);
    },
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32 = input "s"
  %2: f32[4] = broadcast %1 shape=[4] axes=[]
  %3: f32[4] = constant values=[2]
  %4: f32[4] = add %0, %2
  %5: f32[4] = add %4, %3
  return y = %5`,
      after: `%0: f32[4] = input "x"
  %1: f32 = input "s"
  %2: f32[4] = add %0, %1
  %3: f32 = constant values=[2]
  %4: f32[4] = add %2, %3
  return y = %4`,
    },
  }),
  rule({
    // Named operations: that adding the negative is subtracting is a law of these two.
    name: "addition of a negative",
    reason: "one subtraction does the work of a negation and an addition",
    pattern: op("add", any("x"), op("neg", any("y"))),
    build: ({ x, y }, builder) => builder.apply("sub", x, y),
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32[4] = input "z"
  %2: f32[4] = neg %1
  %3: f32[4] = add %0, %2
  return y = %3`,
      after: `%0: f32[4] = input "x"
  %1: f32[4] = input "z"
  %2: f32[4] = sub %0, %1
  return y = %2`,
    },
  }),
  rule({
    name: "subtraction of a negative",
    reason: "one addition does the work of a negation and a subtraction",
    pattern: op("sub", any("x"), op("neg", any("y"))),
    build: ({ x, y }, builder) => builder.apply("add", x, y),
    sample: {
      before: `%0: f32[4] = input "x"
  %1: f32[4] = input "z"
  %2: f32[4] = neg %1
  %3: f32[4] = sub %0, %2
  return y = %3`,
      after: `%0: f32[4] = input "x"
  %1: f32[4] = input "z"
  %2: f32[4] = add %0, %1
  return y = %2`,
    },
  }),
];

/** The scalar of which every element of the tensor is a copy: a value, a node, or `undefined`. */
function scalarBehind(node: Node): number | Node | undefined {
  if (node.type.shape.length === 0) return undefined;
  if (isConstant(node))
    return isFloat(node.type.dtype) || node.type.below === undefined ? constantValue(node) : undefined;
  const [operand] = node.operands;
  if (node.op !== "broadcast" || operand === undefined) return undefined;
  return operand.type.shape.length === 0 ? operand : scalarBehind(operand);
}
