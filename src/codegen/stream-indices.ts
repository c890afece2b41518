/**
 * The indices of kernels that walk one index with a tile of scores in registers: of a weighted sum `sum_j weights_ij values_jc`, and of
 * the contractions that the weights are computed from.
 */
import {
  type Constraint,
  type IndexSpec,
  indexSizes,
  type Node,
  parseConstraints,
  parseSpec,
  printConstraints,
} from "../ir/index.ts";
import type { InnerContraction, KernelGroup } from "../passes/index.ts";

/** What the indices of a weighted sum are to the kernel. */
export interface StreamIndices {
  readonly weighted: Node;
  readonly spec: IndexSpec;
  /** The operand with the weights, and its indices. */
  readonly weightsNode: Node;
  readonly names: readonly string[];
  readonly valueNode: Node;
  readonly valueNames: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
  /** The index that is summed over. */
  readonly walked: string;
  /** The index of the values alone; a thread has all of it. */
  readonly column: string;
  /** A thread has several places of it, and one of each of the `outer` ones. */
  readonly row: string;
  readonly outer: readonly string[];
  readonly inner: readonly InnerFactors[];
  /** True where neither the values nor what is walked of the scores depend on the row. */
  readonly shared: boolean;
  readonly where: readonly Constraint[];
}

/** The factors of a contraction whose result a kernel computes tile by tile. */
export interface InnerFactors {
  readonly node: Node;
  /** The factor that has the row, and the one that has the walked index, with the kernel's indices. Absent where nothing is summed. */
  readonly sides?: InnerSides;
  /** All factors, with the kernel's indices. */
  readonly operands: readonly { readonly node: Node; readonly names: readonly string[] }[];
  /** The condition under which it is not 0, where that is not the weighted sum's own. */
  readonly where: readonly Constraint[];
}

export interface InnerSides {
  readonly rowNode: Node;
  readonly rowNames: readonly string[];
  readonly walkedNode: Node;
  readonly walkedNames: readonly string[];
  /** Indices that are summed, the one that is fastest in a factor last. */
  readonly summed: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

/** The indices of a group that is an online softmax or a streamed contraction. */
export function streamIndices({ online, streamed, kind }: KernelGroup): StreamIndices {
  if (streamed !== undefined) {
    const { weighted, weightsOperand, inner, row } = streamed;
    return indicesOf(weighted, weightsOperand, () => inner, row);
  }
  if (online === undefined) throw new Error(`${kind} walks no scores`);
  const { weighted, weightsOperand, scores } = online;
  return indicesOf(weighted, weightsOperand, (names) => (scores === undefined ? [] : [{ node: scores, names }]));
}

function indicesOf(
  weighted: Node,
  weightsOperand: 0 | 1,
  innerOf: (names: readonly string[]) => readonly InnerContraction[],
  givenRow?: string,
): StreamIndices {
  const spec = parseSpec(weighted.attributes.spec as string);
  const names = spec.operands[weightsOperand] as readonly string[];
  const valueNames = spec.operands[1 - weightsOperand] as readonly string[];
  const types = weighted.operands.map((operand) => operand.type);
  const walked = names.find((name) => !spec.result.includes(name)) as string;
  const row = givenRow ?? (names.findLast((name) => name !== walked) as string);
  const where = parseConstraints((weighted.attributes.where as string | undefined) ?? "");
  const inner = innerOf(names).map((each) => innerFactors(each, walked, where));
  return {
    weighted,
    spec,
    weightsNode: weighted.operands[weightsOperand] as Node,
    names,
    valueNode: weighted.operands[1 - weightsOperand] as Node,
    valueNames,
    sizes: indexSizes(spec, types),
    walked,
    column: spec.result.find((name) => !names.includes(name)) as string,
    row,
    outer: names.filter((name) => name !== walked && name !== row),
    inner,
    shared: !valueNames.includes(row) && inner.every(({ sides }) => sides?.walkedNames.includes(row) !== true),
    where,
  };
}

/** The factors with the kernel's names for the indices that they keep; the one with the walked index is told from the other. */
function innerFactors({ node, names }: InnerContraction, walked: string, known: readonly Constraint[]): InnerFactors {
  const spec = parseSpec(node.attributes.spec as string);
  const renamed = new Map(spec.result.map((name, axis) => [name, names[axis] as string]));
  const rename = (name: string) => renamed.get(name) ?? `${name}'`;
  const operands = spec.operands.map((own, k) => ({ node: node.operands[k] as Node, names: own.map(rename) }));
  const texts = known.map((constraint) => printConstraints([constraint]));
  const where = parseConstraints((node.attributes.where as string | undefined) ?? "")
    .map(({ terms, constant }) => ({
      terms: new Map([...terms].map(([name, coefficient]) => [rename(name), coefficient])),
      constant,
    }))
    .filter((constraint) => !texts.includes(printConstraints([constraint])));
  const isSummed = operands.some((operand) => operand.names.some((name) => !names.includes(name)));
  return { node, operands, where, ...(isSummed ? { sides: innerSides(operands, names, walked) } : {}) };
}

function innerSides(operands: InnerFactors["operands"], names: readonly string[], walked: string): InnerSides {
  const [first, second] = operands as readonly [InnerFactors["operands"][0], InnerFactors["operands"][0]];
  const [ofRow, ofWalked] = second.names.includes(walked) ? [first, second] : [second, first];
  const sizes = new Map<string, number>();
  for (const { node, names: own } of operands) {
    node.type.shape.forEach((size, axis) => {
      sizes.set(own[axis] as string, size);
    });
  }
  const summed = ofRow.names.filter((name) => ofWalked.names.includes(name) && !names.includes(name));
  const fastest = [ofWalked.names.at(-1), ofRow.names.at(-1)].find(
    (name) => name !== undefined && summed.includes(name),
  );
  const ordered = fastest === undefined ? summed : [...summed.filter((name) => name !== fastest), fastest];
  return {
    rowNode: ofRow.node,
    rowNames: ofRow.names,
    walkedNode: ofWalked.node,
    walkedNames: ofWalked.names,
    summed: ordered,
    sizes,
  };
}
