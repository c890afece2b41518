/**
 * Where a tensor can be other than zero: what its masks and restricted ranges say, followed through the products, quotients and
 * sums that are made of it.
 */
import { type Constraint, isConstant, type Node, parseConstraints, parseSpec, printConstraints } from "../ir/index.ts";
import { type AxisConstraint, affinePredicate, nameConstraints, negatedPredicate } from "./rules/affine-predicate.ts";

/** Outside of each of these a tensor is zero: a condition on positions, or a tensor of conditions laid out along some of its axes. */
export type Support =
  | { readonly kind: "positions"; readonly constraint: AxisConstraint }
  | { readonly kind: "data"; readonly condition: Node; readonly axes: readonly number[] };

/** Products are a few operations deep; of deeper ones, the rest is taken to be other than zero everywhere. */
const maximumDepth = 24;

/** The conditions that an element's position must satisfy, all of them, if the element is not zero. */
export function supportOf(node: Node, depth = maximumDepth): readonly Support[] {
  if (depth === 0 || node.type.shape.length === 0) return [];
  const [first, second] = node.operands;
  const inner = (operand: Node | undefined) => (operand === undefined ? [] : supportOf(operand, depth - 1));
  switch (node.op) {
    case "mul":
      return union(inner(first), inner(second));
    case "div":
    case "neg":
      return inner(first);
    case "add":
    case "sub":
      return inner(first).filter((each) => inner(second).some((other) => sameSupport(each, other)));
    case "select":
      return ofSelect(node, inner);
    case "contract":
      return ofContraction(node);
    case "broadcast":
      return moved(inner(first), node.attributes.axes as readonly number[]);
    case "transpose": {
      const permutation = node.attributes.permutation as readonly number[];
      return moved(
        inner(first),
        permutation.map((_, axis) => permutation.indexOf(axis)),
      );
    }
    default:
      return [];
  }
}

/** True when both say the same. */
export function sameSupport(a: Support, b: Support): boolean {
  if (a.kind === "positions") return b.kind === "positions" && textOf(a.constraint) === textOf(b.constraint);
  return b.kind === "data" && a.condition === b.condition && a.axes.join() === b.axes.join();
}

/** The conditions on positions, in terms of index names, one for each axis. */
export function supportConstraints(support: readonly Support[], names: readonly string[]): Constraint[] {
  return nameConstraints(
    support.flatMap((each) => (each.kind === "positions" ? [each.constraint] : [])),
    names,
  );
}

/** The conditions of a restricted range that speak of the given axes alone. */
export function rangeSupport(where: string, axes: readonly string[]): readonly Support[] {
  return parseConstraints(where).flatMap(({ terms, constant }): Support[] => {
    if (![...terms.keys()].every((name) => axes.includes(name))) return [];
    const coefficients = new Map([...terms].map(([name, coefficient]) => [axes.indexOf(name), coefficient]));
    return [{ kind: "positions", constraint: { coefficients, constant } }];
  });
}

function ofSelect(node: Node, inner: (operand: Node) => readonly Support[]): readonly Support[] {
  const [condition, yes, no] = node.operands as readonly [Node, Node, Node];
  const affine = affinePredicate(condition);
  const positions = (constraints: readonly AxisConstraint[]) =>
    constraints.map((constraint): Support => ({ kind: "positions", constraint }));
  if (isConstant(no, 0)) {
    return union(affine === undefined ? [dataCondition(condition)] : positions(affine), inner(yes));
  }
  const negated = affine === undefined ? undefined : negatedPredicate(affine);
  return isConstant(yes, 0) && negated !== undefined ? union(positions(negated), inner(no)) : [];
}

function ofContraction(node: Node): readonly Support[] {
  const where = (node.attributes.where as string | undefined) ?? "";
  return where === "" ? [] : rangeSupport(where, parseSpec(node.attributes.spec as string).result);
}

/** A tensor of conditions as what it is a broadcast of. */
function dataCondition(node: Node): Support {
  let condition = node;
  let axes: readonly number[] = node.type.shape.map((_, axis) => axis);
  while (condition.op === "broadcast") {
    const own = condition.attributes.axes as readonly number[];
    axes = own.map((axis) => axes[axis] as number);
    condition = condition.operands[0] as Node;
  }
  return { kind: "data", condition, axes };
}

function moved(support: readonly Support[], axes: readonly number[]): readonly Support[] {
  return support.map((each): Support => {
    if (each.kind === "data") return { ...each, axes: each.axes.map((axis) => axes[axis] as number) };
    const { coefficients, constant } = each.constraint;
    const terms = [...coefficients].map(([axis, value]) => [axes[axis] as number, value] as const);
    return { kind: "positions", constraint: { coefficients: new Map(terms), constant } };
  });
}

function union(a: readonly Support[], b: readonly Support[]): readonly Support[] {
  return [...a, ...b.filter((each) => !a.some((known) => sameSupport(known, each)))];
}

function textOf(constraint: AxisConstraint): string {
  const axes = [...constraint.coefficients.keys()];
  const names = Array.from({ length: Math.max(-1, ...axes) + 1 }, (_, axis) => `a${axis}`);
  return printConstraints(nameConstraints([constraint], names));
}

/** True for a tensor of zeros and ones that says no more than its support does. */
export function isIndicator(node: Node): boolean {
  const [first, second, third] = node.operands;
  switch (node.op) {
    case "select":
      return isConstant(second as Node, 1) && isConstant(third as Node, 0);
    case "broadcast":
    case "transpose":
      return isConstant(first as Node, 1) || isIndicator(first as Node);
    default:
      return false;
  }
}
