/**
 * An ONNX graph under construction: nodes go in one by one, and every value carries its element type and shape, which the helpers
 * check nothing against and decide much by.
 */
import { create } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  GraphProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { elementCount, type Shape, sameShape } from "../ir/index.ts";
import { bytesOf, dataType, type Element, tensorProto, typeProto, type Value } from "./onnx-values.ts";

/** Attributes of an ONNX node; every number that is one is whole. */
export type NodeAttributes = Readonly<Record<string, number | string | readonly number[] | GraphProto>>;

/** The type of a result. */
export interface Result {
  readonly element: Element;
  readonly shape: Shape;
}

/** What the node under construction comes from, for people who read the file. */
export interface Provenance {
  /** The author's name for the value, or the operation's. */
  readonly label: string;
  /** Places in the source text. */
  readonly places: string;
}

/** A graph that nodes are added to: the model's own, or a body inside it. */
export interface Scope {
  /** Adds a node with one result. */
  readonly emit: (operator: string, inputs: readonly Value[], result: Result, attributes?: NodeAttributes) => Value;
  /** Adds a node with several results. */
  readonly emitAll: (
    operator: string,
    inputs: readonly Value[],
    results: readonly Result[],
    attributes?: NodeAttributes,
  ) => readonly Value[];
  /** A constant, shared by all that want the same. */
  readonly constant: (element: Element, values: readonly number[], shape?: Shape) => Value;
  /** 0, 1, 2, … as i64. */
  readonly positions: (count: number) => Value;
  /** A body inside this graph, whose nodes may also read what is outside; its outputs are what `build` returns. */
  readonly body: (name: string, inputs: readonly Result[], build: BodyBuilder) => GraphProto;
}

export type BodyBuilder = (scope: Scope, inputs: readonly Value[]) => readonly Value[];

/** The outermost scope, with what the file is made of. */
export interface ModelScope extends Scope {
  /** Says where the nodes that follow come from. */
  readonly from: (provenance: Provenance) => void;
  /** Makes a value known under a name of the interface. */
  readonly publish: (value: Value, name: string) => void;
  readonly nodes: NodeProto[];
  readonly constants: TensorProto[];
}

/** Constants longer than this are computed in the graph where they can be. */
const longestTable = 4096;

/** @param taken  names that values of the graph must not have */
export function makeModelScope(taken: ReadonlySet<string>): ModelScope {
  const constants: TensorProto[] = [];
  const known = new Map<string, Value>();
  const nodes: NodeProto[] = [];
  let source: Provenance = { label: "value", places: "" };
  let made = 0;
  const freshName = (): string => {
    for (;;) {
      const name = `${source.label}_${++made}`;
      if (!taken.has(name)) return name;
    }
  };
  const remembered = (key: string, make: () => Value): Value => {
    const value = known.get(key) ?? make();
    known.set(key, value);
    return value;
  };
  const constant: Scope["constant"] = (element, values, shape = []) =>
    remembered(`${element} [${shape}] ${values.map((value) => (Object.is(value, -0) ? "-0" : value))}`, () => {
      const value = { name: freshName(), element, shape };
      constants.push(tensorProto(value.name, element, shape, bytesOf(element, values)));
      return value;
    });
  const scopeOver = (into: NodeProto[]): Scope => {
    const emitAll: Scope["emitAll"] = (operator, inputs, results, attributes = {}) => {
      const values = results.map(({ element, shape }) => ({ name: freshName(), element, shape }));
      into.push(
        create(NodeProtoSchema, {
          opType: operator,
          name: `node_${values[0]?.name ?? made}`,
          input: inputs.map(({ name }) => name),
          output: values.map(({ name }) => name),
          attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
          docString: source.places,
        }),
      );
      return values;
    };
    const emit: Scope["emit"] = (operator, inputs, result, attributes) =>
      emitAll(operator, inputs, [result], attributes)[0] as Value;
    const positions: Scope["positions"] = (count) => {
      if (count <= longestTable)
        return constant(
          "i64",
          Array.from({ length: count }, (_, at) => at),
          [count],
        );
      const [start, limit, step] = [0, count, 1].map((value) => constant("i64", [value])) as [Value, Value, Value];
      return emit("Range", [start, limit, step], { element: "i64", shape: [count] });
    };
    const body: Scope["body"] = (name, inputs, build) => {
      const inside: NodeProto[] = [];
      const scope = scopeOver(inside);
      const given = inputs.map(({ element, shape }) => ({ name: freshName(), element, shape }));
      // What a body hands out must be made in it, and once for each output.
      const results = build(scope, given).map((value) => scope.emit("Identity", [value], value));
      return graphProto(name, given, results, reachable(inside, new Set(results.map((value) => value.name))), []);
    };
    return { emit, emitAll, constant, positions, body };
  };
  const from: ModelScope["from"] = (provenance) => {
    source = provenance;
  };
  const publish: ModelScope["publish"] = (value, name) => {
    nodes.push(
      create(NodeProtoSchema, { opType: "Identity", name: `node_${name}`, input: [value.name], output: [name] }),
    );
  };
  return { ...scopeOver(nodes), from, publish, nodes, constants };
}

function attributeProto(name: string, value: NodeAttributes[string]): AttributeProto {
  if (typeof value === "number") {
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  }
  if (typeof value === "string") {
    const s = new TextEncoder().encode(value);
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s });
  }
  if (isNumbers(value)) {
    return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
  }
  return create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: value });
}

const isNumbers = (value: readonly number[] | GraphProto): value is readonly number[] => Array.isArray(value);

/** A graph message of its parts. */
export function graphProto(
  name: string,
  inputs: readonly Value[],
  outputs: readonly Value[],
  nodes: NodeProto[],
  initializer: TensorProto[],
): GraphProto {
  const info = ({ name: of, element, shape }: Value) =>
    create(ValueInfoProtoSchema, { name: of, type: typeProto(element, shape) });
  return create(GraphProtoSchema, {
    name,
    node: nodes,
    input: inputs.map(info),
    output: outputs.map(info),
    initializer,
  });
}

/** The names that a node reads, also from inside its bodies. */
function* readNames(node: NodeProto): Generator<string> {
  yield* node.input;
  for (const { g } of node.attribute) {
    if (g === undefined) continue;
    for (const inner of g.node) yield* readNames(inner);
  }
}

/** The nodes that the wanted values need, in order; `wanted` grows by all that they read. */
export function reachable(nodes: readonly NodeProto[], wanted: Set<string>): NodeProto[] {
  const kept: NodeProto[] = [];
  for (let at = nodes.length - 1; at >= 0; at--) {
    const node = nodes[at] as NodeProto;
    if (!node.output.some((name) => wanted.has(name))) continue;
    kept.push(node);
    for (const name of readNames(node)) wanted.add(name);
  }
  return kept.reverse();
}

/** A value under another element type, as ONNX converts it. */
export function castTo(scope: Scope, value: Value, element: Element): Value {
  if (value.element === element) return value;
  return scope.emit("Cast", [value], { element, shape: value.shape }, { to: dataType[element] });
}

/** The same elements in the same order under another shape. */
export function reshapeTo(scope: Scope, value: Value, shape: Shape): Value {
  if (sameShape(value.shape, shape)) return value;
  const wanted = scope.constant("i64", shape, [shape.length]);
  const allowzero: NodeAttributes = elementCount(shape) === 0 ? { allowzero: 1 } : {};
  return scope.emit("Reshape", [value, wanted], { element: value.element, shape }, allowzero);
}

/** Axis k of the result is axis `permutation[k]` of the value. */
export function transposed(scope: Scope, value: Value, permutation: readonly number[]): Value {
  if (permutation.every((axis, k) => axis === k)) return value;
  const shape = permutation.map((axis) => value.shape[axis] as number);
  return scope.emit("Transpose", [value], { element: value.element, shape }, { perm: permutation });
}

/** Repeats axes of one element up to the given shape of the same rank. */
export function expanded(scope: Scope, value: Value, shape: Shape): Value {
  if (sameShape(value.shape, shape)) return value;
  const wanted = scope.constant("i64", shape, [shape.length]);
  return scope.emit("Expand", [value, wanted], { element: value.element, shape });
}

/** One value everywhere. */
export function filled(scope: Scope, element: Element, shape: Shape, value: number): Value {
  const one = scope.constant(element, [value]);
  if (shape.length === 0) return one;
  return expanded(
    scope,
    reshapeTo(
      scope,
      one,
      shape.map(() => 1),
    ),
    shape,
  );
}

/** Reads a value at i64 or i32 positions along one axis. */
export function gathered(scope: Scope, value: Value, positions: Value, axis: number): Value {
  const shape = [...value.shape.slice(0, axis), ...positions.shape, ...value.shape.slice(axis + 1)];
  return scope.emit("Gather", [value, positions], { element: value.element, shape }, { axis });
}

/** The shape of values broadcast against each other from their last axes. */
export function broadcastShape(shapes: readonly Shape[]): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[axis - (rank - shape.length)] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
}

/** An operator that works element by element with broadcasting. */
export function elementwise(
  scope: Scope,
  operator: string,
  inputs: readonly Value[],
  element: Element = (inputs[0] as Value).element,
): Value {
  return scope.emit(operator, inputs, { element, shape: broadcastShape(inputs.map(({ shape }) => shape)) });
}

/** `Where`, for which engines have no booleans. */
export function chosen(scope: Scope, condition: Value, yes: Value, no: Value): Value {
  if (yes.element !== "bool") return elementwise(scope, "Where", [condition, yes, no], yes.element);
  const [a, b] = [castTo(scope, yes, "i32"), castTo(scope, no, "i32")];
  return castTo(scope, elementwise(scope, "Where", [condition, a, b], "i32"), "bool");
}
