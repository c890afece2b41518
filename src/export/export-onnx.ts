/**
 * Writes a graph as an ONNX model: inputs, outputs and parameters under their own names, every node by its family.
 *
 * The meaning is the graph's, in f32: what a restricted range leaves out has no part, integers are 32 bits wide, quotients by a
 * whole zero are defined. Only nodes that an output needs are written.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { type ModelProto, ModelProtoSchema, type TensorProto, TensorProto_DataLocation } from "onnx-buf";
import {
  elementCount,
  type Family,
  type Graph,
  graphNodes,
  type Node,
  operationOf,
  printSpan,
  printType,
} from "../ir/index.ts";
import type { Emitter } from "./emission.ts";
import { emitContract } from "./emit-contract.ts";
import { emitElementwise } from "./emit-elementwise.ts";
import { emitGather, emitScatter } from "./emit-indexed.ts";
import { emitLoop } from "./emit-loop.ts";
import { emitMovement } from "./emit-movement.ts";
import { emitOrder } from "./emit-order.ts";
import { emitReduce } from "./emit-reduce.ts";
import { emitScan } from "./emit-scan.ts";
import { emitSource } from "./emit-source.ts";
import { castTo, filled, graphProto, type ModelScope, makeModelScope, reachable, type Scope } from "./onnx-scope.ts";
import { carriedAs, elementBytes, tensorProto, type Value } from "./onnx-values.ts";
import { type Unsupported, unsupportedIn } from "./unsupported.ts";

/** Operator set and format that models are written for: ONNX 1.13, January 2023, the first with sums in `ScatterElements` of any type. */
export const onnxVersions = { operators: 18, format: 8 } as const;

export interface OnnxRequest {
  readonly graph: Graph;
  /** Version of what writes the model. */
  readonly version: string;
  /**
   * Where parameters lie: in the model, as little-endian bytes by path (a boolean is one byte), or in a file beside it, which the
   * caller writes.
   */
  readonly parameters:
    | { readonly kind: "inside"; readonly bytes: ReadonlyMap<string, Uint8Array<ArrayBuffer>> }
    | { readonly kind: "beside"; readonly location: string };
}

/** A parameter in the file beside the model. */
export interface ExternalParameter {
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** A value of the graph whose name had to change, because ONNX has one space of names for all. */
export interface Renamed {
  readonly name: string;
  readonly written: string;
}

export type OnnxExport =
  | {
      readonly kind: "exported";
      readonly model: Uint8Array<ArrayBuffer>;
      /** Number of nodes by operator, bodies left out. */
      readonly operators: Readonly<Record<string, number>>;
      /** Paths of the parameters that the model has; those that no output needs are left out. */
      readonly parameters: readonly string[];
      /** Layout of the file beside the model; empty when parameters lie inside. */
      readonly external: readonly ExternalParameter[];
      readonly renamed: readonly Renamed[];
    }
  | { readonly kind: "unsupported"; readonly unsupported: readonly Unsupported[] };

const emitters: Readonly<Record<Family, Emitter>> = {
  source: emitSource,
  elementwise: emitElementwise,
  contract: emitContract,
  reduce: emitReduce,
  scan: emitScan,
  movement: emitMovement,
  indexed: emitGather,
  scatter: emitScatter,
  order: emitOrder,
  loop: emitLoop,
  windowed: refused,
  extern: refused,
};

function refused({ node }: { readonly node: Node }): never {
  throw new TypeError(`${node.op} should have been refused before`);
}

/** Bytes of a parameter in a file; offsets of files beside a model are multiples of this. */
const alignment = 4096;

const nameOf = (node: Node) => node.attributes.name as string;

/** The parameters of a graph that its outputs need, in order. */
export function exportedParameters(graph: Graph): Node[] {
  const needed = new Set(graphNodes({ ...graph, inputs: [], parameters: [] }));
  return graph.parameters.filter((node) => needed.has(node));
}

/** Bytes of all parameters of a graph as ONNX stores them. */
export function parameterBytes(graph: Graph): number {
  return exportedParameters(graph).reduce((sum, node) => sum + storedBytes(node), 0);
}

const storedBytes = ({ type }: Node) => elementCount(type.shape) * elementBytes[type.dtype];

/** Writes a graph, or says all that stands against it. */
export function exportOnnx(request: OnnxRequest): OnnxExport {
  const { graph } = request;
  const unsupported = unsupportedIn(graph);
  if (unsupported.length > 0) return { kind: "unsupported", unsupported };
  const parameters = exportedParameters(graph);
  const names = interfaceNames(graph, parameters);
  const scope = makeModelScope(new Set(names.written.values()));
  const given = new Map<Node, Value>();
  const typed = (node: Node): Value => ({
    name: names.written.get(node) as string,
    element: node.type.dtype,
    shape: node.type.shape,
  });
  for (const node of [...graph.inputs, ...parameters]) {
    scope.from({ label: nameOf(node), places: "" });
    given.set(node, castTo(scope, typed(node), carriedAs[node.type.dtype]));
  }
  const values = emitGraph(scope, scope, graph, given);
  const outputs = graph.outputs.map(({ name, node }, k): Value => {
    scope.from({ label: name, places: placesOf(node) });
    const value = castTo(scope, values[k] as Value, node.type.dtype);
    const written = names.outputs[k] as string;
    scope.publish(value, written);
    return { ...value, name: written };
  });
  const model = modelOf(request, scope, graph.inputs.map(typed), outputs, parameters.map(typed));
  const operators: Record<string, number> = {};
  for (const { opType } of model.graph?.node ?? []) operators[opType] = (operators[opType] ?? 0) + 1;
  return {
    kind: "exported",
    model: toBinary(ModelProtoSchema, model),
    operators,
    parameters: parameters.map(nameOf),
    external: request.parameters.kind === "beside" ? externalLayout(parameters) : [],
    renamed: names.renamed,
  };
}

/** Emits all nodes of a graph; the values of its outputs. */
function emitGraph(model: ModelScope, scope: Scope, graph: Graph, given: ReadonlyMap<Node, Value>): readonly Value[] {
  const values = new Map(given);
  const emitted = (node: Node): Value => {
    const value = values.get(node);
    if (value === undefined) throw new TypeError(`${node.op} has not been emitted`);
    return value;
  };
  for (const node of graphNodes({ ...graph, inputs: [], parameters: [] })) {
    if (values.has(node)) continue;
    model.from({ label: node.name ?? node.op, places: placesOf(node) });
    const operands = node.operands.map(emitted);
    const empty = emptyValue(scope, node);
    const value =
      empty ??
      emitters[operationOf(node.op).family]({
        scope,
        node,
        operands,
        emitted,
        emitGraph: (inside, body, inputs) =>
          emitGraph(model, inside, body, new Map(body.inputs.map((input, k) => [input, inputs[k] as Value]))),
      });
    values.set(node, value);
  }
  return graph.outputs.map(({ node }) => emitted(node));
}

/** Values of nodes that have no elements, or combine none: engines differ in these, and they are known. */
function emptyValue(scope: Scope, node: Node): Value | undefined {
  const { dtype, shape } = node.type;
  const element = carriedAs[dtype];
  if (elementCount(shape) === 0) return scope.constant(element, [], shape);
  const { family, reducer } = operationOf(node.op);
  const combines = family === "contract" || family === "reduce" || family === "scatter";
  if (!combines || node.operands.every(({ type }) => elementCount(type.shape) > 0)) return undefined;
  const start = reducer?.positional ? 0 : (reducer?.identity(dtype) ?? 0);
  return filled(scope, element, shape, start);
}

const placesOf = (node: Node) => node.origins.map(printSpan).join(" ");

interface InterfaceNames {
  readonly written: ReadonlyMap<Node, string>;
  readonly outputs: readonly string[];
  readonly renamed: readonly Renamed[];
}

/** Inputs keep their names, then outputs, then parameters. */
function interfaceNames(graph: Graph, parameters: readonly Node[]): InterfaceNames {
  const taken = new Set<string>();
  const renamed: Renamed[] = [];
  const claim = (name: string, role: string): string => {
    let written = name;
    while (taken.has(written)) written = `${role}.${written}`;
    taken.add(written);
    if (written !== name) renamed.push({ name, written });
    return written;
  };
  const inputs = graph.inputs.map((node) => [node, claim(nameOf(node), "input")] as const);
  const outputs = graph.outputs.map(({ name }) => claim(name, "output"));
  const stored = parameters.map((node) => [node, claim(nameOf(node), "parameter")] as const);
  return { written: new Map([...inputs, ...stored]), outputs, renamed };
}

/** Where each parameter begins in the file beside the model. */
function externalLayout(parameters: readonly Node[]): ExternalParameter[] {
  let end = 0;
  return parameters.map((node) => {
    const offset = Math.ceil(end / alignment) * alignment;
    const length = storedBytes(node);
    end = offset + length;
    return { path: nameOf(node), offset, length };
  });
}

function modelOf(
  { graph, version, parameters: storage }: OnnxRequest,
  scope: ModelScope,
  inputs: readonly Value[],
  outputs: readonly Value[],
  parameters: readonly Value[],
): ModelProto {
  const wanted = new Set(outputs.map(({ name }) => name));
  const nodes = reachable(scope.nodes, wanted);
  const kept = exportedParameters(graph);
  const layout = externalLayout(kept);
  const stored = parameters.map((value, k): TensorProto => {
    const path = nameOf(kept[k] as Node);
    const bytes = storage.kind === "inside" ? storage.bytes.get(path) : new Uint8Array(0);
    if (bytes === undefined) throw new RangeError(`no data for the parameter ${path}`);
    const tensor = tensorProto(value.name, value.element, value.shape, bytes);
    if (storage.kind === "inside") {
      if (bytes.byteLength !== storedBytes(kept[k] as Node))
        throw new RangeError(`${bytes.byteLength} bytes for the parameter ${path}`);
      return tensor;
    }
    const { offset, length } = layout[k] as ExternalParameter;
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
    const entries = { location: storage.location, offset: String(offset), length: String(length) };
    for (const [key, text] of Object.entries(entries)) {
      tensor.externalData.push({ $typeName: "onnx.StringStringEntryProto", key, value: text });
    }
    return tensor;
  });
  const constants = scope.constants.filter(({ name }) => wanted.has(name));
  const interior = graphProto(graph.name, inputs, outputs, nodes, [...stored, ...constants]);
  graph.inputs.forEach((node, k) => {
    const info = interior.input[k];
    if (info !== undefined) info.docString = printType(node.type);
  });
  return create(ModelProtoSchema, {
    irVersion: BigInt(onnxVersions.format),
    opsetImport: [{ domain: "", version: BigInt(onnxVersions.operators) }],
    producerName: "weft",
    producerVersion: version,
    graph: interior,
  });
}
