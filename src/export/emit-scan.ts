/** Scans: `CumSum` where the record's reducer adds, else `Scan` over a body that the record's step is written into. */
import { operationOf, type ScanStep } from "../ir/index.ts";
import type { Emission } from "./emission.ts";
import { valueAlgebra } from "./emit-elementwise.ts";
import { elementwise, filled } from "./onnx-scope.ts";
import type { Value } from "./onnx-values.ts";

export function emitScan({ scope, node, operands }: Emission): Value {
  const { reducer, scanStep } = operationOf(node.op);
  const { attributes, type } = node;
  const axis = attributes.axis as number;
  const exclusive = attributes.exclusive === true;
  const reverse = attributes.reverse === true ? 1 : 0;
  const [first] = operands as [Value];
  if (reducer?.operation === "add") {
    const inputs = [first, scope.constant("i64", [axis])];
    const sum = scope.emit("CumSum", inputs, first, { exclusive: exclusive ? 1 : 0, reverse });
    return type.dtype === "u32" ? elementwise(scope, "Mod", [sum, scope.constant("i64", [2 ** 32])]) : sum;
  }
  const step = scanStep as ScanStep;
  const line = type.shape.filter((_, k) => k !== axis);
  const start = filled(scope, first.element, line, step.start(type.dtype));
  const one = { element: first.element, shape: line };
  const body = scope.body(node.op, [one, ...operands.map(() => one)], (inside, [held, ...elements]) => {
    const next = step.next(valueAlgebra(inside), held as Value, elements);
    return [next, exclusive ? (held as Value) : next];
  });
  const directions = operands.map(() => reverse);
  const results = scope.emitAll("Scan", [start, ...operands], [one, first], {
    body,
    num_scan_inputs: operands.length,
    scan_input_axes: operands.map(() => axis),
    scan_input_directions: directions,
    scan_output_axes: [axis],
    scan_output_directions: [reverse],
  });
  return results[1] as Value;
}
