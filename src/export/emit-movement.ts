/** Movement: one entry for each view. */
import type { Node } from "../ir/index.ts";
import type { Emission, Emitter } from "./emission.ts";
import { emitWindow, padded } from "./emit-window.ts";
import { expanded, reshapeTo, type Scope, transposed } from "./onnx-scope.ts";
import type { Value } from "./onnx-values.ts";

const numbers = (node: Node, name: string) => node.attributes[name] as readonly number[];

/** The lowest end that `Slice` takes, for running to the first element backwards. */
const beforeFirst = -(2 ** 31);

/** Elements `starts`, `starts + steps`, … before `ends`, along every axis. */
function sliced(scope: Scope, value: Value, bounds: readonly (readonly number[])[], shape: readonly number[]): Value {
  const axes = shape.map((_, axis) => axis);
  const [starts, ends, steps] = bounds as [readonly number[], readonly number[], readonly number[]];
  const inputs = [starts, ends, axes, steps].map((list) => scope.constant("i64", list, [list.length]));
  return scope.emit("Slice", [value, ...inputs], { element: value.element, shape });
}

const byName: Readonly<Record<string, Emitter>> = {
  reshape: ({ scope, node, operands: [value] }) => reshapeTo(scope, value as Value, node.type.shape),
  transpose: ({ scope, node, operands: [value] }) => transposed(scope, value as Value, numbers(node, "permutation")),
  broadcast: ({ scope, node, operands: [value] }) => {
    const axes = numbers(node, "axes");
    const { shape } = node.type;
    const spread = shape.map((size, axis) => (axes.includes(axis) ? size : 1));
    return expanded(scope, reshapeTo(scope, value as Value, spread), shape);
  },
  slice: ({ scope, node, operands: [value] }) => {
    const [starts, sizes, steps] = ["starts", "sizes", "steps"].map((name) => numbers(node, name)) as [
      readonly number[],
      readonly number[],
      readonly number[],
    ];
    if (sizes.length === 0) return value as Value;
    const ends = starts.map((start, axis) => start + (sizes[axis] as number) * (steps[axis] as number));
    return sliced(scope, value as Value, [starts, ends, steps], node.type.shape);
  },
  pad: ({ scope, node, operands: [value] }) =>
    padded(
      scope,
      value as Value,
      numbers(node, "low"),
      numbers(node, "high"),
      (node.attributes.value as number | undefined) ?? 0,
    ),
  concat: ({ scope, node, operands }) => {
    const { element } = operands[0] as Value;
    return scope.emit(
      "Concat",
      operands,
      { element, shape: node.type.shape },
      { axis: node.attributes.axis as number },
    );
  },
  reverse: ({ scope, node, operands: [value] }) => {
    const { shape } = node.type;
    if (shape.length === 0) return value as Value;
    const turned = shape.map((_, axis) => numbers(node, "axes").includes(axis));
    const starts = turned.map((is) => (is ? -1 : 0));
    const ends = turned.map((is, axis) => (is ? beforeFirst : (shape[axis] as number)));
    const steps = turned.map((is) => (is ? -1 : 1));
    return sliced(scope, value as Value, [starts, ends, steps], shape);
  },
  // Exact: a permission that nobody makes use of.
  approximate: ({ operands: [value] }) => value as Value,
  window: emitWindow,
};

export const hasMovementForm = (name: string): boolean => byName[name] !== undefined;

export function emitMovement(emission: Emission): Value {
  return (byName[emission.node.op] as Emitter)(emission);
}
