/** Columns of a loop's rows that nothing reads are not kept, and what only they needed is not computed. */
import { type Graph, graphNodes, makeBuilder, makeNode, type Node, nodeUsers } from "../ir/index.ts";
import { type LoopParts, liveCarried, loopOf, partsOf } from "./loops/loop-parts.ts";
import type { Pass, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";

export const trimLoops: Pass = {
  name: "trim-loops",
  summary: "Keeps of a loop's rows and carried values only those that something reads.",
  run: trim,
};

function trim(graph: Graph): PassResult {
  const nodes = graphNodes(graph);
  const users = nodeUsers(nodes);
  const outputs = new Set(graph.outputs.map(({ node }) => node));
  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  for (const node of nodes) {
    if (node.op !== "loop") continue;
    const parts = withoutConstantState(partsOf(node));
    const readers = outputs.has(node) ? undefined : (users.get(node) ?? []);
    const made = readers === undefined ? undefined : withoutColumns(parts, readers);
    if (made !== undefined) {
      for (const [reader, replacement] of made.readers) replacements.set(reader, replacement);
      rewrites.push(traceOf("columns that nothing reads", node, made.loop));
    } else if (liveCarried(parts).length < (node.attributes.carried as number)) {
      const loop = loopOf(parts);
      replacements.set(node, loop);
      rewrites.push(traceOf("carried values that nothing reads", node, loop));
    }
  }
  return rewrites.length === 0 ? { graph, rewrites } : { graph: mapGraph(graph, replacements), rewrites };
}

/** A carried value that every step hands on as it is does not change: it becomes an invariant. */
function withoutConstantState(parts: LoopParts): LoopParts {
  const constant = parts.carried.filter(({ input, next }) => input === next);
  if (constant.length === 0) return parts;
  return {
    ...parts,
    carried: parts.carried.filter((part) => !constant.includes(part)),
    invariants: new Map([...constant.map(({ input, initial }) => [input, initial] as const), ...parts.invariants]),
  };
}

interface Trimmed {
  readonly loop: Node;
  /** What stands for each reader of the old rows. */
  readonly readers: ReadonlyMap<Node, Node>;
}

/** The loop without the columns that none of its readers, all of them slices, shows. */
function withoutColumns(parts: LoopParts, readers: readonly Node[]): Trimmed | undefined {
  const { loop, row } = parts;
  if (row.op !== "concat" || row.type.shape.length !== 1 || readers.length === 0) return undefined;
  if (!readers.every((reader) => reader.op === "slice")) return undefined;
  const shown = readers.map((reader) => columnsOf(reader));
  let start = 0;
  const columns = row.operands.map((part) => {
    const from = start;
    start += part.type.shape[0] as number;
    return { part, from, to: start };
  });
  const isShown = ({ from, to }: { readonly from: number; readonly to: number }) =>
    shown.some((range) => range.from < to && from < range.to);
  const kept = columns.filter(isShown);
  if (kept.length === columns.length) return undefined;
  const b = makeBuilder(row.origins);
  const [only] = kept;
  const trimmed =
    kept.length === 1 && only !== undefined
      ? only.part
      : b.node(
          "concat",
          kept.map(({ part }) => part),
          { axis: 0 },
        );
  const changed = loopOf({ ...parts, row: trimmed });
  const removedBefore = (column: number) =>
    columns.filter((each) => !isShown(each) && each.to <= column).reduce((sum, { from, to }) => sum + to - from, 0);
  const width = trimmed.type.shape[0] as number;
  const moved = readers.map((reader, k): [Node, Node] => {
    const { from, to } = shown[k] as { readonly from: number; readonly to: number };
    const starts = [...(reader.attributes.starts as readonly number[])];
    starts[1] = from - removedBefore(from);
    const whole = to - from === width && reader.type.shape[0] === loop.type.shape[0] && starts[0] === 0;
    return [
      reader,
      whole
        ? changed
        : makeNode(
            "slice",
            [changed],
            { ...reader.attributes, starts },
            { origins: reader.origins, name: reader.name },
          ),
    ];
  });
  return { loop: changed, readers: new Map(moved) };
}

/** The columns between which a slice of rows lies. */
function columnsOf(slice: Node): { readonly from: number; readonly to: number } {
  const at = (name: string) => (slice.attributes[name] as readonly number[])[1] as number;
  return { from: at("starts"), to: at("starts") + (at("sizes") - 1) * at("steps") + 1 };
}

function traceOf(rule: string, before: Node, after: Node): RewriteTrace {
  return {
    pass: "trim-loops",
    rule,
    reason: "what nothing reads need not be kept",
    before: describeNode(before, 1),
    after: describeNode(after, 1),
    origins: before.origins,
    flopsBefore: 0,
    flopsAfter: 0,
    bytesBefore: 0,
    bytesAfter: 0,
  };
}
