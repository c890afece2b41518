/** A reduction as the reduction of partial ones: the index is cut into equal parts, and what is found of each is joined. */
import { makeBuilder, type Node, operationOf, parseSpec, printSpec } from "../ir/index.ts";

/**
 * The same value in two steps.
 *
 * @param index  one that is reduced; `parts` divides its size
 * @param operands  those of the node, where one had to be padded first
 */
export function reducedInParts(
  node: Node,
  index: string,
  parts: number,
  operands: readonly Node[] = node.operands,
): Node {
  const builder = makeBuilder(node.origins);
  const spec = parseSpec(node.attributes.spec as string);
  const part = freshName(spec.operands.flat(), "part");
  const cut = operands.map((operand, k) => {
    const axis = (spec.operands[k] as readonly string[]).indexOf(index);
    if (axis < 0) return operand;
    const shape = operand.type.shape.flatMap((extent, a) => (a === axis ? [parts, extent / parts] : [extent]));
    return builder.reshape(operand, shape);
  });
  const cutNames = spec.operands.map((names) => names.flatMap((each) => (each === index ? [part, index] : [each])));
  // The parts stand where they stand in an operand, so that what belongs to one result of a batch lies together; where the result has
  // its indices in another order they come first, since the joining must keep it.
  const long = cutNames.find((names) => names.includes(part)) as readonly string[];
  const before = spec.result.filter((each) => long.includes(each) && long.indexOf(each) < long.indexOf(part));
  const leading = before.every((each, k) => each === spec.result[k]) ? before.length : 0;
  const result = [...spec.result.slice(0, leading), part, ...spec.result.slice(leading)];
  const inner = builder.node(node.op, cut, {
    ...node.attributes,
    spec: printSpec({ operands: cutNames, result }),
  });
  const joins = operationOf(node.op).family === "contract" ? "sum" : node.op;
  const outer = builder.node(joins, [inner], { spec: printSpec({ operands: [result], result: spec.result }) });
  return node.name === undefined ? outer : { ...outer, name: node.name };
}

function freshName(taken: readonly string[], wanted: string): string {
  let name = wanted;
  for (let n = 1; taken.includes(name); n++) name = `${wanted}${n}`;
  return name;
}
