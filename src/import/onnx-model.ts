/** Reads the bytes of an ONNX file into plain data, and checks what every reader of it relies on. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  ModelProtoSchema,
  type NodeProto,
  type ValueInfoProto,
} from "onnx-buf";
import { type ReadExternal, readTensor, type StoredTensor } from "./onnx-tensor.ts";
import { ImportError } from "./problem.ts";

export type Attribute =
  | { readonly kind: "integer"; readonly value: number }
  | { readonly kind: "float"; readonly value: number }
  | { readonly kind: "string"; readonly value: string }
  | { readonly kind: "integers"; readonly value: readonly number[] }
  | { readonly kind: "floats"; readonly value: readonly number[] }
  | { readonly kind: "strings"; readonly value: readonly string[] }
  | { readonly kind: "tensor"; readonly value: StoredTensor }
  | { readonly kind: "graph"; readonly value: OnnxGraph }
  | { readonly kind: "other" };

export interface OnnxNode {
  readonly name: string;
  readonly operator: string;
  /** Names of values; empty for inputs that are left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** An axis of an input: a number, a name that inputs may share, or unknown. */
type Axis = number | string | undefined;

export interface OnnxValue {
  readonly name: string;
  /** ONNX's number of the element type; 0 where the file does not say. */
  readonly dataType: number;
  /** Undefined when not even the rank is known. */
  readonly shape: readonly Axis[] | undefined;
  readonly documentation: string;
}

export interface OnnxGraph {
  readonly name: string;
  /** In an order in which every value is computed before it is read. */
  readonly nodes: readonly OnnxNode[];
  readonly initialisers: ReadonlyMap<string, StoredTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxModel {
  readonly graph: OnnxGraph;
  /** Version of the operator set. */
  readonly opset: number;
  readonly producer: string;
}

/** Operator sets whose meaning the importer knows. */
export const opsets = { first: 11, last: 21 } as const;

/**
 * Reads a model file.
 *
 * @throws ImportError when the bytes are no ONNX model, or not a whole one
 */
export function readOnnxModel(bytes: Uint8Array, readExternal: ReadExternal): OnnxModel {
  const model = decode(bytes);
  const { graph } = model;
  if (graph === undefined) throw new ImportError("the file holds no graph: it is no ONNX model, or is cut short");
  const foreign = model.opsetImport.filter(({ domain }) => domain !== "" && domain !== "ai.onnx");
  const standard = model.opsetImport.find(({ domain }) => domain === "" || domain === "ai.onnx");
  if (standard === undefined) {
    const others = foreign.length === 0 ? "" : ` but ${foreign.map(({ domain }) => domain).join(", ")}`;
    throw new ImportError(`the model names no version of ONNX's operators${others}: it is damaged, or no ONNX model`);
  }
  const opset = Number(standard.version);
  if (opset < opsets.first || opset > opsets.last) {
    throw new ImportError(
      `the model is written for operator set ${opset}; Weft reads ${opsets.first} to ${opsets.last}. Export it again with one of these`,
    );
  }
  if (model.functions.length > 0) {
    const names = model.functions.map(({ name }) => name).join(", ");
    throw new ImportError(`the model defines operators of its own (${names}); export it with them inlined`);
  }
  return {
    graph: readGraph(graph, readExternal, new Set()),
    opset,
    producer: [model.producerName, model.producerVersion].filter((part) => part !== "").join(" "),
  };
}

function decode(bytes: Uint8Array) {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    throw new ImportError(
      `the file is no ONNX model, or is damaged: its bytes are no protobuf message (${(error as Error).message})`,
    );
  }
}

/** @param around names that a body may read from outside of it */
function readGraph(graph: GraphProto, readExternal: ReadExternal, around: ReadonlySet<string>): OnnxGraph {
  if (graph.sparseInitializer.length > 0)
    throw new ImportError("the model has sparse tensors, which are not supported");
  const initialisers = new Map<string, StoredTensor>();
  for (const proto of graph.initializer) {
    if (initialisers.has(proto.name)) throw new ImportError(`the initialiser \`${proto.name}\` is there twice`);
    initialisers.set(proto.name, readTensor(proto, readExternal));
  }
  const inputs = graph.input.filter(({ name }) => !initialisers.has(name)).map(readValueInfo);
  const known = new Set([...around, ...initialisers.keys(), ...inputs.map(({ name }) => name)]);
  const ordered = orderNodes(graph.node, known);
  const all = new Set([...known, ...ordered.flatMap(({ output }) => output)]);
  const nodes = ordered.map((node, k) => readNode(node, k, readExternal, all));
  for (const { name } of graph.output) {
    if (!all.has(name)) throw new ImportError(`the output \`${name}\` is computed by no node`);
  }
  return { name: graph.name, nodes, initialisers, inputs, outputs: graph.output.map(readValueInfo) };
}

function readValueInfo({ name, type, docString }: ValueInfoProto): OnnxValue {
  if (type?.value.case !== undefined && type.value.case !== "tensorType") {
    throw new ImportError(`\`${name}\` is no tensor but of type ${type.value.case}, which Weft does not have`);
  }
  const tensor = type?.value.value;
  const shape = tensor?.shape?.dim.map(({ value }) => {
    if (value.case === "dimParam") return value.value === "" ? undefined : value.value;
    if (value.case === "dimValue" && value.value > 2n ** 31n) {
      throw new ImportError(`\`${name}\` has an axis of ${value.value} elements, more than a tensor may have`);
    }
    // Some exporters write -1 or 0 for what they do not know.
    return value.case === "dimValue" && value.value > 0n ? Number(value.value) : undefined;
  });
  return { name, dataType: tensor?.elemType ?? 0, shape, documentation: docString };
}

/** The names that a node reads, also from inside its bodies. */
function readNames(node: NodeProto): string[] {
  const inside = node.attribute.flatMap(({ g }) => {
    if (g === undefined) return [];
    const own = new Set([
      ...g.input.map(({ name }) => name),
      ...g.initializer.map(({ name }) => name),
      ...g.node.flatMap(({ output }) => output),
    ]);
    return g.node.flatMap(readNames).filter((name) => !own.has(name));
  });
  return [...node.input, ...inside].filter((name) => name !== "");
}

/** Nodes in an order that computes before it reads. @throws ImportError for values that nothing computes, and for cycles */
function orderNodes(nodes: readonly NodeProto[], known: ReadonlySet<string>): NodeProto[] {
  const producer = new Map<string, NodeProto>();
  for (const node of nodes) {
    for (const name of node.output) {
      if (name === "") continue;
      if (producer.has(name) || known.has(name)) throw new ImportError(`\`${name}\` is defined twice in the model`);
      producer.set(name, node);
    }
  }
  const waiting = new Map<NodeProto, number>();
  const readers = new Map<NodeProto, NodeProto[]>();
  for (const node of nodes) {
    const needs = new Set<NodeProto>();
    for (const name of readNames(node)) {
      const from = producer.get(name);
      if (from !== undefined) needs.add(from);
      else if (!known.has(name)) {
        throw new ImportError(
          `node ${labelOf(node)} reads \`${name}\`, which is no input, no initialiser and no node's output`,
        );
      }
    }
    waiting.set(node, needs.size);
    for (const from of needs) readers.set(from, [...(readers.get(from) ?? []), node]);
  }
  const ready = nodes.filter((node) => waiting.get(node) === 0);
  // `ready` grows while it is walked.
  for (const node of ready) {
    for (const reader of readers.get(node) ?? []) {
      const left = (waiting.get(reader) as number) - 1;
      waiting.set(reader, left);
      if (left === 0) ready.push(reader);
    }
  }
  if (ready.length < nodes.length) {
    const stuck = nodes.filter((node) => (waiting.get(node) as number) > 0).slice(0, 5);
    throw new ImportError(`the graph goes in a circle through ${stuck.map(labelOf).join(", ")}`);
  }
  // An order that is valid already stays: it is the author's.
  const seen = new Set(known);
  const inOrder = nodes.every((node) => {
    const fine = readNames(node).every((name) => seen.has(name));
    for (const name of node.output) seen.add(name);
    return fine;
  });
  return inOrder ? [...nodes] : ready;
}

const labelOf = (node: NodeProto): string => (node.name === "" ? `of ${node.opType}` : `\`${node.name}\``);

function readNode(node: NodeProto, at: number, readExternal: ReadExternal, around: ReadonlySet<string>): OnnxNode {
  const name = node.name === "" ? `${node.opType}#${at}` : node.name;
  const attributes = new Map(
    node.attribute.map((attribute) => [attribute.name, readAttribute(attribute, name, readExternal, around)]),
  );
  const operator = node.domain === "" || node.domain === "ai.onnx" ? node.opType : `${node.domain}.${node.opType}`;
  return { name, operator, inputs: node.input, outputs: node.output, attributes };
}

function readAttribute(
  attribute: AttributeProto,
  node: string,
  readExternal: ReadExternal,
  around: ReadonlySet<string>,
): Attribute {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  switch (attribute.type) {
    case AttributeType.INT:
      return { kind: "integer", value: Number(attribute.i) };
    case AttributeType.FLOAT:
      return { kind: "float", value: attribute.f };
    case AttributeType.STRING:
      return { kind: "string", value: text(attribute.s) };
    case AttributeType.INTS:
      return { kind: "integers", value: attribute.ints.map(Number) };
    case AttributeType.FLOATS:
      return { kind: "floats", value: attribute.floats };
    case AttributeType.STRINGS:
      return { kind: "strings", value: attribute.strings.map(text) };
    case AttributeType.TENSOR: {
      if (attribute.t === undefined)
        throw new ImportError(`node \`${node}\`: its attribute ${attribute.name} is empty`);
      return { kind: "tensor", value: readTensor(attribute.t, readExternal, `${node}.${attribute.name}`) };
    }
    case AttributeType.GRAPH: {
      if (attribute.g === undefined)
        throw new ImportError(`node \`${node}\`: its attribute ${attribute.name} is empty`);
      return { kind: "graph", value: readGraph(attribute.g, readExternal, around) };
    }
    default:
      return { kind: "other" };
  }
}
