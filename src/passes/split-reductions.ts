/**
 * Long reductions with few results become two: many invocations first reduce parts, then the parts are combined.
 *
 * A device runs one invocation (or one workgroup) per result; with few results and many elements most of it would idle.
 * The split costs one more kernel and a small intermediate, and shortens sums, which also makes them more accurate: very long sums are
 * split however many there are, unless splitting them would bring their terms into memory.
 */
import {
  elementCount,
  type Graph,
  graphNodes,
  makeBuilder,
  type Node,
  nodeUsers,
  operationOf,
  parseSpec,
} from "../ir/index.ts";
import { costOf } from "./cost.ts";
import type { Pass, PassContext, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import { reducedInParts } from "./reduce-in-parts.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";
import { matchWeightedSoftmax } from "./weighted-softmax.ts";

/** Shorter reductions are not worth a second kernel. */
const shortestReduction = 4096;

/** Terms that one invocation adds in order at most, for accuracy: the rounding of a sum of positive terms grows with their number. */
const longestSum = 8192;

/** With a sixteenth of the invocations that a device could use, a reduction is left whole. */
const enoughShare = 16;

export const splitReductions: Pass = {
  name: "split-reductions",
  summary: "Splits long reductions with few results in two, so that the whole device takes part.",
  run: split,
};

function split(graph: Graph, context: PassContext): PassResult {
  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  const nodes = graphNodes(graph);
  const undivided = softmaxTotals(nodes);
  for (const node of nodes) {
    const replacement = splitReduction(node, context, undivided);
    if (replacement === undefined) continue;
    replacements.set(node, replacement);
    const before = costOf([node]);
    const inner = replacement.operands[0] as Node;
    const after = costOf([replacement, inner]);
    rewrites.push({
      pass: "split-reductions",
      rule: "two-step reduction",
      reason: "few results over many elements leave most of a device idle",
      before: describeNode(node),
      after: describeNode(replacement, 3),
      origins: node.origins,
      flopsBefore: before.flops,
      flopsAfter: after.flops,
      bytesBefore: before.bytes,
      bytesAfter: after.bytes,
    });
  }
  return rewrites.length === 0 ? { graph, rewrites } : { graph: mapGraph(graph, replacements), rewrites };
}

/** Totals of weights that a kernel adds up while it walks them (fusion-online-softmax.ts). */
function softmaxTotals(nodes: readonly Node[]): ReadonlySet<Node> {
  const users = nodeUsers(nodes);
  const pairs = nodes.filter((node) => node.op === "contract" && node.operands.length === 2);
  const totals = pairs.flatMap((node) => ([0, 1] as const).map((k) => matchWeightedSoftmax(users, node, k)?.total));
  return new Set(totals.filter((total) => total !== undefined));
}

function splitReduction(node: Node, context: PassContext, undivided: ReadonlySet<Node>): Node | undefined {
  const { reducer, family } = operationOf(node.op);
  // Every reducer without positions is associative; positions and conditions would need translating.
  if (family !== "reduce" || reducer === undefined || reducer.positional || node.attributes.where !== undefined) return;
  const operand = node.operands[0] as Node;
  const results = elementCount(node.type.shape);
  const length = elementCount(operand.type.shape) / Math.max(results, 1);
  if (results === 0 || length < shortestReduction) return undefined;
  const isBusy = results * enoughShare >= context.parallelism;
  if (isBusy && (length <= longestSum || node.op !== "sum" || undivided.has(node))) return undefined;

  const spec = parseSpec(node.attributes.spec as string);
  const names = spec.operands[0] as readonly string[];
  const axis = longestReducedAxis(names, spec.result, operand);
  const size = operand.type.shape[axis] as number;
  const parts = partsOf(size, length, results, context);
  if (parts === undefined) return undefined;

  const builder = makeBuilder(node.origins);
  const padded = Math.ceil(size / parts) * parts;
  const whole = padded === size ? operand : padAxis(operand, axis, padded - size, reducer.identity(operand.type.dtype));
  return reducedInParts(node, names[axis] as string, parts, [whole]);

  function padAxis(x: Node, along: number, count: number, value: number): Node {
    const none = x.type.shape.map(() => 0);
    return builder.node("pad", [x], { low: none, high: none.map((_, a) => (a === along ? count : 0)), value });
  }
}

function longestReducedAxis(names: readonly string[], result: readonly string[], operand: Node): number {
  let longest = -1;
  names.forEach((name, axis) => {
    if (result.includes(name)) return;
    if (longest < 0 || (operand.type.shape[axis] as number) > (operand.type.shape[longest] as number)) longest = axis;
  });
  return longest;
}

/**
 * Number of parts of an axis: near the square root of the reduced length (both steps are then equally long), no more
 * than keep the device busy. A divisor of the axis is preferred within a factor of two, because it needs no padding.
 */
function partsOf(size: number, length: number, results: number, context: PassContext): number | undefined {
  const busy = Math.max(Math.ceil(context.parallelism / results), Math.ceil(length / shortestReduction));
  // The second step must stay too short to be split itself.
  const most = Math.min(busy, Math.floor(size / 2), shortestReduction - 1);
  const wanted = Math.min(Math.ceil(Math.sqrt(length)), most);
  if (wanted < 2) return undefined;
  for (let distance = 0; distance <= wanted; distance++) {
    if (wanted - distance >= Math.max(2, wanted / 2) && size % (wanted - distance) === 0) return wanted - distance;
    if (wanted + distance <= most && size % (wanted + distance) === 0) return wanted + distance;
  }
  return wanted;
}
