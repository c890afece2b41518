/**
 * Recurrence: a body that is evaluated step after step, each step reading what the one before it left.
 *
 * Operands are the initial values of the carried state, then everything else the body reads (invariants). The body is a graph
 * whose inputs are, in order, the carried values, the invariants, and `step` (idx<steps>, a scalar); its outputs are the next
 * carried values and, last, the `row` of this step. The result stacks the rows along a new first axis. A body that wants
 * row t of an outer tensor gathers it at `step`; several results of one step are laid side by side in the row.
 */
import type { Node } from "../graph.ts";
import { type InferRequest, IrError, type Operation } from "../operation.ts";
import { newTensor, type Tensor, tensorOf } from "../tensor.ts";
import { elementCount, printType, sameShape, type TensorType, tensorType } from "../types.ts";

function infer({ operands, attributes, regions }: InferRequest): TensorType {
  const [body, ...more] = regions ?? [];
  if (body === undefined || more.length > 0) throw new IrError("loop has exactly one body");
  const steps = attributes.steps as number;
  const carried = attributes.carried as number;
  if (body.parameters.length > 0) throw new IrError("the body of a loop reads parameters as operands of the loop");
  if (body.inputs.length !== operands.length + 1) {
    throw new IrError(
      `the body of a loop has ${body.inputs.length} inputs for ${operands.length} operands and the step`,
    );
  }
  if (body.outputs.length !== carried + 1) {
    throw new IrError(
      `the body of a loop has ${body.outputs.length} outputs for ${carried} carried values and the row`,
    );
  }
  operands.forEach((operand, k) => {
    const inside = (body.inputs[k] as Node).type;
    if (inside.dtype !== operand.dtype || !sameShape(inside.shape, operand.shape)) {
      throw new IrError(`operand ${k} of loop is ${printType(operand)}, its body takes ${printType(inside)}`);
    }
  });
  for (let k = 0; k < carried; k++) {
    const next = (body.outputs[k] as { node: Node }).node.type;
    const before = (body.inputs[k] as Node).type;
    if (next.dtype !== before.dtype || !sameShape(next.shape, before.shape)) {
      throw new IrError(`carried value ${k} of loop is ${printType(before)}, then ${printType(next)}`);
    }
  }
  const step = (body.inputs[operands.length] as Node).type;
  if (step.dtype !== "i32" || step.shape.length > 0 || step.below !== steps) {
    throw new IrError(`the last input of a loop's body is the step, idx<${steps}>, not ${printType(step)}`);
  }
  const row = (body.outputs[carried] as { node: Node }).node.type;
  return tensorType(row.dtype, [steps, ...row.shape], row.below);
}

export const loop: Operation = {
  name: "loop",
  family: "loop",
  summary: "Evaluates a body step after step with carried state, and stacks the rows it gives.",
  arity: 0,
  variadic: true,
  attributes: {
    steps: { kind: "number", doc: "how often the body is evaluated" },
    carried: { kind: "number", doc: "how many of the operands, the first ones, are initial values of the state" },
  },
  infer,
  evaluate: (operands, attributes, type, regions) => {
    const run = regions?.evaluate;
    const body = regions?.graphs[0];
    if (run === undefined || body === undefined) throw new IrError("loop needs its body");
    const carried = attributes.carried as number;
    const result = newTensor(type);
    const width = elementCount(type.shape.slice(1));
    const names = body.inputs.map((input) => input.attributes.name as string);
    let state: readonly Tensor[] = operands.slice(0, carried);
    for (let step = 0; step < (attributes.steps as number); step++) {
      const given = [...state, ...operands.slice(carried), tensorOf((body.inputs.at(-1) as Node).type, [step])];
      const values = Object.fromEntries(given.map((tensor, k) => [names[k] as string, tensor]));
      const results = run(body, values);
      const outputs = body.outputs.map(({ name }) => results[name] as Tensor);
      state = outputs.slice(0, carried);
      result.data.set((outputs[carried] as Tensor).data, step * width);
    }
    return result;
  },
  errorBound: (operands, errors, result, attributes, regions) => {
    const run = regions?.evaluateWithBounds;
    const body = regions?.graphs[0];
    if (run === undefined || body === undefined) throw new IrError("loop needs its body");
    const carried = attributes.carried as number;
    const bound = newTensor(result.type);
    const width = elementCount(result.type.shape.slice(1));
    const names = body.inputs.map((input) => input.attributes.name as string);
    let state = operands.slice(0, carried).map((value, k) => ({ value, bound: errors[k] as Tensor }));
    const invariants = operands.slice(carried).map((value, k) => ({ value, bound: errors[carried + k] as Tensor }));
    for (let step = 0; step < (attributes.steps as number); step++) {
      const at = tensorOf((body.inputs.at(-1) as Node).type, [step]);
      const given = [...state, ...invariants, { value: at, bound: newTensor(at.type) }];
      const results = run(body, Object.fromEntries(given.map((each, k) => [names[k] as string, each])));
      const outputs = body.outputs.map(({ name }) => results[name] as { value: Tensor; bound: Tensor });
      state = outputs.slice(0, carried);
      bound.data.set((outputs[carried] as { bound: Tensor }).bound.data, step * width);
    }
    return bound;
  },
  // The body's own work is counted by whoever walks graphs (a record does not see regions' nodes).
  flops: () => 0,
};
