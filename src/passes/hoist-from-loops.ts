/**
 * What a loop's body computes without the carried state is computed for all steps at once, before the loop: the products with
 * the inputs of a recurrent network become one large product (Appleyard, Kočiský & Blunsom 2016, section 3.1). A loop of which
 * nothing is left is gone.
 *
 * Only sums move (contractions, reductions, scans): elementwise work alone costs less in the loop than its results cost in memory.
 */
import {
  elementCount,
  type Graph,
  graphNodes,
  makeBuilder,
  makeNode,
  type Node,
  nodeUsers,
  operationOf,
} from "../ir/index.ts";
import { costOf } from "./cost.ts";
import { type AllSteps, allSteps } from "./loops/all-steps.ts";
import { bodyNodes, freshInputName, type LoopParts, liveCarried, loopOf, partsOf } from "./loops/loop-parts.ts";
import { narrowest } from "./loops/narrowest.ts";
import type { Pass, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";

export const hoistFromLoops: Pass = {
  name: "hoist-from-loops",
  summary: "Computes for all steps at once what a loop's body does not need the carried state for.",
  run: hoist,
};

/** What is computed for all steps at once may have this many elements. */
const largestHoisted = 2 ** 28;

function hoist(graph: Graph): PassResult {
  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  for (const node of graphNodes(graph)) {
    if (node.op !== "loop") continue;
    const parts = partsOf(node);
    const emptied = withoutLoop(parts);
    if (emptied !== undefined) {
      replacements.set(node, emptied);
      rewrites.push(emptiedTrace(parts, emptied));
      continue;
    }
    const made = withHoisted(parts);
    if (made === undefined) continue;
    replacements.set(node, made.loop);
    rewrites.push(...made.rewrites);
  }
  return rewrites.length === 0 ? { graph, rewrites } : { graph: mapGraph(graph, replacements), rewrites };
}

/** The rows of a loop that needs no state. */
function withoutLoop(parts: LoopParts): Node | undefined {
  if (liveCarried(parts).length > 0 || elementCount(parts.loop.type.shape) > largestHoisted) return undefined;
  const steps = allSteps(parts);
  const { row, loop } = parts;
  switch (steps.dependence(row)) {
    case "state":
      return undefined;
    case "step":
      return steps.everyStep(row);
    case "fixed": {
      const { shape } = loop.type;
      return makeBuilder(loop.origins).broadcast(
        steps.once(row),
        shape,
        shape.slice(1).map((_, axis) => axis + 1),
      );
    }
  }
}

function withHoisted(
  parts: LoopParts,
): { readonly loop: Node; readonly rewrites: readonly RewriteTrace[] } | undefined {
  const steps = allSteps(parts);
  const roots = hoistedNodes(parts, steps);
  if (roots.length === 0) return undefined;
  const rewrites: RewriteTrace[] = [];
  const invariants = new Map(parts.invariants);
  const inside = new Map<Node, Node>();
  for (const root of roots) {
    const once = steps.dependence(root) === "fixed";
    const outside = once ? steps.once(root) : steps.everyStep(root);
    const name = freshInputName({ ...parts, invariants }, root.name ?? root.op);
    const input = makeNode("input", [], { name }, { declared: outside.type, origins: root.origins, name });
    invariants.set(input, outside);
    if (once) {
      inside.set(root, input);
      rewrites.push(
        hoistTrace("the same in every step", "what does not change is computed once", root, outside, parts.steps, 1),
      );
      continue;
    }
    const names = root.type.shape.map((_, axis) => `i${axis}`);
    const spec = `t ${names.join(" ")}, -> ${names.join(" ")}`;
    const read = makeBuilder(root.origins).node("gather", [input, parts.step], { spec, at: "t" });
    inside.set(root, root.name === undefined ? read : { ...read, name: root.name });
    const reason = "one computation for all steps keeps a device busier than one at each step";
    rewrites.push(hoistTrace("the same for every state", reason, root, outside, parts.steps, parts.steps));
  }
  const results = [...parts.carried.map(({ next }) => next), parts.row];
  const mapped = mapGraph(
    { name: "", inputs: [], parameters: [], outputs: results.map((node) => ({ name: "", node })) },
    inside,
  ).outputs.map(({ node }) => node);
  const carried = parts.carried.map((part, k) => ({ ...part, next: mapped[k] as Node }));
  return { loop: loopOf({ ...parts, carried, invariants, row: mapped.at(-1) as Node }), rewrites };
}

/** Nodes that leave the body: those without state that something with state reads, if sums are among what they need. */
function hoistedNodes(parts: LoopParts, { dependence }: AllSteps): readonly Node[] {
  const nodes = bodyNodes(parts);
  const users = nodeUsers(nodes);
  const results = new Set([...parts.carried.map(({ next }) => next), parts.row]);
  const sums = new Map<Node, boolean>();
  for (const node of nodes) {
    if (dependence(node) === "state") continue;
    sums.set(node, isSum(node) || node.operands.some((operand) => sums.get(operand) === true));
  }
  const roots = new Set<Node>();
  for (const node of nodes) {
    const freer = (user: Node) => dependence(user) === "state" || dependence(user) !== dependence(node);
    const leaves = results.has(node) || (users.get(node) ?? []).some(freer);
    if (sums.get(node) !== true || !leaves) continue;
    // A view stays inside: what it shows may be smaller.
    let root = node;
    while (operationOf(root.op).family === "movement" && root.operands.length === 1) root = root.operands[0] as Node;
    const copies = dependence(root) === "step" ? parts.steps : 1;
    if (sums.get(root) === true && copies * elementCount(root.type.shape) <= largestHoisted) roots.add(root);
  }
  return narrowest([...roots], isSum);
}

function isSum(node: Node): boolean {
  return ["contract", "reduce", "scan", "order", "loop"].includes(operationOf(node.op).family);
}

/** The work of a value, how often it was done in the loop and how often it is now. */
function hoistTrace(
  rule: string,
  reason: string,
  root: Node,
  outside: Node,
  before: number,
  after: number,
): RewriteTrace {
  const cost = costOf(graphNodes({ name: "", inputs: [], parameters: [], outputs: [{ name: "", node: root }] }));
  return {
    pass: "hoist-from-loops",
    rule,
    reason,
    before: describeNode(root, 3),
    after: describeNode(outside, 3),
    origins: root.origins,
    flopsBefore: before * cost.flops,
    flopsAfter: after * cost.flops,
    bytesBefore: before * cost.bytes,
    bytesAfter: after * cost.bytes,
  };
}

function emptiedTrace({ loop, row, steps }: LoopParts, after: Node): RewriteTrace {
  const cost = costOf(graphNodes({ name: "", inputs: [], parameters: [], outputs: [{ name: "", node: row }] }));
  return {
    pass: "hoist-from-loops",
    rule: "loop without state",
    reason: "no step needs another one, so all are computed at once",
    before: `loop(${describeNode(row, 2)})`,
    after: describeNode(after, 3),
    origins: loop.origins,
    flopsBefore: steps * cost.flops,
    flopsAfter: steps * cost.flops,
    bytesBefore: steps * cost.bytes,
    bytesAfter: steps * cost.bytes,
  };
}
