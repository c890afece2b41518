/**
 * The normal form of the contraction order: a sum, over named indices, of a product of factors.
 *
 * `result[i, c] = scale * sum over r, j of  Q[i, r] * K[j, r] * V[j, c] / D[i]   where j <= i`
 *
 * A region of the graph (contractions, sums, products, divisions, scalings, masks by position and the views between them)
 * is read into this form by substituting each node's definition; every sum may be moved outwards because products
 * distribute over sums. What the form cannot say (additions, non-linear functions, masks by data) is a factor.
 */
import {
  type Builder,
  type Constraint,
  isConstant,
  makeBuilder,
  makeNode,
  mergeOrigins,
  type Node,
  type Origins,
  operationOf,
  parseConstraints,
  parseSpec,
  printConstraints,
  tensorType,
} from "../../ir/index.ts";
import { nameConstraints } from "../rules/affine-predicate.ts";
import { positionMask } from "../rules/masks.ts";

/** A tensor as part of a product; one index name per axis, possibly repeated (a diagonal). */
export interface Factor {
  readonly node: Node;
  readonly indices: readonly string[];
  /** True for divisors: the factor is one over the tensor. */
  readonly reciprocal: boolean;
}

export interface Product {
  readonly scale: number;
  /** At least one, and at least one that is not a reciprocal. */
  readonly factors: readonly Factor[];
  /** Indices of the result in order; every other index is summed over. */
  readonly result: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
  /** Conditions on the indices; each has a summed index. */
  readonly constraints: readonly Constraint[];
}

/** A product and the nodes that it was read from. */
export interface ExpandedProduct {
  readonly product: Product;
  /** Nodes whose definitions were substituted, the root first. */
  readonly interior: readonly Node[];
  /** Nodes that became factors, each once, in order of appearance. */
  readonly leaves: readonly Node[];
  readonly origins: Origins;
  /** Products with several readers that were read through: what others may want to share. */
  readonly shared: readonly SharedProduct[];
}

/** A product inside another that other products contain as well. */
export interface SharedProduct {
  readonly node: Node;
  /** Index names of its axes. */
  readonly indices: readonly string[];
  /** Which factors it is the product of. */
  readonly factors: readonly Factor[];
}

/** The search handles index sets as bits of one number. */
export const maximumIndices = 28;

/** Regions are cut where they would have more factors than this. */
export const maximumFactors = 20;

/**
 * Operands of a node that a product can be read through, by position; `undefined` for nodes that are no products.
 * Only f32: in f16 another order could overflow, and integer division is not a product with a reciprocal.
 *
 * The operations are named because the distributive law is about these.
 */
export function productOperands(node: Node): readonly number[] | undefined {
  if (node.type.dtype !== "f32") return undefined;
  const { family, reducer } = operationOf(node.op);
  if (family === "contract") return node.operands.map((_, k) => k);
  if (family === "reduce") return reducer?.operation === "add" ? [0] : undefined;
  switch (node.op) {
    case "mul":
      return [0, 1];
    case "div":
    case "neg":
    case "transpose":
    case "broadcast":
      return [0];
    case "select":
      return maskOperand(node);
    default:
      return undefined;
  }
}

/** True for the views that a product sees through at no cost. */
export function isTransparent(node: Node): boolean {
  return node.op === "transpose" || node.op === "broadcast";
}

/** True for nodes that sum: what makes a region worth ordering. */
export function isSumming(node: Node): boolean {
  const { family, reducer } = operationOf(node.op);
  return node.type.dtype === "f32" && (family === "contract" || (family === "reduce" && reducer?.operation === "add"));
}

function maskOperand(node: Node): readonly number[] | undefined {
  const mask = positionMask(node, 0);
  return mask === undefined ? undefined : [node.operands.indexOf(mask.value, 1)];
}

interface Work {
  readonly node: Node;
  readonly indices: readonly string[];
  readonly reciprocal: boolean;
  /** The innermost shared product that it is part of. */
  readonly part?: OpenSharedProduct;
}

/** A shared product whose factors are being found. */
interface OpenSharedProduct {
  readonly node: Node;
  readonly indices: readonly string[];
  readonly factors: Factor[];
  /** The shared product that this one is part of. */
  readonly outer: OpenSharedProduct | undefined;
}

/**
 * Reads the region below a node as one product. `enter` decides which nodes are read through; the rest become factors.
 * Nodes that are `isShared` are listed with what they are the product of.
 * `undefined` when the region has no product form (a condition on kept indices alone, a scale of zero, too many indices).
 */
export function expandProduct(
  root: Node,
  enter: (node: Node) => boolean,
  isShared: (node: Node) => boolean = () => false,
): ExpandedProduct | undefined {
  const names = new IndexNames();
  const sizes = new Map<string, number>();
  const fresh = (size: number, hint?: string) => {
    const name = names.fresh(hint);
    sizes.set(name, size);
    return name;
  };
  const result = root.type.shape.map((size) => fresh(size));
  const kept = new Set(result);
  const interior: Node[] = [];
  const factors: Factor[] = [];
  const shared: OpenSharedProduct[] = [];
  const constraints = new Map<string, Constraint>();
  const addConstraints = (list: readonly Constraint[], rename: (name: string) => string) => {
    for (const constraint of list) {
      const terms = new Map<string, number>();
      for (const [name, value] of constraint.terms) {
        const sum = (terms.get(rename(name)) ?? 0) + value;
        if (sum === 0) terms.delete(rename(name));
        else terms.set(rename(name), sum);
      }
      const renamed = { terms, constant: constraint.constant };
      constraints.set(printConstraints([renamed]), renamed);
    }
  };
  let scale = 1;
  const work: Work[] = [{ node: root, indices: result, reciprocal: false }];
  while (work.length > 0) {
    const { node, indices, reciprocal, part: outer } = work.pop() as Work;
    if (isConstant(node)) {
      const value = (node.attributes.values as readonly number[])[0] as number;
      scale = reciprocal ? scale / value : scale * value;
      continue;
    }
    let part = outer;
    const asFactor = () => {
      const factor: Factor = { node, indices, reciprocal };
      factors.push(factor);
      for (let within = part; within !== undefined; within = within.outer) within.factors.push(factor);
    };
    const push = (operand: Node, own: readonly string[], inverse = reciprocal) =>
      work.push({ node: operand, indices: own, reciprocal: inverse, part });
    const full = factors.length + work.length >= maximumFactors && !isTransparent(node);
    const readable = productOperands(node) !== undefined && (!reciprocal || isTransparent(node));
    const entered = node === root || (readable && !full && enter(node));
    if (!entered) {
      asFactor();
      continue;
    }
    if (node !== root && isShared(node)) {
      part = { node, indices, factors: [], outer };
      shared.push(part);
    }
    if (node.op === "select") {
      const mask = positionMask(node, 0);
      const conditions = mask === undefined ? [] : nameConstraints(mask.constraints, indices);
      // A mask over kept indices only is no part of a sum.
      const summed = conditions.every(({ terms }) => [...terms.keys()].some((name) => !kept.has(name)));
      if (mask === undefined || !summed) {
        if (node === root) return undefined;
        asFactor();
        continue;
      }
      interior.push(node);
      addConstraints(conditions, (name) => name);
      push(mask.value, indices);
      continue;
    }
    interior.push(node);
    const [first, second] = node.operands as readonly [Node, Node];
    const { family } = operationOf(node.op);
    if (family === "contract" || family === "reduce") {
      const spec = parseSpec(node.attributes.spec as string);
      const renamed = new Map<string, string>();
      spec.result.forEach((name, axis) => {
        renamed.set(name, indices[axis] as string);
        names.suggest(indices[axis] as string, name);
      });
      spec.operands.forEach((own, k) => {
        own.forEach((name, axis) => {
          const size = (node.operands[k] as Node).type.shape[axis] as number;
          if (!renamed.has(name)) renamed.set(name, fresh(size, name));
        });
      });
      const rename = (name: string) => renamed.get(name) as string;
      addConstraints(parseConstraints((node.attributes.where as string | undefined) ?? ""), rename);
      for (let k = node.operands.length - 1; k >= 0; k--) {
        push(node.operands[k] as Node, (spec.operands[k] as readonly string[]).map(rename));
      }
      continue;
    }
    const own = (operand: Node) => (operand.type.shape.length === 0 ? [] : indices);
    switch (node.op) {
      case "mul":
        push(second, own(second));
        push(first, own(first));
        break;
      case "div":
        push(second, own(second), true);
        push(first, own(first));
        break;
      case "neg":
        scale = -scale;
        push(first, indices);
        break;
      case "transpose": {
        const permutation = node.attributes.permutation as readonly number[];
        push(
          first,
          permutation.map((_, axis) => indices[permutation.indexOf(axis)] as string),
        );
        break;
      }
      default:
        push(
          first,
          (node.attributes.axes as readonly number[]).map((axis) => indices[axis] as string),
        );
    }
  }
  if (scale === 0 || !Number.isFinite(scale)) return undefined;
  const origins = mergeOrigins(...interior.map((node) => node.origins));
  const builder = makeBuilder(origins);
  if (!completeFactors(factors, constraints, kept, sizes, builder, (count) => (scale *= count))) return undefined;
  if (sizes.size > maximumIndices) return undefined;
  const renamed = renameProduct({ scale, factors, result, sizes, constraints: [...constraints.values()] }, names);
  const { product, rename } = renamed;
  return {
    product,
    shared: shared.map((own) => ({
      node: own.node,
      indices: own.indices.map(rename),
      factors: own.factors.map((factor) => product.factors[factors.indexOf(factor)] as Factor),
    })),
    interior,
    leaves: [...new Set(factors.map((factor) => factor.node))],
    origins,
  };
}

/**
 * Gives every index a factor that carries it, where one is needed: a summed index that no factor has is a number of
 * terms, unless a condition depends on it; then a factor of ones carries it. False when the form does not fit.
 */
function completeFactors(
  factors: Factor[],
  constraints: ReadonlyMap<string, Constraint>,
  kept: ReadonlySet<string>,
  sizes: Map<string, number>,
  builder: Builder,
  multiply: (count: number) => void,
): boolean {
  const conditioned = new Set([...constraints.values()].flatMap(({ terms }) => [...terms.keys()]));
  for (const { terms } of constraints.values()) {
    if (![...terms.keys()].some((name) => !kept.has(name))) return false;
  }
  const carried = new Set(factors.flatMap((factor) => factor.indices));
  for (const [name, size] of [...sizes]) {
    if (size === 0) return false;
    if (carried.has(name)) continue;
    if (conditioned.has(name)) factors.push({ node: onesOf([size], builder), indices: [name], reciprocal: false });
    else if (!kept.has(name)) {
      multiply(size);
      sizes.delete(name);
    }
  }
  if (factors.every((factor) => factor.reciprocal)) {
    factors.unshift({ node: onesOf([], builder), indices: [], reciprocal: false });
  }
  return true;
}

/** Ones in the given shape, with the builder's origins. */
export function onesOf(shape: readonly number[], builder: Builder): Node {
  const { origins } = builder.constant(1);
  return makeNode("constant", [], { values: [1] }, { origins, declared: tensorType("f32", shape) });
}

/** Unique names for indices, each as the source calls it where it can be. */
class IndexNames {
  private count = 0;
  private readonly hints = new Map<string, string>();

  fresh(hint?: string): string {
    const name = `#${this.count++}`;
    if (hint !== undefined) this.hints.set(name, hint);
    return name;
  }

  /** Proposes a name for people; the first proposal counts. */
  suggest(name: string, hint: string) {
    if (!this.hints.has(name)) this.hints.set(name, hint);
  }

  /** Final names of the given internal ones. */
  chosen(internal: Iterable<string>): Map<string, string> {
    const taken = new Set<string>();
    const chosen = new Map<string, string>();
    for (const name of internal) {
      const hint = this.hints.get(name) ?? "i";
      let candidate = hint;
      for (let n = 1; taken.has(candidate); n++) candidate = `${hint}${n}`;
      taken.add(candidate);
      chosen.set(name, candidate);
    }
    return chosen;
  }
}

function renameProduct(
  product: Product,
  names: IndexNames,
): { readonly product: Product; readonly rename: (name: string) => string } {
  const chosen = names.chosen(product.sizes.keys());
  const rename = (name: string) => chosen.get(name) as string;
  const renamed: Product = {
    ...product,
    factors: product.factors.map((factor) => ({ ...factor, indices: factor.indices.map(rename) })),
    result: product.result.map(rename),
    sizes: new Map([...product.sizes].map(([name, size]) => [rename(name), size])),
    constraints: product.constraints.map(({ terms, constant }) => ({
      terms: new Map([...terms].map(([name, value]) => [rename(name), value])),
      constant,
    })),
  };
  return { product: renamed, rename };
}
