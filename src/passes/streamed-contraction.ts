/**
 * Contractions of which one factor is made, element by element, of other contractions that are smaller than what they give: the
 * kernel computes a tile of these at a time, and the factor lies nowhere.
 */
import { type IndexSpec, isFloat, type Node, operationOf, parseConstraints, parseSpec } from "../ir/index.ts";

/** A contraction that is computed inside of a kernel for each tile anew. */
export interface InnerContraction {
  readonly node: Node;
  /** The kernel's indices along the axes of its result. */
  readonly names: readonly string[];
}

/** The nodes that play a part in a streamed contraction, with the indices of its spec. */
export interface StreamedContraction {
  /** The contraction of weights with values. */
  readonly weighted: Node;
  /** Which of its operands has the weights. */
  readonly weightsOperand: 0 | 1;
  /** The one index that is summed over. */
  readonly walked: string;
  /** The index of the weights along which a thread has several: neither the values nor the walked factors depend on it. */
  readonly row: string;
  /** The one index of the values that the weights do not have. */
  readonly column: string;
  readonly inner: readonly InnerContraction[];
}

const only = <T>(items: readonly T[]): T | undefined => (items.length === 1 ? items[0] : undefined);

/**
 * The parts of a streamed contraction, or `undefined` where the contraction has another form.
 *
 * @param recomputed  the nodes that lie nowhere: one operand is among them
 */
export function streamedContraction(weighted: Node, recomputed: ReadonlySet<Node>): StreamedContraction | undefined {
  if (weighted.op !== "contract" || weighted.operands.length !== 2 || !isFloat(weighted.type.dtype)) return undefined;
  const [left, right] = weighted.operands as readonly [Node, Node];
  if (recomputed.has(left) === recomputed.has(right)) return undefined;
  const weightsOperand = recomputed.has(left) ? 0 : 1;
  const spec = parseSpec(weighted.attributes.spec as string);
  const names = spec.operands[weightsOperand] as readonly string[];
  const values = spec.operands[1 - weightsOperand] as readonly string[];
  const walked = only(names.filter((name) => !spec.result.includes(name)));
  const column = only(values.filter((name) => !names.includes(name)));
  if (walked === undefined || column === undefined || !isPlain(names) || !isPlain(values)) return undefined;
  if (!values.includes(walked) || !spec.result.includes(column)) return undefined;
  const inner = innerContractions(weighted.operands[weightsOperand] as Node, names, recomputed);
  if (inner === undefined) return undefined;
  const row = names.findLast(
    (name) => name !== walked && !values.includes(name) && inner.every(splitsAt(walked, name)),
  );
  return row === undefined ? undefined : { weighted, weightsOperand, walked, row, column, inner };
}

/** True when one factor of a contraction has the row and the other one the walked index, or it only multiplies. */
function splitsAt(walked: string, row: string): (inner: InnerContraction) => boolean {
  return ({ node, names }) => {
    const spec = parseSpec(node.attributes.spec as string);
    if (summedIndices(spec).length === 0) return true;
    const sides = spec.operands.map((own) => own.map((name) => names[spec.result.indexOf(name)]));
    return sides.every((own) => own.includes(walked) !== own.includes(row)) && sides.length === 2;
  };
}

/** The contractions among the recomputed nodes behind a node; `undefined` when one is needed at two places of a tile. */
function innerContractions(
  root: Node,
  names: readonly string[],
  recomputed: ReadonlySet<Node>,
): readonly InnerContraction[] | undefined {
  const found = new Map<Node, readonly string[]>();
  const stack: InnerContraction[] = [{ node: root, names }];
  while (stack.length > 0) {
    const { node, names: own } = stack.pop() as InnerContraction;
    const known = found.get(node);
    if (known !== undefined && known.join(" ") !== own.join(" ")) return undefined;
    if (known !== undefined || !recomputed.has(node)) continue;
    found.set(node, own);
    const permutation = node.attributes.permutation as readonly number[] | undefined;
    const below =
      permutation === undefined ? own : permutation.map((_, axis) => own[permutation.indexOf(axis)] as string);
    if (node.op !== "contract") for (const operand of node.operands) stack.push({ node: operand, names: below });
  }
  return [...found].flatMap(([node, own]) => (node.op === "contract" ? [{ node, names: own }] : []));
}

/** True for contractions that a tile can be computed of: of two factors that share what is summed, or of products alone. */
export function isInnerContraction(node: Node): boolean {
  if (node.op !== "contract" || !isFloat(node.type.dtype)) return false;
  const spec = parseSpec(node.attributes.spec as string);
  const conditions = parseConstraints((node.attributes.where as string | undefined) ?? "");
  if (!conditions.every(({ terms }) => [...terms.keys()].every((name) => spec.result.includes(name)))) return false;
  return summedIndices(spec).length === 0
    ? spec.operands.every(isPlain)
    : node.operands.length === 2 && hasPlainIndices(node);
}

/** Every summed index of a contraction of two stands in both factors, and no factor repeats one. */
export function hasPlainIndices(contraction: Node): boolean {
  const spec = parseSpec(contraction.attributes.spec as string);
  const [a, b] = spec.operands as [readonly string[], readonly string[]];
  const summed = summedIndices(spec);
  return summed.length > 0 && summed.every((name) => a.includes(name) && b.includes(name)) && isPlain(a) && isPlain(b);
}

/** Elementwise work and changes of order, which are evaluated at the positions of a tile. */
export function keepsElements(node: Node): boolean {
  return node.op === "transpose" || operationOf(node.op).family === "elementwise";
}

function summedIndices(spec: IndexSpec): readonly string[] {
  return [...new Set(spec.operands.flat())].filter((name) => !spec.result.includes(name));
}

const isPlain = (names: readonly string[]) => new Set(names).size === names.length;
