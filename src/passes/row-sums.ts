/**
 * Contractions whose factors all have the same indices become sums of elementwise products.
 *
 * `sum[c] x[i, c] * x[i, c]` multiplies aligned elements, so it is a reduction of rows like any other; written as one, fusion can
 * put it beside the other reductions of the same rows (a variance beside its mean). Runs after the contraction order, which
 * wants products of sums as contractions.
 */
import { type Graph, graphNodes, makeBuilder, type Node, parseSpec } from "../ir/index.ts";
import { costOf } from "./cost.ts";
import type { Pass, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";

export const rowSums: Pass = {
  name: "row-sums",
  summary:
    "Writes contractions of aligned factors as sums of products, so that they fuse with other reductions of the rows.",
  run,
};

function run(graph: Graph): PassResult {
  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  for (const node of graphNodes(graph)) {
    const replacement = rowSum(node);
    if (replacement === undefined) continue;
    replacements.set(node, replacement);
    const before = costOf([node]);
    const after = costOf([replacement, replacement.operands[0] as Node]);
    rewrites.push({
      pass: "row-sums",
      rule: "aligned factors",
      reason: "a sum of products of aligned elements is a reduction of rows",
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

function rowSum(node: Node): Node | undefined {
  if (node.op !== "contract" || node.operands.length < 2) return undefined;
  const spec = parseSpec(node.attributes.spec as string);
  const [first, ...others] = spec.operands as readonly (readonly string[])[];
  if (first === undefined || new Set(first).size !== first.length) return undefined;
  const names = first.join(" ");
  if (others.some((indices) => indices.join(" ") !== names)) return undefined;
  // A reduction keeps its indices in order, and reduces at least one.
  if (
    spec.result.length === first.length ||
    first.filter((name) => spec.result.includes(name)).join(" ") !== spec.result.join(" ")
  ) {
    return undefined;
  }
  const builder = makeBuilder(node.origins);
  const product = node.operands.reduce((a, b) => builder.apply("mul", a, b));
  const sum = builder.node("sum", [product], {
    spec: `${names} -> ${spec.result.join(" ")}`,
    where: node.attributes.where ?? "",
  });
  return node.name === undefined ? sum : { ...sum, name: node.name };
}
