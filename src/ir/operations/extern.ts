/**
 * A hand-written kernel. Its meaning is its body, a graph made of the reference function that stands beside it in the source:
 * the evaluator computes that, and tests compare the kernel with it. Passes look neither into the text nor through the node.
 */
import type { Node } from "../graph.ts";
import { type InferRequest, IrError, type Operation } from "../operation.ts";
import type { Tensor } from "../tensor.ts";
import { printType, sameShape, type TensorType } from "../types.ts";

function infer({ operands, attributes, regions }: InferRequest): TensorType {
  const [reference, ...more] = regions ?? [];
  if (reference === undefined || more.length > 0) throw new IrError("extern has exactly one body, its reference");
  if (reference.parameters.length > 0) throw new IrError("the reference of extern reads parameters as operands");
  if (reference.outputs.length !== 1) throw new IrError("the reference of extern has one output");
  if (reference.inputs.length !== operands.length) {
    throw new IrError(`the reference of extern has ${reference.inputs.length} inputs for ${operands.length} operands`);
  }
  if ((attributes.workgroups as readonly number[]).length !== 3)
    throw new IrError("extern is dispatched in three numbers");
  operands.forEach((operand, k) => {
    const inside = (reference.inputs[k] as Node).type;
    if (inside.dtype !== operand.dtype || !sameShape(inside.shape, operand.shape)) {
      throw new IrError(`operand ${k} of extern is ${printType(operand)}, its reference takes ${printType(inside)}`);
    }
  });
  return (reference.outputs[0] as { node: Node }).node.type;
}

export const extern: Operation = {
  name: "extern",
  family: "extern",
  summary: "A hand-written kernel, with a reference that says what it computes.",
  arity: 0,
  variadic: true,
  attributes: {
    name: { kind: "spec", doc: "name of the declaration" },
    source: { kind: "string", doc: "WGSL without declarations of buffers; its entry point is `main`" },
    workgroups: { kind: "numbers", doc: "workgroups along x, y and z" },
    cost: { kind: "number", default: 0, doc: "floating-point operations of one dispatch" },
  },
  infer,
  evaluate: (operands, _attributes, _type, regions) => {
    const reference = regions?.graphs[0];
    if (regions?.evaluate === undefined || reference === undefined) throw new IrError("extern needs its reference");
    const named = reference.inputs.map((input, k) => [input.attributes.name as string, operands[k] as Tensor] as const);
    const [output] = Object.values(regions.evaluate(reference, Object.fromEntries(named)));
    return output as Tensor;
  },
  errorBound: (operands, errors, _result, _attributes, regions) => {
    const reference = regions?.graphs[0];
    if (regions?.evaluateWithBounds === undefined || reference === undefined)
      throw new IrError("extern needs its reference");
    const named = reference.inputs.map((input, k) => {
      const given = { value: operands[k] as Tensor, bound: errors[k] as Tensor };
      return [input.attributes.name as string, given] as const;
    });
    const [output] = Object.values(regions.evaluateWithBounds(reference, Object.fromEntries(named)));
    return (output as { bound: Tensor }).bound;
  },
  flops: (_operands, _result, attributes) => (attributes.cost as number | undefined) ?? 0,
};
