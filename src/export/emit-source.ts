/** Sources that are no interface: literal data and positions. */
import { elementCount } from "../ir/index.ts";
import type { Emission, Emitter } from "./emission.ts";
import { castTo, filled } from "./onnx-scope.ts";
import { carriedAs, type Value } from "./onnx-values.ts";

/** Inputs and parameters are bound before anything is emitted and stand in no table. */
const byName: Readonly<Record<string, Emitter>> = {
  constant: ({ scope, node: { attributes, type } }) => {
    const values = attributes.values as readonly number[];
    const element = carriedAs[type.dtype];
    if (values.length === elementCount(type.shape)) return scope.constant(element, values, type.shape);
    return filled(scope, element, type.shape, values[0] as number);
  },
  iota: ({ scope, node: { attributes } }) => castTo(scope, scope.positions(attributes.size as number), "i32"),
};

export const hasSourceForm = (name: string): boolean => byName[name] !== undefined;

export function emitSource(emission: Emission): Value {
  return (byName[emission.node.op] as Emitter)(emission);
}
