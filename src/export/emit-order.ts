/** Order: `TopK` of all elements, which breaks ties by position as the record does. */
import type { Emission } from "./emission.ts";
import { castTo } from "./onnx-scope.ts";
import type { Value } from "./onnx-values.ts";

export function emitOrder({ scope, node, operands }: Emission): Value {
  const value = operands[0] as Value;
  const axis = node.attributes.axis as number;
  const count = scope.constant("i64", [value.shape[axis] as number], [1]);
  const results = [value, { element: "i64", shape: value.shape }] as const;
  const attributes = { axis, largest: node.attributes.descending === true ? 1 : 0, sorted: 1 };
  const [, positions] = scope.emitAll("TopK", [value, count], results, attributes);
  return castTo(scope, positions as Value, "i32");
}
