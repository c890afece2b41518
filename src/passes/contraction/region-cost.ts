/**
 * What a region costs when it runs: the same measure for what the author wrote and for every form that might replace it,
 * so that the comparison is fair.
 *
 * Floating-point work comes from the operations' records. Memory counts values that must exist between kernels: results
 * of sums and scans, written once and read once. Elementwise work on such a result runs at the end of its kernel and is
 * free; elementwise work before a sum is charged, because a kernel reads its operands many times.
 */
import { elementCount, type Node, operationOf } from "../../ir/index.ts";
import { nodeFlops } from "../cost.ts";
import type { ValueNumbers } from "../value-numbers.ts";

export interface RegionCost {
  readonly flops: number;
  /** Bytes of values in between, written and read. */
  readonly bytes: number;
  /** Elements of the largest value in between. */
  readonly peak: number;
}

/**
 * Cost of computing `roots` and `shared` from whatever is not `inside`. Roots must exist in any case, so their memory is
 * not counted; shared values are stored for others to read. Equal values are counted once.
 */
export function regionCost(
  roots: readonly Node[],
  shared: readonly Node[],
  inside: (node: Node) => boolean,
  numbers: ValueNumbers,
): RegionCost {
  const nodes = insideNodes([...shared, ...roots], inside, numbers);
  const readers = readerCounts(nodes, numbers);
  const valueNumber = (node: Node) => numbers.number(throughViews(node, inside));
  const free = new Set(roots.map(valueNumber));
  const stored = new Set(shared.map(valueNumber));
  let flops = 0;
  let bytes = 0;
  let peak = 0;
  /** Values that the kernel of the elementwise node after them finishes. */
  const absorbed = new Set<number>();
  const producers = new Map<Node, Node | undefined>();
  for (const node of nodes) {
    const isPinned = (number: number) => free.has(number) || stored.has(number) || absorbed.has(number);
    const producer = producerOf(node, inside, numbers, readers, isPinned);
    producers.set(node, producer);
    if (producer !== undefined) absorbed.add(numbers.number(producer));
  }
  for (const node of nodes) {
    flops += nodeFlops(node);
    const number = numbers.number(node);
    const isInMemory = stored.has(number) || isStored(node, producers.get(node));
    if (free.has(number) || absorbed.has(number) || !isInMemory) continue;
    const elements = elementCount(node.type.shape);
    bytes += 2 * 4 * elements;
    peak = Math.max(peak, elements);
  }
  return { flops, bytes, peak };
}

/** One node for each different value, operands first. */
function insideNodes(roots: readonly Node[], inside: (node: Node) => boolean, numbers: ValueNumbers): Node[] {
  const order: Node[] = [];
  const seen = new Set<Node>();
  const values = new Set<number>();
  const stack = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack[stack.length - 1] as Node;
    const waiting = seen.has(node) || !inside(node) ? [] : node.operands.filter((operand) => !seen.has(operand));
    if (waiting.length > 0) {
      for (let i = waiting.length - 1; i >= 0; i--) stack.push(waiting[i] as Node);
      continue;
    }
    stack.pop();
    if (seen.has(node)) continue;
    seen.add(node);
    if (!inside(node)) {
      // Values from outside are what they are; literals made for a form are the same as others like them.
      if (node.operands.length === 0) numbers.number(node);
      else numbers.take(node);
      continue;
    }
    const number = numbers.number(node);
    if (values.has(number)) continue;
    values.add(number);
    order.push(node);
  }
  return order;
}

function readerCounts(nodes: readonly Node[], numbers: ValueNumbers): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const node of nodes) {
    for (const operand of node.operands) {
      const number = numbers.number(operand);
      counts.set(number, (counts.get(number) ?? 0) + 1);
    }
  }
  return counts;
}

const isElementwise = (node: Node) => operationOf(node.op).family === "elementwise";

/** Padding moves values into a larger tensor; the other views only rename positions. */
const isFreeView = (node: Node) => {
  const { family, attributes } = operationOf(node.op);
  return family === "movement" && attributes.value === undefined;
};

function throughViews(node: Node, inside: (node: Node) => boolean): Node {
  let current = node;
  while (inside(current) && isFreeView(current) && current.operands.length === 1) current = current.operands[0] as Node;
  return current;
}

/** The value whose kernel can do this elementwise node's work as its last step. */
function producerOf(
  node: Node,
  inside: (node: Node) => boolean,
  numbers: ValueNumbers,
  readers: ReadonlyMap<number, number>,
  isPinned: (number: number) => boolean,
): Node | undefined {
  if (!isElementwise(node)) return undefined;
  const size = elementCount(node.type.shape);
  for (const operand of node.operands) {
    if (numbers.has(operand) && readers.get(numbers.number(operand)) !== 1) continue;
    const value = throughViews(operand, inside);
    const number = numbers.number(value);
    const family = operationOf(value.op).family;
    const sums = family === "contract" || family === "reduce" || family === "elementwise";
    const alone = readers.get(number) === 1 && !isPinned(number);
    if (inside(value) && sums && alone && elementCount(value.type.shape) === size) return value;
  }
  return undefined;
}

/** True for values that take memory between kernels. */
function isStored(node: Node, producer: Node | undefined): boolean {
  if (!isElementwise(node)) return node.operands.length > 0 && !isFreeView(node);
  if (producer !== undefined) return true;
  // A change of sign or scale of what lies in memory already is done wherever it is read.
  const [, second] = node.operands;
  return !(node.operands.length === 1 || second?.type.shape.length === 0);
}
