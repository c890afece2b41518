/** Masks that depend on positions alone become restricted ranges, which are never computed where the mask is false. */
import {
  type Builder,
  type Constraint,
  isConstant,
  isFloat,
  type Node,
  operationOf,
  parseConstraints,
  parseSpec,
  printConstraints,
  printSpec,
} from "../../ir/index.ts";
import { family, named, op } from "../pattern.ts";
import { type Rule, rule } from "../rewrite.ts";
import { type AxisConstraint, affinePredicate, nameConstraints, negatedPredicate } from "./affine-predicate.ts";

/** The value where a mask lets through, and the conditions on positions. */
export interface PositionMask {
  readonly value: Node;
  readonly constraints: readonly AxisConstraint[];
}

/**
 * Reads `select(mask, value, fill)` where the mask depends on positions alone, in either orientation.
 *
 * `select` is named because it is what a mask is written with.
 */
export function positionMask(node: Node, fill: number): PositionMask | undefined {
  if (node.op !== "select") return undefined;
  const [condition, yes, no] = node.operands as readonly [Node, Node, Node];
  if (condition.type.shape.length !== node.type.shape.length) return undefined;
  const constraints = affinePredicate(condition);
  if (constraints === undefined) return undefined;
  if (isConstant(no, fill) && carriesShape(yes, node)) return { value: yes, constraints };
  if (!isConstant(yes, fill) || !carriesShape(no, node)) return undefined;
  const negated = negatedPredicate(constraints);
  return negated === undefined ? undefined : { value: no, constraints: negated };
}

const carriesShape = (value: Node, node: Node) => value.type.shape.length === node.type.shape.length;

const whereOf = (node: Node) => parseConstraints((node.attributes.where as string | undefined) ?? "");

/** Conditions joined to those that a node has; the same condition stands once. */
function joined(node: Node, more: readonly Constraint[]): string {
  const texts = [...whereOf(node), ...more].map((constraint) => printConstraints([constraint]));
  return [...new Set(texts)].join(", ");
}

export const maskRules: readonly Rule[] = [
  rule({
    name: "reduction under a position mask",
    reason: "elements that a mask replaces by the identity need not be visited",
    pattern: named("root", family("reduce", named("masked", op("select")))),
    build: ({ root, masked }, builder) => {
      const reducer = operationOf(root.op).reducer;
      const mask = positionMask(masked, reducer?.identity(root.operands[0]?.type.dtype ?? "f32") ?? 0);
      if (mask === undefined || reducer?.positional) return undefined;
      const spec = parseSpec(root.attributes.spec as string);
      const constraints = nameConstraints(mask.constraints, spec.operands[0] as readonly string[]);
      return builder.node(root.op, [mask.value], { ...root.attributes, where: joined(root, constraints) });
    },
    sample: {
      before: `%0: f32[4, 4] = input "x"
  %1: idx<4>[4] = iota size=4
  %2: idx<4>[4, 4] = broadcast %1 shape=[4, 4] axes=[1]
  %3: idx<4>[4, 4] = broadcast %1 shape=[4, 4] axes=[0]
  %4: bool[4, 4] = le %2, %3
  %5: f32 = constant values=[0]
  %6: f32[4, 4] = select %4, %0, %5
  %7: f32[4] = sum "i j -> i" %6
  return y = %7`,
      after: `%0: f32[4, 4] = input "x"
  %1: f32[4] = sum "i j -> i" %0 where="j <= i"
  return y = %1`,
    },
  }),
  rule({
    name: "contraction under a position mask",
    reason: "products that a mask makes zero need not be computed",
    pattern: named("root", op("contract")),
    build: ({ root }, builder) => contractionUnderMask(root, builder),
    sample: {
      before: `%0: f32[4, 4] = input "x"
  %1: f32[4, 3] = input "z"
  %2: idx<4>[4] = iota size=4
  %3: idx<4>[4, 4] = broadcast %2 shape=[4, 4] axes=[1]
  %4: idx<4>[4, 4] = broadcast %2 shape=[4, 4] axes=[0]
  %5: bool[4, 4] = gt %3, %4
  %6: f32 = constant values=[0]
  %7: f32[4, 4] = select %5, %6, %0
  %8: f32[4, 3] = contract "i j, j c -> i c" %7, %1
  return y = %8`,
      after: `%0: f32[4, 4] = input "x"
  %1: f32[4, 3] = input "z"
  %2: f32[4, 3] = contract "i j, j c -> i c" %0, %1 where="j <= i"
  return y = %2`,
    },
  }),
];

function contractionUnderMask(root: Node, builder: Builder): Node | undefined {
  const spec = parseSpec(root.attributes.spec as string);
  for (let k = 0; k < root.operands.length; k++) {
    const operand = root.operands[k] as Node;
    const names = spec.operands[k] as readonly string[];
    const mask = positionMask(operand, 0);
    if (mask !== undefined) {
      const operands = root.operands.map((other, i) => (i === k ? mask.value : other));
      return builder.contract(printSpec(spec), operands, joined(root, nameConstraints(mask.constraints, names)));
    }
    const dropped = droppedIndicator(root, k, builder);
    if (dropped !== undefined) return dropped;
  }
  return undefined;
}

/** A mask written as a factor of zeros and ones goes away when the other factors have its indices. */
function droppedIndicator(root: Node, k: number, builder: Builder): Node | undefined {
  const operand = root.operands[k] as Node;
  const condition = operand.op === "cast" && isFloat(operand.type.dtype) ? operand.operands[0] : undefined;
  if (condition?.type.dtype !== "bool") return undefined;
  const spec = parseSpec(root.attributes.spec as string);
  const names = spec.operands[k] as readonly string[];
  const others = spec.operands.filter((_, other) => other !== k);
  if (!names.every((name) => others.some((own) => own.includes(name)))) return undefined;
  const constraints = affinePredicate(condition);
  if (constraints === undefined) return undefined;
  return builder.contract(
    printSpec({ operands: others, result: spec.result }),
    root.operands.filter((_, other) => other !== k),
    joined(root, nameConstraints(constraints, names)),
  );
}
