/** Small ONNX models for tests, written down as data. */
import { create, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";

export type Kind = "f32" | "f64" | "i64" | "i32" | "bool";

/** A tensor with its numbers, or an input's type with sizes that may be names. */
export interface Numbers {
  readonly kind: Kind;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export interface InputType {
  readonly kind: Kind;
  readonly shape: readonly (number | string)[];
}

export interface NodeSpec {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly name?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

export type AttributeValue =
  | number
  | string
  | readonly number[]
  | readonly string[]
  | Numbers
  | { readonly float: number }
  | { readonly floats: readonly number[] };

export interface ModelSpec {
  readonly opset?: number;
  readonly inputs?: Readonly<Record<string, InputType>>;
  readonly initialisers?: Readonly<Record<string, Numbers>>;
  readonly nodes: readonly NodeSpec[];
  readonly outputs: readonly string[];
}

const dataType: Readonly<Record<Kind, number>> = {
  f32: DataType.FLOAT,
  f64: DataType.DOUBLE,
  i64: DataType.INT64,
  i32: DataType.INT32,
  bool: DataType.BOOL,
};

/** Numbers as ONNX stores them. */
export function tensorProto(name: string, { kind, shape, data }: Numbers): TensorProto {
  const array = {
    f32: () => Float32Array.from(data),
    f64: () => Float64Array.from(data),
    i64: () => BigInt64Array.from(data, BigInt),
    i32: () => Int32Array.from(data),
    bool: () => Uint8Array.from(data),
  }[kind]();
  const rawData = new Uint8Array(array.buffer);
  return create(TensorProtoSchema, { name, dataType: dataType[kind], dims: shape.map(BigInt), rawData });
}

function attributeProto(name: string, value: AttributeValue): AttributeProto {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const make = (type: AttributeType, rest: object) => create(AttributeProtoSchema, { name, type, ...rest });
  if (typeof value === "number") return make(AttributeType.INT, { i: BigInt(value) });
  if (typeof value === "string") return make(AttributeType.STRING, { s: bytes(value) });
  if (Array.isArray(value)) {
    return typeof value[0] === "string"
      ? make(AttributeType.STRINGS, { strings: value.map((text) => bytes(String(text))) })
      : make(AttributeType.INTS, { ints: value.map(BigInt) });
  }
  if ("float" in value) return make(AttributeType.FLOAT, { f: value.float });
  if ("floats" in value) return make(AttributeType.FLOATS, { floats: [...value.floats] });
  return make(AttributeType.TENSOR, { t: tensorProto(name, value as Numbers) });
}

const valueInfo = (name: string, type?: InputType) =>
  create(ValueInfoProtoSchema, {
    name,
    ...(type === undefined
      ? {}
      : {
          type: {
            value: {
              case: "tensorType" as const,
              value: {
                elemType: dataType[type.kind],
                shape: {
                  dim: type.shape.map((size) => ({
                    value:
                      typeof size === "number"
                        ? { case: "dimValue" as const, value: BigInt(size) }
                        : { case: "dimParam" as const, value: size },
                  })),
                },
              },
            },
          },
        }),
  });

/** The bytes of the model's file. */
export function modelBytes({ opset = 17, inputs = {}, initialisers = {}, nodes, outputs }: ModelSpec): Uint8Array {
  const graph = create(GraphProtoSchema, {
    name: "test",
    node: nodes.map((node, k) =>
      create(NodeProtoSchema, {
        name: node.name ?? `node${k}`,
        opType: node.operator,
        domain: node.domain ?? "",
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attributes ?? {}).map(([name, value]) => attributeProto(name, value)),
      }),
    ),
    input: Object.entries(inputs).map(([name, type]) => valueInfo(name, type)),
    initializer: Object.entries(initialisers).map(([name, numbers]) => tensorProto(name, numbers)),
    output: outputs.map((name) => valueInfo(name)),
  });
  const model = create(ModelProtoSchema, {
    irVersion: 8n,
    producerName: "test",
    opsetImport: [{ domain: "", version: BigInt(opset) }],
    graph,
  });
  return toBinary(ModelProtoSchema, model);
}
