/** Windows that no convolution or pooling takes in: one `Gather` for each axis that is not read as it is. */
import type { TensorType } from "../ir/index.ts";
import type { Emission } from "./emission.ts";
import { alignedTo, withoutRepeats } from "./named-axes.ts";
import { expanded, gathered, reshapeTo, type Scope } from "./onnx-scope.ts";
import type { Value } from "./onnx-values.ts";
import { plainIndex, type ReadAxis, readWindow } from "./window-axes.ts";

/** Positions of an axis for every value of its indices; those outside read one element past the end. */
function positionsOf({ terms, constant, divisor, size }: ReadAxis, shape: readonly number[]): number[] {
  const positions: number[] = [];
  const at = terms.map(() => 0);
  const count = shape.reduce((product, extent) => product * extent, 1);
  for (let n = 0; n < count; n++) {
    const sum = terms.reduce((total, { coefficient }, k) => total + coefficient * (at[k] as number), constant);
    const position = sum / divisor;
    positions.push(Number.isInteger(position) && position >= 0 && position < size ? position : size);
    for (let k = at.length - 1; k >= 0; k--) {
      at[k] = (at[k] as number) + 1;
      if ((at[k] as number) < (shape[k] as number)) break;
      at[k] = 0;
    }
  }
  return positions;
}

/** Surrounds a value with elements of one value. */
export function padded(
  scope: Scope,
  value: Value,
  low: readonly number[],
  high: readonly number[],
  fill: number,
): Value {
  if (low.every((count) => count === 0) && high.every((count) => count === 0)) return value;
  const shape = value.shape.map((size, axis) => size + (low[axis] as number) + (high[axis] as number));
  const counts = scope.constant("i64", [...low, ...high], [2 * shape.length]);
  return scope.emit("Pad", [value, counts, scope.constant(value.element, [fill])], { element: value.element, shape });
}

export function emitWindow({ scope, node, operands }: Emission): Value {
  const operand = (node.operands[0] as typeof node).type as TensorType;
  const { attributes, type } = node;
  const { shape, axes, result, sizes } = readWindow(attributes.spec as string, operand, type.shape);
  const walked = axes.map((axis) => {
    const plain = plainIndex(axis, sizes);
    if (plain !== undefined) return { names: [plain], positions: undefined };
    const extents = axis.terms.map(({ index }) => sizes.get(index) as number);
    const positions = positionsOf(axis, extents);
    return { names: axis.terms.map(({ index }) => index), extents, positions };
  });
  const outside = walked.map(({ positions }, k) => (positions?.includes(shape[k] as number) ? 1 : 0));
  let value = padded(
    scope,
    reshapeTo(scope, operands[0] as Value, shape),
    shape.map(() => 0),
    outside,
    (attributes.value as number | undefined) ?? 0,
  );
  for (let k = axes.length - 1; k >= 0; k--) {
    const { positions, extents = [] } = walked[k] as (typeof walked)[number];
    if (positions !== undefined) value = gathered(scope, value, scope.constant("i64", positions, extents), k);
  }
  // An index that several axes are read by leaves a diagonal; one that none is read by repeats what there is.
  const named = withoutRepeats(scope, { value, names: walked.flatMap(({ names }) => names) });
  return expanded(scope, alignedTo(scope, named, result), type.shape);
}
