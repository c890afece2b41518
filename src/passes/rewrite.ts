/** Rewrite rules as data, and the driver that applies tables of them to a fixpoint. */
import {
  type Builder,
  type Graph,
  graphNodes,
  makeBuilder,
  mergeOrigins,
  type Node,
  nodeUsers,
  operationOf,
  sameType,
} from "../ir/index.ts";
import { costOf } from "./cost.ts";
import { type Bindings, matchPattern, type Pattern } from "./pattern.ts";
import { withOperands } from "./rebuild.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";

/** What a rule is given besides what its pattern bound. */
export interface RewriteSite {
  readonly root: Node;
  /** Number of readers of a node (outputs included), as far as it was in the graph before the pass; 1 for new nodes. */
  readonly uses: (node: Node) => number;
}

export interface RuleDefinition<Name extends string> {
  /** What the left side is, in a few words: the rule's name in reports. */
  readonly name: string;
  /** Why it is right and worth it, in one sentence. */
  readonly reason: string;
  readonly pattern: Pattern<Name>;
  readonly when?: (match: Bindings<Name>, site: RewriteSite) => boolean;
  /** The right side, of the root's type; `undefined` when the rule does not apply after all. */
  readonly build: (match: Bindings<Name>, builder: Builder, site: RewriteSite) => Node | undefined;
  /** A graph in IR text that the rule changes, and what it becomes: run by the tests, shown in the documentation. */
  readonly sample: { readonly before: string; readonly after: string };
}

export type Rule = RuleDefinition<string>;

/** Checks a rule's names against its pattern, then forgets them so that rules fit in one table. */
export function rule<Name extends string>(definition: RuleDefinition<Name>): Rule {
  return definition as unknown as Rule;
}

/** Rules kept undoing each other until the budget was spent: a bug in the rule table. */
export class RewriteLoopError extends Error {
  override readonly name = "RewriteLoopError";
  constructor(
    readonly pass: string,
    readonly rules: readonly string[],
  ) {
    super(`${pass} does not come to rest; these rules undo each other: ${rules.join(", ")}`);
  }
}

export interface RewriteResult {
  readonly graph: Graph;
  readonly rewrites: readonly RewriteTrace[];
}

/** Names of the last rules before a budget ran out; long enough to hold any cycle worth the name. */
const remembered = 24;

/**
 * Applies rules everywhere until none fits, operands before users. A rule sees only nodes whose operands are finished;
 * what it builds is finished in turn, so one walk reaches the fixpoint. Order inside the table decides which of several
 * fitting rules comes first, nothing else. No recursion over the graph.
 *
 * @throws RewriteLoopError when more than `budget` rewrites happen (default: 100 for each node, at least 10,000)
 */
export function rewriteGraph(graph: Graph, rules: readonly Rule[], pass: string, budget?: number): RewriteResult {
  const nodes = graphNodes(graph);
  const limit = budget ?? Math.max(10_000, 100 * nodes.length);
  const uses = countUses(graph, nodes);
  const rulesFor = ruleFinder(rules);
  const rewrites: RewriteTrace[] = [];
  const recent: string[] = [];
  /** Final form of every node that was met. */
  const done = new Map<Node, Node>();
  /** Nodes that a rule has replaced, waiting for the replacement to be finished. */
  const replacedBy = new Map<Node, Node>();

  const rewriteOnce = (root: Node): Node | undefined => {
    for (const candidate of rulesFor(root)) {
      const match = matchPattern(candidate.pattern, root);
      if (match === undefined) continue;
      const site: RewriteSite = { root, uses: (node) => uses.get(node) ?? 1 };
      if (candidate.when !== undefined && !candidate.when(match.bindings, site)) continue;
      const made = new Set<Node>();
      const builder = recordingBuilder(makeBuilder(...match.replaced.map((node) => node.origins)), made);
      const result = candidate.build(match.bindings, builder, site);
      if (result === undefined || result === root) continue;
      if (!sameType(result.type, root.type)) throw new Error(`rule "${candidate.name}" of ${pass} changes the type`);
      recent.push(candidate.name);
      if (recent.length > remembered) recent.shift();
      if (rewrites.length >= limit) throw new RewriteLoopError(pass, [...new Set(recent)].sort());
      rewrites.push(traceOf(pass, candidate, match.replaced, made, root, result, uses));
      return made.has(result) && root.name !== undefined ? { ...result, name: root.name } : result;
    }
    return undefined;
  };

  const finish = (start: Node) => {
    const stack = [start];
    while (stack.length > 0) {
      const node = stack[stack.length - 1] as Node;
      if (done.has(node)) {
        stack.pop();
        continue;
      }
      const replacement = replacedBy.get(node);
      const waiting = (replacement === undefined ? node.operands : [replacement]).filter((other) => !done.has(other));
      if (waiting.length > 0) {
        for (let i = waiting.length - 1; i >= 0; i--) stack.push(waiting[i] as Node);
        continue;
      }
      if (replacement !== undefined) {
        done.set(node, done.get(replacement) as Node);
        continue;
      }
      const current = withOperands(
        node,
        node.operands.map((operand) => done.get(operand) as Node),
      );
      if (current !== node && !uses.has(current)) uses.set(current, uses.get(node) ?? 1);
      const result = rewriteOnce(current);
      if (result === undefined) {
        done.set(node, current);
        done.set(current, current);
      } else {
        replacedBy.set(node, result);
      }
    }
    return done.get(start) as Node;
  };

  const finished = new Map(nodes.map((node) => [node, finish(node)]));
  if (rewrites.length === 0) return { graph, rewrites };
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

function countUses(graph: Graph, nodes: readonly Node[]): Map<Node, number> {
  const uses = new Map([...nodeUsers(nodes)].map(([node, users]) => [node, users.length]));
  for (const { node } of graph.outputs) uses.set(node, (uses.get(node) ?? 0) + 1);
  return uses;
}

/** Rules that can match a node, in table order, found by its operation. */
function ruleFinder(rules: readonly Rule[]): (node: Node) => readonly Rule[] {
  const byOp = new Map<string, readonly Rule[]>();
  return (node) => {
    let found = byOp.get(node.op);
    if (found === undefined) {
      const { family } = operationOf(node.op);
      found = rules.filter(
        ({ pattern }) =>
          (pattern.op === undefined || pattern.op === node.op) &&
          (pattern.family === undefined || pattern.family === family),
      );
      byOp.set(node.op, found);
    }
    return found;
  };
}

/** The same builder, noting every node it makes. */
function recordingBuilder(builder: Builder, made: Set<Node>): Builder {
  const note = (node: Node) => {
    made.add(node);
    return node;
  };
  return {
    node: (...args) => note(builder.node(...args)),
    apply: (...args) => note(builder.apply(...args)),
    constant: (...args) => note(builder.constant(...args)),
    input: (...args) => note(builder.input(...args)),
    parameter: (...args) => note(builder.parameter(...args)),
    // These three return their operand when there is nothing to do.
    reshape: (x, ...args) => noteNew(x, builder.reshape(x, ...args)),
    transpose: (x, ...args) => noteNew(x, builder.transpose(x, ...args)),
    broadcast: (x, ...args) => noteNew(x, builder.broadcast(x, ...args)),
    contract: (...args) => note(builder.contract(...args)),
  };
  function noteNew(operand: Node, result: Node): Node {
    return result === operand ? result : note(result);
  }
}

/** Replaced nodes count as gone when nothing else reads them. */
function traceOf(
  pass: string,
  applied: Rule,
  replaced: readonly Node[],
  made: ReadonlySet<Node>,
  root: Node,
  result: Node,
  uses: ReadonlyMap<Node, number>,
): RewriteTrace {
  const gone = new Set(replaced.filter((node, i) => i === 0 || (uses.get(node) ?? 1) <= 1));
  const before = costOf(gone);
  const after = costOf(made);
  return {
    pass,
    rule: applied.name,
    reason: applied.reason,
    before: describeNode(root),
    after: describeNode(result),
    origins: mergeOrigins(...replaced.map((node) => node.origins)),
    flopsBefore: before.flops,
    flopsAfter: after.flops,
    bytesBefore: before.bytes,
    bytesAfter: after.bytes,
  };
}
