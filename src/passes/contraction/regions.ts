/**
 * The products of a graph and where they meet: which nodes are read through, which must exist, and which are a choice.
 *
 * A node with one reader is read through. A node with several may be read through by each of them (its work is then done
 * in another order for each) or computed once as a factor for all: that choice is made by cost, together for all products
 * that meet in it.
 */
import { type Graph, graphNodes, type Node } from "../../ir/index.ts";
import { type ExpandedProduct, expandProduct, isSumming, isTransparent, productOperands } from "./product.ts";

export interface Regions {
  /** Products that must exist, because something other than a product reads them. In graph order. */
  readonly roots: readonly Node[];
  /** Products with several readers: read through or computed once. In graph order. */
  readonly choices: ReadonlySet<Node>;
  /** Roots and choices whose work must be in the graph whatever is chosen. */
  readonly required: ReadonlySet<Node>;
  /** True for products with a sum in them or below them within the same region. */
  readonly sums: (node: Node) => boolean;
  /** Reads a product, passing through the given choices. Results are remembered. */
  readonly expand: (node: Node, through: ReadonlySet<Node>) => ExpandedProduct | undefined;
}

/** How a product is read: by other products, or by anything else. */
interface Readers {
  products: number;
  others: number;
}

export function findRegions(graph: Graph): Regions {
  const nodes = graphNodes(graph);
  const readers = countReaders(graph, nodes);
  const summing = nodesThatSum(nodes);
  const roots: Node[] = [];
  const choices = new Set<Node>();
  const required = new Set<Node>();
  for (const node of nodes) {
    const count = readers.get(node);
    // A view is free; what it shows is the product, and the view's readers are its readers.
    if (count === undefined || !summing.has(node) || isTransparent(node)) continue;
    if (count.products === 0) {
      if (count.others > 0) roots.push(node);
    } else if (count.products + count.others > 1) {
      choices.add(node);
    }
    if (count.others > 0) required.add(node);
  }
  return { roots, choices, required, sums: (node) => summing.has(node), expand: makeExpander(choices, readers) };
}

/** One reading of a product, and the choices that it met. */
interface Reading {
  readonly passed: readonly Node[];
  readonly stopped: readonly Node[];
  readonly expanded: ExpandedProduct | undefined;
}

/** Reads products, remembering every reading under all choices that would give it again. */
function makeExpander(choices: ReadonlySet<Node>, readers: ReadonlyMap<Node, Readers>): Regions["expand"] {
  const readings = new Map<Node, Reading[]>();
  return (node, through) => {
    const known = readings.get(node) ?? [];
    readings.set(node, known);
    const same = known.find(
      ({ passed, stopped }) =>
        passed.every((other) => through.has(other)) && !stopped.some((other) => through.has(other)),
    );
    if (same !== undefined) return same.expanded;
    const passed: Node[] = [];
    const stopped: Node[] = [];
    const enter = (other: Node) => {
      if (choices.has(other)) {
        (through.has(other) ? passed : stopped).push(other);
        return through.has(other);
      }
      // Elementwise products with several readers stay factors: reading through them would repeat their work for nothing.
      const count = readers.get(other);
      return isTransparent(other) || (count !== undefined && count.products + count.others <= 1);
    };
    const expanded = expandProduct(node, enter, (other) => choices.has(other));
    known.push({ passed, stopped, expanded });
    return expanded;
  };
}

/** Readers of every product node; those of a view count as readers of what it shows. */
function countReaders(graph: Graph, nodes: readonly Node[]): Map<Node, Readers> {
  const readers = new Map<Node, Readers>();
  for (const node of nodes) if (productOperands(node) !== undefined) readers.set(node, { products: 0, others: 0 });
  for (const { node } of graph.outputs) {
    const count = readers.get(node);
    if (count !== undefined) count.others++;
  }
  // Users before operands, so that a view knows its readers when it passes them on.
  for (let position = nodes.length - 1; position >= 0; position--) {
    const node = nodes[position] as Node;
    const own = readers.get(node);
    const passing = own === undefined ? [] : (productOperands(node) as readonly number[]);
    node.operands.forEach((operand, k) => {
      const count = readers.get(operand);
      if (count === undefined) return;
      if (own === undefined || !passing.includes(k)) count.others++;
      else if (isTransparent(node)) {
        count.products += own.products;
        count.others += own.others;
      } else count.products++;
    });
  }
  return readers;
}

/** Product nodes with a sum in them or below them within the same region. */
function nodesThatSum(nodes: readonly Node[]): Set<Node> {
  const summing = new Set<Node>();
  for (const node of nodes) {
    const operands = productOperands(node);
    if (operands === undefined) continue;
    if (isSumming(node) || operands.some((k) => summing.has(node.operands[k] as Node))) summing.add(node);
  }
  return summing;
}
