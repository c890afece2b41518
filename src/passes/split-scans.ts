/**
 * Long scans over few lines are done in parts: every part is scanned by itself, the parts' totals are scanned, and each
 * element is combined with the total of the parts before its own (Blelloch 1990, "Prefix Sums and Their Applications").
 *
 * A scan kernel walks a line in one invocation; with few long lines most of a device would idle.
 */
import { elementCount, type Graph, graphNodes, makeBuilder, type Node, operationOf } from "../ir/index.ts";
import { costOf } from "./cost.ts";
import type { Pass, PassContext, PassResult } from "./pass.ts";
import { mapGraph } from "./rebuild.ts";
import { describeNode, type RewriteTrace } from "./trace.ts";

/** Shorter lines are not worth two more kernels. */
const shortestLine = 2048;

export const splitScans: Pass = {
  name: "split-scans",
  summary: "Scans long lines in parts, so that the whole device takes part.",
  run: split,
};

function split(graph: Graph, context: PassContext): PassResult {
  const replacements = new Map<Node, Node>();
  const rewrites: RewriteTrace[] = [];
  for (const node of graphNodes(graph)) {
    const made = splitScan(node, context);
    if (made === undefined) continue;
    replacements.set(node, made.result);
    const before = costOf([node]);
    const after = costOf(made.steps);
    rewrites.push({
      pass: "split-scans",
      rule: "scan of parts",
      reason: "few long lines leave most of a device idle",
      before: describeNode(node),
      after: describeNode(made.result, 3),
      origins: node.origins,
      flopsBefore: before.flops,
      flopsAfter: after.flops,
      bytesBefore: before.bytes,
      bytesAfter: after.bytes,
    });
  }
  return rewrites.length === 0 ? { graph, rewrites } : { graph: mapGraph(graph, replacements), rewrites };
}

function splitScan(node: Node, context: PassContext): { result: Node; steps: readonly Node[] } | undefined {
  if (operationOf(node.op).family !== "scan") return undefined;
  const { shape } = node.type;
  const axis = node.attributes.axis as number;
  const length = shape[axis] as number;
  const lines = elementCount(shape) / Math.max(length, 1);
  if (length < shortestLine || lines * 64 >= context.parallelism) return undefined;
  const parts = divisorNear(length, Math.sqrt(length));
  if (parts === undefined) return undefined;
  const partShape = [...shape.slice(0, axis), parts, length / parts, ...shape.slice(axis + 1)];
  const made = operationOf(node.op).reducer === undefined ? joinSteps(node, partShape) : combineTotals(node, partShape);
  const result = makeBuilder(node.origins).reshape(made.combined, shape);
  return { result: node.name === undefined ? result : { ...result, name: node.name }, steps: made.steps };
}

interface SplitScan {
  /** The whole scan, with the parts as an axis of its own. */
  readonly combined: Node;
  readonly steps: readonly Node[];
}

/** A running reduction: each part's own, combined with the reduction of all parts before. */
function combineTotals(node: Node, partShape: readonly number[]): SplitScan {
  const builder = makeBuilder(node.origins);
  const operand = node.operands[0] as Node;
  const axis = node.attributes.axis as number;
  const reverse = node.attributes.reverse === true;
  const whole = builder.reshape(operand, partShape);
  const inner = builder.node(node.op, [whole], {
    axis: axis + 1,
    exclusive: node.attributes.exclusive ?? false,
    reverse,
  });
  const names = partShape.map((_, a) => `a${a}`);
  const kept = names.filter((_, a) => a !== axis + 1);
  const reduction = reductionOf(node.op);
  const totals = builder.node(reduction, [whole], { spec: `${names.join(" ")} -> ${kept.join(" ")}` });
  const before = builder.node(node.op, [totals], { axis, exclusive: true, reverse });
  const spread = builder.broadcast(
    before,
    partShape,
    partShape.flatMap((_, a) => (a === axis + 1 ? [] : [a])),
  );
  const combined = builder.apply(operationOf(node.op).reducer?.operation as string, inner, spread);
  return { combined, steps: [inner, totals, before, combined] };
}

/**
 * A linear recurrence: each part from 0, and the product of its factors so far times what the parts before have left. Where they left
 * 0, products that overflow do no harm.
 */
function joinSteps(node: Node, partShape: readonly number[]): SplitScan {
  const builder = makeBuilder(node.origins);
  const axis = node.attributes.axis as number;
  const reverse = node.attributes.reverse === true;
  const [factors, terms] = node.operands.map((operand) => builder.reshape(operand, partShape)) as [Node, Node];
  const inner = builder.node(node.op, [factors, terms], { axis: axis + 1, reverse });
  const products = builder.node("cumulative_product", [factors], { axis: axis + 1, reverse });
  const length = partShape[axis + 1] as number;
  const parts = partShape[axis] as number;
  const withoutSteps = partShape.filter((_, a) => a !== axis + 1);
  const ends = (value: Node) => {
    const sizes = partShape.map((size, a) => (a === axis + 1 ? 1 : size));
    const starts = partShape.map((_, a) => (a === axis + 1 && !reverse ? length - 1 : 0));
    const end = builder.node("slice", [value], { starts, sizes, steps: partShape.map(() => 1) });
    return builder.reshape(end, withoutSteps);
  };
  const left = builder.node(node.op, [ends(products), ends(inner)], { axis, reverse });
  const along = (value: number) => withoutSteps.map((_, a) => (a === axis ? value : 0));
  const kept = builder.node("slice", [left], {
    starts: along(reverse ? 1 : 0),
    sizes: withoutSteps.map((size, a) => (a === axis ? parts - 1 : size)),
    steps: withoutSteps.map(() => 1),
  });
  const before = builder.node("pad", [kept], { low: along(reverse ? 0 : 1), high: along(reverse ? 1 : 0) });
  const spread = builder.broadcast(
    before,
    partShape,
    partShape.flatMap((_, a) => (a === axis + 1 ? [] : [a])),
  );
  const zero = builder.constant(0);
  const nothingLeft = builder.apply("eq", spread, zero);
  const reached = builder.apply("select", nothingLeft, zero, builder.apply("mul", products, spread));
  const combined = builder.apply("add", inner, reached);
  return { combined, steps: [inner, products, left, combined] };
}

/** Every scan is named after its reduction: `cumulative_sum` runs `sum`. */
function reductionOf(scan: string): string {
  return scan.replace(/^cumulative_/, "");
}

/** The divisor of `length` nearest to `wanted`, within a factor of four. */
function divisorNear(length: number, wanted: number): number | undefined {
  const middle = Math.round(wanted);
  for (let distance = 0; distance < 4 * wanted; distance++) {
    for (const candidate of [middle - distance, middle + distance]) {
      if (candidate >= wanted / 4 && candidate > 1 && candidate <= 4 * wanted && length % candidate === 0)
        return candidate;
    }
  }
  return undefined;
}
