/** Turns nodes, spans and rules into table rows, each once. */
import { wishedName } from "../codegen/index.ts";
import {
  byteLength,
  type Graph,
  graphNodes,
  type Node,
  nodeText,
  type Origins,
  operationOf,
  printType,
} from "../ir/index.ts";
import { nodeCost, nodeFlops, type RewriteTrace } from "../passes/index.ts";
import type {
  Id,
  InspectedGraph,
  InspectedNode,
  InspectedRewrite,
  InspectedRule,
  InspectedSource,
  InspectedSpan,
} from "./inspection.ts";

/** Tables of constants can be long; nobody reads them to the end. */
const longestAttributes = 300;

/** The tables of an inspection while it is being built. */
export interface Tables {
  readonly sources: InspectedSource[];
  readonly spans: InspectedSpan[];
  readonly nodes: InspectedNode[];
  readonly rules: InspectedRule[];
  /** Position of a node; operands get theirs before it. */
  readonly node: (node: Node) => Id;
  readonly origins: (origins: Origins) => readonly Id[];
  readonly graph: (graph: Graph) => InspectedGraph;
  readonly rewrite: (trace: RewriteTrace) => InspectedRewrite;
}

/** @param texts  source texts by path, the asked-for file first */
export function makeTables(texts: ReadonlyMap<string, string>): Tables {
  const sources: InspectedSource[] = [];
  const spans: InspectedSpan[] = [];
  const nodes: InspectedNode[] = [];
  const rules: InspectedRule[] = [];
  const nodeIds = new Map<Node, Id>();
  const spanIds = new Map<string, Id>();
  const ruleIds = new Map<string, Id>();
  const sourceIds = new Map<string, Id>();

  const source = (path: string): Id => {
    const known = sourceIds.get(path) ?? sources.length;
    if (known === sources.length) {
      sourceIds.set(path, known);
      sources.push({ path, text: texts.get(path) ?? "" });
    }
    return known;
  };
  const [first] = texts.keys();
  if (first !== undefined) source(first);

  const origins = (list: Origins): readonly Id[] =>
    list.map(({ file, start, end, line, column }) => {
      const key = `${start} ${end} ${file}`;
      const id = spanIds.get(key) ?? spans.length;
      if (id === spans.length) {
        spanIds.set(key, id);
        spans.push({ source: source(file), start, end, line, column });
      }
      return id;
    });

  const addNode = (node: Node): void => {
    const { operation, attributes } = nodeText(node);
    const path = node.attributes.name;
    const name = node.name ?? (typeof path === "string" ? path : undefined);
    const bodies = node.regions?.map(graph);
    nodeIds.set(node, nodes.length);
    nodes.push({
      op: node.op,
      family: operationOf(node.op).family,
      type: printType(node.type),
      operation,
      attributes: attributes.length > longestAttributes ? `${attributes.slice(0, longestAttributes)}…` : attributes,
      operands: node.operands.map((operand) => nodeIds.get(operand) as Id),
      origins: origins(node.origins),
      ...(name === undefined ? {} : { name }),
      wgslName: wishedName(node),
      flops: flopsOf(node),
      bytes: byteLength(node.type),
      bytesMoved: nodeCost(node).bytes,
      ...(bodies === undefined ? {} : { bodies }),
    });
  };

  /** Without recursion over operands: graphs can be deep. */
  const node = (root: Node): Id => {
    const stack = [root];
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as Node;
      const waiting = nodeIds.has(top) ? [] : top.operands.filter((operand) => !nodeIds.has(operand));
      if (waiting.length > 0) stack.push(...waiting);
      else {
        stack.pop();
        if (!nodeIds.has(top)) addNode(top);
      }
    }
    return nodeIds.get(root) as Id;
  };

  function graph(whole: Graph): InspectedGraph {
    return {
      name: whole.name,
      nodes: graphNodes(whole).map(node),
      outputs: whole.outputs.map((output) => ({ name: output.name, node: node(output.node) })),
    };
  }

  const rewrite = (trace: RewriteTrace): InspectedRewrite => {
    const key = `${trace.pass}\n${trace.rule}\n${trace.reason}`;
    const rule = ruleIds.get(key) ?? rules.length;
    if (rule === rules.length) {
      ruleIds.set(key, rule);
      rules.push({ pass: trace.pass, name: trace.rule, reason: trace.reason });
    }
    const { before, after, flopsBefore, flopsAfter, bytesBefore, bytesAfter } = trace;
    return {
      rule,
      before,
      after,
      origins: origins(trace.origins),
      flopsBefore,
      flopsAfter,
      bytesBefore,
      bytesAfter,
    };
  };

  return { sources, spans, nodes, rules, node, origins, graph, rewrite };
}

/**
 * Floating-point operations of a node; those of a loop's body count once for every step. A hand-written kernel's are what it states: its
 * body only says what it means.
 */
export function flopsOf(node: Node): number {
  const { steps } = node.attributes;
  if (typeof steps !== "number") return nodeFlops(node);
  const inside = (node.regions ?? []).flatMap(graphNodes).reduce((sum, each) => sum + flopsOf(each), 0);
  return nodeFlops(node) + inside * steps;
}
