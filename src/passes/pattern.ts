/**
 * Patterns over graphs, built by constructors that read like the algebra: `op("add", any("x"), constant(0))`.
 *
 * The type parameter collects the names that a match binds, so that a rule can only ask for what its pattern has.
 */
import { type Family, isConstant, type Node, operationOf } from "../ir/index.ts";

export interface Pattern<Name extends string = string> {
  /** Cheap test of the node itself. */
  readonly accepts: (node: Node) => boolean;
  /** The only operation that can match, where there is one. */
  readonly op?: string;
  /** The only family that can match, where there is one. */
  readonly family?: Family;
  /** Patterns of all operands, or absent when operands do not matter. */
  readonly operands?: readonly Pattern<Name>[];
  readonly name?: Name;
  /** True when the node is part of what a rule replaces, so that its origins pass on. */
  readonly replaced: boolean;
}

export type Bindings<Name extends string> = Readonly<Record<Name, Node>>;

export interface Match {
  readonly bindings: Readonly<Record<string, Node>>;
  /** Nodes of the pattern's inside, the root first. */
  readonly replaced: readonly Node[];
}

/** Any node. A name that stands twice must be the same node both times. */
export function any<const Name extends string>(name: Name): Pattern<Name> {
  return { accepts: () => true, name, replaced: false };
}

/** A constant with one value for all elements: the given one, or any, bound to a name. */
export function constant(value: number): Pattern<never>;
export function constant<const Name extends string>(name: Name): Pattern<Name>;
export function constant(value: number | string): Pattern<string> {
  return typeof value === "number"
    ? { op: "constant", accepts: (node) => isConstant(node, value), replaced: true }
    : { op: "constant", accepts: (node) => isConstant(node), name: value, replaced: true };
}

/** A node of one operation; without operand patterns, operands do not matter. Operands of commutative operations match in either order. */
export function op<Name extends string = never>(name: string, ...operands: readonly Pattern<Name>[]): Pattern<Name> {
  const accepts = (node: Node) => node.op === name;
  return operands.length === 0
    ? { op: name, accepts, replaced: true }
    : { op: name, accepts, operands, replaced: true };
}

/** Any node of a family; without operand patterns, operands do not matter. */
export function family<Name extends string = never>(
  name: Family,
  ...operands: readonly Pattern<Name>[]
): Pattern<Name> {
  const accepts = (node: Node) => operationOf(node.op).family === name;
  return { family: name, accepts, ...(operands.length === 0 ? {} : { operands }), replaced: true };
}

/** The same pattern, binding the node that it matches. */
export function named<const Name extends string, Inner extends string>(
  name: Name,
  pattern: Pattern<Inner>,
): Pattern<Name | Inner> {
  return { ...pattern, name };
}

/** The first way in which the pattern fits, or `undefined`. */
export function matchPattern(pattern: Pattern, root: Node): Match | undefined {
  const bindings: Record<string, Node> = {};
  const replaced: Node[] = [];
  return fits(pattern, root, bindings, replaced) ? { bindings, replaced } : undefined;
}

/** Patterns are a few levels deep, whatever the graph: recursion is over the pattern. */
function fits(pattern: Pattern, node: Node, bindings: Record<string, Node>, replaced: Node[]): boolean {
  if (!pattern.accepts(node)) return false;
  if (pattern.name !== undefined) {
    const bound = bindings[pattern.name];
    if (bound !== undefined && bound !== node) return false;
    bindings[pattern.name] = node;
  }
  if (pattern.replaced) replaced.push(node);
  const patterns = pattern.operands;
  if (patterns === undefined) return true;
  if (patterns.length !== node.operands.length) return false;
  const fitsInOrder = (bound: Record<string, Node>, seen: Node[], swapped: boolean) =>
    patterns.every((inner, i) => fits(inner, node.operands[swapped ? 1 - i : i] as Node, bound, seen));
  if (patterns.length !== 2 || operationOf(node.op).scalar?.commutative !== true) {
    return fitsInOrder(bindings, replaced, false);
  }
  for (const swapped of [false, true]) {
    // A failed attempt leaves bindings behind, so each starts from a copy.
    const bound = { ...bindings };
    const seen = [...replaced];
    if (!fitsInOrder(bound, seen, swapped)) continue;
    Object.assign(bindings, bound);
    replaced.splice(0, replaced.length, ...seen);
    return true;
  }
  return false;
}
