/** Recurrences: `Scan` over the numbers of the steps. Its body reads what does not change from around it. */
import type { Graph } from "../ir/index.ts";
import type { Emission } from "./emission.ts";
import { castTo } from "./onnx-scope.ts";
import { carriedAs, type Value } from "./onnx-values.ts";

export function emitLoop({ scope, node, operands, emitGraph }: Emission): Value {
  const [graph] = node.regions as readonly [Graph];
  const carried = node.attributes.carried as number;
  const state = operands.slice(0, carried);
  const steps = castTo(scope, scope.positions(node.attributes.steps as number), "i32");
  const body = scope.body(node.name ?? "loop", [...state, { element: "i32", shape: [] }], (inside, inputs) => {
    const step = inputs[carried] as Value;
    return emitGraph(inside, graph, [...inputs.slice(0, carried), ...operands.slice(carried), step]);
  });
  const stacked = { element: carriedAs[node.type.dtype], shape: node.type.shape };
  const results = scope.emitAll("Scan", [...state, steps], [...state, stacked], { body, num_scan_inputs: 1 });
  return results[carried] as Value;
}
