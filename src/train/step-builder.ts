/** Making the nodes of a training step that no text has written. */
import { makeNode, type Node, sameShape, type TensorType, tensorType } from "../ir/index.ts";

export type StepBuilder = ReturnType<typeof stepBuilder>;

/** Nodes that come from where the loss comes from. */
export function stepBuilder({ origins }: Node) {
  const node = (op: string, operands: readonly Node[], attributes: Parameters<typeof makeNode>[2] = {}) =>
    makeNode(op, operands, attributes, { origins });
  const constant = (value: number) =>
    makeNode("constant", [], { values: [value] }, { origins, declared: tensorType("f32", []) });
  /** A number in every place of a tensor. */
  const filled = (x: Node, like: Node) =>
    sameShape(x.type.shape, like.type.shape) ? x : node("broadcast", [x], { shape: [...like.type.shape], axes: [] });
  return {
    node,
    constant,
    filled,
    apply: (op: string, ...operands: readonly Node[]) => node(op, operands),
    zeros: (like: Node) => filled(constant(0), like),
    source: (op: "input" | "parameter", name: string, declared: TensorType) =>
      makeNode(op, [], { name }, { origins, declared, name }),
  };
}
