/**
 * Values during elaboration: a node together with the meaning of each of its axes.
 *
 * The node's shape is one size per free axis variable (`axes`, in the order given), followed by the positional dims. An
 * axis variable is an index in scope, or the hidden axis over which a call maps; a value that does not depend on one does
 * not have it. Index notation, partial subscripts and mapping are all changes of this reading: turning a leading dim into
 * an axis variable or a trailing axis variable into a dim costs no node at all.
 */
import type { Node } from "../ir/index.ts";

/** One axis variable. `serial` rises in order of binding, so outer indices come first when a new order is needed. */
export interface Axis {
  readonly name: string;
  readonly size: number;
  readonly serial: number;
}

/** The affine condition `sum of coefficient * axis + constant >= 0`. */
export interface AxisConstraint {
  readonly terms: ReadonlyMap<Axis, number>;
  readonly constant: number;
}

/**
 * What a restricted range keeps: positions of `subject` where every constraint and every predicate holds.
 *
 * On a positional dim, `subject` is a placeholder for the position along that dim.
 */
export interface Restriction {
  readonly subject: Axis;
  readonly constraints: readonly AxisConstraint[];
  /** Boolean values without dims; they may have any axes. */
  readonly predicates: readonly IndexedValue[];
}

/** A positional axis. */
export interface Dimension {
  readonly size: number;
  /** Present inside a function applied along a restricted range: reductions along this dim skip what is excluded. */
  readonly restriction?: Restriction;
}

/**
 * A tensor read through axis variables.
 *
 * `weak` marks numbers that take the element type of whatever they meet: literals, sizes and indices (`integer`), and what
 * division or a decimal point makes of them (`real`). Their node is i32 or f32 until then.
 */
export interface IndexedValue {
  readonly node: Node;
  readonly axes: readonly Axis[];
  readonly dims: readonly Dimension[];
  readonly weak?: "integer" | "real";
  /** Restrictions on members of `axes`. */
  readonly restrictions: readonly Restriction[];
}

/** The number held by a compile-time constant scalar, or undefined. Booleans are 0 and 1. */
export function constantOf(value: IndexedValue): number | undefined {
  if (value.node.op !== "constant" || value.node.type.shape.length > 0) return undefined;
  return (value.node.attributes.values as readonly number[])[0];
}

/** Axes of all values, each once: the order of one that has them all, else the order in which they were bound. */
export function unionOfAxes(values: readonly Pick<IndexedValue, "axes">[]): readonly Axis[] {
  const union = new Set(values.flatMap((value) => value.axes));
  const complete = values.find((value) => value.axes.length === union.size);
  return complete?.axes ?? [...union].sort((a, b) => a.serial - b.serial);
}

/** Restrictions of all values, without repetition. */
export function unionOfRestrictions(values: readonly IndexedValue[]): readonly Restriction[] {
  const nonEmpty = values.map((value) => value.restrictions).filter((list) => list.length > 0);
  if (nonEmpty.length <= 1) return nonEmpty[0] ?? [];
  const union: Restriction[] = [];
  for (const restriction of nonEmpty.flat())
    if (!union.some((other) => sameRestriction(other, restriction))) union.push(restriction);
  return union;
}

function sameRestriction(a: Restriction, b: Restriction): boolean {
  return (
    a === b ||
    (a.subject === b.subject &&
      a.constraints.length === b.constraints.length &&
      a.constraints.every((constraint, i) => sameConstraint(constraint, b.constraints[i] as AxisConstraint)) &&
      a.predicates.length === b.predicates.length &&
      a.predicates.every((predicate, i) => samePredicate(predicate, b.predicates[i] as IndexedValue)))
  );
}

export function sameConstraint(a: AxisConstraint, b: AxisConstraint): boolean {
  return (
    a.constant === b.constant &&
    a.terms.size === b.terms.size &&
    [...a.terms].every(([axis, n]) => b.terms.get(axis) === n)
  );
}

export function samePredicate(a: IndexedValue, b: IndexedValue): boolean {
  return a.node === b.node && a.axes.length === b.axes.length && a.axes.every((axis, i) => axis === b.axes[i]);
}

/** The same condition with `from` replaced by the affine form `terms + constant`. */
export function substituteAxis(
  constraint: AxisConstraint,
  from: Axis,
  replacement: { readonly terms: ReadonlyMap<Axis, number>; readonly constant: number },
): AxisConstraint {
  const factor = constraint.terms.get(from);
  if (factor === undefined) return constraint;
  const terms = new Map(constraint.terms);
  terms.delete(from);
  for (const [axis, coefficient] of replacement.terms) {
    const sum = (terms.get(axis) ?? 0) + factor * coefficient;
    if (sum === 0) terms.delete(axis);
    else terms.set(axis, sum);
  }
  return { terms, constant: constraint.constant + factor * replacement.constant };
}

/** The restriction with its subject renamed: what a dim's restriction becomes when the dim is read by an index. */
export function renameSubject(restriction: Restriction, to: Axis): Restriction {
  const from = restriction.subject;
  if (from === to) return restriction;
  const replacement = { terms: new Map([[to, 1]]), constant: 0 };
  return {
    subject: to,
    constraints: restriction.constraints.map((constraint) => substituteAxis(constraint, from, replacement)),
    predicates: restriction.predicates.map((predicate) => renameAxis(predicate, from, to)),
  };
}

/** Reads axis `from` as `to`. Wants `to` not to be among the value's axes already. */
export function renameAxis(value: IndexedValue, from: Axis, to: Axis): IndexedValue {
  if (from === to || !value.axes.includes(from)) return value;
  const replacement = { terms: new Map([[to, 1]]), constant: 0 };
  return {
    ...value,
    axes: value.axes.map((axis) => (axis === from ? to : axis)),
    restrictions: value.restrictions.map((restriction) => ({
      subject: restriction.subject === from ? to : restriction.subject,
      constraints: restriction.constraints.map((constraint) => substituteAxis(constraint, from, replacement)),
      predicates: restriction.predicates.map((predicate) => renameAxis(predicate, from, to)),
    })),
  };
}

/** Reads the first `axes.length` dims as axis variables; no node is needed because they follow the axes already there. */
export function leadingDimsAsAxes(value: IndexedValue, axes: readonly Axis[]): IndexedValue {
  const restrictions = axes.flatMap((axis, i) => {
    const restriction = (value.dims[i] as Dimension).restriction;
    return restriction === undefined ? [] : [renameSubject(restriction, axis)];
  });
  return {
    ...value,
    axes: [...value.axes, ...axes],
    dims: value.dims.slice(axes.length),
    restrictions: restrictions.length === 0 ? value.restrictions : [...value.restrictions, ...restrictions],
  };
}
