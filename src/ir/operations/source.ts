/** Sources: values that come from outside or from nothing. Their type is declared, not inferred. */
import { type InferRequest, IrError, type Operation } from "../operation.ts";
import { newTensor } from "../tensor.ts";
import { elementCount, isFloat, type TensorType, tensorType } from "../types.ts";

function declared(request: InferRequest, name: string): TensorType {
  if (request.declared === undefined) throw new IrError(`${name} needs a declared type`);
  return request.declared;
}

const named = (name: string, summary: string): Operation => ({
  name,
  family: "source",
  summary,
  arity: 0,
  attributes: { name: { kind: "spec", doc: "the name by which its value is handed over" } },
  infer: (request) => declared(request, name),
  flops: () => 0,
});

export const input = named("input", "An argument of the entry, different on every run.");
export const parameter = named("parameter", "A parameter or buffer of the model, by its path; the same on every run.");

export const constant: Operation = {
  name: "constant",
  family: "source",
  summary: "Literal data; one value fills the whole shape.",
  arity: 0,
  attributes: { values: { kind: "numbers", doc: "one value, or one per element in row-major order" } },
  infer: (request) => {
    const type = declared(request, "constant");
    const values = request.attributes.values as readonly number[];
    if (values.length !== 1 && values.length !== elementCount(type.shape)) {
      throw new IrError(`constant of ${elementCount(type.shape)} elements given ${values.length} values`);
    }
    if (type.below !== undefined && values.some((value) => !(value >= 0 && value < (type.below as number)))) {
      throw new IrError(`constant index outside 0..${type.below}`);
    }
    return type;
  },
  evaluate: (_operands, attributes, type) => {
    const values = attributes.values as readonly number[];
    const result = newTensor(type);
    if (values.length === 1) result.data.fill(values[0] as number);
    else result.data.set(values);
    return result;
  },
  // A literal such as 0.1 is rounded once to f32.
  errorBound: (_operands, _errors, result) => {
    const bound = newTensor(result.type);
    if (!isFloat(result.type.dtype)) return bound;
    for (let i = 0; i < bound.data.length; i++) {
      const value = result.data[i] as number;
      bound.data[i] = Math.abs(value - Math.fround(value));
    }
    return bound;
  },
  flops: () => 0,
};

export const iota: Operation = {
  name: "iota",
  family: "source",
  summary: "0, 1, 2, … along one axis of the given length.",
  arity: 0,
  attributes: { size: { kind: "number", doc: "number of elements" } },
  infer: ({ attributes }) => tensorType("i32", [attributes.size as number], attributes.size as number),
  evaluate: (_operands, _attributes, type) => {
    const result = newTensor(type);
    for (let i = 0; i < result.data.length; i++) result.data[i] = i;
    return result;
  },
  flops: () => 0,
};
