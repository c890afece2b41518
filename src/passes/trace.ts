/** What rewrites leave behind for people: one record each, and their sums by rule. */
import { type Node, type Origins, operationOf, parseSpec } from "../ir/index.ts";

/** One application of one rule. */
export interface RewriteTrace {
  readonly pass: string;
  readonly rule: string;
  /** Why the rule is right and worth it, in one sentence. */
  readonly reason: string;
  /** The expression before and after, for people; long ones are cut short. */
  readonly before: string;
  readonly after: string;
  /** Places in the source of all that was replaced. */
  readonly origins: Origins;
  readonly flopsBefore: number;
  readonly flopsAfter: number;
  /** Bytes read and written, when nothing is fused. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** All applications of one rule in one pass, as reports show them. */
export interface RewriteSummary {
  readonly pass: string;
  readonly rule: string;
  readonly count: number;
  readonly flopsBefore: number;
  readonly flopsAfter: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

/** Sums of rewrites by pass and rule, in order of first appearance. */
export function summariseRewrites(rewrites: readonly RewriteTrace[]): RewriteSummary[] {
  const sums = new Map<string, RewriteSummary>();
  for (const trace of rewrites) {
    const key = `${trace.pass}\n${trace.rule}`;
    const sum = sums.get(key);
    sums.set(key, {
      pass: trace.pass,
      rule: trace.rule,
      count: (sum?.count ?? 0) + 1,
      flopsBefore: (sum?.flopsBefore ?? 0) + trace.flopsBefore,
      flopsAfter: (sum?.flopsAfter ?? 0) + trace.flopsAfter,
      bytesBefore: (sum?.bytesBefore ?? 0) + trace.bytesBefore,
      bytesAfter: (sum?.bytesAfter ?? 0) + trace.bytesAfter,
    });
  }
  return [...sums.values()];
}

/** A value as an expression, its operands to the given depth: `mul(exp(Q), 0.5)`. */
export function describeNode(node: Node, depth = 2): string {
  if (node.op === "constant") {
    const values = node.attributes.values as readonly number[];
    return values.length === 1 ? String(values[0]) : "table";
  }
  const { family } = operationOf(node.op);
  if (family === "source") return String(node.attributes.name ?? node.op);
  if (depth === 0) return node.name ?? "…";
  const operands = node.operands.map((operand) => describeNode(operand, depth - 1)).join(", ");
  return `${node.op}${describeIndices(node)}(${operands})`;
}

/** The indices that a contraction or reduction sums over, in brackets. */
function describeIndices(node: Node): string {
  const { family } = operationOf(node.op);
  if (family !== "contract" && family !== "reduce") return "";
  const spec = parseSpec(node.attributes.spec as string);
  const reduced = new Set(spec.operands.flat().filter((name) => !spec.result.includes(name)));
  const where = node.attributes.where === undefined ? "" : `: ${node.attributes.where}`;
  return `[${[...reduced].join(", ")}${where}]`;
}
