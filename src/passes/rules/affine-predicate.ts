/**
 * Recognising masks that depend on positions alone: comparisons of sums of iotas, laid out along the axes of a tensor.
 *
 * `le(broadcast(iota), broadcast(iota))` along axes 1 and 0 is the condition `axis1 <= axis0`. Such a mask can become the
 * restricted range of a sum, which is never computed where it is false; a mask that depends on data cannot.
 */
import { type Constraint, elementCount, isConstant, isFloat, type Node, type Shape } from "../../ir/index.ts";

/** `sum of coefficient * position along axis + constant`, over the axes of one tensor. */
interface AffineForm {
  readonly coefficients: ReadonlyMap<number, number>;
  readonly constant: number;
}

/** A condition on positions: `sum of coefficient * position along axis + constant >= 0`. */
export type AxisConstraint = AffineForm;

/** Integers stay exact in f32 up to here; beyond, a mask is left alone. */
const largestExact = 2 ** 24;

/** Predicates are a few operations deep; deeper ones are left alone, which also bounds the recursion. */
const maximumDepth = 24;

/**
 * The conditions, all of which must hold, that a boolean tensor states about positions along its own axes; `undefined`
 * when it depends on data or is not affine.
 */
export function affinePredicate(node: Node): readonly AxisConstraint[] | undefined {
  return predicate(node, maximumDepth);
}

/** The conditions under which the predicate is false, when that is one affine condition. */
export function negatedPredicate(constraints: readonly AxisConstraint[]): readonly AxisConstraint[] | undefined {
  const [only, ...rest] = constraints;
  if (only === undefined || rest.length > 0) return undefined;
  // not (e >= 0)  is  -e - 1 >= 0  over integers.
  return [combine(scaleForm(only, -1), constantForm(1), -1)];
}

/** The same conditions in terms of index names, one per axis. */
export function nameConstraints(constraints: readonly AxisConstraint[], names: readonly string[]): Constraint[] {
  return constraints.map(({ coefficients, constant }) => {
    const terms = new Map<string, number>();
    for (const [axis, coefficient] of coefficients) {
      const name = names[axis] as string;
      const sum = (terms.get(name) ?? 0) + coefficient;
      if (sum === 0) terms.delete(name);
      else terms.set(name, sum);
    }
    return { terms, constant };
  });
}

function predicate(node: Node, depth: number): readonly AxisConstraint[] | undefined {
  if (depth === 0 || node.type.dtype !== "bool") return undefined;
  const [left, right] = node.operands;
  const laidOut = alongAxes(node, (operand) => predicate(operand, depth - 1));
  if (laidOut !== undefined) return laidOut.constraints.map((constraint) => moveAxes(constraint, laidOut.axes));
  // These names have no common fact in their records: what matters is which of `<=` and `and` they mean.
  switch (node.op) {
    case "and": {
      const both = [left, right].map((operand) => predicate(operand as Node, depth - 1));
      return both.every((part) => part !== undefined) ? both.flat() : undefined;
    }
    case "not": {
      const inner = predicate(left as Node, depth - 1);
      return inner === undefined ? undefined : negatedPredicate(inner);
    }
    case "le":
    case "lt":
      return comparison(left as Node, right as Node, node.op === "lt", depth);
    case "ge":
    case "gt":
      return comparison(right as Node, left as Node, node.op === "gt", depth);
    case "eq": {
      const below = comparison(left as Node, right as Node, false, depth);
      const above = comparison(right as Node, left as Node, false, depth);
      return below === undefined || above === undefined ? undefined : [...below, ...above];
    }
    default:
      return undefined;
  }
}

/** `left <= right`, or `left < right` when strict; `|e| <= c` gives two conditions. */
function comparison(left: Node, right: Node, strict: boolean, depth: number): readonly AxisConstraint[] | undefined {
  const upper = affine(right, depth - 1);
  if (upper === undefined) return undefined;
  const inner = left.op === "abs" ? affine(left.operands[0] as Node, depth - 1) : undefined;
  const lower = inner === undefined ? affine(left, depth - 1) : undefined;
  const forms = inner === undefined ? [lower] : [inner, scaleForm(inner, -1)];
  const constraints: AxisConstraint[] = [];
  for (const form of forms) {
    if (form === undefined) return undefined;
    const difference = combine(upper, form, -1);
    if (difference.coefficients.size === 0) return undefined;
    // Positions are integers: e >= 0 is e >= 0 rounded down, and e > 0 is e >= 1 for a whole e.
    const constant = strict ? Math.ceil(difference.constant) - 1 : Math.floor(difference.constant);
    constraints.push({ coefficients: difference.coefficients, constant });
  }
  return constraints;
}

/** The number tensor as an affine form of the positions along its axes. */
function affine(node: Node, depth: number): AffineForm | undefined {
  if (depth === 0 || node.type.dtype === "bool") return undefined;
  if (isConstant(node)) return constantForm((node.attributes.values as readonly number[])[0] as number);
  const [x, y] = node.operands;
  if (node.op === "iota") return { coefficients: new Map([[0, 1]]), constant: 0 };
  const laidOut = alongAxes(node, (operand) => {
    const form = affine(operand, depth - 1);
    return form === undefined ? undefined : [form];
  });
  if (laidOut !== undefined) return moveAxes(laidOut.constraints[0] as AffineForm, laidOut.axes);
  // A division or rounding would not be affine; these four are all that is.
  switch (node.op) {
    case "cast": {
      const form = affine(x as Node, depth - 1);
      if (form === undefined || (isFloat((x as Node).type.dtype) && !isFloat(node.type.dtype))) return undefined;
      return largest(form, node.type.shape) <= largestExact ? form : undefined;
    }
    case "neg": {
      const form = affine(x as Node, depth - 1);
      return form === undefined ? undefined : scaleForm(form, -1);
    }
    case "add":
    case "sub": {
      const left = affine(x as Node, depth - 1);
      const right = affine(y as Node, depth - 1);
      if (left === undefined || right === undefined) return undefined;
      return checked(combine(left, right, node.op === "add" ? 1 : -1), node.type.shape);
    }
    case "mul": {
      const left = affine(x as Node, depth - 1);
      const right = affine(y as Node, depth - 1);
      if (left === undefined || right === undefined) return undefined;
      if (left.coefficients.size === 0) return checked(scaleForm(right, left.constant), node.type.shape);
      if (right.coefficients.size === 0) return checked(scaleForm(left, right.constant), node.type.shape);
      return undefined;
    }
    default:
      return undefined;
  }
}

/** Result axis of each operand axis, for the two movements that lay positions out along other axes. */
function alongAxes(
  node: Node,
  inner: (operand: Node) => readonly AffineForm[] | undefined,
): { readonly constraints: readonly AffineForm[]; readonly axes: readonly number[] } | undefined {
  if (node.op !== "broadcast" && node.op !== "transpose") return undefined;
  const constraints = inner(node.operands[0] as Node);
  if (constraints === undefined) return undefined;
  if (node.op === "broadcast") return { constraints, axes: node.attributes.axes as readonly number[] };
  const permutation = node.attributes.permutation as readonly number[];
  return { constraints, axes: permutation.map((_, axis) => permutation.indexOf(axis)) };
}

function constantForm(constant: number): AffineForm {
  return { coefficients: new Map(), constant };
}

function scaleForm(form: AffineForm, factor: number): AffineForm {
  const coefficients = new Map<number, number>();
  if (factor !== 0) for (const [axis, value] of form.coefficients) coefficients.set(axis, value * factor);
  return { coefficients, constant: form.constant * factor };
}

/** `a + factor * b` */
function combine(a: AffineForm, b: AffineForm, factor: number): AffineForm {
  const coefficients = new Map(a.coefficients);
  for (const [axis, value] of b.coefficients) {
    const sum = (coefficients.get(axis) ?? 0) + factor * value;
    if (sum === 0) coefficients.delete(axis);
    else coefficients.set(axis, sum);
  }
  return { coefficients, constant: a.constant + factor * b.constant };
}

function moveAxes(form: AffineForm, axes: readonly number[]): AffineForm {
  return {
    coefficients: new Map([...form.coefficients].map(([axis, value]) => [axes[axis] as number, value])),
    constant: form.constant,
  };
}

/** Largest magnitude that the form can take over a shape. */
function largest(form: AffineForm, shape: Shape): number {
  let bound = Math.abs(form.constant);
  for (const [axis, value] of form.coefficients) bound += Math.abs(value) * (shape[axis] ?? 0);
  return bound;
}

/** Coefficients must be whole and values small enough to be exact; otherwise comparing them is not affine arithmetic. */
function checked(form: AffineForm, shape: Shape): AffineForm | undefined {
  if (elementCount(shape) === 0) return undefined;
  if ([...form.coefficients.values()].some((value) => !Number.isInteger(value))) return undefined;
  return largest(form, shape) <= largestExact ? form : undefined;
}
