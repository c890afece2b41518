/** Reads the text form of graphs that print.ts writes. Every fault is an `IrTextError` with its place. */
import { makeNode } from "./builder.ts";
import type { AttributeValue, Graph, GraphOutput, Node } from "./graph.ts";
import { IrError, type Operation } from "./operation.ts";
import { findOperation } from "./operations/index.ts";
import type { Span } from "./span.ts";
import { TextScanner } from "./text-scanner.ts";
import { type DType, dtypes, printType, sameType, type TensorType, tensorType } from "./types.ts";

/**
 * The graph that a text describes. Nodes may carry any names after `%`; each must be defined above its uses. Nodes that no
 * output needs are dropped, except inputs and parameters.
 *
 * @throws IrTextError at the first fault
 */
export function parseGraph(text: string): Graph {
  const scanner = new TextScanner(text);
  scanner.skipBlank();
  const graph = parseBlock(scanner, 0);
  scanner.skipBlank();
  if (!scanner.atEnd()) scanner.fail("nothing after the graph's closing brace");
  return graph;
}

/** Bodies within bodies beyond this are refused, so that no text can exhaust the stack. */
const deepestNesting = 64;

/** From the word graph to the closing brace; `depth` counts the bodies around it. */
function parseBlock(scanner: TextScanner, depth: number): Graph {
  if (depth > deepestNesting) scanner.fail(`at most ${deepestNesting} bodies within each other`);
  scanner.keyword("graph", "the word graph");
  const name = parseName(scanner, "the graph's name");
  scanner.symbol("{");
  scanner.endOfLine();
  const nodes = new Map<string, Node>();
  const inputs: Node[] = [];
  const parameters: Node[] = [];
  for (;;) {
    scanner.skipBlank();
    if (scanner.tryKeyword("return")) break;
    const node = parseNode(scanner, nodes, depth);
    if (node.op === "input") inputs.push(node);
    if (node.op === "parameter") parameters.push(node);
    scanner.endOfLine();
  }
  const outputs = parseOutputs(scanner, nodes);
  scanner.endOfLine();
  scanner.skipBlank();
  scanner.symbol("}");
  return { name, inputs, parameters, outputs };
}

function parseName(scanner: TextScanner, expected: string): string {
  return scanner.tryQuoted() ?? scanner.take(/[\p{L}_][\p{L}\p{N}_.'-]*/uy, expected);
}

function parseReference(scanner: TextScanner, nodes: ReadonlyMap<string, Node>): Node {
  const start = scanner.offset;
  const name = scanner.take(/%[\p{L}\p{N}_]+/uy, "a value such as %3");
  const node = nodes.get(name);
  if (node === undefined) return scanner.failAt(start, `a value that is defined above; ${name} is not`);
  return node;
}

function parseNode(scanner: TextScanner, nodes: Map<string, Node>, depth: number): Node {
  const start = scanner.offset;
  const label = scanner.take(/%[\p{L}\p{N}_]+/uy, 'a line such as `%0: f32[4] = input "x"`, or return');
  if (nodes.has(label)) scanner.failAt(start, `a new name; ${label} is defined already`);
  scanner.symbol(":");
  const typeStart = scanner.offset;
  const declared = parseType(scanner);
  scanner.symbol("=");
  const operationStart = scanner.offset;
  const op = scanner.take(/[a-z_0-9]+/y, "the name of an operation");
  const operation = findOperation(op) ?? scanner.failAt(operationStart, `the name of an operation; there is no ${op}`);
  const attributes = parseSpec(scanner, operation);
  const operands: Node[] = [];
  if (scanner.at("%")) {
    do operands.push(parseReference(scanner, nodes));
    while (scanner.trySymbol(","));
  }
  parseAttributes(scanner, operation, attributes);
  const opens = scanner.trySymbol("{");
  const { origins, name } = parseComment(scanner);
  const regions = opens ? parseRegions(scanner, depth + 1) : undefined;
  let node: Node;
  try {
    const sourced = operation.family === "source" ? declared : undefined;
    node = makeNode(op, operands, attributes, { origins, name, declared: sourced, regions });
  } catch (error) {
    if (!(error instanceof IrError)) throw error;
    return scanner.failAt(operationStart, `operands and attributes that fit: ${error.message}`);
  }
  if (!sameType(node.type, declared)) {
    scanner.failAt(typeStart, `the type ${printType(node.type)}, which is what ${op} gives here`);
  }
  nodes.set(label, node);
  return node;
}

/** The bodies below a node's line, up to the brace that closes it. */
function parseRegions(scanner: TextScanner, depth: number): Graph[] {
  const regions: Graph[] = [];
  scanner.endOfLine();
  for (;;) {
    scanner.skipBlank();
    if (scanner.trySymbol("}")) return regions;
    regions.push(parseBlock(scanner, depth));
    scanner.endOfLine();
  }
}

function parseType(scanner: TextScanner): TensorType {
  const start = scanner.offset;
  const word = scanner.take(/[a-z0-9]+/y, "an element type such as f32 or idx<256>");
  let dtype: DType = "i32";
  let below: number | undefined;
  if (word === "idx") {
    scanner.symbol("<");
    below = parseSize(scanner);
    scanner.symbol(">");
  } else {
    dtype =
      dtypes.find((known) => known === word) ??
      scanner.failAt(start, `an element type: ${dtypes.join(", ")} or idx<N>`);
  }
  const shape: number[] = [];
  if (scanner.trySymbol("[")) {
    do shape.push(parseSize(scanner));
    while (scanner.trySymbol(","));
    scanner.symbol("]");
  }
  return tensorType(dtype, shape, below);
}

function parseSize(scanner: TextScanner): number {
  const start = scanner.offset;
  const size = Number(scanner.take(/\d+/y, "a size"));
  return Number.isSafeInteger(size) ? size : scanner.failAt(start, "a size below 2^53");
}

function parseSpec(scanner: TextScanner, operation: Operation): Record<string, AttributeValue> {
  const attributes: Record<string, AttributeValue> = {};
  for (const [name, schema] of Object.entries(operation.attributes)) {
    if (schema.kind === "spec") attributes[name] = scanner.quoted(`${name} in quotes: ${schema.doc}`);
  }
  return attributes;
}

function parseAttributes(scanner: TextScanner, operation: Operation, attributes: Record<string, AttributeValue>) {
  for (;;) {
    const start = scanner.offset;
    const name = scanner.tryTake(/[a-z_]\w*/y);
    if (name === undefined) return;
    const schema = Object.hasOwn(operation.attributes, name) ? operation.attributes[name] : undefined;
    if (schema === undefined || schema.kind === "spec") {
      return scanner.failAt(start, `an attribute of ${operation.name}; it has no ${name}`);
    }
    if (attributes[name] !== undefined) scanner.failAt(start, `each attribute once; ${name} is given twice`);
    scanner.symbol("=");
    attributes[name] = parseAttribute(scanner, schema.kind);
  }
}

function parseAttribute(scanner: TextScanner, kind: "number" | "string" | "boolean" | "numbers"): AttributeValue {
  switch (kind) {
    case "number":
      return parseNumber(scanner);
    case "string":
      return scanner.quoted("a string in quotes");
    case "boolean":
      return scanner.take(/true|false/y, "true or false") === "true";
    case "numbers": {
      const numbers: number[] = [];
      scanner.symbol("[");
      if (scanner.trySymbol("]")) return numbers;
      do numbers.push(parseNumber(scanner));
      while (scanner.trySymbol(","));
      scanner.symbol("]");
      return numbers;
    }
  }
}

function parseNumber(scanner: TextScanner): number {
  const text = scanner.take(/-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|inf|nan)/y, "a number");
  if (text === "nan") return Number.NaN;
  if (text.endsWith("inf")) return text === "inf" ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  return Number(text);
}

/** Origins and the value's name, where the comment starts with such; the rest of it is for people. */
function parseComment(scanner: TextScanner): { origins: Span[]; name?: string } {
  const origins: Span[] = [];
  if (!scanner.trySymbol(";")) return { origins };
  for (;;) {
    const start = scanner.offset;
    const file = scanner.tryQuoted() ?? scanner.tryTake(/[\p{L}\p{N}_./-]+(?=:)/uy);
    const place = file === undefined ? undefined : scanner.tryTake(/:\d+:\d+\+\d+@\d+(?=\s|$)/my);
    if (file === undefined || place === undefined) {
      scanner.offset = start;
      break;
    }
    const [line, column, length, offset] = (place.match(/\d+/g) as string[]).map(Number) as [
      number,
      number,
      number,
      number,
    ];
    origins.push({ file, start: offset, end: offset + length, line, column });
  }
  const name = scanner.tryQuoted() ?? scanner.tryTake(/[\p{L}_][\p{L}\p{N}_.'-]*(?=[ \t\r]*$|[ \t]+\d)/muy);
  scanner.toEndOfLine();
  return name === undefined ? { origins } : { origins, name };
}

function parseOutputs(scanner: TextScanner, nodes: ReadonlyMap<string, Node>): GraphOutput[] {
  const outputs: GraphOutput[] = [];
  if (scanner.atLineEnd()) return outputs;
  do {
    const start = scanner.offset;
    const name = parseName(scanner, "the name of an output");
    if (outputs.some((output) => output.name === name))
      scanner.failAt(start, `each output once; ${name} is there twice`);
    scanner.symbol("=");
    outputs.push({ name, node: parseReference(scanner, nodes) });
  } while (scanner.trySymbol(","));
  return outputs;
}
