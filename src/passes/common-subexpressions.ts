/** Values that are written twice are computed once. */
import { type Graph, graphNodes, mergeOrigins, type Node } from "../ir/index.ts";
import { costOf } from "./cost.ts";
import type { Pass, PassResult } from "./pass.ts";
import { withOperands } from "./rebuild.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";
import { makeValueNumbers } from "./value-numbers.ts";

export const commonSubexpressions: Pass = {
  name: "common-subexpressions",
  summary: "Computes a value once that is written several times, and keeps all the places where it is written.",
  run: shareValues,
};

function shareValues(graph: Graph): PassResult {
  const nodes = graphNodes(graph);
  const numbers = makeValueNumbers();
  const classes = new Map<number, Node[]>();
  for (const node of nodes) {
    const number = numbers.number(node);
    const members = classes.get(number);
    if (members === undefined) classes.set(number, [node]);
    else members.push(node);
  }
  if (classes.size === nodes.length) return { graph, rewrites: [] };

  const rewrites: RewriteTrace[] = [];
  /** The one node that stands for all of its class. */
  const shared = new Map<number, Node>();
  const finished = new Map<Node, Node>();
  for (const node of nodes) {
    const number = numbers.number(node);
    let result = shared.get(number);
    if (result === undefined) {
      const members = classes.get(number) as readonly Node[];
      result = withOperands(
        node,
        node.operands.map((operand) => finished.get(operand) as Node),
      );
      if (members.length > 1) {
        const name = members.find((member) => member.name !== undefined)?.name;
        result = { ...result, origins: mergeOrigins(...members.map((member) => member.origins)), name };
        rewrites.push(traceOf(members, result));
      }
      shared.set(number, result);
    }
    finished.set(node, result);
  }
  const final = (node: Node) => finished.get(node) as Node;
  return {
    graph: {
      ...graph,
      inputs: graph.inputs.map(final),
      parameters: graph.parameters.map(final),
      outputs: graph.outputs.map((output) => ({ ...output, node: final(output.node) })),
    },
    rewrites,
  };
}

function traceOf(members: readonly Node[], result: Node): RewriteTrace {
  const before = costOf(members);
  const after = costOf([result]);
  return {
    pass: "common-subexpressions",
    rule: "shared value",
    reason: `written ${members.length} times, computed once`,
    before: members.map((member) => describeNode(member, 1)).join("; "),
    after: describeNode(result, 1),
    origins: result.origins,
    flopsBefore: before.flops,
    flopsAfter: after.flops,
    bytesBefore: before.bytes,
    bytesAfter: after.bytes,
  };
}
