/**
 * Fusion: which nodes become one kernel.
 *
 * A kernel runs the loops of its *heads* (contractions, reductions, scans), or just walks its output when it has none; what
 * it reads of nodes that lie in no buffer, it evaluates in place. So fusing means deciding which nodes need *not* lie in
 * memory:
 *
 * 0. a softmax and the weighted sum it feeds walk their index once (fusion-online-softmax.ts), and where gradients need its weights
 *    again, their kernels compute them again (fusion-streams.ts);
 * 1. a contraction or scan takes the elementwise work on its result with it (epilogue);
 * 2. reductions over the same rows, with the elementwise work between and after them, become one row kernel;
 * 3. of what remains, an elementwise node is stored when reading it back is cheaper than evaluating it at every reader.
 *
 * Groups are convex: no value leaves a group and comes back into it, so they can be run one after another.
 */
import { elementCount, type Graph, graphNodes, type Node, nodeUsers, operationOf } from "../ir/index.ts";
import { joinChains } from "./fusion-chains.ts";
import { type GraphOrder, graphOrder } from "./fusion-convexity.ts";
import { growEpilogue } from "./fusion-epilogue.ts";
import { findOnlineSoftmax, type OnlineSoftmax } from "./fusion-online-softmax.ts";
import { growRows } from "./fusion-rows.ts";
import { chooseStored } from "./fusion-stored.ts";
import { findStream, type Stream } from "./fusion-streams.ts";
import { bindingsOf, widthSplits } from "./fusion-width.ts";
import type { StreamedContraction } from "./streamed-contraction.ts";

export interface KernelGroup {
  readonly kind:
    | "map"
    | "rows"
    | "contraction"
    | "scan"
    | "order"
    | "scatter"
    | "loop"
    | "extern"
    | "online-softmax"
    | "streamed-contraction";
  /** Nodes whose loops the kernel runs, in graph order; empty for a map. */
  readonly heads: readonly Node[];
  /** Nodes that the kernel writes to memory. */
  readonly outputs: readonly Node[];
  /** Stored nodes (inputs and parameters included) that it reads. */
  readonly inputs: readonly Node[];
  /** Every node that it evaluates. */
  readonly members: readonly Node[];
  /** The parts that its nodes play, when `kind` is `online-softmax`. */
  readonly online?: OnlineSoftmax;
  /** The same when it is `streamed-contraction`. */
  readonly streamed?: StreamedContraction;
  /** The weighted sum of the softmax whose stream (fusion-streams.ts) the kernel is part of. */
  readonly stream?: Node;
}

type Draft = Pick<KernelGroup, "kind" | "heads" | "outputs" | "online" | "streamed" | "stream">;

export interface FusionOptions {
  /** With false, every node that computes is a kernel of its own (`-O0`). */
  readonly fuse: boolean;
  /** Floating-point operations that cost as much as moving one byte. */
  readonly flopsPerByte: number;
  /** Storage bindings that one kernel may have. */
  readonly maxBindings: number;
}

export const defaultFusionOptions: FusionOptions = { fuse: true, flopsPerByte: 4, maxBindings: 8 };

/** What the fusion rules share about a graph. */
export interface FusionGraph extends GraphOrder {
  readonly nodes: readonly Node[];
  readonly users: ReadonlyMap<Node, readonly Node[]>;
  readonly isOutput: (node: Node) => boolean;
  /** True for a node that is stored because a kernel was too wide: no kernel goes on behind it. */
  readonly isCut: (node: Node) => boolean;
}

const familyOf = (node: Node) => operationOf(node.op).family;
const isStoredSource = (node: Node) =>
  familyOf(node) === "source" && (node.op === "input" || node.op === "parameter" || isTable(node));

/** A constant with more than one value: it lies in a buffer. */
export function isTable(node: Node): boolean {
  const values = node.attributes.values;
  return node.op === "constant" && Array.isArray(values) && values.length > 1;
}

/** The node whose elements a chain of reshapes shows: they share its storage. */
export function storedAs(node: Node): Node {
  let current = node;
  while (current.op === "reshape") current = current.operands[0] as Node;
  return current;
}

/** Divides a graph into kernels, in an order in which they can run. */
export function fuseKernels(graph: Graph, options: FusionOptions = defaultFusionOptions): KernelGroup[] {
  const forced = new Set<Node>();
  const unstreamed = new Set<Node>();
  for (;;) {
    const groups = fuseOnce(graph, options, forced, unstreamed);
    // A loop is as many kernels as its body has groups, and those are divided by themselves.
    const tooWide = groups.filter((group) => group.kind !== "loop" && bindingsOf(group) > options.maxBindings);
    if (tooWide.length === 0) return groups;
    const streamed = tooWide.filter(({ stream }) => stream !== undefined);
    for (const group of streamed) {
      const stored = narrowerStream(group, options.maxBindings, forced);
      for (const node of stored) forced.add(node);
      if (stored.length === 0) unstreamed.add(group.stream as Node);
    }
    if (streamed.length > 0) continue;
    for (const group of tooWide) {
      const splits = widthSplits(group, options.maxBindings, forced);
      if (splits.length === 0) {
        throw new Error(`a kernel needs ${bindingsOf(group)} buffers, this device binds ${options.maxBindings}`);
      }
      // Where it ended it ends again: its parts do not grow into what follows.
      for (const node of [...splits, ...group.outputs]) forced.add(node);
    }
  }
}

/**
 * What to store so that a kernel of a stream binds less: first its sum, before what follows on it, then small values that it reads.
 * Empty where only values of the size of the scores are left.
 */
function narrowerStream(group: KernelGroup, maxBindings: number, forced: ReadonlySet<Node>): readonly Node[] {
  const { weighted, weightsOperand } = (group.streamed ?? group.online) as StreamedContraction | OnlineSoftmax;
  if (group.outputs[0] !== weighted && !forced.has(weighted)) return [weighted];
  const scores = elementCount((weighted.operands[weightsOperand] as Node).type.shape);
  const large = group.members.filter((node) => elementCount(node.type.shape) >= scores);
  return widthSplits(group, maxBindings, new Set([...forced, ...large]));
}

/**
 * @param forced      nodes that are stored
 * @param unstreamed  weighted sums around which nothing is computed anew
 */
function fuseOnce(
  graph: Graph,
  options: FusionOptions,
  forced: ReadonlySet<Node>,
  unstreamed: ReadonlySet<Node>,
): KernelGroup[] {
  const nodes = graphNodes(graph);
  const order = graphOrder(nodes);
  const users = nodeUsers(nodes);
  // A hand-written kernel reads its operands from memory: they are stored like outputs.
  const bound = nodes.filter((node) => familyOf(node) === "extern").flatMap((node) => node.operands.map(storedAs));
  const outputs = new Set([...graph.outputs.map((output) => storedAs(output.node)), ...bound]);
  const isOutput = (node: Node) => outputs.has(node) || forced.has(node);
  const facts: FusionGraph = {
    nodes,
    ...order,
    users,
    isOutput,
    isCut: (node) => forced.has(node),
  };

  const drafts: Draft[] = [];
  const claimed = new Set<Node>();
  const free = (node: Node) => !claimed.has(node);
  for (const head of options.fuse ? nodes : []) {
    const online = findOnlineSoftmax(facts, head, free);
    const stream = online === undefined && !unstreamed.has(head) ? findStream(facts, head, free) : undefined;
    if (online !== undefined) {
      for (const node of online.members) claimed.add(node);
      drafts.push(onlineDraft(online));
    } else if (stream !== undefined) drafts.push(...streamDrafts(facts, stream, claimed));
  }
  for (const head of nodes) {
    if ((familyOf(head) !== "contract" && familyOf(head) !== "scan") || claimed.has(head)) continue;
    const epilogue = options.fuse ? growEpilogue(facts, head, free) : { root: head, members: new Set([head]) };
    for (const node of epilogue.members) claimed.add(node);
    const kind = familyOf(head) === "scan" ? "scan" : "contraction";
    drafts.push({ kind, heads: [head], outputs: [epilogue.root] });
  }
  for (const head of nodes) {
    const kind = familyOf(head);
    if (kind !== "order" && kind !== "scatter" && kind !== "loop" && kind !== "extern") continue;
    claimed.add(head);
    drafts.push({ kind, heads: [head], outputs: [head] });
  }
  for (const head of nodes) {
    if (familyOf(head) !== "reduce" || claimed.has(head)) continue;
    const rows = options.fuse
      ? growRows(facts, head, free)
      : { heads: [head], outputs: [head], members: new Set([head]) };
    for (const node of rows.members) claimed.add(node);
    drafts.push({ kind: "rows", heads: rows.heads, outputs: rows.outputs });
  }

  const stored = new Set<Node>(drafts.flatMap((draft) => draft.outputs));
  for (const node of nodes) if (isStoredSource(node)) stored.add(node);
  const mustStore = [...outputs, ...forced];
  for (const node of mustStore) if (!stored.has(node) && !claimed.has(node)) stored.add(node);
  chooseStored(facts, options, claimed, stored);

  for (const node of nodes) {
    if (stored.has(node) && !claimed.has(node) && !isStoredSource(node)) {
      drafts.push({ kind: "map", heads: [], outputs: [node] });
    }
  }
  const groups = withoutUnread(
    drafts.map((draft) => finishGroup(draft, stored)),
    isOutput,
  );
  const ordered = inRunningOrder(groups, order.position);
  return options.fuse ? joinChains(ordered, { maxBindings: options.maxBindings, mustStore: isOutput }) : ordered;
}

function onlineDraft(online: OnlineSoftmax, beside: readonly Node[] = []): Draft {
  const { scores, maximum, total, weighted, root } = online;
  const heads = [scores, maximum, total, weighted].filter((node) => node !== undefined);
  return { kind: "online-softmax", heads, outputs: [root, ...beside], online };
}

/** The kernels of a stream; what they take is added to `claimed`. */
function streamDrafts(facts: FusionGraph, { online, contractions, recomputed }: Stream, claimed: Set<Node>): Draft[] {
  for (const node of [...online.members, ...recomputed, ...contractions.map(({ weighted }) => weighted)])
    claimed.add(node);
  const drafts = contractions.map((streamed): Draft => {
    const { weighted, inner } = streamed;
    const epilogue = growEpilogue(facts, weighted, (node) => !claimed.has(node));
    for (const node of epilogue.members) claimed.add(node);
    const heads = [...inner.map(({ node }) => node), weighted];
    return { kind: "streamed-contraction", heads, outputs: [epilogue.root], streamed, stream: online.weighted };
  });
  const beside = [online.maximum, online.total];
  return [{ ...onlineDraft(online, beside), stream: online.weighted }, ...drafts];
}

function finishGroup(draft: Draft, stored: ReadonlySet<Node>): KernelGroup {
  const inputs = new Set<Node>();
  const members = new Set<Node>();
  const stack = [...draft.outputs];
  const own = new Set(draft.outputs);
  while (stack.length > 0) {
    const node = stack.pop() as Node;
    if (members.has(node)) continue;
    members.add(node);
    for (const operand of node.operands) {
      if (stored.has(operand) && !own.has(operand)) inputs.add(operand);
      else stack.push(operand);
    }
  }
  return { ...draft, inputs: [...inputs], members: [...members] };
}

/** The groups without the statistics of rows that nobody reads. */
function withoutUnread(groups: readonly KernelGroup[], isOutput: (node: Node) => boolean): KernelGroup[] {
  const read = new Set(groups.flatMap((group) => group.inputs));
  return groups.map((group) => {
    if (group.kind !== "online-softmax") return group;
    const { root } = group.online as OnlineSoftmax;
    return { ...group, outputs: group.outputs.filter((node) => node === root || read.has(node) || isOutput(node)) };
  });
}

/** Producers before consumers; among those that are ready, the one that comes first in the graph. */
function inRunningOrder(groups: readonly KernelGroup[], position: ReadonlyMap<Node, number>): KernelGroup[] {
  const producer = new Map<Node, KernelGroup>();
  for (const group of groups) for (const output of group.outputs) producer.set(output, group);
  const first = (group: KernelGroup) => Math.max(...group.outputs.map((output) => position.get(output) ?? 0));
  const sorted = [...groups].sort((a, b) => first(a) - first(b));
  const order: KernelGroup[] = [];
  const state = new Map<KernelGroup, "open" | "done">();
  for (const root of sorted) {
    const stack = [root];
    while (stack.length > 0) {
      const group = stack[stack.length - 1] as KernelGroup;
      if (state.get(group) === "done") {
        stack.pop();
        continue;
      }
      const waiting = group.inputs
        .map((input) => producer.get(input))
        .filter((other): other is KernelGroup => other !== undefined && state.get(other) !== "done");
      if (waiting.length === 0) {
        state.set(group, "done");
        order.push(group);
        stack.pop();
        continue;
      }
      if (state.get(group) === "open") throw new Error("kernels wait for each other: a fusion group is not convex");
      state.set(group, "open");
      stack.push(...waiting.reverse());
    }
  }
  return order;
}
