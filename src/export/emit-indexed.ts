/** Reading through an index tensor, and adding up through one: along one axis where that is all, else by flat positions. */
import { elementCount, indexSizes, type Node, parseSpec, stridesOf } from "../ir/index.ts";
import type { Emission } from "./emission.ts";
import { affinePositions, alignedTo, flat, sizesOf, withoutRepeats } from "./named-axes.ts";
import { castTo, expanded, filled, gathered, reshapeTo, transposed } from "./onnx-scope.ts";
import type { Value } from "./onnx-values.ts";

export function emitGather({ scope, node, operands }: Emission): Value {
  const spec = parseSpec(node.attributes.spec as string);
  const [names, own] = spec.operands as [readonly string[], readonly string[]];
  const [data, positions] = operands as [Value, Value];
  const at = node.attributes.at as string;
  const axis = names.indexOf(at);
  const rest = names.filter((name) => name !== at);
  const all = [...rest, ...own];
  if (new Set(all).size === all.length) {
    const order = [...names.slice(0, axis), ...own, ...names.slice(axis + 1)];
    return transposed(
      scope,
      gathered(scope, data, positions, axis),
      spec.result.map((name) => order.indexOf(name)),
    );
  }
  const sizes = indexSizes(
    spec,
    node.operands.map(({ type }) => type),
  );
  const strides = stridesOf(data.shape);
  const terms = names.flatMap((name, k) => (name === at ? [] : [[name, strides[k] as number] as const]));
  const looked = withoutRepeats(scope, { value: castTo(scope, positions, "i64"), names: own });
  const added = [[alignedTo(scope, looked, spec.result), strides[axis] as number]] as const;
  const places = affinePositions(scope, terms, 0, spec.result, sizes, added);
  return gathered(scope, flat(scope, data), expanded(scope, places, node.type.shape), 0);
}

export function emitScatter({ scope, node, operands }: Emission): Value {
  const spec = parseSpec(node.attributes.spec as string);
  const [names, own] = spec.operands as [readonly string[], readonly string[]];
  const [values, positions] = operands as [Value, Value];
  const at = node.attributes.at as string;
  const sizes = indexSizes(
    spec,
    node.operands.map(({ type }: Node) => type),
  );
  // One addition for every point of all indices, those that the result does not keep among them.
  const all = [...new Set([...names, ...own])];
  const extents = sizesOf(all, sizes);
  const strides = stridesOf(node.type.shape);
  const terms = spec.result.flatMap((name, k) => (name === at ? [] : [[name, strides[k] as number] as const]));
  const looked = withoutRepeats(scope, { value: castTo(scope, positions, "i64"), names: own });
  const stride = strides[spec.result.indexOf(at)] as number;
  const places = affinePositions(scope, terms, 0, all, sizes, [[alignedTo(scope, looked, all), stride]]);
  const addends = alignedTo(scope, withoutRepeats(scope, { value: values, names }), all);
  const zeros = filled(scope, values.element, [elementCount(node.type.shape)], 0);
  const inputs = [zeros, flat(scope, expanded(scope, places, extents)), flat(scope, expanded(scope, addends, extents))];
  const sums = scope.emit("ScatterElements", inputs, zeros, { axis: 0, reduction: "add" });
  return reshapeTo(scope, sums, node.type.shape);
}
