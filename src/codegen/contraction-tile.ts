/** The roles of the indices of a two-factor contraction: which of them become a thread's tile, and which are walked. */
import { type Constraint, indexSizes, type Node, parseConstraints, parseSpec } from "../ir/index.ts";

export interface TileIndices {
  /** Position of the factor with the rows among the operands; the other one has the columns. */
  readonly rowFactor: 0 | 1;
  readonly row: string;
  readonly column: string;
  /** Kept indices other than the row and the column. */
  readonly outer: readonly string[];
  /** Summed indices, the one that is walked four at a time last. */
  readonly summed: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
  /** Indices of the two factors, axis by axis. */
  readonly rowIndices: readonly string[];
  readonly columnIndices: readonly string[];
  readonly result: readonly string[];
  readonly where: readonly Constraint[];
}

/** The tiling of a contraction, or `undefined` when it has none and is a plain sum (lower-sum.ts). */
export function tileIndices(head: Node): TileIndices | undefined {
  if (head.operands.length !== 2) return undefined;
  const spec = parseSpec(head.attributes.spec as string);
  const [a, b] = spec.operands as [readonly string[], readonly string[]];
  if (new Set(a).size !== a.length || new Set(b).size !== b.length) return undefined;
  const sizes = indexSizes(
    spec,
    head.operands.map((operand) => operand.type),
  );
  const summed = [...sizes.keys()].filter((name) => !spec.result.includes(name));
  if (summed.length === 0 || summed.some((name) => !a.includes(name) || !b.includes(name))) return undefined;
  const only = (own: readonly string[], other: readonly string[]) =>
    spec.result.filter((name) => own.includes(name) && !other.includes(name) && (sizes.get(name) as number) > 1);
  const ofA = only(a, b);
  const ofB = only(b, a);
  const last = (names: readonly string[]) => names[names.length - 1] as string;
  if (ofA.length === 0 || ofB.length === 0) return undefined;
  const columnsInB = spec.result.lastIndexOf(last(ofB)) > spec.result.lastIndexOf(last(ofA));
  const [rowNames, columnNames, rowFactor] = columnsInB ? [ofA, ofB, 0 as const] : [ofB, ofA, 1 as const];
  const [rowIndices, columnIndices] = rowFactor === 0 ? [a, b] : [b, a];
  const column = last(columnNames);
  // Rows along the row factor's own fastest axis can be loaded four at a time.
  const fastest = last(rowIndices);
  const row = rowNames.includes(fastest) ? fastest : last(rowNames);
  const where = parseConstraints((head.attributes.where as string | undefined) ?? "");
  if (!conditionsHavePlace(where, { row, column, result: spec.result })) return undefined;
  // The summed index that is fastest in a factor goes innermost.
  const inner = [fastest, last(columnIndices), last(summed)].find((name) => summed.includes(name)) as string;
  return {
    rowFactor,
    row,
    column,
    outer: spec.result.filter((name) => name !== row && name !== column),
    summed: [...summed.filter((name) => name !== inner), inner],
    sizes,
    rowIndices,
    columnIndices,
    result: spec.result,
    where,
  };
}

/** A tile tests a restricted range on one factor at a time: a condition over row, column and a summed index has no place. */
function conditionsHavePlace(
  where: readonly Constraint[],
  { row, column, result }: Pick<TileIndices, "row" | "column" | "result">,
): boolean {
  return where.every(
    ({ terms }) => !(terms.has(row) && terms.has(column)) || [...terms.keys()].every((name) => result.includes(name)),
  );
}
