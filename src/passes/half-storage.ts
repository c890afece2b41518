/**
 * Half precision where it pays: parameters and the larger values that kernels hand to each other are kept as f16, at half the memory and
 * half the traffic; all arithmetic stays f32. In the graph that is a cast to f16 where a value is stored and a cast back where it is
 * read, both of which fusion makes part of the kernels around them. Only where the user asks for it (`--precision f16`).
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
  tensorType,
} from "../ir/index.ts";
import { fuseKernels, type KernelGroup } from "./fusion.ts";
import type { Pass, PassContext, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import type { RewriteTrace } from "./trace.ts";

/** Smaller values, such as means and normalisers, save little and are often what precision hangs on. */
const fewestElements = 4096;

/** Kernels that can cast what they store. */
const casting: readonly KernelGroup["kind"][] = [
  "map",
  "rows",
  "contraction",
  "scan",
  "online-softmax",
  "streamed-contraction",
];

export const halfStorage: Pass = {
  name: "half-storage",
  summary: "Keeps parameters and large values in f16 where `--precision f16` asks for it; arithmetic stays f32.",
  changesValues: true,
  run,
};

function run(graph: Graph, { storage }: PassContext): PassResult {
  if (storage === undefined) return { graph, rewrites: [] };
  const users = nodeUsers(graphNodes(graph));
  const outputs = new Set(graph.outputs.map(({ node }) => node));
  const full = storage.fullAfter === undefined ? new Set<Node>() : following(graph, storage.fullAfter);
  const suits = (node: Node) =>
    node.type.dtype === "f32" && elementCount(node.type.shape) >= fewestElements && !full.has(node);
  const replacements = new Map<Node, Node>();
  const halves = new Map<Node, Node>();
  for (const node of storage.fullAfter === undefined ? graph.parameters : []) {
    if (!suits(node) || outputs.has(node) || feedsWholeBuffers(node, users)) continue;
    const half = makeNode("parameter", [], node.attributes, {
      declared: tensorType("f16", node.type.shape),
      origins: node.origins,
      name: node.name,
    });
    halves.set(node, half);
    replacements.set(node, makeBuilder(node.origins).node("cast", [half], { to: "f32" }));
  }
  for (const node of storedValues(graph)) {
    if (!suits(node) || outputs.has(node) || feedsWholeBuffers(node, users)) continue;
    const b = makeBuilder(node.origins);
    const half = b.node("cast", [{ ...node }], { to: "f16" });
    const named = node.name === undefined ? half : { ...half, name: node.name };
    halves.set(node, named);
    replacements.set(node, b.node("cast", [named], { to: "f32" }));
  }
  if (halves.size === 0) return { graph, rewrites: [] };
  const mapped = mapGraph(graph, replacements);
  const parameters = graph.parameters.map((node, k) => halves.get(node) ?? (mapped.parameters[k] as Node));
  return { graph: { ...mapped, parameters }, rewrites: [traceOf([...halves.keys()])] };
}

/** Everything that depends on a parameter. */
function following(graph: Graph, path: string): ReadonlySet<Node> {
  const found = new Set<Node>();
  for (const node of graphNodes(graph)) {
    const isIt = node.op === "parameter" && node.attributes.name === path;
    if (isIt || node.operands.some((operand) => found.has(operand))) found.add(node);
  }
  return found;
}

function storedValues(graph: Graph): readonly Node[] {
  return fuseKernels(graph).flatMap((group) => {
    if (!casting.includes(group.kind)) return [];
    // Whoever computes a softmax's weights again does so from the maximum and the total as they were.
    return group.kind === "online-softmax" ? group.outputs.slice(0, 1) : group.outputs;
  });
}

/** Loops and hand-written kernels read whole buffers as they are: a cast in front would be a copy. */
function feedsWholeBuffers(node: Node, users: ReadonlyMap<Node, readonly Node[]>): boolean {
  return (users.get(node) ?? []).some((user) => {
    const { family } = operationOf(user.op);
    return family === "loop" || family === "extern" || (family === "movement" && feedsWholeBuffers(user, users));
  });
}

function traceOf(nodes: readonly Node[]): RewriteTrace {
  const elements = nodes.reduce((sum, node) => sum + elementCount(node.type.shape), 0);
  return {
    pass: "half-storage",
    rule: "stored as f16",
    reason: "half the bytes to keep and to move, as the user allowed",
    before: `${nodes.length} tensors of f32`,
    after: `${nodes.length} tensors of f16`,
    origins: nodes[0]?.origins ?? [],
    flopsBefore: 0,
    flopsAfter: 0,
    bytesBefore: 4 * elements,
    bytesAfter: 2 * elements,
  };
}
