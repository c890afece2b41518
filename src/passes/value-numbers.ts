/** Numbers for values: two nodes get the same number exactly when they are written alike, index names aside. */
import {
  type Attributes,
  type Graph,
  type Node,
  operationOf,
  parseConstraints,
  parseSpec,
  printConstraints,
  printSpec,
  printType,
} from "../ir/index.ts";

export interface ValueNumbers {
  /** The node's number; its operands must have been numbered before. */
  readonly number: (node: Node) => number;
  /** True once the node has been numbered. */
  readonly has: (node: Node) => boolean;
  /** Gives the node a number of its own, whatever it is written like: for values that are taken as they are. */
  readonly take: (node: Node) => number;
}

export function makeValueNumbers(): ValueNumbers {
  const byKey = new Map<string, number>();
  const byNode = new Map<Node, number>();
  const regions = new Map<Graph, number>();
  let count = 0;
  const numberOf = (node: Node): number => {
    const known = byNode.get(node);
    if (known !== undefined) return known;
    const key = keyOf(node, byNode, regions);
    const number = byKey.get(key) ?? count++;
    byKey.set(key, number);
    byNode.set(node, number);
    return number;
  };
  const take = (node: Node): number => {
    const known = byNode.get(node);
    if (known !== undefined) return known;
    byNode.set(node, count);
    return count++;
  };
  return { number: numberOf, has: (node) => byNode.has(node), take };
}

function keyOf(node: Node, numbers: ReadonlyMap<Node, number>, regions: Map<Graph, number>): string {
  const record = operationOf(node.op);
  const operands = node.operands.map((operand) => {
    const number = numbers.get(operand);
    if (number === undefined) throw new Error(`an operand of ${node.op} has no value number yet`);
    return number;
  });
  if (record.scalar?.commutative === true) operands.sort((a, b) => a - b);
  // Bodies are compared by identity: equal ones that were built apart stay apart.
  const bodies = (node.regions ?? []).map((region) => {
    const number = regions.get(region) ?? regions.size;
    regions.set(region, number);
    return number;
  });
  // Windows and sources have specs of another kind, which count as they are.
  const named =
    record.family === "contract" ||
    record.family === "reduce" ||
    record.family === "indexed" ||
    record.family === "scatter";
  const attributes = named ? withPlainIndices(node.attributes) : node.attributes;
  return JSON.stringify([node.op, printType(node.type), operands, attributes, bodies], canonicalNumber);
}

/** Replacer for `JSON.stringify`, which has no negative zero, no infinities and no NaN. */
export function canonicalNumber(_name: string, value: unknown): unknown {
  return typeof value === "number" && (Object.is(value, -0) || !Number.isFinite(value))
    ? `#${Object.is(value, -0) ? "-0" : value}`
    : value;
}

/** Index names are only for people: they are replaced by their order of appearance. */
export function withPlainIndices(attributes: Attributes): Attributes {
  const text = attributes.spec;
  if (typeof text !== "string" || !text.includes("->")) return attributes;
  const spec = parseSpec(text);
  const plain = plainIndexNames([...spec.operands.flat(), ...spec.result]);
  const rename = (name: string) => plain.get(name) ?? name;
  const renamed: Record<string, Attributes[string]> = {
    ...attributes,
    spec: printSpec({ operands: spec.operands.map((own) => own.map(rename)), result: spec.result.map(rename) }),
  };
  if (typeof attributes.at === "string") renamed.at = rename(attributes.at);
  if (typeof attributes.where === "string") {
    const constraints = parseConstraints(attributes.where).map(({ terms, constant }) => ({
      terms: new Map([...terms].map(([name, coefficient]) => [rename(name), coefficient])),
      constant,
    }));
    renamed.where = constraints
      .map((constraint) => printConstraints([constraint]))
      .sort()
      .join(", ");
  }
  return renamed;
}

/** Names of indices by order of appearance: `i0`, `i1`, …, by the author's names. */
export function plainIndexNames(names: readonly string[]): ReadonlyMap<string, string> {
  const plain = new Map<string, string>();
  for (const name of names) if (!plain.has(name)) plain.set(name, `i${plain.size}`);
  return plain;
}
