/**
 * Contractions of factors that are zero outside a range of positions visit that range only.
 *
 * A mask that stands directly on a factor is a canonical form (rules/masks.ts). In gradients it stands further inside: what the
 * scores of causal attention get is a sum of products, each of which is zero above the diagonal.
 */
import {
  type Constraint,
  type Graph,
  graphNodes,
  makeBuilder,
  type Node,
  parseSpec,
  printConstraints,
} from "../ir/index.ts";
import { costOf } from "./cost.ts";
import type { Pass, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import { rangeSupport, type Support, sameSupport, supportConstraints, supportOf } from "./support.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";

export const restrictContractions: Pass = {
  name: "restrict-contractions",
  summary: "Leaves out of a contraction's range what masks inside of its factors make zero.",
  run,
};

function run(graph: Graph): PassResult {
  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  for (const node of graphNodes(graph)) {
    const replacement = node.op === "contract" ? restricted(node) : undefined;
    if (replacement === undefined) continue;
    replacements.set(node, replacement);
    const before = costOf([node]);
    const after = costOf([replacement]);
    rewrites.push({
      pass: "restrict-contractions",
      rule: "factor that is zero outside a range",
      reason: "products with zeros add nothing",
      before: describeNode(node),
      after: describeNode(replacement),
      origins: node.origins,
      flopsBefore: before.flops,
      flopsAfter: after.flops,
      bytesBefore: before.bytes,
      bytesAfter: after.bytes,
    });
  }
  return rewrites.length === 0 ? { graph, rewrites } : { graph: mapGraph(graph, replacements), rewrites };
}

function restricted(node: Node): Node | undefined {
  const spec = parseSpec(node.attributes.spec as string);
  const names = [...new Set(spec.operands.flat())];
  const where = (node.attributes.where as string | undefined) ?? "";
  let known: readonly Support[] = rangeSupport(where, names);
  const more: Constraint[] = [];
  node.operands.forEach((operand, k) => {
    const indices = spec.operands[k] as readonly string[];
    for (const constraint of supportConstraints(supportOf(operand), indices)) {
      const text = printConstraints([constraint]);
      const [support] = rangeSupport(text, names);
      if (support === undefined || known.some((each) => sameSupport(each, support))) continue;
      if (!boundsTheSum(constraint, spec.result)) continue;
      known = [...known, support];
      more.push(constraint);
    }
  });
  if (more.length === 0) return undefined;
  const texts = [...(where === "" ? [] : [where]), printConstraints(more)];
  const builder = makeBuilder(node.origins);
  const result = builder.contract(node.attributes.spec as string, node.operands, texts.join(", "));
  return node.name === undefined ? result : { ...result, name: node.name };
}

/** A condition that shortens the sum for each element: kernels walk the range that it leaves. */
function boundsTheSum({ terms }: Constraint, result: readonly string[]): boolean {
  const names = [...terms.keys()];
  const kept = names.filter((name) => result.includes(name));
  return kept.length === 1 && names.length === 2;
}
