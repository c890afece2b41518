/**
 * The text form of a graph, one node a line:
 *
 * ```
 * graph performer.logits {
 *   %0: idx<256>[4096] = input "tokens"
 *   %1: f32[256, 512] = parameter "token_emb.weight"
 *   %7: f32[8, 4096, 64] = contract "h i r, h r c -> h i c" %5, %6 where="i <= 9"  ; performer.weft:41:7+23@1042 Y 540 MFLOP
 *   return logits = %9, loss = %12
 * }
 * ```
 *
 * The bodies of an operation that carries code stand between braces below its line, each a graph of its own.
 *
 * The attribute of kind `spec` stands first, quoted; the others follow the operands as `name=value`, defaults left out. The
 * comment holds the origins as `file:line:column+length@offset`, then the author's name of the value, then its cost. All but
 * the cost is read back by `parseGraph`, and printing what was parsed gives the same text.
 */
import { type AttributeValue, type Graph, graphNodes, type Node } from "./graph.ts";
import { operationOf } from "./operations/index.ts";
import type { Span } from "./span.ts";
import { printType } from "./types.ts";

/** Comments start at the widest line's end, but no further right than this. */
const widestAlignment = 100;

/** Names that need no quotes: of graphs, outputs and values. */
export const plainName = /^[\p{L}_][\p{L}\p{N}_.'-]*$/u;

/** File names that need no quotes. */
export const plainFile = /^[\p{L}\p{N}_./-]+$/u;

/** How to print a graph. */
export interface PrintOptions {
  /** Leaves out the comments, and with them origins and names; for comparing what graphs compute. */
  readonly comments?: boolean;
}

/** The graph as text, ending in a newline. Nodes are numbered in `graphNodes` order, in bodies anew. */
export function printGraph(graph: Graph, options: PrintOptions = {}): string {
  return `${graphLines(graph, options).join("\n")}\n`;
}

function graphLines(graph: Graph, options: PrintOptions): string[] {
  const nodes = graphNodes(graph);
  const numbers = new Map(nodes.map((node, number) => [node, number]));
  const lines = nodes.map((node) => `  ${printNode(node, numbers)}`);
  const comments = options.comments === false ? nodes.map(() => "") : nodes.map(printComment);
  let column = 0;
  lines.forEach((line, i) => {
    if (comments[i] !== "" && line.length <= widestAlignment) column = Math.max(column, line.length);
  });
  const body = lines.flatMap((line, i) => {
    const commented = comments[i] === "" ? line : `${line.padEnd(column)}  ; ${comments[i]}`;
    const regions = (nodes[i] as Node).regions;
    if (regions === undefined) return [commented];
    const inner = regions.flatMap((region) => graphLines(region, options));
    return [commented, ...inner.map((text) => `    ${text}`), "  }"];
  });
  const outputs = graph.outputs.map(({ name, node }) => `${quoteName(name)} = %${numbers.get(node)}`);
  const result = outputs.length === 0 ? "  return" : `  return ${outputs.join(", ")}`;
  return [`graph ${quoteName(graph.name)} {`, ...body, result, "}"];
}

/** A number as it reads back exactly: shortest decimal, `-0`, `inf`, `-inf`, `nan`. */
export function printNumber(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  return Object.is(value, -0) ? "-0" : String(value);
}

/** The parts of a node's line that do not depend on the numbering: `contract "i j -> i"` and ` where="j <= i"`. */
export interface NodeText {
  /** What stands before the operands. */
  readonly operation: string;
  /** What stands after them, with a blank before each attribute. */
  readonly attributes: string;
}

/** The operation and attributes of a node as its line shows them. */
export function nodeText(node: Node): NodeText {
  let [operation, attributes] = [node.op, ""];
  for (const [name, schema] of Object.entries(operationOf(node.op).attributes)) {
    const value = node.attributes[name];
    if (schema.kind === "spec") operation += ` ${JSON.stringify(value)}`;
    else if (value !== undefined) attributes += ` ${name}=${printAttribute(value)}`;
  }
  return { operation, attributes };
}

function printNode(node: Node, numbers: ReadonlyMap<Node, number>): string {
  const { operation, attributes } = nodeText(node);
  const operands = node.operands.map((operand) => `%${numbers.get(operand)}`).join(", ");
  const text = `%${numbers.get(node)}: ${printType(node.type)} = ${operation}${operands === "" ? "" : ` ${operands}`}${attributes}`;
  return node.regions === undefined ? text : `${text} {`;
}

function printAttribute(value: AttributeValue): string {
  if (typeof value === "number") return printNumber(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "boolean") return String(value);
  return `[${value.map(printNumber).join(", ")}]`;
}

function printComment(node: Node): string {
  const parts = node.origins.map(printOrigin);
  if (node.name !== undefined) parts.push(quoteName(node.name));
  const types = node.operands.map((operand) => operand.type);
  const flops = operationOf(node.op).flops(types, node.type, node.attributes);
  if (flops > 0) parts.push(printFlops(flops));
  return parts.join(" ");
}

/** `performer.weft:41:7+23@1042`: line 41, column 7, 23 characters from offset 1042. */
function printOrigin(span: Span): string {
  const file = plainFile.test(span.file) ? span.file : JSON.stringify(span.file);
  return `${file}:${span.line}:${span.column}+${span.end - span.start}@${span.start}`;
}

/** Floating-point operations with three significant digits: `540 MFLOP`. */
export function printFlops(flops: number): string {
  const units = ["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"];
  let scaled = flops;
  let power = 0;
  while (scaled >= 999.5 && power < units.length - 1) {
    scaled /= 1000;
    power++;
  }
  return `${Number(scaled.toPrecision(3))} ${units[power]}`;
}

function quoteName(name: string): string {
  return plainName.test(name) ? name : JSON.stringify(name);
}
