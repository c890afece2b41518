/** From the bytes of an ONNX model to a text in Weft and its weights. */
import type { Size } from "../frontend/index.ts";
import type { StoredType } from "../ir/index.ts";
import type { Variable } from "./expression.ts";
import { indexBounds } from "./index-bounds.ts";
import { identifier, makeNames, valueName } from "./names.ts";
import { type OnnxGraph, type OnnxModel, type OnnxNode, type OnnxValue, readOnnxModel } from "./onnx-model.ts";
import { elementType, type ReadExternal } from "./onnx-tensor.ts";
import { type OpenSizes, openSizes } from "./open-sizes.ts";
import type { Call } from "./operator.ts";
import { constantTensor } from "./operators/known.ts";
import { operators } from "./operators/table.ts";
import { recognise } from "./patterns.ts";
import { printModel } from "./print-model.ts";
import { ImportError, Refusal } from "./problem.ts";
import { makeScope, type Scope } from "./scope.ts";
import { constantOf, type Value, variableValue } from "./value.ts";

export interface ImportRequest {
  readonly bytes: Uint8Array;
  /** Name for the model; it should begin with a letter. */
  readonly name: string;
  /** Numbers for symbolic sizes, by their names in the model. */
  readonly sizes?: Readonly<Record<string, number>>;
  readonly readExternal: ReadExternal;
}

/** A tensor of the file of weights. */
export interface ImportedTensor {
  readonly path: string;
  readonly stored: StoredType;
  readonly shape: readonly number[];
  readonly bytes: () => Uint8Array;
}

/** Something that ONNX says and Weft's language does not, with the nodes that it concerns. */
export interface UnsupportedNodes {
  readonly operator: string;
  readonly reason: string;
  readonly nodes: readonly string[];
}

export type OnnxImport =
  | {
      readonly kind: "imported";
      readonly text: string;
      readonly tensors: readonly ImportedTensor[];
      readonly opset: number;
      readonly nodes: number;
      /** Names in the text that differ from the model's, of inputs and outputs. */
      readonly renamed: readonly { readonly name: string; readonly written: string }[];
      /** Sizes that are still open. */
      readonly sizes: readonly string[];
      readonly notes: readonly string[];
    }
  | { readonly kind: "unsupported"; readonly unsupported: readonly UnsupportedNodes[] };

/**
 * Writes a model as equations.
 *
 * @throws ImportError when the bytes are no whole model, or sizes are given that it does not have
 */
export function importOnnx({ bytes, name, sizes = {}, readExternal }: ImportRequest): OnnxImport {
  const model = readOnnxModel(bytes, readExternal);
  const nodes = neededNodes(model.graph);
  const unknown = nodes.filter(({ operator }) => operators[operator] === undefined);
  if (unknown.length > 0)
    return { kind: "unsupported", unsupported: grouped(unknown, "Weft has no form for this operator yet") };
  // Patterns need shapes, which only writing finds out: the model is written twice.
  const values = new Map<string, Value>();
  const first = write(model, nodes, name, sizes, values);
  if (first.kind === "unsupported") return first;
  return write(model, neededNodes({ ...model.graph, nodes: recognise(nodes, values) }), name, sizes, new Map());
}

/** The nodes that outputs depend on, in order. */
function neededNodes({ nodes, outputs }: OnnxGraph): OnnxNode[] {
  const wanted = new Set(outputs.map(({ name }) => name));
  const kept: OnnxNode[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => wanted.has(name))) continue;
    kept.push(node);
    for (const name of readBy(node)) wanted.add(name);
  }
  return kept.reverse();
}

/** The names that a node reads, also from inside its bodies. */
function readBy(node: OnnxNode): string[] {
  const inside = [...node.attributes.values()].flatMap((attribute) =>
    attribute.kind === "graph"
      ? [...attribute.value.nodes.flatMap(readBy), ...attribute.value.outputs.map(({ name }) => name)]
      : [],
  );
  return [...node.inputs, ...inside].filter((name) => name !== "");
}

function grouped(nodes: readonly OnnxNode[], reason: string): UnsupportedNodes[] {
  const byOperator = new Map<string, string[]>();
  for (const { operator, name } of nodes) byOperator.set(operator, [...(byOperator.get(operator) ?? []), name]);
  return [...byOperator].map(([operator, names]) => ({ operator, reason, nodes: names }));
}

/** Sizes are called otherwise than inputs. */
const namesOfInputs = (inputs: readonly OnnxValue[]): readonly string[] => inputs.map(({ name }) => identifier(name));

function write(
  model: OnnxModel,
  nodes: readonly OnnxNode[],
  name: string,
  given: Readonly<Record<string, number>>,
  values: Map<string, Value>,
): OnnxImport {
  const { graph, opset } = model;
  const read = new Set([...nodes.flatMap(readBy), ...graph.outputs.map((output) => output.name)]);
  const inputs = graph.inputs.filter((input) => read.has(input.name) || graph.inputs.length === 1);
  const { sizeOf, open } = openSizes({ ...graph, inputs }, given, namesOfInputs(inputs));
  const scope = makeScope(opset, makeNames([...open, name]));
  const notes: string[] = [];
  const shapes = new Map(inputs.map((input) => [input.name, shapeOf(input, sizeOf)]));
  const bounds = indexBounds(nodes, graph, shapes);
  const variables = inputs.map((input): Variable => {
    const { element, name: typeName } = elementType(input.dataType, `the input \`${input.name}\``);
    if (["float16", "bfloat16", "double"].includes(typeName))
      notes.push(`${input.name} is ${typeName} in the model and f32 here`);
    const below = element === "i32" ? bounds.get(input.name) : undefined;
    const type = { element, shape: shapes.get(input.name) as Size[], ...(below === undefined ? {} : { below }) };
    const variable = scope.variable(interfaceName(input.name, "input"), type);
    values.set(input.name, variableValue(input.name, variable));
    return variable;
  });
  const paths = parameterPaths(nodes, graph);
  for (const [tensorName, tensor] of graph.initialisers) {
    values.set(tensorName, constantOf(constantTensor(paths.get(tensorName) ?? tensorName, tensor)));
  }
  const refused = writeNodes(nodes, graph, scope, values);
  if (refused.length > 0) return { kind: "unsupported", unsupported: refused };
  const outputs = graph.outputs.map((output) => ({
    output,
    variable: outputVariable(scope, values.get(output.name) as Value, output.name),
  }));
  const results = makeNames();
  const documentation = [
    `${name}, imported from ONNX${model.producer === "" ? "" : ` (${model.producer})`}: operator set ${opset}, ${graph.nodes.length} nodes.`,
  ];
  const written = outputs.map(({ output, variable }) => ({
    name: results.make(interfaceName(output.name, "output")),
    variable,
  }));
  const text = printModel(scope, { model: name, documentation, sizes: open, inputs: variables, outputs: written });
  const renamed = [
    ...inputs.map((input, k) => ({ name: input.name, written: (variables[k] as Variable).name })),
    ...outputs.map(({ output }, k) => ({ name: output.name, written: (written[k] as { name: string }).name })),
  ].filter((each) => each.name !== each.written);
  const tensors = [
    ...scope.parameters.map(({ path, tensor }) => ({ path, tensor })),
    ...scope.parts.flatMap((part) => part.tensors),
  ];
  return {
    kind: "imported",
    text,
    tensors: tensors.map(({ path, tensor: { stored, shape, bytes } }) => ({ path, stored, shape, bytes })),
    opset,
    nodes: graph.nodes.length,
    renamed,
    sizes: open,
    notes,
  };
}

/** What people call an input or output that the exporter has only numbered. */
const interfaceName = (name: string, usual: string): string =>
  /\p{L}/u.test(name) ? name.replace(/^onnx::/, "") : usual;

/**
 * Parameters that the exporter has numbered (`onnx::Conv_123`) are called after the node that reads them, `/layers/conv1/Conv`: after its
 * module where that has no others.
 */
function parameterPaths(nodes: readonly OnnxNode[], { initialisers }: OnnxGraph): ReadonlyMap<string, string> {
  const isNumbered = (name: string) => initialisers.has(name) && /^(onnx::\w+_)?\d+$/.test(name);
  const readers = nodes.filter(({ inputs }) => inputs.some(isNumbered));
  const moduleOf = ({ name }: OnnxNode) => name.split("/").slice(1, -1).join(".");
  const paths = new Map<string, string>();
  for (const node of readers) {
    const module = moduleOf(node);
    const isAlone =
      module !== "" &&
      readers.filter((other) => moduleOf(other) === module).length === 1 &&
      ![...initialisers.keys()].some((name) => name.startsWith(`${module}.`));
    const stem = isAlone ? module : node.name.replace(/^\//, "");
    for (const [k, name] of node.inputs.entries()) {
      if (isNumbered(name) && !paths.has(name)) paths.set(name, `${stem}.${k === 2 ? "bias" : "weight"}`);
    }
  }
  return paths;
}

function shapeOf({ name, shape }: OnnxValue, sizeOf: OpenSizes["sizeOf"]): Size[] {
  if (shape === undefined) throw new ImportError(`the model does not say how many axes its input \`${name}\` has`);
  return shape.map((axis, k) => sizeOf(axis, name, k));
}

/** Writes the nodes in order; those that cannot be said come back with the reasons. */
function writeNodes(
  nodes: readonly OnnxNode[],
  graph: OnnxGraph,
  scope: Scope,
  values: Map<string, Value>,
): UnsupportedNodes[] {
  const uses = new Map<string, number>();
  for (const name of nodes.flatMap(readBy)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const refused: UnsupportedNodes[] = [];
  for (const node of nodes) {
    // What reads a refused node is refused with it, and needs no reason of its own.
    if (readBy(node).some((name) => !values.has(name))) continue;
    const operator = operators[node.operator] as (typeof operators)[string];
    const call = callOf(node, scope, values, (name) => uses.has(name) || outputs.has(name));
    try {
      const drafts = operator(call);
      for (const [k, name] of node.outputs.entries()) {
        const draft = drafts[k];
        if (name === "" || !call.isUsed(k)) continue;
        if (draft === undefined) throw new Refusal(`its output ${k} is used, which Weft has no form for`);
        values.set(name, scope.settle(draft, name, node.operator, uses.get(name) ?? 0, outputs.has(name)));
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      refused.push({ operator: node.operator, reason: error.message, nodes: [node.name] });
    }
  }
  return refused;
}

function callOf(
  node: OnnxNode,
  scope: Scope,
  values: ReadonlyMap<string, Value>,
  isRead: (name: string) => boolean,
): Call {
  const optional = (k: number) => {
    const name = node.inputs[k];
    return name === undefined || name === "" ? undefined : values.get(name);
  };
  const input = (k: number): Value => {
    const value = optional(k);
    if (value === undefined) throw new Refusal(`its input ${k} is missing`);
    return value;
  };
  return {
    node,
    scope,
    input,
    optional,
    inputs: () => node.inputs.map((_, k) => input(k)),
    valueOf: (name) => values.get(name),
    nameOf: (output) => valueName(node.outputs[output] ?? "", node.operator),
    isUsed: (output) => isRead(node.outputs[output] ?? ""),
  };
}

/** An output under a type that others can read: whole numbers, not places below a bound. */
function outputVariable(scope: Scope, value: Value, name: string): Variable {
  const variable = scope.named(value);
  if (variable.below === undefined) return variable;
  const { element, shape } = variable;
  const made = scope.variable(name, { element, shape });
  const whole = { kind: "read", variable, subscripts: [] } as const;
  scope.emit({ kind: "whole", variables: [made], body: { kind: "call", name: "i32", arguments: [whole] } });
  return made;
}
