/**
 * Writes ONNX models: as much of the format as the workloads need, in protocol buffers by hand, so that no exporter has to be
 * installed. Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, IR version 9).
 */

/** Element types by their number in ONNX. */
const elementType = { f32: 1, i32: 6, i64: 7, bool: 9 } as const;
export type OnnxElement = keyof typeof elementType;

export type OnnxAttribute = number | string | readonly number[] | { readonly float: number };

/** A tensor whose data is part of the model. */
export interface OnnxConstant {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array;
}

/** What a node produces and others read; a name in the file. */
export type OnnxValue = string;

/** Builds one graph; nodes run in the order of the calls. */
export class OnnxGraph {
  private readonly nodes: Uint8Array[] = [];
  private readonly inputs: Uint8Array[] = [];
  private readonly outputs: Uint8Array[] = [];
  private readonly constants: Uint8Array[] = [];
  private values = 0;

  input(name: string, shape: readonly number[], element: OnnxElement = "f32"): OnnxValue {
    this.inputs.push(valueInfo(name, shape, element));
    return name;
  }

  constant({ shape, data }: OnnxConstant): OnnxValue {
    const name = this.freshName("constant");
    const element = data instanceof Float32Array ? "f32" : data instanceof Int32Array ? "i32" : "i64";
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    this.constants.push(
      message(packedIntegers(1, shape), integer(2, elementType[element]), text(8, name), bytesField(9, bytes)),
    );
    return name;
  }

  /** A list of whole numbers, as shapes, axes and pads are given. */
  integers(...values: readonly number[]): OnnxValue {
    return this.constant({ shape: [values.length], data: BigInt64Array.from(values, BigInt) });
  }

  scalar(value: number): OnnxValue {
    return this.constant({ shape: [], data: Float32Array.of(value) });
  }

  /** A node with one result. Empty names stand for inputs left out. */
  apply(
    operator: string,
    inputs: readonly OnnxValue[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain = "",
  ): OnnxValue {
    return this.applyMany(operator, inputs, 1, attributes, domain)[0] as OnnxValue;
  }

  /** A node with several results. */
  applyMany(
    operator: string,
    inputs: readonly OnnxValue[],
    results: number,
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain = "",
  ): readonly OnnxValue[] {
    const names = Array.from({ length: results }, () => this.freshName(operator));
    this.nodes.push(
      message(
        ...inputs.map((name) => text(1, name)),
        ...names.map((name) => text(2, name)),
        text(3, this.freshName("node")),
        text(4, operator),
        ...Object.entries(attributes).map(([name, value]) => bytesField(5, attribute(name, value))),
        text(7, domain),
      ),
    );
    return names;
  }

  output(value: OnnxValue, shape: readonly number[], element: OnnxElement = "f32"): void {
    this.outputs.push(valueInfo(value, shape, element));
  }

  /** The bytes of a model file. */
  encode(): Uint8Array {
    const graph = message(
      ...this.nodes.map((node) => bytesField(1, node)),
      text(2, "workload"),
      ...this.constants.map((constant) => bytesField(5, constant)),
      ...this.inputs.map((input) => bytesField(11, input)),
      ...this.outputs.map((output) => bytesField(12, output)),
    );
    const operators = (domain: string, version: number) => bytesField(8, message(text(1, domain), integer(2, version)));
    return message(
      integer(1, 9),
      text(2, "weft-bench"),
      bytesField(7, graph),
      operators("", 20),
      operators("com.microsoft", 1),
    );
  }

  private freshName(stem: string): string {
    return `${stem}_${this.values++}`;
  }
}

function valueInfo(name: string, shape: readonly number[], element: OnnxElement): Uint8Array {
  const dimensions = shape.map((size) => bytesField(1, message(integer(1, size))));
  const tensor = message(integer(1, elementType[element]), bytesField(2, message(...dimensions)));
  return message(text(1, name), bytesField(2, message(bytesField(1, tensor))));
}

/** AttributeProto; its field 20 names the kind of the value. */
function attribute(name: string, value: OnnxAttribute): Uint8Array {
  const kinds = { float: 1, integer: 2, string: 3, integers: 7 };
  const of = (kind: keyof typeof kinds, ...fields: readonly Uint8Array[]) =>
    message(text(1, name), ...fields, integer(20, kinds[kind]));
  if (typeof value === "number") return of("integer", integer(3, value));
  if (typeof value === "string") return of("string", text(4, value));
  if ("float" in value) return of("float", float(2, value.float));
  return of("integers", ...value.map((item) => integer(8, item)));
}

function message(...fields: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(fields.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const field of fields) {
    result.set(field, at);
    at += field.length;
  }
  return result;
}

/** Seven bits a byte, the lowest first; negative numbers as 64-bit two's complement. */
function variableLength(value: number): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 128);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}

const integer = (field: number, value: number) => message(variableLength(field * 8), variableLength(value));
const text = (field: number, value: string) => bytesField(field, new TextEncoder().encode(value));

function float(field: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return message(variableLength(field * 8 + 5), bytes);
}

function bytesField(field: number, bytes: Uint8Array): Uint8Array {
  return message(variableLength(field * 8 + 2), variableLength(bytes.length), bytes);
}

function packedIntegers(field: number, values: readonly number[]): Uint8Array {
  return bytesField(field, message(...values.map(variableLength)));
}
